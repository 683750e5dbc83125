"""Merging and splitting over HTTP: what becomes of the jobs, of each report, and who hears what."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting import outbox, verify
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report

Answer = dict[str, Any]
Do = Callable[..., Awaitable[Answer]]
DEEP = {"where": "cycle_lane", "depth": "over_7cm"}


@pytest.fixture
def people(county: County) -> People:
    return People(county)


@pytest.fixture
async def desk(people: People) -> Headers:
    return await people.staff("supervisor", "shire")


@pytest.fixture
def do(client: httpx.AsyncClient, desk: Headers) -> Do:
    """A call of the desk about a job; the answer must have the status expected."""

    async def send(job: UUID | str, what: str, expected: int = 200, **body: Any) -> Answer:
        headers = {**desk, "Idempotency-Key": str(body.pop("key", uuid4()))}
        if what == "updates":
            seen = (await client.get(f"/v1/jobs/{job}", headers=desk)).json()
            stamp = {"id": str(uuid4()), "made_at": datetime.now(UTC).isoformat()}
            body = {**stamp, "base_version": seen["version"], **body}
        path = f"/v1/jobs/{job}/{what}"
        if what == "unmerge":
            answer = await client.post(path, headers=headers)
        else:
            answer = await client.post(path, json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        found: Answer = answer.json()
        return found

    return send


async def two_jobs(client: httpx.AsyncClient, **second: Any) -> tuple[Answer, Answer]:
    """Two reports too far apart to be one job by themselves."""
    one = await report(client, pothole("W1"))
    other = await report(client, {**pothole("W1", dx=0.6), **second})
    assert job_of(one) != job_of(other)
    return one, other


async def seen(client: httpx.AsyncClient, job: UUID, who: Headers) -> Answer:
    found: Answer = (await client.get(f"/v1/jobs/{job}", headers=who)).json()
    return found


async def holds(runtime: Runtime) -> bool:
    async with runtime.reading() as conn:
        return (await verify.verify(conn, runtime.keys)).holds


async def test_a_merge_moves_every_report_and_its_undo_brings_them_back(
    client: httpx.AsyncClient, desk: Headers, do: Do, runtime: Runtime
) -> None:
    one, other = await two_jobs(client, description="By the bus stop.")
    a, b = job_of(one), job_of(other)
    before, there = await seen(client, a, desk), await seen(client, b, desk)
    await do(b, "updates", status="in_progress")
    moved = await do(a, "merge", into=str(b))
    assert (moved["into"]["id"], moved["reports"]) == (str(b), [one["id"]])
    away = await seen(client, a, desk)
    assert (away["status"], away["reason"], away["reports"]) == ("closed", "merged", [])
    assert away["merged_into"] == {"id": str(b), "reference": other["job"]["reference"]}
    both = await seen(client, b, desk)
    assert {each["id"] for each in both["reports"]} == {one["id"], other["id"]}
    assert both["report_count"] == 2
    # It is listed nowhere, and nothing more is done to it.
    for status in ("", "?status=closed"):
        listed = (await client.get(f"/v1/jobs{status}", headers=desk)).json()["items"]
        assert str(a) not in {each["id"] for each in listed}
    refused = await do(a, "updates", 409, note="Too late")
    assert (refused["code"], refused["reference"]) == ("job-merged", both["reference"])
    # Its reporter reads on, from the beginning.
    mine = (await client.get(f"/v1/reports/{one['id']}")).json()
    assert mine["status"] == "in_progress"
    assert [(e["kind"], e["status"]) for e in mine["timeline"]] == [
        ("reported", "received"),
        ("moved_in", "in_progress"),
    ]
    page = (await client.get(f"/r/{one['reference']}")).text
    assert (
        "We look after it together with another report of the same thing. A crew is on it" in page
    )
    theirs = (await client.get(f"/v1/reports/{other['id']}")).json()
    assert [e["kind"] for e in theirs["timeline"]] == ["reported", "changed"]
    # Back again: the very same job.
    await do(a, "unmerge")
    back = await seen(client, a, desk)
    for name in ("status", "reason", "due_at", "priority", "team", "report_count", "closed_at"):
        assert back[name] == before[name], name
    assert [each["id"] for each in back["reports"]] == [one["id"]]
    assert back["merged_into"] is None
    left = await seen(client, b, desk)
    assert (left["due_at"], left["priority"]) == (there["due_at"], there["priority"])
    mine = (await client.get(f"/v1/reports/{one['id']}")).json()
    assert [(e["kind"], e["status"], e["moved"]) for e in mine["timeline"]] == [
        ("reported", "received", None),
        ("moved_in", "in_progress", "merge"),
        ("moved_in", "received", "undo"),
    ]
    assert await holds(runtime)


async def test_the_more_urgent_of_two_jobs_decides_unless_a_person_said_otherwise(
    client: httpx.AsyncClient, desk: Headers, do: Do
) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    await do(a, "updates", priority="P1")
    urgent = await seen(client, a, desk)
    plain = await seen(client, b, desk)
    await do(a, "merge", into=str(b))
    both = await seen(client, b, desk)
    assert (both["priority"], both["due_at"]) == ("P1", urgent["due_at"])
    await do(a, "unmerge")
    assert (await seen(client, b, desk))["due_at"] == plain["due_at"]
    await do(b, "updates", priority="P4")
    calm = await seen(client, b, desk)
    await do(a, "merge", into=str(b))
    assert (await seen(client, b, desk))["due_at"] == calm["due_at"]


async def test_a_merge_is_undone_only_while_nothing_contradicts(
    client: httpx.AsyncClient, desk: Headers, do: Do
) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    assert (await do(a, "unmerge", 409))["detail"] == "It is not merged any more."
    await do(a, "merge", into=str(b))
    await do(b, "updates", status="fixed")
    assert "was closed since" in (await do(a, "unmerge", 409))["detail"]
    await do(b, "updates", status="received")
    await do(b, "split", reports=[one["id"]])
    assert "were moved on since" in (await do(a, "unmerge", 409))["detail"]


async def test_only_open_jobs_are_merged(client: httpx.AsyncClient, do: Do) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    assert (await do(a, "merge", 422, into=str(a)))["code"] == "invalid"
    await do(b, "updates", status="fixed")
    assert (await do(a, "merge", 409, into=str(b)))["code"] == "jobs-not-open"
    assert (await do(b, "merge", 409, into=str(a)))["code"] == "jobs-not-open"
    await do(a, "merge", 404, into=str(uuid4()))


async def test_a_split_makes_a_job_that_is_due_from_when_its_report_came(
    client: httpx.AsyncClient, desk: Headers, do: Do, runtime: Runtime
) -> None:
    one = await report(client, pothole("W1"))
    more = {"same_as": one["job"]["reference"], "description": "Another hole", "answers": DEEP}
    other = await report(client, {**pothole("W1", dx=0.501), **more})
    job = job_of(one)
    assert job_of(other) == job
    await do(job, "updates", status="in_progress")
    assert (await do(job, "split", 422, reports=[one["id"], other["id"]]))["code"] == "invalid"
    assert (await do(job, "split", 422, reports=[str(uuid4())]))["code"] == "invalid"
    moved = await do(job, "split", reports=[other["id"]])
    new = UUID(moved["into"]["id"])
    made, left = await seen(client, new, desk), await seen(client, job, desk)
    assert (made["status"], made["report_count"], left["report_count"]) == ("received", 1, 1)
    assert made["due_at"] < left["due_at"] or made["priority"] <= left["priority"]
    assert made["updates"][0]["changes"]["from"] == one["job"]["reference"]
    why = (await client.get(f"/v1/jobs/{new}/assignment", headers=desk)).json()
    assert why["team"] == made["team"]
    # It keeps what it was told, and is told how it goes on.
    mine = (await client.get(f"/v1/reports/{other['id']}")).json()
    assert [(e["kind"], e["status"]) for e in mine["timeline"]] == [
        ("attached", "received"),
        ("changed", "in_progress"),
        ("moved_in", "received"),
    ]
    # Back: the job that was split is as it was, and the new one is gone.
    await do(new, "merge", into=str(job))
    again = await seen(client, job, desk)
    assert (again["due_at"], again["report_count"]) == (left["due_at"], 2)
    assert await holds(runtime)


async def test_a_job_is_not_left_with_reports_that_were_taken_back(
    client: httpx.AsyncClient, do: Do
) -> None:
    one = await report(client, pothole("W1"))
    other = await report(client, {**pothole("W1"), "same_as": one["job"]["reference"]})
    token = {"Authorization": f"Bearer {one['tracking_token']}", "Idempotency-Key": str(uuid4())}
    await client.post(f"/v1/reports/{one['id']}/withdraw", headers=token)
    for report_id in (one["id"], other["id"]):
        assert (await do(job_of(one), "split", 422, reports=[report_id]))["code"] == "invalid"


async def test_the_same_request_again_is_the_same_answer(
    client: httpx.AsyncClient, desk: Headers, do: Do
) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    key = uuid4()
    first = await do(a, "merge", key=key, into=str(b))
    assert await do(a, "merge", key=key, into=str(b)) == first
    assert (await do(a, "merge", 422, key=key, into=str(a)))["code"] == "idempotency-key-reused"
    bare = await client.post(f"/v1/jobs/{a}/merge", json={"into": str(b)}, headers=desk)
    assert (bare.status_code, bare.json()["code"]) == (400, "idempotency-key-missing")


async def test_who_named_a_job_that_was_merged_away_joins_the_one_that_stays(
    client: httpx.AsyncClient, desk: Headers, do: Do
) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    await do(a, "merge", into=str(b))
    late = await report(client, {**pothole("W1"), "same_as": one["job"]["reference"]})
    assert job_of(late) == b
    # Undone, only what came with it goes back.
    await do(a, "unmerge")
    assert {each["id"] for each in (await seen(client, b, desk))["reports"]} == {
        other["id"],
        late["id"],
    }


async def test_only_who_decides_about_both_merges_them(
    client: httpx.AsyncClient, people: People, do: Do
) -> None:
    one, other = await two_jobs(client)
    body, key = {"into": str(job_of(other))}, {"Idempotency-Key": str(uuid4())}
    for role, authority, expected in (("crew", "shire", 403), ("supervisor", "west", 404)):
        who = await (people.crew() if role == "crew" else people.staff(role, authority))
        path = f"/v1/jobs/{job_of(one)}/merge"
        answer = await client.post(path, json=body, headers={**who, **key})
        assert answer.status_code == expected
        for job in (job_of(one), uuid4()):
            for what, said in (("split", {"reports": [one["id"]]}), ("unmerge", {})):
                answer = await client.post(
                    f"/v1/jobs/{job}/{what}", json=said, headers={**who, **key}
                )
                assert answer.status_code == (expected if job == job_of(one) else 404)


async def test_reporters_are_told_only_what_is_new_to_them_and_never_that_it_is_closed(
    client: httpx.AsyncClient, do: Do, runtime: Runtime, owner: Connection
) -> None:
    contact = {"email": "ann@example.org", "updates": ["email"]}
    one, other = await two_jobs(client, contact={**contact, "email": "bob@example.org"})
    third = await report(client, {**pothole("W1", dx=0.3), "contact": contact})
    await do(job_of(other), "updates", status="in_progress")

    async def hear() -> list[tuple[str, str, str]]:
        """Who is told what since the last time: kind and status."""
        async with runtime.unit() as conn:
            ids = await (
                await conn.execute("select id from outbox where done_at is null")
            ).fetchall()
            await outbox.fan_out(conn, [row[0] for row in ids])
        told = await owner.execute(
            "delete from delivery using subscription, job_update told"
            " where subscription.id = subscription_id and told.id = update_id"
            " returning subscription.address, told.kind, told.changes ->> 'status'"
        )
        return sorted(await told.fetchall())

    await hear()
    # The same status: nothing to tell. Another: only whom it is new to.
    await do(job_of(third), "merge", into=one["job"]["id"])
    assert await hear() == []
    await do(job_of(third), "unmerge")
    assert await hear() == []
    await do(job_of(third), "merge", into=other["job"]["id"])
    assert await hear() == [("ann@example.org", "moved_in", "in_progress")]
    # From now on both hear of the one job.
    await do(job_of(other), "updates", status="fixed")
    assert await hear() == [
        ("ann@example.org", "changed", "fixed"),
        ("bob@example.org", "changed", "fixed"),
    ]


async def test_tablets_and_links_go_with_the_reports(
    client: httpx.AsyncClient, people: People, desk: Headers, do: Do
) -> None:
    one, other = await two_jobs(client)
    a, b = job_of(one), job_of(other)
    crew = await people.crew()
    link = {"id": str(uuid4()), "name": "Mere Surfacing Ltd", "days": 14}
    made = await client.post(f"/v1/jobs/{a}/handovers", json=link, headers=desk)
    assert made.status_code in {200, 201}, made.text

    async def links(job: UUID) -> int:
        answer = await client.get(f"/v1/jobs/{job}/handovers", headers=desk)
        return sum(each["state"] == "live" for each in answer.json()["items"])

    async def news(since: str) -> Answer:
        params = {"updated_since": since}
        found: Answer = (await client.get("/v1/jobs", params=params, headers=crew)).json()
        return found

    first = await news("")
    assert {each["id"] for each in first["items"]} == {str(a), str(b)}
    await do(a, "merge", into=str(b))
    merged = await news(first["cursor"])
    assert merged["gone"] == [str(a)]
    assert {each["id"]: each["report_count"] for each in merged["items"]} == {str(b): 2}
    assert (await links(a), await links(b)) == (0, 1)
    await do(a, "unmerge")
    back = await news(merged["cursor"])
    assert (back["gone"], {each["id"] for each in back["items"]}) == ([], {str(a), str(b)})
    assert (await links(a), await links(b)) == (1, 0)
