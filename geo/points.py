"""What a good coordinate is, and what is refused and why. Pure: no database, no web.

Longitude and latitude are WGS84 degrees. A suspicious place is refused with a hint or flagged,
never silently repaired.
"""

import math
from dataclasses import dataclass

from geo.errors import LooksLikeGridReference, NotAPlace, NullIsland

LAT_MAX, LNG_MAX = 90, 180
#: A device less sure than this knows nothing.
ACCURACY_MAX_M = 100_000
#: Less is none. Numbers far smaller than this cannot be divided by in PostgreSQL.
ACCURACY_MIN_M = 0.001
#: Metres in one degree of latitude (mean radius 6,371,008.8 m, IUGG).
METRES_PER_DEGREE = 6_371_008.8 * math.pi / 180

#: British National Grid: false origin at 0,0 and the grid's extent, in metres (Ordnance Survey,
#: "A guide to coordinate systems in Great Britain").
_GRID_EASTING = (1_000.0, 700_000.0)
_GRID_NORTHING = (1_000.0, 1_300_000.0)


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the ground: degrees, and the radius in metres the device was sure of."""

    lat: float
    lng: float
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class BBox:
    """A box in degrees that does not cross the antimeridian."""

    west: float
    south: float
    east: float
    north: float


def check_point(lat: float, lng: float, accuracy_m: float | None = None) -> Point:
    """The point, with -0.0 made 0.0.

    Raises NotAPlace, or one of its kinds that says what was probably meant.
    """
    if not (math.isfinite(lat) and math.isfinite(lng)):
        raise NotAPlace
    if abs(lat) > LAT_MAX or abs(lng) > LNG_MAX:
        if looks_like_grid(lat, lng) or looks_like_grid(lng, lat):
            raise LooksLikeGridReference
        raise NotAPlace
    if lat == 0 and lng == 0:
        raise NullIsland
    if accuracy_m is not None and not 0 <= accuracy_m <= ACCURACY_MAX_M:
        raise NotAPlace("accuracy_m is a radius in metres, from 0 to 100000.")
    if accuracy_m is not None and accuracy_m < ACCURACY_MIN_M:
        accuracy_m = 0.0
    return Point(lat + 0.0, lng + 0.0, accuracy_m)


def looks_like_grid(easting: float, northing: float) -> bool:
    """Whether two numbers lie in the extent of the British National Grid, in metres."""
    return (
        _GRID_EASTING[0] <= easting <= _GRID_EASTING[1]
        and _GRID_NORTHING[0] <= northing <= _GRID_NORTHING[1]
    )


def degrees_around(lat: float, metres: float) -> tuple[float, float]:
    """Half the width and half the height in degrees of a box that holds a circle of that radius."""
    height = metres / METRES_PER_DEGREE
    width = height / max(math.cos(math.radians(lat)), 0.01)
    return width, height


def metres_between(a: Point, b: Point) -> float:
    """Great-circle distance in metres (haversine; R. W. Sinnott, 1984); 0.5 % off at the worst."""
    dlat = math.radians(b.lat - a.lat)
    dlng = math.radians(b.lng - a.lng)
    h = (
        math.sin(dlat / 2) ** 2
        + math.cos(math.radians(a.lat)) * math.cos(math.radians(b.lat)) * math.sin(dlng / 2) ** 2
    )
    return 2 * 6_371_008.8 * math.asin(min(1.0, math.sqrt(h)))
