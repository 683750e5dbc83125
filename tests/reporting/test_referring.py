"""Passing a job on, over HTTP: to another authority here, to a body outside, and back again."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting import verify
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import FLY_TIPPING, pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

Answer = dict[str, Any]
Do = Callable[..., Awaitable[Answer]]
OURS = "This belongs to {}; we have passed it on"


@pytest.fixture
def people(county: County) -> People:
    return People(county)


@pytest.fixture
def do(client: httpx.AsyncClient) -> Do:
    """An update of a job, on the version it has; the answer to it must be the one expected."""

    async def send(job: UUID, who: Headers, expected: int = 200, **fields: Any) -> Answer:
        seen = (await client.get(f"/v1/jobs/{job}", headers=who)).json()
        body = {
            "id": str(uuid4()),
            "base_version": seen.get("version", 1),
            "made_at": datetime.now(UTC).isoformat(),
            **fields,
        }
        answer = await client.post(f"/v1/jobs/{job}/updates", json=body, headers=who)
        assert answer.status_code == expected, answer.text
        found: Answer = answer.json()
        return found

    return send


async def refer(do: Do, job: UUID, who: Headers, to: str, expected: int = 200) -> Answer:
    return await do(job, who, expected, status="referred", authority=to)


async def test_a_job_goes_to_the_authority_whose_it_is_and_is_accepted_there(
    client: httpx.AsyncClient, people: People, do: Do, owner: Connection, runtime: Runtime
) -> None:
    made = await report(client, pothole("W1", description="It is on the footpath."))
    job, own = job_of(made), f"/v1/reports/{made['id']}"
    shire, west = [await people.staff("supervisor", it) for it in ("shire", "west")]
    crew = await people.crew()
    before = (await client.get(f"/v1/jobs/{job}", headers=shire)).json()
    assert (await client.get(f"/v1/jobs/{job}", headers=west)).status_code == 404
    answer = await refer(do, job, shire, "west")
    assert (answer["status"], answer["authority"]["slug"]) == ("referred", "west")
    assert answer["team"]["slug"] == "west-triage"  # it has no rule for potholes
    assert {"referred_here", "needs_triage"} <= set(answer["flags"])
    # Foreign is absent, for the sender too; the receiver sees it at once.
    for who in (shire, crew):
        assert (await client.get(f"/v1/jobs/{job}", headers=who)).status_code == 404
    seen = (await client.get(f"/v1/jobs/{job}", headers=west)).json()
    assert (
        seen["updates"][-1]["changes"] | {"status": "referred", "authority": "west"}
        == (seen["updates"][-1]["changes"])
    )
    assert seen["overdue"] is False
    # Residents read whose it is, and the report keeps where it was made.
    public = (await client.get(own)).json()
    assert public["status_text"] == OURS.format("West District Council")
    welsh = await client.get(f"/r/{made['reference']}", headers={"Accept-Language": "cy"})
    assert "West District Council sy&#39;n gyfrifol am hyn" in welsh.text
    await client.get(f"/r/{made['reference']}?t={made['tracking_token']}")
    mine = await client.get(f"/r/{made['reference']}")
    assert "Shire County Council referred it to West District Council." in mine.text
    assert "staff:" not in mine.text
    assert public["ward"] == made["ward"]
    cursor = await owner.execute(
        "select authority_id, ward_area_id from report where id = %s", (made["id"],)
    )
    assert await cursor.fetchone() == (
        people.county.authorities["shire"],
        people.county.areas["W1"],
    )
    # Why it came there.
    why = (await client.get(f"/v1/jobs/{job}/assignment", headers=west)).json()
    assert (why["reasons"]["why"], why["reasons"]["from"]["slug"]) == ("referred", "shire")
    assert why["reasons"]["by"].startswith("staff:")
    assert "Shire County Council referred it to West District Council." in why["sentence"]
    assert "No rule applies, so it went to the fallback team" in why["sentence"]
    assert len(why["past"]) == 1
    # Nobody starts what was not accepted; accepting it makes it due anew.
    await do(job, west, 409, status="in_progress")
    accepted = await do(job, west, status="received")
    assert accepted["status"] == "received"
    assert not {"referred_here", "referred_often"} & set(accepted["flags"])
    assert accepted["due_at"] >= before["due_at"]
    assert (await client.get(own)).json()["status_text"].startswith("We have it; West Triage")
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


async def test_it_goes_by_the_receiver_s_own_rules(
    client: httpx.AsyncClient, people: People, do: Do
) -> None:
    tip = {"category": "fly_tipping", "location": inside("E1"), "answers": FLY_TIPPING}
    job = job_of(await report(client, tip))
    east, shire = [await people.staff("admin", it) for it in ("east", "shire")]
    await people.county.add_rule("shire", "fly_tipping", "waste")
    await people.county.touch()
    # The county's rule covers the place; the district's won by its number. Now the county's counts.
    answer = await refer(do, job, east, "shire")
    assert answer["team"]["slug"] == "waste"
    assert answer["division"]["code"] == "D2"
    why = (await client.get(f"/v1/jobs/{job}/assignment", headers=shire)).json()
    assert "the rule of shire for fly_tipping in its whole area won" in why["sentence"].lower()


async def test_what_cannot_be_referred_says_why(
    client: httpx.AsyncClient, people: People, do: Do, owner: Connection
) -> None:
    job = job_of(await report(client, pothole("W1")))
    boss, crew = await people.staff("supervisor", "shire"), await people.crew()
    for fields, said in (
        ({"authority": "shire"}, "already"),
        ({"authority": "nowhere"}, "no such authority"),
        ({"authority": "west", "referred_to": "Somebody"}, "to one"),
        ({"authority": "west", "team": "cleansing"}, "their own team"),
        ({"referred_to": "  "}, "by its name"),
    ):
        problem = await do(job, boss, 422, status="referred", **fields)
        assert said in problem["detail"], problem
    assert "status referred" in (await do(job, boss, 422, authority="west"))["detail"]
    # East's own ground is known, and the place is not on it.
    problem = await refer(do, job, boss, "east", 422)
    assert problem["code"] == "not-their-ground"
    # A crew neither gives it away nor names whose it is.
    await refer(do, job, crew, "west", 403)
    await do(job, crew, 403, status="referred", referred_to="Network Rail")
    still = (await client.get(f"/v1/jobs/{job}", headers=boss)).json()
    assert (still["version"], still["status"]) == (1, "received")
    # Nobody has said where a highways body's ground lies: any place may be its.
    await people.county.add_authority("roads", "National Roads", "national")
    await people.county.touch()
    assert (await refer(do, job, boss, "roads"))["team"]["slug"] == "roads-triage"


async def test_a_place_in_words_goes_to_whoever_finds_places(
    client: httpx.AsyncClient, people: People, do: Do
) -> None:
    body = {**pothole(), "place_text": "behind the school", "authority": "shire"}
    del body["location"]
    job = job_of(await report(client, body))
    answer = await refer(do, job, await people.staff("supervisor", "shire"), "east")
    assert answer["team"]["slug"] == "east-triage"
    assert {"needs_place", "referred_here"} <= set(answer["flags"])
    why = await client.get(
        f"/v1/jobs/{job}/assignment", headers=await people.staff("admin", "east")
    )
    assert "known in words only" in why.json()["sentence"]


async def test_to_and_fro_ends_with_a_supervisor(
    client: httpx.AsyncClient, people: People, do: Do
) -> None:
    await people.county.add_rule("west", "pothole", "paths")
    await people.county.touch()
    made = await report(client, pothole("W2"))
    job = job_of(made)
    bosses = {it: await people.staff("supervisor", it) for it in ("shire", "west")}
    hands = [("shire", "west"), ("west", "shire"), ("shire", "west")]
    holder = made["authority"]["slug"]
    if holder == "west":
        hands = [(to, sender) for sender, to in hands]
    answers = [await refer(do, job, bosses[sender], to) for sender, to in hands]
    assert [answer["status"] for answer in answers] == ["referred"] * 3
    assert ["referred_often" in answer["flags"] for answer in answers] == [False, False, True]
    last = hands[-1][1]
    assert answers[-1]["team"]["slug"] == f"{last}-triage"
    assert "needs_triage" in answers[-1]["flags"]
    why = (await client.get(f"/v1/jobs/{job}/assignment", headers=bosses[last])).json()
    assert "It was referred 3 times" in why["sentence"]
    assert [past["reasons"]["why"] for past in why["past"]][:2] == ["referred"] * 2
    # Each hand it went through was told to its reporter.
    told = (await client.get(f"/v1/reports/{made['id']}")).json()["timeline"]
    assert [entry["status"] for entry in told].count("referred") == 3
    names = {"west": "West District Council", "shire": "Shire County Council"}
    assert [entry["passed_to"] for entry in told if entry["passed_to"]] == [
        names[to] for _, to in hands
    ]
    page = (await client.get(f"/r/{made['reference']}")).text
    assert all(f"{OURS.format(names[to])}." in page for _, to in hands)
    # Whoever takes it ends that.
    assert not {"referred_here", "referred_often"} & set(
        (await do(job, bosses[last], status="received"))["flags"]
    )


async def test_a_tablet_of_the_former_team_hears_that_it_is_gone(
    client: httpx.AsyncClient, people: People, do: Do, owner: Connection
) -> None:
    made = await report(client, pothole("W1"))
    job, boss = job_of(made), await people.staff("supervisor", "shire")
    await refer(do, job, boss, "west")
    cursor = await owner.execute("select job_id, team_id from job_departure")
    assert await cursor.fetchall() == [(job, people.county.teams["shire/highways"])]


async def test_outside_it_is_named_its_clock_stands_still_and_it_comes_back(
    client: httpx.AsyncClient, people: People, do: Do, owner: Connection
) -> None:
    made = await report(client, pothole("W1"))
    job, own = job_of(made), f"/v1/reports/{made['id']}"
    boss = await people.staff("supervisor", "shire")
    answer = await do(job, boss, status="referred", referred_to="Network Rail")
    assert (answer["status"], answer["referred_to"]) == ("referred", "Network Rail")
    assert answer["authority"]["slug"] == "shire"
    assert answer["updates"][-1]["changes"]["referred_to"] == "Network Rail"
    bearer = {"Authorization": f"Bearer {made['tracking_token']}"}
    for headers in ({}, bearer):
        told = (await client.get(own, headers=headers)).json()["status_text"]
        assert told == OURS.format("Network Rail")
    # The name is free text: it can be erased, and is in no chained row.
    cursor = await owner.execute("select changes::text from job_update order by seq desc limit 1")
    assert "Network Rail" not in str(await cursor.fetchone())
    # It is not late while others have it, and not later for it when it is back.
    await owner.execute(
        "update job set due_at = now() - interval '1 hour',"
        " clock_stopped_at = now() - interval '3 hours'"
    )
    assert (await client.get(f"/v1/jobs/{job}", headers=boss)).json()["overdue"] is False
    back = await do(job, boss, status="received")
    assert (back["referred_to"], back["status"]) == (None, "received")
    left = datetime.fromisoformat(back["due_at"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=50) < left < timedelta(hours=2, minutes=10)
    # What may lead to a person is for its reporter only.
    await do(job, boss, status="referred", referred_to="Mr Miller, 07700 900123")
    told = [
        (await client.get(own, headers=headers)).json()["status_text"] for headers in ({}, bearer)
    ]
    assert told == [OURS.format("somebody else"), OURS.format("Mr Miller, 07700 900123")]


async def test_two_who_refer_it_to_different_bodies_are_asked(
    client: httpx.AsyncClient, people: People, do: Do
) -> None:
    job = job_of(await report(client, pothole("W1")))
    boss, other = [await people.staff("admin", "shire") for _ in range(2)]
    await do(job, boss, status="referred", referred_to="Network Rail")
    problem = await do(
        job, other, 409, status="referred", referred_to="The water company", base_version=1
    )
    [clash] = problem["conflicts"]
    assert (clash["field"], clash["yours"], clash["theirs"]) == (
        "referred_to",
        "The water company",
        "Network Rail",
    )
