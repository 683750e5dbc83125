"""Counts: what they mean, that they stay right, and what they read."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx

from geo.tiles import Tile
from reporting import metrics
from reporting.asked import Days
from reporting.counting import folding, reading
from reporting.runtime import Connection, Runtime
from tests.support.county import County, inside

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
