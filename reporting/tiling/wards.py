"""The wards of an authority with the numbers that anybody may see.

A number of reports below five could point at a person, so it is not said. Nor may it be worked out:
the periods are fixed (this quarter of the year so far, and the quarter before it), so that nobody
moves a day to and fro and takes one answer from the other; there is no total to take the other
wards from; and wards of another vintage than today's come without numbers.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from geo.tiles import Tile
from reporting.asked import Days
from reporting.counting import reading
from reporting.errors import NotFound
from reporting.queries import tiles
from reporting.queries import wards as queries
from routing.rulebook import AuthorityRow, Rules

Connection = AsyncConnection[Any]

#: Fewer are not told to the public.
FEWEST: Final = 5
_MONTHS: Final = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """A ward or division, with its simplified outline as GeoJSON text."""

    id: int
    kind: str
    code: str
    name: str
    shape: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """What of a ward's reports is told to anybody; None where they are too few."""

    this_quarter: int | None
    quarter_before: int | None


@dataclass(frozen=True, slots=True)
class PublicCounts:
    """Reports by ward, for fixed periods."""

    this_quarter: Days
    quarter_before: Days
    by_area: dict[int, Numbers]

    def of(self, area: int) -> Numbers:
        """A ward's numbers."""
        return self.by_area.get(area, Numbers(None, None))


def authority_of(rules: Rules, slug: str) -> AuthorityRow:
    """The authority of that slug. Raises NotFound."""
    authority = rules.by_slug.get(slug)
    if authority is None:
        raise NotFound
    return authority


def today_at(authority: AuthorityRow) -> date:
    """What day it is there."""
    return datetime.now(UTC).astimezone(ZoneInfo(authority.timezone)).date()


def vintages(rules: Rules, authority: AuthorityRow, at: date) -> frozenset[int]:
    """Those of its wards and its members' that were in force that day: the shapes depend on it."""
    owners = {authority.id, *rules.members.get(authority.id, ())}
    day = at.isoformat()
    return frozenset(
        area.vintage_id
        for area in rules.areas.values()
        if area.authority_id in owners
        and area.kind in {"ward", "division"}
        and (area.valid_from or "") <= day
        and (area.valid_to is None or day < area.valid_to)
    )


async def tile(conn: Connection, at: Tile, day: date | None) -> bytes:
    """Wards, divisions, zones and councils of a tile, as they were in force that day, or are."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(tiles.WARDS, {**at.parameters(), "at": day})
        [(body,)] = await cursor.fetchall()
    return bytes(body)


async def shapes(conn: Connection, authority: AuthorityRow, at: date) -> list[Shape]:
    """The wards by which its jobs are counted, as they were in force that day."""
    async with conn.cursor(row_factory=class_row(Shape)) as cursor:
        await cursor.execute(queries.SHAPES, {"authority": authority.id, "at": at})
        return await cursor.fetchall()


async def public_counts(conn: Connection, authority: AuthorityRow, today: date) -> PublicCounts:
    """How many reports came to each ward, where there were at least ``FEWEST``."""
    this, before = quarters(today)
    counted = [await _reports(conn, authority, days) for days in (this, before)]
    return PublicCounts(
        this,
        before,
        {
            area: Numbers(*(told(counts.get(area, 0)) for counts in counted))
            for area in counted[0].keys() | counted[1].keys()
        },
    )


async def _reports(conn: Connection, authority: AuthorityRow, days: Days) -> dict[int, int]:
    figures = await reading.figures(
        conn, authority_id=authority.id, by=frozenset({"area"}), days=days
    )
    return {figure.area: figure.reports for figure in figures if figure.area is not None}


def told(number: int) -> int | None:
    """The number, if it may be told."""
    return number if number >= FEWEST else None


def quarters(today: date) -> tuple[Days, Days]:
    """This quarter of the year up to today, and the whole one before it."""
    first = date(today.year, (today.month - 1) // _MONTHS * _MONTHS + 1, 1)
    eve = first - timedelta(days=1)
    before = date(eve.year, eve.month - _MONTHS + 1, 1)
    return Days(first, today), Days(before, eve)
