"""Tiles of the web map, cut into 64 × 64 cells, and which zooms are kept. Pure, and its SQL words.

A place is one of 2^26 × 2^26 squares of the web map: a square of 0.6 m on the equator. Its tile and
cell at any zoom are those numbers without their last digits in base two.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

#: Places are told apart as finely as tiles of this zoom.
FINEST: Final = 26
#: A tile's side in cells, as a power of two.
CELL_BITS: Final = 6
SIDE: Final = 1 << CELL_BITS
CELLS: Final = SIDE * SIDE
#: Zooms whose tiles are kept for every span; others are put together from the next that is.
KEPT: Final = (8, 10, 12)
#: The closest that is kept, for the long spans only: single days and weeks are few points there.
CLOSE: Final = 14
#: A point that very many reports share is a tile of its own, which holds nothing else.
POINT: Final = 22

#: How far north and south the web map goes.
_POLE: Final = 85.0511


def px(lng: str) -> str:
    """The column of a longitude."""
    return f"least({(1 << FINEST) - 1}, floor(({lng} + 180) / 360 * {1 << FINEST}))::integer"


def py(lat: str) -> str:
    """The row of a latitude, counted from the north."""
    sine = f"sin(radians(greatest(-{_POLE}, least({_POLE}, {lat}))))"
    return (
        f"greatest(0, least({(1 << FINEST) - 1}, floor((0.5 - ln((1 + {sine}) / (1 - {sine}))"
        f" / (4 * pi())) * {1 << FINEST})))::integer"
    )


def cell_of(px: Ints, py: Ints, z: int) -> Ints:
    """The cell of a tile of that zoom: row × 64 + column."""
    shift = FINEST - z - CELL_BITS
    if shift < 0:
        return (py << -shift) % SIDE * SIDE + (px << -shift) % SIDE
    return (py >> shift) % SIDE * SIDE + (px >> shift) % SIDE
