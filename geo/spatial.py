"""The SQL words for places: each spatial idea is named once, and used by that name.

Every function returns a piece of SQL text and touches no database. Arguments are pieces of SQL too
(a column, or a parameter such as ``%(place)s``), never values that a caller sent. Each word is
written so that a GiST index on the column can answer it; a test runs EXPLAIN on them.
"""

from geo.points import Point

#: The parameters ``lng`` and ``lat`` as a geometry.
PLACE = "st_setsrid(st_makepoint(%(lng)s, %(lat)s), 4326)"

#: Less than any degree of latitude is long (110,574 m at the equator), so that a box in degrees
#: made with it always holds the circle it is made for. The function areas_near uses the same.
METRES_PER_DEGREE_AT_LEAST = 110_000


def place_parameters(place: Point) -> dict[str, float]:
    """What PLACE asks for."""
    return {"lng": place.lng, "lat": place.lat}


def covers(area: str, place: str = PLACE) -> str:
    """The place lies in the area or on its border (ST_Contains would lose the border)."""
    return f"st_covers({area}, {place})"


def box_around(place: str, metres: str) -> str:
    """A box in degrees that holds the circle of that radius, up to 89.4 degrees of latitude."""
    return (
        f"st_expand({place},"
        f" {metres} / ({METRES_PER_DEGREE_AT_LEAST} * greatest(cos(radians(st_y({place}))), 0.01)),"
        f" {metres} / {METRES_PER_DEGREE_AT_LEAST}::float8)"
    )


def metres_between(one: str, other: str) -> str:
    """The distance on the spheroid."""
    return f"st_distance({one}::geography, {other}::geography)"


def within_metres(column: str, place: str, metres: str) -> str:
    """Not farther than that on the spheroid; the box finds candidates by the index."""
    return (
        f"({column} && {box_around(place, metres)} and {metres_between(column, place)} <= {metres})"
    )


def in_bbox(column: str) -> str:
    """Inside the box of the parameters ``west``, ``south``, ``east`` and ``north``."""
    return f"{column} && st_makeenvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"
