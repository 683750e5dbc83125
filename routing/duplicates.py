"""Is this the defect we already know? Pure.

For now one rule: the same category, still open, and nearer than the category's radius plus what
the device was unsure of. Two phones reporting one hole in the same second must find each other:
each takes advisory locks on the cells its circle touches, in order, before it looks.
"""

import hashlib
import math

from geo.points import Point, degrees_around
from routing.categories import Category

#: An inaccurate position widens the search for the same defect, but not to the whole street.
ACCURACY_COUNTED_M = 50.0

#: A lock's cell in degrees, about 550 m each way in England: a circle mostly touches one.
_HEIGHT, _WIDTH = 0.005, 0.008


def reach_m(category: Category, place: Point) -> float:
    """How far from the place an open job may be and still be the same defect."""
    return category.radius_m + min(place.accuracy_m or 0.0, ACCURACY_COUNTED_M)


def locks(category: Category, place: Point | None) -> list[int]:
    """The advisory locks (signed 64-bit) to take, in this order, before looking for an open job.

    The cell of any place within reach is among them, so two reports of which one is within the
    other's reach always share a lock; and since everyone takes them in ascending order, nobody
    waits in a circle. A place in words has no cell: nothing is looked for.
    """
    if place is None:
        return []
    width, height = degrees_around(place.lat, reach_m(category, place))
    south, north = (math.floor((place.lat + d) / _HEIGHT) for d in (-height, height))
    west, east = (math.floor((place.lng + d) / _WIDTH) for d in (-width, width))
    return sorted(
        _lock(f"{category.code}/{row}/{column}")
        for row in range(south, north + 1)
        for column in range(west, east + 1)
    )


def _lock(name: str) -> int:
    """A 64-bit number for a cell; two cells with one number would only wait for each other."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
