"""The worker keeps the counts, and counts anew what it finds to be wrong or too much to fold."""

import asyncio
import random

import pytest

from reporting.counting import checking, folding
from reporting.runtime import Connection, Runtime
from tests.support.county import County
from tests.support.town import Town
from tests.support.until import until
from workers.jobs.heat import Counter


async def counted(owner: Connection) -> int:
    cursor = await owner.execute("select count(*) from counted where kind = 0")
    [(n,)] = await cursor.fetchall()
    return n


async def right(runtime: Runtime) -> bool:
    async with runtime.unit() as conn:
        return await checking.check(conn) == []


async def test_reports_are_counted_soon_until_it_is_told_to_stop(
    runtime: Runtime, owner: Connection, county: County
) -> None:
    town, stopping = Town(county, random.Random(1)), asyncio.Event()
    running = asyncio.create_task(Counter(runtime, 0.05).run(stopping))
    for n in range(1, 4):
        await town.report(owner)

        async def all_there(n: int = n) -> bool:
            return await counted(owner) == n

        await until(all_there)
    stopping.set()
    await asyncio.wait_for(running, 20)
    assert await right(runtime)


async def test_more_than_a_fold_can_take_is_counted_anew(
    runtime: Runtime, owner: Connection, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MOST", 5)
    town = Town(county, random.Random(2))
    for _ in range(40):
        await town.report(owner)
    async with runtime.unit() as conn:
        folded = await folding.fold(conn)
        assert folded
        assert folded.too_many
    await Counter(runtime).once()
    assert await counted(owner) == 40
    async with runtime.unit() as conn:
        assert await folding.fold(conn) == folding.Folded(), "nothing is left to be counted"
    assert await right(runtime)


async def test_counts_that_cannot_be_are_counted_anew(
    runtime: Runtime, owner: Connection, county: County
) -> None:
    town = Town(county, random.Random(3))
    job = await town.report(owner)
    for _ in range(10):
        await town.report(owner)
    await Counter(runtime).once()
    await owner.execute("delete from figure_kept")  # as if somebody had laid hands on it
    await owner.execute("update job set version = 2, status = 'in_progress' where id = %s", (job,))
    await owner.execute(
        "update job set version = 3, category = 'drain', team_id = team_id + 1 where id = %s",
        (job,),
    )
    await Counter(runtime).once()
    assert await right(runtime)


async def test_two_do_not_fold_at_once(runtime: Runtime, owner: Connection, county: County) -> None:
    await Town(county, random.Random(4)).report(owner)
    async with runtime.unit() as one:
        assert await folding.fold(one) == folding.Folded(jobs=1)
        async with runtime.unit() as other:
            assert await folding.fold(other) is None
    assert await right(runtime)
