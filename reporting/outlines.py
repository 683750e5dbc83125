"""The loaded wards as a small plan that a page can draw: simplified outlines, places by pixel.

Only for looking and pointing. Whose a place is, is decided by the areas themselves.
"""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

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

    def area(self, key: str) -> Outline | None:
        """The ward or zone of that key."""
        return next((area for area in (*self.wards, *self.zones) if area.key == key), None)


@dataclass(frozen=True, slots=True)
class _Row:
    """An area with the plan it is drawn on."""

    kind: str
    zone_type: str | None
    code: str
    name: str
    authority: str
    authority_name: str
    made_up: bool
    west: float
    south: float
    kx: float
    ky: float
    width: int
    height: int
    lat: float
    lng: float
    path: str

    def outline(self) -> Outline:
        return Outline(
            self.kind,
            self.zone_type,
            self.code,
            self.name,
            self.authority,
            self.authority_name,
            self.path,
            Point(round(self.lat, 5), round(self.lng, 5)),
        )


@dataclass(frozen=True, slots=True)
class Bounds:
    """The box of all wards, in degrees: what a map shows first."""

    west: float
    south: float
    east: float
    north: float


async def bounds(conn: Connection) -> Bounds | None:
    """Where the wards lie; None without wards."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.BOUNDS)
        [row] = await cursor.fetchall()
    return None if row[0] is None else Bounds(*(round(edge, 5) for edge in row))


@dataclass(frozen=True, slots=True)
class Lines:
    """A ward's outline, as GeoJSON text."""

    code: str
    name: str
    shape: str


async def around(conn: Connection, authority: int) -> list[Lines]:
    """The wards in and about an authority."""
    async with conn.cursor(row_factory=class_row(Lines)) as cursor:
        await cursor.execute(queries.AROUND, {"authority": authority, "most": MOST_WARDS})
        return await cursor.fetchall()


async def plan(conn: Connection) -> Plan | None:
    """The plan of what is in force now; None without wards, or with too many to draw."""
    async with conn.cursor(row_factory=tuple_row) as counter:
        await counter.execute(queries.COUNT)
        [(wards,)] = await counter.fetchall()
    if not 0 < wards <= MOST_WARDS:
        return None
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(queries.OUTLINES, {"size": SIZE})
        rows = await cursor.fetchall()
    first = rows[0]
    return Plan(
        first.width,
        first.height,
        first.west,
        first.south,
        first.kx,
        first.ky,
        wards=tuple(row.outline() for row in rows if row.kind == "ward"),
        zones=tuple(row.outline() for row in rows if row.kind == "zone" and row.path),
        made_up=any(row.made_up for row in rows),
    )
