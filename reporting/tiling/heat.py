"""Heat: how many reports, open jobs or overdue jobs there are in the cells of a tile.

By authority, days, and category or ward the counts are kept, and a tile costs what it shows. Teams,
statuses, priorities, and categories in some wards are read from single points, at most ``POINTS``
of them; an answer from some of the points only says that it is cut. Points that very many reports
share are no hotspots: they are told apart from the cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.heat.arrays import speak
from geo.points import BBox
from geo.tiles import CELLS, EXTENT, Tile, corner, covering, position
from reporting.asked import Asked, Narrowed, narrowed
from reporting.auth import Scope
from reporting.counting import reading
from reporting.counting.values import Cells, Measure, Shared
from reporting.errors import Invalid
from reporting.queries import tiles as queries
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: Single points that are read for a tile, at most.
POINTS: Final = 8_000
#: Tiles that a box of the heat map is put together from, at most.
TILES: Final = 6


@dataclass(frozen=True, slots=True)
class Drawn:
    """A tile's bytes, empty where nothing lies, and as of when they are true."""

    body: bytes
    as_of: datetime | None = None


#: The middle of a cell or a shared point, longitude first, and how many there are.
Place = tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of a box."""

    zoom: int
    cells: list[Place]
    shared: list[Place]
    as_of: datetime | None
    is_cut: bool


async def tile(
    conn: Connection, rules: Rules, seen: Scope, asked: Asked, measure: Measure, at: Tile
) -> Drawn:
    """The heat in a tile. Raises Invalid for what heat is not asked by."""
    wanted, measure = _wanted(rules, seen, asked, measure)
    if wanted is None:
        return Drawn(b"")
    found = await _cells(conn, wanted, measure, at)
    values = {
        "xs": found.xs,
        "ys": found.ys,
        "ns": found.ns,
        "cut": found.cut,
        "most": POINTS,
        **_shared_in(at, await _shared(conn, wanted, measure, at)),
    }
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        speak(cursor)
        await cursor.execute(queries.HEAT, values)
        [(body,)] = await cursor.fetchall()
    return Drawn(bytes(body), found.as_of)


async def grid(
    conn: Connection,
    rules: Rules,
    seen: Scope,
    asked: Asked,
    measure: Measure,
    box: BBox,
    zoom: int,
) -> Grid:
    """The heat in a box, from farther out where it would be too many tiles. Raises Invalid."""
    tiles = covering(box, zoom, TILES)
    wanted, measure = _wanted(rules, seen, replace(asked, bbox=None), measure)
    if wanted is None:
        return Grid(tiles[0].z, [], [], None, is_cut=False)
    found = [(at, await _cells(conn, wanted, measure, at)) for at in tiles]
    return Grid(
        zoom=tiles[0].z,
        cells=[place for at, cells in found for place in _places(at, cells, box)],
        shared=[
            (each.lng, each.lat, each.n)
            for each in await _shared(conn, wanted, measure)
            if box.west <= each.lng <= box.east and box.south <= each.lat <= box.north
        ],
        as_of=min(cells.as_of for _, cells in found),
        is_cut=any(cells.cut for _, cells in found),
    )


def _wanted(
    rules: Rules, seen: Scope, asked: Asked, measure: Measure
) -> tuple[Narrowed | None, Measure]:
    """What is asked for, and what of: the open jobs that are overdue are a measure of their own."""
    if asked.bbox is not None:
        raise Invalid("A tile is its own box: leave bbox out.")
    if asked.overdue and measure == "open":
        measure = "overdue"
    elif asked.overdue is not None and (measure, asked.overdue) != ("overdue", True):
        raise Invalid("Heat of what is overdue is measure=overdue: leave overdue out.")
    return narrowed(rules, seen, asked), measure


def _is_kept(wanted: Narrowed) -> bool:
    """There are counts of it."""
    rest = (wanted.teams, wanted.statuses, wanted.priorities)
    both = wanted.areas is not None and wanted.categories is not None
    return not both and all(each is None for each in rest)


async def _cells(conn: Connection, wanted: Narrowed, measure: Measure, at: Tile) -> Cells:
    if _is_kept(wanted):
        return await reading.cells(
            conn,
            authority_id=wanted.authority,
            measure=measure,
            categories=wanted.categories,
            areas=wanted.areas,
            days=wanted.days,
            tile=at,
        )
    return await reading.points(
        conn,
        authority_id=wanted.authority,
        measure=measure,
        tile=at,
        days=wanted.days,
        categories=wanted.categories,
        areas=wanted.areas,
        teams=wanted.teams,
        statuses=wanted.statuses,
        priorities=wanted.priorities,
        limit=POINTS,
    )


async def _shared(
    conn: Connection, wanted: Narrowed, measure: Measure, at: Tile | None = None
) -> list[Shared]:
    if not _is_kept(wanted):
        return []
    return await reading.shared(
        conn,
        authority_id=wanted.authority,
        measure=measure,
        categories=wanted.categories,
        areas=wanted.areas,
        days=wanted.days,
        tile=at,
    )


def _shared_in(at: Tile, shared: list[Shared]) -> dict[str, NDArray[np.int64]]:
    """The shared points of a tile, in its own units."""
    units = [
        (int((x - at.x) * EXTENT), int((y - at.y) * EXTENT), each.n)
        for each in shared
        for x, y in [position(at.z, each.lng, each.lat)]
        if (int(x), int(y)) == (at.x, at.y)
    ]
    xs, ys, ns = np.array(units, np.int64).reshape(-1, 3).T
    return {"shared_xs": xs, "shared_ys": ys, "shared_ns": ns}


def _places(at: Tile, cells: Cells, box: BBox) -> Iterator[Place]:
    """The middles of the cells that lie in a box."""
    halves = [(cell + 0.5) / CELLS for cell in range(CELLS)]
    lngs = [round(corner(at.z, at.x + half, at.y)[0], 6) for half in halves]
    lats = [round(corner(at.z, at.x, at.y + half)[1], 6) for half in halves]
    for x, y, n in zip(cells.xs.tolist(), cells.ys.tolist(), cells.ns.tolist(), strict=True):
        if box.west <= lngs[x] <= box.east and box.south <= lats[y] <= box.north:
            yield lngs[x], lats[y], n
