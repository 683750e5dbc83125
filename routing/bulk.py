"""The assignments of many places at once: the same look-up and the same choice, set-based.

Places go to PostgreSQL in chunks by binary COPY, one statement finds the areas of all of them, and
each distinct set of areas is decided once. Only places in no ward are asked about again, together.
Memory is bounded by the chunk; the whole run sees one snapshot of boundaries and rules.
"""

import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Generic, Self, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.errors import LooksSwapped, OutsideCoverage, Refusal
from geo.lookup import NEAREST_WARD_M
from routing.assign import Choice, choose
from routing.errors import UnknownCategory
from routing.place import Distances, stand
from routing.rulebook import Rules, load

T = TypeVar("T")

#: (lng, lat) in degrees, checked by geo.points.
Place = tuple[float, float]
Answer = Choice | type[Refusal]

SNAPSHOT = "begin isolation level repeatable read"

#: Dropped with the transaction; as it is made in it, TRUNCATE empties it in place.
STAGE = "create temporary table route_stage (n int, place geometry) on commit drop"
COPY = "copy route_stage (n, place) from stdin (format binary)"
EMPTY = "truncate route_stage"

#: One value for the whole chunk, because a row each costs the client more than the look-up costs
#: PostgreSQL. The sub-select is areas_at inlined: an index scan for each place.
AREAS = """
select string_agg(found.areas, ';' order by found.n)
from (
  select n, array_to_string(array(select area_id from areas_at(place, %(at)s)), ',') as areas
  from route_stage
) found
"""

#: The wanted rows are joined: ``= any(array)`` would compare each row with each of thousands.
NEAR = """
select stage.n, near.area_id, min(near.distance_m)
from unnest(%(rows)s::int[]) wanted (n)
join route_stage stage on stage.n = wanted.n
cross join areas_near(stage.place, %(at)s, %(metres)s) near
group by stage.n, near.area_id
"""

SWAPPED = """
select stage.n
from unnest(%(rows)s::int[]) wanted (n)
join route_stage stage on stage.n = wanted.n
where abs(st_x(stage.place)) <= 90
  and exists (select from areas_at(st_flipcoordinates(stage.place), %(at)s))
"""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
#: A row of two fields: n (4 bytes), and a point as big-endian EWKB with its SRID (25 bytes).
_ROW = struct.Struct(">hiiiBIIdd")
_POINT_SIZE, _POINT_WITH_SRID, _SRID = 25, 0x2000_0001, 4326


class Bulk(Generic[T]):
    """Answers chunk after chunk.

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
        self._rules = rules
        self._category = category
        self._at = at
        self._shape = shape
        self._memo: dict[str, T | None] = {}

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
        if not places:
            return []
        async with self._conn.cursor(row_factory=tuple_row) as cursor:
            async with cursor.copy(COPY) as copy:
                await copy.write(_rows(places))
            await cursor.execute(AREAS, {"at": self._at})
            row = await cursor.fetchone()
            keys = row[0].split(";") if row else []
            memo = self._memo
            answers: list[T | None] = [
                memo[key] if key in memo else self._decide(key) for key in keys
            ]
            unsettled = [n for n, answer in enumerate(answers) if answer is None]
            if unsettled:
                await self._look_closer(keys, unsettled, answers)
            await cursor.execute(EMPTY)
        return [answer for answer in answers if answer is not None]

    def _decide(self, key: str) -> T | None:
        """The answer for a set of areas; None when the place itself must be looked at."""
        standing = stand(self._rules, _ids(key))
        answer = None
        if standing is not None and not standing.wants_nearest:
            answer = self._shape(choose(self._rules, self._category, standing))
        self._memo[key] = answer
        return answer

    async def _look_closer(
        self, keys: Sequence[str], unsettled: list[int], answers: list[T | None]
    ) -> None:
        """Fill in the places in no ward: the nearest one's, none, or outside."""
        near: dict[int, dict[int, float]] = defaultdict(dict)
        async with self._conn.cursor(row_factory=tuple_row) as cursor:
            values = {"at": self._at, "metres": NEAREST_WARD_M, "rows": unsettled}
            await cursor.execute(NEAR, values)
            async for n, area, distance in cursor:
                near[n][area] = distance
            outside = []
            for n in unsettled:
                answers[n] = self._closer(keys[n], near[n])
                if answers[n] is None:
                    outside.append(n)
            await cursor.execute(SWAPPED, {"at": self._at, "rows": outside})
            swapped = {n for (n,) in await cursor.fetchall()}
        for n in outside:
            answers[n] = self._shape(LooksSwapped if n in swapped else OutsideCoverage)

    def _closer(self, key: str, distances: Distances) -> T | None:
        if not key and not distances:
            return None
        standing = stand(self._rules, _ids(key), distances=distances)
        if standing is None:
            return None
        return self._shape(choose(self._rules, self._category, standing))


def _ids(key: str) -> Collection[int]:
    return frozenset(int(area) for area in key.split(",") if area)


def _rows(places: Sequence[Place]) -> bytes:
    pack = _ROW.pack
    rows = (
        pack(2, 4, n, _POINT_SIZE, 0, _POINT_WITH_SRID, _SRID, lng, lat)
        for n, (lng, lat) in enumerate(places)
    )
    return b"".join((_HEADER, *rows, _TRAILER))
