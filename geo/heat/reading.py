"""Reads kept counts of places as the cells of a tile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.heat.cells import CELL_BITS, CELLS, CLOSE, FINEST, KEPT, POINT, SIDE, cell_of
from geo.heat.spans import EVER, Part
from geo.heat.vectors import Entries, Ints
from geo.tiles import Tile

#: Of some series, the rows of a zoom that lie in some tiles, for some spans.
ROWS: Final = """
select kept.x, kept.y, part.sign, kept.counts
from unnest(%(spans)s::smallint[], %(starts)s::integer[], %(signs)s::integer[])
  part (span, start, sign)
cross join lateral (
  select kept.x, kept.y, kept.counts from heat kept
  where kept.series_id = any(array(select id from heat_series where name = any(%(series)s::text[])))
    and kept.z = %(z)s and kept.span = part.span and kept.start = part.start
    and kept.x between %(west)s and %(east)s and kept.y between %(north)s and %(south)s
) kept
"""

#: Everything there ever was.
ALWAYS: Final = (Part(EVER, 0, 1),)


def source(z: int) -> int:
    """The zoom whose tiles make up a tile of this one, or of which it is a part."""
    return next((kept for kept in (*KEPT, CLOSE) if kept >= z), CLOSE)


@dataclass(frozen=True, slots=True)
class Found:
    """Cells of a kept zoom: their middles as squares of the finest zoom, and how many in each."""

    px: Ints
    py: Ints
    n: Ints

    def grid(self, tile: Tile) -> Ints:
        """The cells of a tile, row by row."""
        shift = FINEST - tile.z
        inside = (self.px >> shift == tile.x) & (self.py >> shift == tile.y)
        cell = cell_of(self.px[inside], self.py[inside], tile.z)
        return summed(cell, self.n[inside])


def summed(cell: Ints, n: Ints) -> Ints:
    """The sums of cells as a square of them."""
    found = np.bincount(cell, weights=n, minlength=CELLS)
    return found.astype(np.int64).reshape(SIDE, SIDE)


async def tile(
    conn: AsyncConnection[Any], series: Sequence[str], tile: Tile, parts: Sequence[Part]
) -> Ints:
    """The cells of a tile, 64 rows of 64, over some spans of some series."""
    return (await cells(conn, series, tile, source(tile.z), parts)).grid(tile)


async def cells(
    conn: AsyncConnection[Any],
    series: Sequence[str],
    within: Tile,
    z: int,
    parts: Sequence[Part],
) -> Found:
    """The cells of the kept zoom that lie in a tile, or that hold it."""
    out = z - within.z
    west, north = (at << out if out >= 0 else at >> -out for at in (within.x, within.y))
    east, south = (at + (1 << max(out, 0)) - 1 for at in (west, north))
    asked = {"series": list(series), "z": z, **edges(west, east, north, south), **spans_of(parts)}
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(ROWS, asked)
        rows = await cursor.fetchall()
    entries = Entries.read([row[3] for row in rows], range(len(rows)))
    x, y, sign = (np.array([row[i] for row in rows], np.int64)[entries.owner] for i in range(3))
    shift = FINEST - z - CELL_BITS
    middle = (1 << shift) >> 1
    return Found(
        (x << CELL_BITS | entries.key % SIDE) << shift | middle,
        (y << CELL_BITS | entries.key // SIDE) << shift | middle,
        entries.n * sign,
    )


async def alone(
    conn: AsyncConnection[Any], series: Sequence[str], parts: Sequence[Part]
) -> dict[tuple[int, int], int]:
    """How many stand on each point that very many share: by its tile of zoom ``POINT``."""
    everywhere = edges(0, (1 << POINT) - 1, 0, (1 << POINT) - 1)
    asked = {"series": list(series), "z": POINT, **everywhere, **spans_of(parts)}
    found: dict[tuple[int, int], int] = {}
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(ROWS, asked)
        async for x, y, sign, counts in cursor:
            n = int(Entries.read([counts], [0]).n.sum())
            found[x, y] = found.get((x, y), 0) + sign * n
    return found


def edges(west: int, east: int, north: int, south: int) -> dict[str, int]:
    """Parameters of a statement."""
    return {"west": west, "east": east, "north": north, "south": south}


def spans_of(parts: Sequence[Part]) -> dict[str, list[int]]:
    """Parameters of a statement."""
    return {
        "spans": [part.span for part in parts],
        "starts": [part.start for part in parts],
        "signs": [part.sign for part in parts],
    }
