"""Several at once on one job: the chain has no forks, and nobody is overwritten."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncCursor

from reporting import verify
from reporting.runtime import Runtime
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report


@pytest.fixture
async def crew(county: County) -> Headers:
    return await People(county).crew()


async def post(client: httpx.AsyncClient, job: UUID, who: Headers, **more: Any) -> httpx.Response:
    made_at = datetime.now(UTC).isoformat()
    body = {"id": str(uuid4()), "base_version": 1, "made_at": made_at, **more}
    return await client.post(f"/v1/jobs/{job}/updates", json=body, headers=who)


async def test_many_notes_at_once_all_stand_in_one_chain(
    client: httpx.AsyncClient, crew: Headers, runtime: Runtime
) -> None:
    job = job_of(await report(client, pothole()))
    answers = await asyncio.gather(
        *(post(client, job, crew, note=f"note {number}") for number in range(20))
    )
    assert {answer.status_code for answer in answers} == {200}
    whole = (await client.get(f"/v1/jobs/{job}", headers=crew)).json()
    assert [each["version"] for each in whole["updates"]] == list(range(1, 22))
    assert {each["note"] for each in whole["updates"][1:]} == {f"note {n}" for n in range(20)}
    times = [each["recorded_at"] for each in whole["updates"]]
    assert times == sorted(times)
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


async def test_one_update_sent_many_times_at_once_happens_once(
    client: httpx.AsyncClient, crew: Headers
) -> None:
    job = job_of(await report(client, pothole()))
    same = {"id": str(uuid4()), "status": "fixed", "public_message": "Done"}
    answers = await asyncio.gather(*(post(client, job, crew, **same) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["version"] == 2


async def test_one_id_for_two_jobs_at_once_goes_to_one_of_them(
    client: httpx.AsyncClient, crew: Headers
) -> None:
    jobs = [job_of(await report(client, pothole(ward))) for ward in ("W1", "E1")]
    same = str(uuid4())
    answers = await asyncio.gather(*(post(client, job, crew, id=same, note="x") for job in jobs))
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert {"update-id-reused"} == {a.json()["code"] for a in answers if a.status_code == 422}


async def test_of_two_who_disagree_at_once_one_is_shown_the_other(
    client: httpx.AsyncClient, crew: Headers
) -> None:
    job = job_of(await report(client, pothole()))
    answers = await asyncio.gather(
        *(post(client, job, crew, status=status) for status in ("in_progress", "referred"))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [won] = [answer.json()["status"] for answer in answers if answer.status_code == 200]
    [problem] = [answer.json() for answer in answers if answer.status_code == 409]
    assert [each["theirs"] for each in problem["conflicts"]] == [won]


async def test_a_page_of_jobs_takes_at_most_four_statements(
    client: httpx.AsyncClient, crew: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ward in ("W1", "W2", "E1"):
        await report(client, pothole(ward))
    run: list[Any] = []
    execute = AsyncCursor.execute

    async def counted(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        run.append(query)
        return await execute(self, query, *args, **more)

    monkeypatch.setattr(AsyncCursor, "execute", counted)
    answer = await client.get("/v1/jobs", params={"limit": 2, "status": "open"}, headers=crew)
    assert len(answer.json()["items"]) == 2
    assert 1 < len(run) <= 4
