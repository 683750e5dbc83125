"""What the counts answer: cells of a tile, points, shared points; figures are in ``figures``.

Nothing here reads more than it shows: a tile and a range of days is some tens of short rows of sums
whatever the years behind it. At the edges of a range a close tile is read point by point, because
a few days of it hold few; so is every tile closer than those that are kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg.rows import tuple_row

from geo.heat import reading as heat
from geo.heat.cells import CELL_BITS, CLOSE, FINEST, KEPT, POINT
from geo.heat.spans import Edge, Part, number, parts, rounded
from geo.tiles import Tile
from reporting.asked import Days
from reporting.counting.facts import series_name
from reporting.counting.figures import figures
from reporting.counting.values import Cells, Ints, Measure, Shared
from reporting.queries import counted_points as point_queries
from reporting.queries import counting as queries
from reporting.runtime import Connection

__all__ = ["as_of", "cells", "figures", "points", "shared"]

#: Where a tile closer than those that are kept holds more, its cells are those of the kept one.
FEW: Final = 5_000
#: The most points that are read where no sums are kept.
LIMIT: Final = 20_000
#: The shortest span of the closest tiles that are kept.
SHORTEST: Final = 28
#: Nothing is asked about before.
EARLIEST: Final = number(date(1970, 1, 1))
#: More than any day of the council's that has come: it may be ahead of ours.
TOMORROW: Final = timedelta(days=2)


async def as_of(conn: Connection, authority_id: int) -> datetime:
    """When the clock was last asked for this authority."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.AS_OF, {"authority": authority_id})
        ((found,),) = await cursor.fetchall()
        at: datetime = found
        return at


async def cells(
    conn: Connection,
    *,
    authority_id: int,
    measure: Measure,
    categories: frozenset[str] | None = None,
    days: Days | None = None,
    tile: Tile,
    areas: frozenset[int] | None = None,
) -> Cells:
    """Counts in the cells of a tile, at a cost that does not grow with the years.

    Of some areas, or of some categories; of some categories in some areas, points are read.
    """
    if areas is not None and categories is not None:
        return await points(
            conn,
            authority_id=authority_id,
            measure=measure,
            tile=tile,
            days=days,
            categories=categories,
            areas=areas,
        )
    at = await as_of(conn, authority_id)
    series = _series(authority_id, measure, categories, areas)
    filters = {"categories": categories, "areas": areas}
    asked = _Points(conn, authority_id, measure, tile, filters)
    grid = await _close(asked, days, at) if tile.z > CLOSE else None
    if grid is None:
        whole, edges = _spans(days, at, SHORTEST if heat.source(tile.z) == CLOSE else 1)
        grid = await heat.tile(conn, series, tile, whole)
        for edge in edges:
            _, some = await asked.read(_squares(tile), edge.first, edge.last)
            grid = grid + edge.sign * some
    return _cells(grid, at)


async def points(
    conn: Connection,
    *,
    authority_id: int,
    measure: Measure,
    tile: Tile,
    days: Days | None = None,
    categories: frozenset[str] | None = None,
    areas: frozenset[int] | None = None,
    teams: frozenset[int] | None = None,
    statuses: frozenset[str] | None = None,
    priorities: frozenset[int] | None = None,
    limit: int = LIMIT,
) -> Cells:
    """The same from single points, under any filter, of which at most ``limit`` are looked at.

    Where there are more, each place has its share of them, and of each place the newest are taken.
    """
    at = await as_of(conn, authority_id)
    filters = {
        "categories": categories,
        "areas": areas,
        "teams": teams,
        "statuses": statuses,
        "priorities": priorities,
    }
    asked = _Points(conn, authority_id, measure, tile, filters)
    first, last = _numbers(days, at)
    if tile.z >= CLOSE:
        seen, grid = await asked.read(_squares(tile), first, last, limit + 1)
        return _cells(grid, at, cut=seen > limit)
    # A cell of the farthest zoom that is kept is a tile of the closest: it says how many are where.
    whole, _ = _spans(days, at, 1)
    series = _series(authority_id, measure, None, None)
    found = await heat.cells(conn, series, tile, KEPT[0], whole)
    shift = FINEST - CLOSE
    places, of = np.unique((found.px >> shift << CLOSE) | found.py >> shift, return_inverse=True)
    n = np.bincount(of, weights=found.n, minlength=len(places)).astype(np.int64)
    x, y = places >> CLOSE, places & (1 << CLOSE) - 1
    out = CLOSE - tile.z
    inside = (n > 0) & (x >> out == tile.x) & (y >> out == tile.y)
    x, y, n = x[inside], y[inside], n[inside]
    total = int(n.sum())
    most = np.ceil(n * (limit / total)).astype(int) if total > limit else n + limit
    _, grid = await asked.read(
        list(zip(x.tolist(), y.tolist(), strict=True)), first, last, most.tolist()
    )
    return _cells(grid, at, cut=total > limit)


