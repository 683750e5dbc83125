"""Counts: what they mean, that they stay right, and what they read."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest

from geo.tiles import Tile
from reporting import metrics
from reporting.asked import Days
from reporting.counting import folding, reading
from reporting.counting.values import Durations
from reporting.runtime import Connection, Runtime
from tests.support.county import County, inside
from tests.support.town import Town
from tests.support.until import until

NOW = datetime.now(UTC).date()
TODAY = Days(NOW - timedelta(days=1), NOW + timedelta(days=1))


async def send(
    client: httpx.AsyncClient, place: dict[str, float], category: str = "pothole"
) -> dict:
    answers = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
    answer = await client.post(
        "/v1/reports",
        json={"category": category, "location": place, "answers": answers, "description": "A hole"},
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def waiting(conn: Connection) -> float:
    """What the metrics say is still to be counted."""
    found = await metrics.waiting(conn)
    (n,) = [each for name, _, _, each in found if name == "kerbline_counts_waiting"]
    return n


async def test_a_report_is_counted_in_its_cell_and_its_ward(
    runtime: Runtime, county: County, client: httpx.AsyncClient
) -> None:
    await send(client, inside("W1"))
    await send(client, inside("E2"))
    async with runtime.unit() as conn:
        assert await waiting(conn) == 2
        await folding.fold(conn)
    async with runtime.reading() as conn:
        assert await waiting(conn) == 0
    shire = county.authorities["shire"]
    async with runtime.reading() as conn:
        whole = await reading.cells(
            conn, authority_id=shire, measure="reports", days=TODAY, tile=Tile(0, 0, 0)
        )
        assert whole.ns.sum() == 2
        figures = await reading.figures(
            conn, authority_id=shire, by=frozenset({"area"}), days=TODAY
        )
    assert {(each.area, each.reports, each.open) for each in figures} == {
        (county.areas["D1"], 1, 1),
        (county.areas["D2"], 1, 1),
    }


async def test_the_clock_makes_a_job_overdue_without_anybody_touching_it(
    runtime: Runtime, owner: Connection, county: County
) -> None:
    """Nor is one overdue whose clock stands, or that was passed on."""
    town = Town(county, random.Random(1))
    jobs = [await town.report(owner) for _ in range(3)]
    await owner.execute(
        "update job set authority_id = %s, version = 2, due_at = now() + interval '1 second'",
        (county.authorities["shire"],),
    )
    await owner.execute(
        "update job set status = 'waiting', clock_stopped_at = now() where id = %s", (jobs[1],)
    )
    await owner.execute("update job set status = 'referred' where id = %s", (jobs[2],))
    asked: dict[str, Any] = {"authority_id": county.authorities["shire"]}

    async def overdue(at_least: int) -> bool:
        async with runtime.unit() as conn:
            await folding.tick(conn)
            (figure,) = await reading.figures(conn, **asked)
            assert (figure.open, figure.overdue) in {(3, 0), (3, 1)}
            return figure.overdue >= at_least

    assert await overdue(0)
    before = (await (await owner.execute("select sum(version) from job")).fetchall())[0]
    await until(lambda: overdue(1))
    assert (await (await owner.execute("select sum(version) from job")).fetchall())[0] == before


async def test_what_takes_a_day_and_a_half_is_said_to_take_that() -> None:
    for hours in (0.0, 0.02, 1.0, 36.0, 2000.0, 5e5):
        said = Durations.hours(Durations.class_of(hours))
        assert said == pytest.approx(max(hours, 1 / 60), rel=0.0101)
    took = Durations(np.array([Durations.class_of(h) for h in (1, 10, 100)]), np.array([5, 4, 1]))
    assert took.quantile(0.5) == pytest.approx(1, rel=0.01)
    assert took.quantile(0.9) == pytest.approx(10, rel=0.01)
    assert took.quantile(1) == pytest.approx(100, rel=0.01)
