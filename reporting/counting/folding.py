"""Keeps the counts: takes off what changed jobs and reports were counted as, adds what they are.

All of a fold is one transaction. Done twice, or cut off in the middle, it changes nothing: what is
taken off is what ``counted`` holds.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import numpy as np
from psycopg.errors import LockNotAvailable
from psycopg.rows import class_row, tuple_row

from geo.heat import keeping, sums
from geo.heat.arrays import speak
from geo.heat.keeping import HEAT
from geo.heat.sums import Table
from reporting.counting import facts
from reporting.counting.facts import FIGURES
from reporting.counting.values import LOOK, Ints
from reporting.queries import counting as queries
from reporting.runtime import Connection

#: Jobs of one statement: some 400 MB at most.
CHUNK: Final = 50_000
#: More changes than this of one authority, and counting it anew costs less.
MOST: Final = 100_000
#: The clock is asked at least so often.
STALE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Target:
    """The tables that sums are added to."""

    counted: str = "counted"
    heat: Table = HEAT
    figures: Table = FIGURES


KEPT: Final = Target()


@dataclass(frozen=True, slots=True)
class Folded:
    """What a fold did."""

    jobs: int = 0
    #: Authorities with so many changes that they are to be counted anew.
    too_many: frozenset[int] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class _Touched:
    authority_id: int
    seen: str
    history: str
    now: datetime
    stale: bool
    jobs: list[UUID]


async def fold(conn: Connection, *, stale_s: float = STALE_S) -> Folded | None:
    """Count what changed, and what the clock made overdue; None while another fold is at it."""
    try:
        async with conn.transaction():
            await conn.execute(queries.LOCK_IF_FREE)
    except LockNotAvailable:
        return None
    return await fold_locked(conn, stale_s=stale_s)


async def tick(conn: Connection) -> Folded | None:
    """The same, and what is overdue is as of now for every authority, also where nothing changed.

    A fold does so where the clock was last asked more than ``STALE_S`` ago.
    """
    return await fold(conn, stale_s=0.0)


async def fold_locked(
    conn: Connection, *, stale_s: float = STALE_S, apart_from: int | None = None
) -> Folded:
    """Fold under the lock; ``apart_from`` names an authority that is counted anew afterwards."""
    found = await _touched(conn, most=MOST, stale_s=stale_s)
    too_many = frozenset(each.authority_id for each in found if len(each.jobs) > MOST)
    some = [each for each in found if each.authority_id not in {*too_many, apart_from}]
    jobs = [job for each in some for job in each.jobs] + await _newly_shared(conn)
    if jobs:
        for first in range(0, len(jobs), CHUNK):
            await count(conn, jobs[first : first + CHUNK], found[0].now)
    for each in some:
        if each.jobs or each.stale:
            await _seen(conn, each)
    return Folded(len(jobs), too_many)


async def rebuild(conn: Connection, authority_id: int | None = None) -> int:
    """Count one authority, or all, from nothing; how many jobs. First in its transaction.

    It reads one moment of the database, a part at a time: its memory does not grow with the jobs.
    """
    await one_moment(conn)
    if authority_id is not None:
        # What left it must be taken off there before it is forgotten here.
        folded = await fold_locked(conn, apart_from=authority_id)
        if folded.too_many - {authority_id}:
            authority_id = None
    found = await _touched(conn, most=0, stale_s=0.0)
    await _newly_shared(conn)
    for statement in (queries.CLEAR_HEAT, queries.CLEAR_FIGURES):
        await conn.execute(statement, {"authority": authority_id})
    counted = 0
    async for jobs in all_jobs(conn, authority_id):
        await count(conn, jobs, found[0].now, anew=True, authority_id=authority_id)
        counted += len(jobs)
    for each in found:
        if authority_id in (None, each.authority_id):
            await _seen(conn, each)
    return counted


async def _touched(conn: Connection, *, most: int, stale_s: float) -> list[_Touched]:
    await conn.execute(queries.PLANS)
    await conn.execute(queries.BEGIN)
    async with conn.cursor(row_factory=class_row(_Touched)) as cursor:
        await cursor.execute(queries.TOUCHED, {"most": most, "stale_s": stale_s})
        return await cursor.fetchall()


async def one_moment(conn: Connection) -> None:
    """Make the transaction see one moment, after any fold before it is over."""
    await conn.execute(queries.ONE_MOMENT)
    await conn.execute(queries.LOCK)


async def all_jobs(conn: Connection, authority_id: int | None) -> AsyncIterator[list[UUID]]:
    """The ids of all jobs of an authority, or all, in parts, the oldest first."""
    async with conn.cursor("jobs", row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(queries.JOBS, {"authority": authority_id})
        while some := await cursor.fetchmany(CHUNK):
            yield [job for (job,) in some]


async def _newly_shared(conn: Connection) -> list[UUID]:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.NEWLY_SHARED)
        return [job for (job,) in await cursor.fetchall()]


async def count(
    conn: Connection,
    jobs: list[UUID],
    at: datetime,
    *,
    anew: bool = False,
    authority_id: int | None = None,
    target: Target = KEPT,
) -> None:
    """Count some jobs and their reports as what they are; see ``queries.put``."""
    values: dict[str, Any] = {
        **LOOK,
        "jobs": jobs,
        "as_of": at,
        "authority": authority_id,
    }
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        speak(cursor)
        await cursor.execute(queries.put(anew=anew, into=target.counted), values, prepare=False)
        row = await cursor.fetchone()
    if row is None or row[0] is None:
        return
    *numbers, names = row
    categories = sorted(set(names))
    place = {name: at for at, name in enumerate(categories)}
    delta: dict[str, Ints] = dict(zip(queries.DELTA, numbers, strict=True))
    delta["category"] = np.array([place[name] for name in names], np.int64)
    series = await keeping.series(conn, facts.series_names(delta, categories))
    await sums.add(conn, target.heat, keeping.additions(facts.places(delta, categories, series)))
    await sums.add(conn, target.figures, facts.figures(delta, categories))


async def _seen(conn: Connection, touched: _Touched) -> None:
    await conn.execute(
        queries.SEEN,
        {
            "seen": touched.seen,
            "history": touched.history,
            "now": touched.now,
            "authority": touched.authority_id,
        },
    )
