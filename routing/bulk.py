"""The assignments of many places at once: the same look-up and the same choice, set-based.

Places go to PostgreSQL in chunks by binary COPY, each with the instant whose boundaries count for
it; one statement finds the areas of all of them, and each distinct set of areas is decided once.
Only places in no ward are asked about again, together. Memory is bounded by the chunk.

``Standings`` says where places stand; ``Bulk`` is the dry run, with one instant and one category,
whose whole run sees one snapshot of boundaries and rules.
"""

import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any, Generic, Self, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.errors import LooksSwapped, OutsideCoverage, Refusal
from geo.lookup import NEAREST_WARD_M
from routing.assign import Choice, choose
from routing.errors import UnknownCategory
from routing.place import Distances, Standing, stand
from routing.rulebook import Rules, load

T = TypeVar("T")

#: (lng, lat) in degrees, checked by geo.points.
Place = tuple[float, float]
Answer = Choice | type[Refusal]
Stood = Standing | type[Refusal]

SNAPSHOT = "begin isolation level repeatable read"

#: Dropped with the transaction; as it is made in it, TRUNCATE empties it in place.
STAGE = "create temporary table route_stage (n int, place geometry, at timestamptz) on commit drop"
COPY = "copy route_stage (n, place, at) from stdin (format binary)"
EMPTY = "truncate route_stage"

#: One value for the whole chunk, because a row each costs the client more than the look-up costs
#: PostgreSQL. The sub-select is areas_at inlined: an index scan for each place.
AREAS = """
select string_agg(found.areas, ';' order by found.n)
from (
  select n, array_to_string(array(select area_id from areas_at(place, at)), ',') as areas
  from route_stage
) found
"""

#: The wanted rows are joined: ``= any(array)`` would compare each row with each of thousands.
NEAR = """
select stage.n, near.area_id, min(near.distance_m)
from unnest(%(rows)s::int[]) wanted (n)
join route_stage stage on stage.n = wanted.n
cross join areas_near(stage.place, stage.at, %(metres)s) near
group by stage.n, near.area_id
"""

SWAPPED = """
select stage.n
from unnest(%(rows)s::int[]) wanted (n)
join route_stage stage on stage.n = wanted.n
where abs(st_x(stage.place)) <= 90
  and exists (select from areas_at(st_flipcoordinates(stage.place), stage.at))
"""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
#: A row of three fields: n (4 bytes), a point as big-endian EWKB with its SRID (25 bytes), and
#: an instant as microseconds since 2000 (8 bytes).
_ROW = struct.Struct(">hiiiBIIddiq")
_POINT_SIZE, _POINT_WITH_SRID, _SRID, _INSTANT_SIZE = 25, 0x2000_0001, 4326, 8
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Standings:
    """Where places stand, chunk after chunk, by the rules it was given.

    The caller has a transaction, and in it the stage (``STAGE``) and rules of the same snapshot.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._memo: dict[str, Standing | None] = {}

    async def look(
        self,
        conn: AsyncConnection[Any],
        places: Sequence[Place],
        at: datetime | Sequence[datetime],
    ) -> list[Stood]:
        """The standings of a chunk of places, in their order, each at its instant."""
        if not places:
            return []
        async with conn.cursor(row_factory=tuple_row) as cursor:
            async with cursor.copy(COPY) as copy:
                await copy.write(_rows(places, at))
            await cursor.execute(AREAS)
            row = await cursor.fetchone()
            keys = row[0].split(";") if row else []
            memo = self._memo
            found: list[Stood | None] = [
                memo[key] if key in memo else self._remember(key) for key in keys
            ]
            unsettled = [n for n, each in enumerate(found) if each is None]
            if unsettled:
                await self._look_closer(conn, keys, unsettled, found)
            await cursor.execute(EMPTY)
        return [each for each in found if each is not None]

    def _remember(self, key: str) -> Standing | None:
        """The standing for a set of areas; None when the place itself must be looked at."""
        standing = stand(self.rules, _ids(key))
        self._memo[key] = None if standing is None or standing.wants_nearest else standing
        return self._memo[key]

    async def _look_closer(
        self,
        conn: AsyncConnection[Any],
        keys: Sequence[str],
        unsettled: list[int],
        found: list[Stood | None],
    ) -> None:
        """Fill in the places in no ward: the nearest one's, none, or outside."""
        near: dict[int, dict[int, float]] = defaultdict(dict)
        async with conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(NEAR, {"metres": NEAREST_WARD_M, "rows": unsettled})
            async for n, area, distance in cursor:
                near[n][area] = distance
            outside = []
            for n in unsettled:
                found[n] = self._closer(keys[n], near[n])
                if found[n] is None:
                    outside.append(n)
            await cursor.execute(SWAPPED, {"rows": outside})
            swapped = {n for (n,) in await cursor.fetchall()}
        for n in outside:
            found[n] = LooksSwapped if n in swapped else OutsideCoverage

    def _closer(self, key: str, distances: Distances) -> Standing | None:
        if not key and not distances:
            return None
        return stand(self.rules, _ids(key), distances=distances)


class Bulk(Generic[T]):
    """Answers chunk after chunk, for one category and at one instant.

    ``shape`` makes of a choice, or of the refusal of a place, what the caller needs: once for
    all the places that share it.
    """

    def __init__(
        self,
        conn: AsyncConnection[Any],
        rules: Rules,
        category: str,
        at: datetime,
        shape: Callable[[Answer], T],
    ) -> None:
        if category not in rules.categories:
            raise UnknownCategory
        self._conn = conn
        self._standings = Standings(rules)
        self._category = category
        self._at = at
        self._shape = shape
        #: By identity: the standings of a run are few, and those in it are kept alive by it.
        self._memo: dict[int, tuple[Stood, T]] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        conn: AsyncConnection[Any],
        category: str,
        at: datetime,
        shape: Callable[[Answer], T],
    ) -> AsyncIterator[Self]:
        """Begin on a connection in autocommit, this run's alone; nothing is kept after it."""
        await conn.execute(SNAPSHOT)
        try:
            await conn.execute(STAGE)
            yield cls(conn, await load(conn), category, at, shape)
        finally:
            await conn.rollback()

    async def answer(self, places: Sequence[Place]) -> list[T]:
        """The answers to a chunk of places, in their order."""
        found = await self._standings.look(self._conn, places, self._at)
        memo = self._memo
        return [memo[id(each)][1] if id(each) in memo else self._decide(each) for each in found]

    def _decide(self, stood: Stood) -> T:
        if not isinstance(stood, Standing):
            answer = self._shape(stood)
        else:
            answer = self._shape(choose(self._standings.rules, self._category, stood))
            if stood.ward_distance_m is not None:
                return answer  # a standing of its own: nobody shares it
        self._memo[id(stood)] = (stood, answer)
        return answer


def _ids(key: str) -> Collection[int]:
    return frozenset(int(area) for area in key.split(",") if area)


def _rows(places: Sequence[Place], at: datetime | Sequence[datetime]) -> bytes:
    pack = _ROW.pack
    instants = repeat(_since_2000(at)) if isinstance(at, datetime) else map(_since_2000, at)
    rows = (
        pack(3, 4, n, _POINT_SIZE, 0, _POINT_WITH_SRID, _SRID, lng, lat, _INSTANT_SIZE, instant)
        for n, ((lng, lat), instant) in enumerate(zip(places, instants, strict=False))
    )
    return b"".join((_HEADER, *rows, _TRAILER))


def _since_2000(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
