"""PostgreSQL frozen, full or locked, Redis gone: an answer in time, and back without help."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from tests.reporting.test_reports import pothole, send
from tests.support.county import County, inside
from tests.support.processes import Api, Machine, api
from tests.support.until import until

#: What DESIGN section 7 promises is 2 s; the rest is for machines that have more to do. What hangs
#: takes longer than this.
IN_TIME_S = 8.0
POOL = 4


@pytest.fixture
async def serving(machine: Machine, county: County) -> AsyncIterator[Api]:
    async with api(machine, KERBLINE_POOL_SIZE=str(POOL), KERBLINE_LIMITS="off") as found:
        # Every connection has been used once, as in a process that is in use.
        await asyncio.gather(
            *(found.client.get("/v1/where", params=inside("W1")) for _ in range(3 * POOL))
        )
        yield found


def told_to_come_back(answer: httpx.Response) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert int(answer.headers["retry-after"]) >= 1


async def timed(request: Any) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return await request, time.monotonic() - began


async def test_a_frozen_database_is_answered_for_in_time(
    machine: Machine, county: County, serving: Api
) -> None:
    key, body = str(uuid4()), pothole()
    with machine.frozen_postgres():
        for _ in range(2):  # with connections that were good, and with none
            answers = await asyncio.gather(
                timed(send(serving.client, body, key)),
                *(timed(send(serving.client, pothole(dx=n / 20))) for n in range(12)),
                timed(serving.client.get("/v1/where", params=inside("W1"))),
                timed(serving.client.get(f"/v1/reports/{uuid4()}")),
                timed(
                    serving.client.get(
                        "/v1/where",
                        params=inside("W1"),
                        headers={"Authorization": f"Bearer kbd_{'A' * 43}"},
                    )
                ),
            )
            for answer, took_s in answers:
                told_to_come_back(answer)
                assert took_s < IN_TIME_S
        alive, took_s = await timed(serving.client.get("/healthz"))
        assert alive.status_code == 200
        assert took_s < IN_TIME_S / 2
        ready, took_s = await timed(serving.client.get("/readyz"))
        assert ready.json()["database"] == "away"
        assert took_s < IN_TIME_S
        metrics, took_s = await timed(serving.client.get("/metrics"))
        assert metrics.status_code == 200
        assert took_s < IN_TIME_S

    async def accepted() -> httpx.Response | None:
        answer = await send(serving.client, body, key)
        return answer if answer.status_code == 201 else None

    made = await until(accepted, "accepted again", 15)
    assert (await send(serving.client, body, key)).json() == made.json()
    # Whatever was in the server's hands when it froze is there at most once.
    row = await (
        await county.conn.execute("select count(*) from idempotency_key where key = %s", (key,))
    ).fetchone()
    assert row[0] == 1
    answers = await asyncio.gather(
        *(send(serving.client, pothole("E1", dx=n / 20)) for n in range(9))
    )
    assert {answer.status_code for answer in answers} == {201}


async def test_a_full_pool_is_a_503(machine: Machine, county: County, serving: Api) -> None:
    async with await AsyncConnection[Any].connect(machine.owner_url) as holder:
        await holder.execute("lock table report in access exclusive mode")
        answers = await asyncio.gather(
            *(timed(send(serving.client, pothole(dx=n / 60))) for n in range(40))
        )
        for answer, took_s in answers:
            told_to_come_back(answer)
            assert took_s < 2 * IN_TIME_S
        assert (await serving.client.get("/healthz")).status_code == 200
        await holder.rollback()
    assert (await send(serving.client, pothole())).status_code == 201
    row = await (await county.conn.execute("select count(*) from report")).fetchone()
    assert row[0] == 1


async def test_all_connections_of_the_server_cut(county: County, serving: Api) -> None:
    """As ``pg_terminate_backend`` or a fail-over does: no 500, and the next request is fine."""
    for _ in range(3):
        await county.conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'kerbline-api'"
        )
        answers = await asyncio.gather(
            *(send(serving.client, pothole(dx=n / 60)) for n in range(2 * POOL))
        )
        assert {answer.status_code for answer in answers} <= {201, 503}
        for answer in answers:
            if answer.status_code == 503:
                told_to_come_back(answer)

    async def accepted() -> bool:
        return (await send(serving.client, pothole("E2"))).status_code == 201

    await until(accepted, "accepted again", 10)


async def test_without_redis_everything_is_accepted(
    machine: Machine, county: County, serving: Api
) -> None:
    pid = machine.redis_pid()
    with machine.frozen(pid):
        answers = await asyncio.gather(
            *(timed(send(serving.client, pothole(dx=n / 20))) for n in range(1, 12)),
            timed(serving.client.get("/v1/where", params=inside("W1"))),
        )
        for answer, took_s in answers:
            assert answer.status_code in {200, 201}
            assert took_s < IN_TIME_S
        ready, took_s = await timed(serving.client.get("/readyz"))
        assert (ready.status_code, ready.json()["redis"]) == (200, "away")
        assert took_s < IN_TIME_S
    machine.kill_redis()
    assert (await send(serving.client, pothole("E2"))).status_code == 201
