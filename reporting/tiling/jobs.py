"""Single jobs on a map: as many as can be looked at, and a word when there are more."""

from dataclasses import replace
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.tiles import Tile
from reporting.asked import Asked
from reporting.auth import Scope
from reporting.errors import Invalid
from reporting.jobs import listing
from reporting.queries import tiles as queries
from reporting.status import OPEN
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: From here on a tile is so small that its jobs are found by their place; farther out, by due time.
PLACES_FROM_ZOOM: Final = 12
#: Jobs that a tile shows; a tile of them has 80 kB.
MOST: Final = 1000
#: Jobs that are looked at for a tile, by how many wards or teams they are looked for in.
READ: Final = ((1, 4000), (10, 800), (1000, 200))


async def tile(conn: Connection, rules: Rules, seen: Scope, asked: Asked, at: Tile) -> bytes:
    """The jobs in a tile; open ones, unless a status was asked for.

    Raises Invalid for a box: the tile is one.
    """
    if asked.bbox is not None:
        raise Invalid("A tile is its own box: leave bbox out.")
    asked = replace(asked, bbox=at.box(), statuses=asked.statuses or OPEN)
    found = listing.narrow(rules, seen, asked, by_place=at.z >= PLACES_FROM_ZOOM)
    if found is None:
        return b""
    read = next(read for lanes, read in READ if len(found.params["lanes"]) <= lanes)
    statement = queries.jobs(
        found.lane, tuple(sorted(found.names)), is_open=found.only_open, read=read, most=MOST
    )
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(statement, {**found.params, **at.parameters()})
        [(body,)] = await cursor.fetchall()
    return bytes(body)
