"""Adds counted places to the tiles, zooms and spans that hold them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.heat.cells import CELLS, CLOSE, FINEST, KEPT, POINT, cell_of
from geo.heat.pyramid import pyramid
from geo.heat.spans import EVERY
from geo.heat.sums import Additions, Table
from geo.heat.vectors import Entries, Ints

COLUMNS: Final = {
    "series_id": "integer",
    "z": "smallint",
    "span": "smallint",
    "start": "integer",
    "x": "integer",
    "y": "integer",
}
HEAT: Final = Table("heat", COLUMNS)

#: Single days and weeks of a close tile are few points, and are read as points.
SPANS_OF: Final = {**dict.fromkeys(KEPT, EVERY), CLOSE: EVERY[2:], POINT: EVERY}

_FIND_SERIES: Final = "select name, id from heat_series where name = any(%(names)s)"
_MAKE_SERIES: Final = """
insert into heat_series (name) select unnest(%(names)s::text[]) on conflict do nothing
"""


@dataclass(frozen=True, slots=True)
class Places:
    """Counted places: the series, the square of the finest zoom, the day, and how many."""

    series: Ints
    px: Ints
    py: Ints
    day: Ints
    n: Ints
    #: It stands on a point that very many share.
    shared: Ints


async def series(conn: AsyncConnection[Any], names: Sequence[str]) -> dict[str, int]:
    """The number of each series; made if there is none yet."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_FIND_SERIES, {"names": list(names)})
        found: dict[str, int] = dict(await cursor.fetchall())
        missing = [name for name in names if name not in found]
        if missing:
            await cursor.execute(_MAKE_SERIES, {"names": missing})
            await cursor.execute(_FIND_SERIES, {"names": missing})
            found |= dict(await cursor.fetchall())
    return found


def additions(places: Places) -> Additions:
    """What is to be added to which tiles."""
    columns: dict[str, list[Ints]] = {name: [np.zeros(0, np.int64)] for name in COLUMNS}
    every = [Entries.none()]
    before = 0
    for rows, cells in _each(places):
        every.append(cells.moved(before))
        before += len(rows["x"])
        for name, values in rows.items():
            columns[name].append(np.broadcast_to(values, rows["x"].shape))
    return Additions(
        {name: np.concatenate(values) for name, values in columns.items()}, Entries.all_of(every)
    )


def _each(places: Places) -> Iterator[tuple[dict[str, Ints], Entries]]:
    """For each zoom and span: the keys, and the cells under each."""
    alone = places.shared != 0
    for z, spans in SPANS_OF.items():
        some = alone if z == POINT else ~alone
        if not some.any():
            continue
        shift = FINEST - z
        px, py, n = places.px[some], places.py[some], places.n[some]
        tiles, tile = np.unique(
            (places.series[some] << 44) | (px >> shift << 22) | (py >> shift), return_inverse=True
        )
        cell = cell_of(px, py, z)
        for level in pyramid(tile, places.day[some], cell, n, spans, CELLS):
            key = tiles[level.whose]
            yield (
                {
                    "series_id": key >> 44,
                    "z": np.array(z),
                    "span": np.array(level.span),
                    "start": level.start,
                    "x": key >> 22 & (1 << 22) - 1,
                    "y": key & (1 << 22) - 1,
                },
                level.entries,
            )
