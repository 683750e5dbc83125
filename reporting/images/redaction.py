"""Filling regions of a picture with one colour. Never blurred: a blur can be undone."""

import math
from collections.abc import Iterable
from typing import Final

from PIL import Image

from reporting.images.derivatives import SMALL_EDGE, encoded, shrunk

#: Left, top, right and bottom, as shares of width and height.
Box = tuple[float, float, float, float]

_ONE_PIXEL: Final = (1, 1)


def filled(picture: Image.Image, boxes: Iterable[Box]) -> Image.Image:
    """A copy in which each box is its own mean colour."""
    made = picture.copy()
    width, height = made.size
    for left, top, right, bottom in boxes:
        area = (
            max(0, math.floor(left * width)),
            max(0, math.floor(top * height)),
            min(width, math.ceil(right * width)),
            min(height, math.ceil(bottom * height)),
        )
        if area[0] < area[2] and area[1] < area[3]:
            mean = picture.resize(_ONE_PIXEL, Image.Resampling.BOX, box=area)
            made.paste(mean.resize((area[2] - area[0], area[3] - area[1])), area[:2])
    return made


def copies(picture: Image.Image) -> tuple[bytes, bytes]:
    """The large and the small copy of a picture that is filled."""
    return encoded(picture), encoded(shrunk(picture, SMALL_EDGE))
