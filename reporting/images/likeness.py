"""A short number that pictures of the same thing nearly share: the difference hash.

Each bit says whether a spot is darker than the one to its right, on eight rows of nine spots (Neal
Krawetz, "Kind of Like That", hackerfactor.com, 2013). Shrinking, recoding and light change few of
them; count those that differ.
"""

from typing import Final

from PIL import Image

_ROWS, _SPOTS = 8, 9
_SIGN, _ALL = 1 << 63, (1 << 64) - 1
#: A picture flatter than that (of 255) is like every other flat one.
_CONTRAST: Final = 16


def likeness(picture: Image.Image) -> int | None:
    """64 bits as a signed number, as PostgreSQL keeps them; None if there is nothing to tell by."""
    greys = picture.convert("L").resize((_SPOTS, _ROWS), Image.Resampling.BOX)
    spots = greys.tobytes()
    if max(spots) - min(spots) < _CONTRAST:
        return None
    bits = 0
    for row in range(_ROWS):
        for spot in range(row * _SPOTS, row * _SPOTS + _SPOTS - 1):
            bits = bits << 1 | (spots[spot] < spots[spot + 1])
    return bits - (1 << 64) if bits & _SIGN else bits


def differing(one: int, other: int) -> int:
    """How many of the 64 bits differ: 0 for the same picture, about 32 for any two."""
    return ((one ^ other) & _ALL).bit_count()
