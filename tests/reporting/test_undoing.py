"""Many jobs changed at once, each with its own outcome; and all of it undone."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from reporting import verify
from reporting.runtime import Runtime
from tests.reporting.test_reports import pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

Answer = dict[str, Any]
WHOSE = ("team", "priority", "due_at", "worker", "flags", "category", "location", "ward")


@pytest.fixture
async def desk(county: County) -> Headers:
    await county.add_team("shire", "patching")
    await county.touch()
    return await People(county).staff("supervisor", "shire")


async def three(client: httpx.AsyncClient) -> list[str]:
    return [str(job_of(await report(client, pothole(ward)))) for ward in ("W1", "W2", "E1")]


async def seen(client: httpx.AsyncClient, job: str, who: Headers) -> Answer:
    found: Answer = (await client.get(f"/v1/jobs/{job}", headers=who)).json()
    return found


async def change(
    client: httpx.AsyncClient, who: Headers, jobs: list[str], **fields: Any
) -> list[Answer]:
    items = [{"job": job, "id": str(uuid4()), "base_version": 1} for job in jobs]
    body = {"jobs": items, "made_at": datetime.now(UTC).isoformat(), **fields}
    answer = await client.post("/v1/updates", json=body, headers=who)
    assert answer.status_code == 200, answer.text
    found: list[Answer] = answer.json()["results"]
    again = (await client.post("/v1/updates", json=body, headers=who)).json()["results"]
    assert [each["outcome"] for each in again] == [
        each["outcome"].replace("applied", "already_applied") for each in found
    ]
    return found


async def undo(client: httpx.AsyncClient, who: Headers, done: list[Answer]) -> list[Answer]:
    items = [{"job": each["job"], "id": str(uuid4()), "undoes": each["id"]} for each in done]
    answer = await client.post("/v1/updates/undo", json={"jobs": items}, headers=who)
    assert answer.status_code == 200, answer.text
    found: list[Answer] = answer.json()["results"]
    return found


async def test_each_of_many_has_its_own_outcome(
    client: httpx.AsyncClient, county: County, desk: Headers
) -> None:
    one, two, three_ = await three(client)
    body = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        "priority": "P3",
    }
    await client.post(f"/v1/jobs/{two}/updates", json=body, headers=desk)
    missing = str(uuid4())
    done = await change(client, desk, [one, two, missing, three_], priority="P4")
    assert [each["outcome"] for each in done] == ["applied", "conflict", "refused", "applied"]
    assert done[1]["conflicts"][0]["theirs"] == "P3"
    assert done[2]["problem"]["code"] == "not-found"
    assert (await seen(client, two, desk))["priority"] == "P3"
    assert (await seen(client, three_, desk))["priority"] == "P4"


async def test_a_reassignment_goes_back_to_what_it_was_unless_somebody_went_on(
    client: httpx.AsyncClient, county: County, desk: Headers, runtime: Runtime
) -> None:
    jobs = await three(client)
    before = [await seen(client, job, desk) for job in jobs]
    why = (await client.get(f"/v1/jobs/{jobs[0]}/assignment", headers=desk)).json()["sentence"]
    done = await change(client, desk, jobs, team="patching", priority="P1")
    moved = [await seen(client, job, desk) for job in jobs]
    assert {job["team"]["slug"] for job in moved} == {"patching"}
    crew = await People(county).crew("shire", "patching")
    note = {
        "id": str(uuid4()),
        "base_version": 2,
        "made_at": datetime.now(UTC).isoformat(),
        "note": "Seen it",
    }
    await client.post(f"/v1/jobs/{jobs[1]}/updates", json=note, headers=crew)
    start = {**note, "id": str(uuid4()), "note": None, "status": "in_progress"}
    start.pop("note")
    await client.post(f"/v1/jobs/{jobs[2]}/updates", json=start, headers=crew)
    undone = await undo(client, desk, done)
    assert [each["outcome"] for each in undone] == ["applied", "applied", "refused"]
    assert undone[2]["problem"]["code"] == "cannot-undo"
    for job, was in zip(jobs[:2], before, strict=False):
        now = await seen(client, job, desk)
        assert {name: now[name] for name in WHOSE} == {name: was[name] for name in WHOSE}
    answer = await client.get(f"/v1/jobs/{jobs[0]}/assignment", headers=desk)
    assert answer.json()["sentence"] == why
    # The undo is undone in turn.
    redone = await undo(client, desk, undone[:1])
    assert redone[0]["outcome"] == "applied"
    now = await seen(client, jobs[0], desk)
    assert (now["team"]["slug"], now["priority"]) == ("patching", "P1")
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


async def test_a_corrected_place_goes_back_and_what_residents_were_told_does_not(
    client: httpx.AsyncClient, desk: Headers
) -> None:
    job = (await three(client))[0]
    before = await seen(client, job, desk)
    body = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        "location": inside("E1", 0.2),
    }
    moved = (await client.post(f"/v1/jobs/{job}/updates", json=body, headers=desk)).json()
    assert moved["ward"]["code"] == "E1"
    [back] = await undo(client, desk, [{"job": job, "id": body["id"]}])
    assert back["outcome"] == "applied"
    now = await seen(client, job, desk)
    assert {name: now[name] for name in WHOSE} == {name: before[name] for name in WHOSE}
    [told] = await change(client, desk, [job], status="scheduled")
    assert told["outcome"] == "applied"
    [kept] = await undo(client, desk, [told])
    assert kept["outcome"] == "refused"
