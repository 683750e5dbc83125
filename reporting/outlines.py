"""The loaded wards as a small plan that a page can draw: simplified outlines, places by pixel.

Only for looking and pointing. Whose a place is, is decided by the areas themselves.
"""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row

from geo.points import Point
from reporting.queries import outlines as queries

Connection = AsyncConnection[Any]

#: Units of the plan's longer side.
SIZE: Final = 1000
#: With more wards than this a plan is neither quick to send nor something to point at.
MOST_WARDS: Final = 500


@dataclass(frozen=True, slots=True)
class Outline:
    """A ward or zone on the plan."""

    kind: str
    zone_type: str | None
    code: str
    name: str
    authority: str
    authority_name: str
    #: An SVG path in the plan's units, north up.
    path: str
    #: A place inside it.
    inside: Point

    @property
    def key(self) -> str:
        """What names it in a form: codes repeat between authorities."""
        return f"{self.authority}/{self.code}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All wards and zones in force, on one plan. Its y axis points down, as in SVG."""

    width: int
    height: int
    #: The south-west corner, and units per degree of longitude and latitude.
    west: float
    south: float
    kx: float
    ky: float
    wards: tuple[Outline, ...]
    zones: tuple[Outline, ...]
    #: The county is invented.
    made_up: bool

    def position(self, place: Point) -> tuple[float, float]:
        """Where a place is drawn; y is negative, the plan lies above its x axis."""
        return (
            round((place.lng - self.west) * self.kx, 1),
            round((self.south - place.lat) * self.ky, 1),
        )

    def ward(self, key: str) -> Outline | None:
        """The ward of that key."""
        return next((ward for ward in self.wards if ward.key == key), None)


async def plan(conn: Connection) -> Plan | None:
    """The plan of what is in force now; None without wards, or with too many to draw."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.COUNT)
        counted = await cursor.fetchone()
        if counted is None or not 0 < counted[0] <= MOST_WARDS:
            return None
        await cursor.execute(queries.OUTLINES, {"size": SIZE})
        rows = await cursor.fetchall()
    shapes = [
        Outline(
            kind=row.kind,
            zone_type=row.zone_type,
            code=row.code,
            name=row.name,
            authority=row.authority,
            authority_name=row.authority_name,
            path=row.path,
            inside=Point(round(row.lat, 5), round(row.lng, 5)),
        )
        for row in rows
    ]
    first = rows[0]
    return Plan(
        width=first.width,
        height=first.height,
        west=first.west,
        south=first.south,
        kx=first.kx,
        ky=first.ky,
        wards=tuple(shape for shape in shapes if shape.kind == "ward"),
        zones=tuple(shape for shape in shapes if shape.kind == "zone" and shape.path),
        made_up=any(row.made_up for row in rows),
    )
