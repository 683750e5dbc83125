"""Is this the defect we already know? Pure.

For now one rule: the same category, still open, and nearer than the category's radius plus what
the device was unsure of. Two phones reporting one hole in the same second must find each other:
each takes advisory locks on the cells its circle touches, in order, before it looks.
"""

import hashlib
import math

from geo.points import METRES_PER_DEGREE, Point

#: An accuracy beyond this says nothing about the place; it would join defects streets apart.
ACCURACY_CAP_M = 50.0

#: Height of a lock cell in degrees, 222 m: a circle of a few metres mostly touches one cell.
_CELL = 0.002


def reach_m(radius_m: float, accuracy_m: float | None) -> float:
    """How far from the place an open job may be and still be the same defect."""
    return radius_m + min(accuracy_m or 0.0, ACCURACY_CAP_M)


def lock_keys(category: str, place: Point, reach: float) -> list[int]:
    """The advisory locks (signed 64-bit) to take, in this order, before looking for an open job.

    The cell of any place within reach is among them, so two reports of which one is within the
    other's reach always share a lock; and since everyone takes them in ascending order, nobody
    waits in a circle. Cells are of one size in degrees everywhere, so that they line up.
    """
    height = reach / METRES_PER_DEGREE
    width = height / max(math.cos(math.radians(abs(place.lat) + height)), 0.01)
    rows = range(_cell(place.lat - height), _cell(place.lat + height) + 1)
    columns = range(_cell(place.lng - width), _cell(place.lng + width) + 1)
    return sorted({_key(category, row, column) for row in rows for column in columns})


def _cell(degrees: float) -> int:
    return math.floor(degrees / _CELL)


def _key(category: str, row: int, column: int) -> int:
    """A 64-bit name of a cell; two cells with one name would only wait for each other."""
    digest = hashlib.blake2b(f"{category}:{row}:{column}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
