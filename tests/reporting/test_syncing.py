"""Tablets over HTTP: what they did comes in once, and they are told what changed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from tests.reporting.test_jobs import update
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report
from tests.support.scratch import Database

Answer = dict[str, Any]


@pytest.fixture
def people(county: County) -> People:
    return People(county)


class Tablet:
    """What a tablet sends and is told."""

    def __init__(self, client: httpx.AsyncClient, who: Headers) -> None:
        self.client, self.who = client, who
        self.id, self.seq = str(uuid4()), 0
        self.cursor = ""

    def did(self, job: UUID, version: int = 1, **more: Any) -> Answer:
        """An operation."""
        self.seq += 1
        return update(version, job_id=str(job), **{"device_seq": self.seq, **more})

    async def push(self, *operations: Answer) -> list[Answer]:
        """Their results."""
        body = {"tablet": self.id, "operations": operations}
        answer = await self.client.post("/v1/sync", json=body, headers=self.who)
        assert answer.status_code == 200, answer.text
        found: list[Answer] = answer.json()["results"]
        assert [each["id"] for each in found] == [each["id"] for each in operations]
        return found

    async def ask(self, **more: Any) -> httpx.Response:
        """What is new since the cursor."""
        params = {"updated_since": self.cursor, **more}
        return await self.client.get("/v1/jobs", params=params, headers=self.who)

    async def pull(self, **more: Any) -> tuple[dict[str, Answer], set[str]]:
        """All that is new: jobs by id, and those that are gone."""
        jobs: dict[str, Answer] = {}
        gone: set[str] = set()
        while True:
            answer = await self.ask(**more)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            gone |= set(page["gone"])
            jobs |= {item["id"]: item for item in page["items"]}
            self.cursor = page["cursor"]
            if not page["more"]:
                return jobs, gone


@pytest.fixture
async def crew(client: httpx.AsyncClient, people: People) -> Tablet:
    return Tablet(client, await people.crew())


@pytest.fixture
async def boss(client: httpx.AsyncClient, people: People) -> Tablet:
    return Tablet(client, await people.staff("supervisor", "shire"))


def outcomes(results: list[Answer]) -> list[str]:
    return [each["outcome"] for each in results]


# What came in


async def test_a_morning_comes_in_each_with_its_own_outcome(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    one, two, three = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2", "E1")]
    [done] = await boss.push(boss.did(two, status="waiting", reason="parts"))
    assert done["outcome"] == "applied"
    results = await crew.push(
        crew.did(one, status="in_progress"),
        crew.did(one, status="fixed", note="Filled"),
        crew.did(two, status="fixed"),
        crew.did(three, status="closed"),
        crew.did(uuid4(), status="fixed"),
    )
    assert outcomes(results) == ["applied", "applied", "conflict", "refused", "refused"]
    assert "job" not in results[0]
    assert (results[1]["job"]["status"], results[1]["job"]["version"]) == ("fixed", 3)
    [conflict] = results[2]["conflicts"]
    assert (conflict["yours"], conflict["theirs"]) == ("fixed", "waiting")
    assert conflict["by"] == "Supervisor of shire"
    assert results[2]["job"]["status"] == "waiting"
    assert results[3]["problem"]["code"] == "invalid"
    assert (results[4]["problem"]["code"], results[4]["problem"]["status"]) == ("not-found", 404)
    assert "another team" in results[4]["problem"]["detail"]


async def test_what_is_sent_again_gets_the_same_answer(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    one, two = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2")]
    await boss.push(boss.did(two, status="waiting", reason="Mr Smith"))
    sent = [
        crew.did(one, status="in_progress"),
        crew.did(two, status="waiting", reason="the rain"),
        crew.did(one, photos=[str(uuid4())]),
    ]
    first = await crew.push(*sent)
    assert outcomes(first) == ["applied", "conflict", "refused"]
    assert first[2]["problem"]["code"] == "photo-unknown"
    again = await crew.push(*reversed(sent), sent[0])
    assert outcomes(again) == ["refused", "conflict", "already_applied", "already_applied"]
    assert again[1]["conflicts"] == first[1]["conflicts"]
    assert again[0]["problem"] == first[2]["problem"]
    await boss.push(boss.did(two, 2, status="in_progress"))
    later = await crew.push(sent[1])
    assert later[0]["conflicts"] == first[1]["conflicts"]


async def test_no_words_stand_among_the_outcomes(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet, people: People
) -> None:
    job = job_of(await report(client, pothole()))
    await boss.push(boss.did(job, status="waiting", reason="Mr Smith"))
    await crew.push(crew.did(job, status="waiting", reason="Mrs Smith", note="Miss Smith"))
    cursor = await people.county.conn.execute("select string_agg(o::text, '') from operation o")
    assert "Smith" not in (await cursor.fetchone())[0]


async def test_an_operation_that_cannot_be_read_stops_no_other(
    client: httpx.AsyncClient, crew: Tablet
) -> None:
    job = job_of(await report(client, pothole()))
    results = await crew.push(
        crew.did(job, colour="red"),
        crew.did(job, status="done"),
        {"id": str(uuid4())},
        crew.did(job, location={"lat": 0, "lng": 0}),
        crew.did(job, note="here"),
    )
    assert outcomes(results) == ["refused"] * 4 + ["applied"]
    codes = [each["problem"]["code"] for each in results[:4]]
    assert codes == ["invalid", "invalid", "invalid", "null-island"]
    assert "status" in results[1]["problem"]["detail"]
    body = {"tablet": crew.id, "operations": [{"id": "7"}]}
    unnamed = await client.post("/v1/sync", json=body, headers=crew.who)
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "invalid")


async def test_what_a_tablet_did_before_is_not_somebody_else(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    job = job_of(await report(client, pothole()))
    started, paused, done = (
        crew.did(job, status="in_progress"),
        crew.did(job, status="waiting", reason="a van"),
        crew.did(job, status="fixed", note="At last"),
    )
    assert outcomes(await crew.push(started)) == ["applied"]
    assert outcomes(await boss.push(boss.did(job, priority="P4"))) == ["applied"]
    # The last two come in the wrong order: what was done last stands.
    assert outcomes(await crew.push(done)) == ["applied"]
    [late] = await crew.push(paused)
    assert late["outcome"] == "applied"
    assert (late["job"]["status"], late["job"]["reason"]) == ("fixed", None)
    assert [each["kind"] for each in late["job"]["updates"]][-1] == "noted"
    other = Tablet(client, crew.who)  # another tablet is another, whoever holds it
    assert outcomes(await other.push(other.did(job, status="waiting"))) == ["conflict"]


async def test_in_one_request_the_order_is_that_of_the_tablet(
    client: httpx.AsyncClient, crew: Tablet
) -> None:
    job = job_of(await report(client, pothole()))
    first, second = crew.did(job, status="in_progress"), crew.did(job, status="fixed")
    results = await crew.push(second, first)
    assert outcomes(results) == ["applied", "applied"]
    assert [each["changes"].get("status") for each in results[1]["job"]["updates"]][1:] == [
        "in_progress",
        "fixed",
    ]


async def test_two_crews_who_started_the_same_job_see_each_other(
    client: httpx.AsyncClient, people: People, crew: Tablet
) -> None:
    job, other = job_of(await report(client, pothole())), Tablet(client, await people.crew())
    assert outcomes(await crew.push(crew.did(job, status="in_progress"))) == ["applied"]
    [second] = await other.push(other.did(job, status="in_progress"))
    assert [each["field"] for each in second["conflicts"]] == ["worker"]
    mine = other.did(job, second["job"]["version"], status="in_progress", worker="me")
    assert outcomes(await other.push(mine)) == ["applied"]


async def test_a_tablet_may_be_weeks_late_and_not_months(
    client: httpx.AsyncClient, crew: Tablet
) -> None:
    job = job_of(await report(client, pothole()))

    def ago(days: int) -> str:
        return (datetime.now(UTC) - timedelta(days=days)).isoformat()

    results = await crew.push(
        crew.did(job, note="late", made_at=ago(39)), crew.did(job, note="too late", made_at=ago(41))
    )
    assert outcomes(results) == ["applied", "refused"]
    assert results[1]["problem"]["code"] == "made-at-refused"
    assert (
        results[0]["job"]["updates"] == results[1]["job"]["updates"] if "job" in results[0] else 1
    )


async def test_one_operation_sent_many_times_at_once_happens_once(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    one, two = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2")]
    await boss.push(boss.did(two, status="waiting"))
    for job, first, rest in (
        (one, "applied", "already_applied"),
        (two, "conflict", "conflict"),
        (uuid4(), "refused", "refused"),
    ):
        sent = crew.did(job, status="in_progress")
        found = await asyncio.gather(*(crew.push(sent) for _ in range(8)))
        kinds = sorted(outcomes([each[0] for each in found]), key=lambda kind: kind != first)
        assert kinds == [first, *[rest] * 7]
    whole = (await client.get(f"/v1/jobs/{one}", headers=crew.who)).json()
    assert whole["version"] == 2


async def test_an_id_is_one_operation_of_one_person(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    one, two = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2")]
    sent = crew.did(one, note="x")
    await crew.push(sent)
    for tablet, job in ((boss, one), (crew, two)):
        [reused] = await tablet.push({**sent, "job_id": str(job)})
        assert (reused["outcome"], reused["problem"]["code"]) == ("refused", "update-id-reused")
    assert outcomes(await crew.push(sent)) == ["already_applied"]


async def test_an_update_that_came_by_itself_is_known_in_a_sync(
    client: httpx.AsyncClient, crew: Tablet
) -> None:
    job = job_of(await report(client, pothole()))
    sent = crew.did(job, status="in_progress")
    alone = {name: sent[name] for name in sent if name not in {"job_id", "device_seq"}}
    await client.post(f"/v1/jobs/{job}/updates", json=alone, headers=crew.who)
    assert outcomes(await crew.push(sent)) == ["already_applied"]


async def test_without_a_database_the_rest_is_sent_again(
    client: httpx.AsyncClient, crew: Tablet, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2")]
    sent = [crew.did(one, note="one"), crew.did(two, note="two")]
    async with await AsyncConnection.connect(database.admin_url) as held:
        await held.execute("select from job where id = %s for update", (two,))
        body = {"tablet": crew.id, "operations": sent}
        answer = await client.post("/v1/sync", json=body, headers=crew.who)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"]
    assert outcomes(await crew.push(*sent)) == ["already_applied", "applied"]


async def test_a_job_that_went_to_another_team_is_refused_and_said_so(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    job = job_of(await report(client, pothole()))
    await boss.push(boss.did(job, team="shire-triage"))
    sent = crew.did(job, status="fixed")
    [refused] = await crew.push(sent)
    assert (refused["outcome"], refused["problem"]["code"]) == ("refused", "not-found")
    assert "job" not in refused
    [absent] = await crew.push(crew.did(uuid4(), status="fixed"))
    assert absent["problem"] == refused["problem"]
    await boss.push(boss.did(job, 2, team="highways"))
    assert await crew.push(sent) == [{**refused, "job": (await crew.pull())[0][str(job)]}]


@pytest.mark.parametrize("role", ["auditor"])
async def test_who_may_change_nothing_sends_nothing(
    client: httpx.AsyncClient, people: People, role: str
) -> None:
    body = {"tablet": str(uuid4()), "operations": [update(job_id=str(uuid4()), device_seq=1)]}
    who = await people.staff(role, "shire")
    assert (await client.post("/v1/sync", json=body, headers=who)).status_code == 403
    assert (await client.post("/v1/sync", json=body)).status_code == 401