async def shared(
    conn: Connection,
    *,
    authority_id: int,
    measure: Measure,
    categories: frozenset[str] | None = None,
    days: Days | None = None,
    areas: frozenset[int] | None = None,
    tile: Tile | None = None,
) -> list[Shared]:
    """Points that very many reports share, with what of the authority stands there, if any."""
    at = await as_of(conn, authority_id)
    series = _series(authority_id, measure, categories, areas)
    whole, _ = _spans(days, at, 1)
    found = await heat.alone(conn, series, whole)
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.SHARED_POINTS)
        known = await cursor.fetchall()
    return [
        Shared(lat, lng, n)
        for lat, lng, px, py in known
        if (n := found.get((px >> FINEST - POINT, py >> FINEST - POINT)))
        and (tile is None or (px >> FINEST - tile.z, py >> FINEST - tile.z) == (tile.x, tile.y))
    ]


@dataclass(frozen=True, slots=True)
class _Points:
    """Single points of a tile, under some filters."""

    conn: Connection
    authority_id: int
    measure: Measure
    tile: Tile
    filters: Mapping[str, Iterable[Any] | None]

    async def read(
        self, squares: Sequence[tuple[int, int]], first: int, last: int, most: Any = None
    ) -> tuple[int, Ints]:
        """How many were looked at, and the cells."""
        shift = FINEST - self.tile.z
        if not isinstance(most, list):
            most = [most] * len(squares)
        narrowed = {name: list(each) for name, each in self.filters.items() if each is not None}
        asked = {
            "authority": self.authority_id,
            "xs": [x for x, _ in squares],
            "ys": [y for _, y in squares],
            "most": most,
            "first": first,
            "last": last,
            "down": max(shift - CELL_BITS, 0),
            "up": max(CELL_BITS - shift, 0),
            **heat.edges(
                self.tile.x << shift,
                ((self.tile.x + 1) << shift) - 1,
                self.tile.y << shift,
                ((self.tile.y + 1) << shift) - 1,
            ),
            **narrowed,
        }
        statement = point_queries.points(self.measure, tuple(sorted(narrowed)))
        async with self.conn.cursor(row_factory=tuple_row, binary=True) as cursor:
            await cursor.execute(statement, asked)
            ((seen, cell, n),) = await cursor.fetchall()
        return seen, heat.summed(np.array(cell or [], np.int64), np.array(n or [], np.int64))


async def _close(asked: _Points, days: Days | None, at: datetime) -> Ints | None:
    """The cells of a tile closer than those kept, point by point; None where there are many."""
    first, last = _numbers(days, at)
    seen, grid = await asked.read(_squares(asked.tile), first, last, FEW + 1)
    return grid if seen <= FEW else None


def _squares(tile: Tile) -> list[tuple[int, int]]:
    """The tiles of the closest zoom that is kept which make it up, or the one that holds it."""
    out = CLOSE - tile.z
    if out <= 0:
        return [(tile.x >> -out, tile.y >> -out)]
    side = range(1 << out)
    return [((tile.x << out) + x, (tile.y << out) + y) for x in side for y in side]


def _series(
    authority_id: int,
    measure: Measure,
    categories: frozenset[str] | None,
    areas: frozenset[int] | None,
) -> list[str]:
    if areas is not None:
        return [series_name(authority_id, measure, area=area) for area in sorted(areas)]
    if categories is not None:
        return [series_name(authority_id, measure, category) for category in sorted(categories)]
    return [series_name(authority_id, measure)]


def _numbers(days: Days | None, at: datetime) -> tuple[int, int]:
    """The first and the last day asked for, as numbers, of those there can be."""
    latest = number((at + TOMORROW).date())
    if days is None:
        return EARLIEST, latest
    return max(number(days.first), EARLIEST), min(number(days.last), latest)


def _spans(days: Days | None, at: datetime, shortest: int) -> tuple[Sequence[Part], list[Edge]]:
    if days is None:
        return heat.ALWAYS, []
    first, last = _numbers(days, at)
    if first > last:
        return (), []
    return (parts(first, last), []) if shortest == 1 else rounded(first, last, shortest)


def _cells(grid: Ints, at: datetime, *, cut: bool = False) -> Cells:
    ys, xs = np.nonzero(grid)
    return Cells(xs, ys, grid[ys, xs], at, cut=cut)
