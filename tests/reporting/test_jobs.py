"""Jobs over HTTP: what crews and supervisors see of them, and what they do to them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from geo.points import Point
from reporting import jobs
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import FLY_TIPPING, MILD, POTHOLE, pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

Answer = dict[str, Any]


@pytest.fixture
def people(county: County) -> People:
    return People(county)


def update(version: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "base_version": version,
        "made_at": datetime.now(UTC).isoformat(),
        **more,
    }


@pytest.fixture
def post(
    client: httpx.AsyncClient,
) -> Callable[..., Awaitable[httpx.Response]]:
    async def send(job: UUID, who: Headers, body: dict[str, Any]) -> httpx.Response:
        return await client.post(f"/v1/jobs/{job}/updates", json=body, headers=who)

    return send


async def listed(client: httpx.AsyncClient, who: Headers, **filters: Any) -> list[Answer]:
    answer = await client.get("/v1/jobs", params=filters, headers=who)
    assert answer.status_code == 200, answer.text
    found: list[Answer] = answer.json()["items"]
    return found


def wards(items: list[Answer]) -> set[str]:
    return {item["ward"]["code"] for item in items}


def fly_tip(ward: str, dx: float = 0.5) -> dict[str, Any]:
    return {"category": "fly_tipping", "location": inside(ward, dx), "answers": FLY_TIPPING}


def point(ward: str) -> Point:
    return Point(**inside(ward))


async def many_jobs(county: County, count: int, due: str = "2026-11-23") -> None:
    """Jobs of the county's crew, straight in SQL, due on a few instants."""
    await county.conn.execute(
        "insert into job (id, reference, authority_id, team_id, category, ward_area_id, place,"
        " status, priority, due_at, version, chain_head, created_at, updated_at)"
        " select gen_random_uuid(), gen_random_uuid(), %s, %s, 'pothole', %s,"
        " st_point(-0.99, 52.01, 4326), 'received', 3, %s::timestamptz + n %% 7 * interval '1h', 1,"
        " '', now(), now() from generate_series(1, %s) n",
        (
            county.authorities["shire"],
            county.teams["shire/highways"],
            county.areas["W1"],
            due,
            count,
        ),
    )


# Who sees what


async def test_everyone_sees_their_own_jobs_and_no_others(
    client: httpx.AsyncClient, people: People
) -> None:
    for ward in ("W1", "W2", "E1"):
        await report(client, pothole(ward))
        await report(client, fly_tip(ward))
    county_crew = await people.crew()
    assert {item["category"] for item in await listed(client, county_crew)} == {"pothole"}
    assert wards(await listed(client, county_crew)) == {"W1", "W2", "E1"}
    west_crew = await people.crew("west", "cleansing")
    assert wards(await listed(client, west_crew)) == {"W1", "W2"}
    assert await listed(client, await people.crew("west", "west-triage")) == []
    one_ward = await people.staff("supervisor", "west", wards=("W2",))
    assert wards(await listed(client, one_ward)) == {"W2"}
    one_division = await people.staff("supervisor", "shire", wards=("D1",))
    assert wards(await listed(client, one_division)) == {"W1", "W2"}
    for role in ("supervisor", "admin", "auditor"):
        assert wards(await listed(client, await people.staff(role, "east"))) == {"E1"}


async def test_a_foreign_job_is_as_absent_as_one_that_never_was(
    client: httpx.AsyncClient, people: People
) -> None:
    foreign = job_of(await report(client, fly_tip("E1")))
    crew = await people.crew("west", "cleansing")
    for path in ("/v1/jobs/{}", "/v1/jobs/{}/assignment"):
        answers = [await client.get(path.format(job), headers=crew) for job in (foreign, uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
        for answer in answers:
            del answer.headers["x-request-id"]
        assert answers[0].headers == answers[1].headers
    answers = [
        await client.post(f"/v1/jobs/{job}/updates", json=update(status="fixed"), headers=crew)
        for job in (foreign, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content


async def test_staff_read_the_words_and_nobody_the_contact(
    client: httpx.AsyncClient, people: People
) -> None:
    contact = {"name": "Ann Reporter", "email": "ann@home.example", "phone": "01234 567890"}
    made = await report(client, pothole(description="By the gate", contact=contact))
    for who in (await people.crew(), await people.staff("auditor", "shire")):
        answer = await client.get(f"/v1/jobs/{job_of(made)}", headers=who)
        assert [each["description"] for each in answer.json()["reports"]] == ["By the gate"]
        for secret in (*contact.values(), made["tracking_token"]):
            assert secret not in answer.text


async def test_rights_are_those_of_this_moment(
    client: httpx.AsyncClient, people: People, owner: Connection
) -> None:
    await report(client, pothole())
    crew = await people.crew()
    assert len(await listed(client, crew)) == 1
    await owner.execute("delete from staff_team")
    assert await listed(client, crew) == []
    await owner.execute("update staff set disabled_at = now()")
    assert (await client.get("/v1/jobs", headers=crew)).status_code == 401


# The list


async def test_filters_narrow_and_their_values_widen(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    urgent = await report(client, pothole("W1"))
    mild = await report(client, pothole("W2", answers=MILD))
    await report(client, fly_tip("W1"))
    boss, west = await people.staff("supervisor", "shire"), await people.staff("admin", "west")

    async def found(**filters: Any) -> set[str]:
        return {item["reference"] for item in await listed(client, boss, **filters)}

    one, other = urgent["job"]["reference"], mild["job"]["reference"]
    assert await found() == {one, other}
    assert await found(ward="W1") == {one}
    assert await found(ward="W1,W2") == await found(ward=["W1", "W2"]) == {one, other}
    assert await found(ward="D1") == {one, other}
    assert await found(ward="D2") == await found(ward="nowhere") == set()
    assert await found(team="highways") == {one, other}
    assert await found(team="cleansing") == await found(authority="west") == set()
    assert await found(authority="shire", category="pothole") == {one, other}
    assert await found(category="fly_tipping") == set()
    assert await found(priority=urgent["priority"]) == {one}
    assert await found(bbox="-1.0,52.0,-0.98,52.02") == {one}
    assert await found(bbox="-1.0,52.0,-0.98,52.02", status="open") == {one}
    await post(job_of(urgent), boss, update(status="fixed"))
    assert await found(status="fixed") == await found(status="fixed,closed") == {one}
    assert await found(status="open") == await found(status="open", ward="W2") == {other}
    assert await found(ward="W1") == {one}
    assert [item["category"] for item in await listed(client, west)] == ["fly_tipping"]


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "priority=P5",
        "priority=1",
        "bbox=1,2,3",
        "bbox=2,0,1,1",
        "bbox=nan,nan,nan,nan",
        "limit=0",
        "limit=201",
        "overdue=perhaps",
        "cursor=abc",
        "cursor=MjAyNg",
        "sort=due",
        "team=%00",
    ],
)
async def test_a_filter_that_cannot_be_is_refused(
    client: httpx.AsyncClient, people: People, query: str
) -> None:
    answer = await client.get(f"/v1/jobs?{query}", headers=await people.crew())
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_thousand_jobs_due_at_the_same_time_come_once_each(
    client: httpx.AsyncClient, people: People, owner: Connection
) -> None:
    await many_jobs(people.county, 1_000)
    crew = await people.crew()
    due = [item["due_at"] for item in await listed(client, crew, limit=200)]
    assert len(set(due)) < 10
    seen, cursor, pages = [], None, 0
    while True:
        params = {"limit": 70, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/v1/jobs", params=params, headers=crew)).json()
        seen += [(item["due_at"], item["id"]) for item in page["items"]]
        pages += 1
        cursor = page["next"]
        if cursor is None:
            break
        if pages == 3:  # what comes or goes meanwhile moves nothing else
            await many_jobs(people.county, 1, due="2020-01-01")
    assert pages == 15
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen) == 1_000


async def test_every_character_of_a_cursor_counts(
    client: httpx.AsyncClient, people: People
) -> None:
    await many_jobs(people.county, 3)
    crew = await people.crew()
    page = (await client.get("/v1/jobs", params={"limit": 1}, headers=crew)).json()
    cursor = page["next"]
    for place in range(0, len(cursor), 7):
        other = "A" if cursor[place] != "A" else "B"
        bent = cursor[:place] + other + cursor[place + 1 :]
        answer = await client.get("/v1/jobs", params={"cursor": bent}, headers=crew)
        assert (answer.status_code, answer.json()["code"]) == (422, "cursor-refused")


async def test_late_is_what_is_past_due_and_not_standing_still(
    client: httpx.AsyncClient, people: People, owner: Connection, post: Any
) -> None:
    crew = await people.crew()
    late, stopped, early = [
        job_of(await report(client, pothole("W1", dx))) for dx in (0.2, 0.5, 0.8)
    ]
    await post(stopped, crew, update(status="waiting", reason="parts"))
    await owner.execute(
        "update job set due_at = now() - interval '1 hour',"
        " clock_stopped_at = clock_stopped_at - interval '2 hours' where id = any(%s)",
        ([late, stopped],),
    )
    assert [item["id"] for item in await listed(client, crew, overdue="true")] == [str(late)]
    rest = {item["id"] for item in await listed(client, crew, overdue="false")}
    assert rest == {str(stopped), str(early)}
    flags = {item["id"]: item["overdue"] for item in await listed(client, crew)}
    assert flags == {str(late): True, str(stopped): False, str(early): False}


@pytest.mark.parametrize("filters", [{}, {"team": "night-crew"}])
async def test_a_team_made_since_the_process_read_the_rules_is_known_at_once(
    client: httpx.AsyncClient, people: People, filters: dict[str, str]
) -> None:
    county, boss = people.county, await people.staff("admin", "shire")
    job = job_of(await report(client, pothole()))
    assert len(await listed(client, boss)) == 1
    team = await county.add_team("shire", "night-crew")
    await county.conn.execute("update job set team_id = %s where id = %s", (team, job))
    await county.touch()
    assert [item["team"]["slug"] for item in await listed(client, boss, **filters)] == [
        "night-crew"
    ]


async def test_an_unchanged_answer_is_not_sent_twice(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job = job_of(await report(client, pothole()))
    crew = await people.crew()
    for path in ("/v1/jobs", f"/v1/jobs/{job}"):
        first = await client.get(path, headers=crew)
        assert "private" in first.headers["cache-control"]
        again = {**crew, "If-None-Match": first.headers["etag"]}
        assert (await client.get(path, headers=again)).status_code == 304
        version = (await client.get(f"/v1/jobs/{job}", headers=crew)).json()["version"]
        await post(job, crew, update(version, note="changed"))
        assert (await client.get(path, headers=again)).status_code == 200


# Changing one


async def test_a_crew_takes_a_job_through_its_day(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job = job_of(await report(client, pothole()))
    crew = await people.crew()
    on_it = (await post(job, crew, update(1, status="in_progress", note="On our way"))).json()
    assert (on_it["status"], on_it["version"]) == ("in_progress", 2)
    done = await post(job, crew, update(2, status="fixed", public_message="Filled it"))
    assert done.status_code == 200
    assert done.json() == (await client.get(f"/v1/jobs/{job}", headers=crew)).json()
    last = done.json()["updates"][-1]
    assert last["changes"] == {"status": "fixed"}
    assert (last["by"], last["public_message"]) == ("Crew of shire", "Filled it")
    assert done.json()["closed_at"] is not None
    reopened = (await post(job, crew, update(3, status="received"))).json()
    assert (reopened["reopened"], reopened["closed_at"]) == (1, None)
    assert reopened["due_at"] > done.json()["due_at"]


async def test_different_fields_merge_and_the_same_one_conflicts(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job = job_of(await report(client, pothole()))
    crew, boss = await people.crew(), await people.staff("supervisor", "shire")
    await post(job, crew, update(1, status="in_progress"))
    merged = await post(job, boss, update(1, priority="P4"))
    assert merged.status_code == 200
    assert (merged.json()["status"], merged.json()["priority"]) == ("in_progress", "P4")
    clash = await post(job, boss, update(1, status="scheduled", note="Tuesday"))
    assert clash.status_code == 409
    problem = clash.json()
    assert (problem["code"], problem["version"]) == ("conflict", 3)
    [conflict] = problem["conflicts"]
    assert conflict == {
        "field": "status",
        "yours": "scheduled",
        "theirs": "in_progress",
        "by": "Crew of shire",
        "at": conflict["at"],
    }
    whole = (await client.get(f"/v1/jobs/{job}", headers=boss)).json()
    assert whole["version"] == 3
    assert "Tuesday" not in str(whole)


async def test_two_who_say_the_same_agree(
    people: People, client: httpx.AsyncClient, post: Any
) -> None:
    job = job_of(await report(client, pothole()))
    crew, other = await people.crew(), await people.crew()
    await post(job, crew, update(1, status="closed", reason="not_found"))
    same = await post(job, other, update(1, status="closed", reason="not_found", note="Me too"))
    assert same.status_code == 200
    assert same.json()["updates"][-1]["kind"] == "noted"
    differs = await post(job, other, update(1, status="closed", reason="private_land"))
    assert [each["field"] for each in differs.json()["conflicts"]] == ["reason"]


async def test_the_same_update_again_changes_nothing(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job = job_of(await report(client, pothole()))
    other_job = job_of(await report(client, pothole("W2")))
    crew, colleague = await people.crew(), await people.crew()
    sent = update(1, status="in_progress", note="On it")
    first = await post(job, crew, sent)
    again = await post(job, crew, sent)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    for reused in (
        await post(job, colleague, sent),
        await post(other_job, crew, sent),
        await post(job, crew, {**sent, "note": "Another"}),
    ):
        assert (reused.status_code, reused.json()["code"]) == (422, "update-id-reused")


async def test_a_repeat_shows_no_more_than_the_first_answer_did(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job = job_of(await report(client, fly_tip("W1")))
    west, shire = await people.staff("admin", "west"), await people.staff("admin", "shire")
    gives_away = update(1, category="pothole")
    first = await post(job, west, gives_away)
    assert (await post(job, west, gives_away)).json() == first.json()
    await post(job, shire, update(2, note="ours now"))
    assert (await post(job, west, gives_away)).status_code == 404


async def test_naming_the_category_it_has_leaves_it_where_a_person_put_it(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("admin", "shire")
    await post(job, boss, update(1, team="shire-triage"))
    same = (await post(job, boss, update(2, category="pothole", location=inside("W1")))).json()
    assert same["team"]["slug"] == "shire-triage"


async def test_waiting_stops_the_clock(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    made = await report(client, pothole())
    job, crew = job_of(made), await people.crew()
    waiting = await post(job, crew, update(1, status="waiting", reason="Mr Jones to move his car"))
    assert waiting.json()["reason"] == "Mr Jones to move his car"
    assert waiting.json()["due_at"] == made["due_at"]
    later = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
    back = (await post(job, crew, update(2, status="in_progress", made_at=later))).json()
    moved = datetime.fromisoformat(back["due_at"]) - datetime.fromisoformat(made["due_at"])
    assert timedelta(0) < moved < timedelta(minutes=4)
    assert back["reason"] is None
    assert back["updates"][-1]["changes"]["due_at"] == back["due_at"]


async def test_what_somebody_typed_is_in_no_row_that_cannot_be_erased(
    client: httpx.AsyncClient, people: People, post: Any, owner: Connection
) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    typed = {"note": "rude Mr Smith", "public_message": "sorry Mr Smith", "reason": "Mr Smith"}
    await post(job, crew, update(1, status="waiting", **typed))
    for table in ("job_update", "assignment", "outbox"):
        row = await (
            await owner.execute(f"select string_agg(t::text, '') from {table} t")
        ).fetchone()
        assert "Smith" not in (row[0] or "")


async def test_crews_may_not_reassign_and_auditors_change_nothing(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    for asked in (
        {"team": "shire-triage"},
        {"priority": "P1"},
        {"category": "fly_tipping"},
        {"location": inside("W2")},
    ):
        assert (await post(job, crew, update(**asked))).status_code == 403
    auditor = await people.staff("auditor", "shire")
    assert (await post(job, auditor, update(note="hm"))).status_code == 403
    assert (await client.get(f"/v1/jobs/{job}", headers=crew)).json()["version"] == 1


async def test_a_supervisor_gives_a_job_to_another_team(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("supervisor", "shire")
    moved = (await post(job, boss, update(team="shire-triage"))).json()
    assert moved["team"]["slug"] == "shire-triage"
    why = (await client.get(f"/v1/jobs/{job}/assignment", headers=boss)).json()
    assert why["team"]["slug"] == "shire-triage"
    assert "by hand" in why["sentence"]
    assert [past["team"]["slug"] for past in why["past"]] == ["highways"]
    for team in ("cleansing", "no-such"):
        assert (await post(job, boss, update(2, team=team))).status_code == 422


async def test_correcting_category_or_place_asks_the_rules_again(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job, boss = job_of(await report(client, fly_tip("W1"))), await people.staff("admin", "west")
    moved = await post(job, boss, update(location=inside("W2")))
    assert moved.json()["ward"]["code"] == "W2"
    assert moved.json()["updates"][-1]["changes"]["ward"] == "W2"
    gone = await post(job, boss, update(2, category="pothole"))
    assert gone.json()["team"]["slug"] == "highways"
    assert gone.json()["authority"]["slug"] == "shire"
    assert (await client.get(f"/v1/jobs/{job}", headers=boss)).status_code == 404
    shire = await people.staff("admin", "shire")
    assert wards(await listed(client, shire)) == {"W2"}
    refused = await post(job, shire, update(3, location={"lat": 10.0, "lng": 10.0}))
    assert (refused.status_code, refused.json()["code"]) == (422, "outside-coverage")
    unknown = await post(job, shire, update(3, category="volcano"))
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown-category")


async def test_a_job_that_is_only_in_words_gets_its_place_from_a_supervisor(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    body = {"category": "pothole", "place_text": "By the old mill", "authority": "shire"}
    job = job_of(await report(client, {**body, "answers": POTHOLE}))
    triage, boss = await people.crew("shire", "shire-triage"), await people.staff("admin", "shire")
    in_words = (await post(job, triage, update(status="in_progress"))).json()
    assert (in_words["location"], in_words["ward"]) == (None, None)
    assert in_words["flags"] == ["needs_place"]
    corrected = await post(job, boss, update(2, category="fly_tipping"))
    assert (corrected.status_code, corrected.json()["code"]) == (422, "invalid")
    placed = (await post(job, boss, update(2, location=inside("E1")))).json()
    assert (placed["team"]["slug"], placed["ward"]["code"]) == ("highways", "E1")
    assert (placed["status"], placed["flags"]) == ("in_progress", [])


async def test_a_photo_belongs_to_one_update(
    client: httpx.AsyncClient, people: People, post: Any, owner: Connection
) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    photo, digest = uuid4(), b"\x07" * 32
    await owner.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height)"
        " values (%s, 'k', %s, 1, 'image/jpeg', 1, 1)",
        (photo, digest),
    )
    fixed = await post(job, crew, update(status="fixed", photos=[str(photo)]))
    [shown] = fixed.json()["updates"][-1]["photos"]
    assert (shown["id"], shown["state"]) == (str(photo), "stored")
    assert shown["small"].startswith(f"/v1/photos/{photo}/small?")
    row = await (await owner.execute("select changes from job_update where seq = 2")).fetchone()
    assert row[0]["photos"] == {str(photo): digest.hex()}
    for taken in (photo, uuid4()):
        again = await post(job, crew, update(2, note="x", photos=[str(taken)]))
        assert again.json()["code"] == "photo-unknown"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"status": "done"}, 422, "invalid"),
        ({"status": "closed"}, 422, "invalid"),
        ({"status": "closed", "reason": "bored"}, 422, "invalid"),
        ({"status": "fixed", "reason": "not_found"}, 422, "invalid"),
        ({"scheduled_for": "2027-01-01T09:00:00Z"}, 422, "invalid"),
        ({"note": "x", "base_version": 2}, 422, "invalid"),
        ({"note": "x", "base_version": 0}, 422, "invalid"),
        ({"note": "x", "base_version": "1"}, 422, "invalid"),
        ({"note": "x", "made_at": "2099-01-01T00:00:00Z"}, 422, "made-at-refused"),
        ({"note": "x", "made_at": "2020-01-01T00:00:00Z"}, 422, "made-at-refused"),
        ({"note": "x", "made_at": "2026-11-23T12:00:00"}, 422, "invalid"),
        ({"note": "x", "made_at": 1_795_000_000}, 422, "invalid"),
        ({"note": ""}, 422, "invalid"),
        ({"note": "a\x00b"}, 422, "invalid"),
        ({"note": "x", "colour": "red"}, 422, "invalid"),
        ({"location": {"lat": 0, "lng": 0}}, 422, "null-island"),
        ({"id": "7", "note": "x"}, 422, "invalid"),
    ],
)
async def test_an_update_that_cannot_be_is_refused(
    client: httpx.AsyncClient,
    people: People,
    post: Any,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("admin", "shire")
    answer = await post(job, boss, {**update(), **body})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await client.get(f"/v1/jobs/{job}", headers=boss)).json()["version"] == 1


async def test_a_move_that_is_not_in_the_table_is_refused(
    client: httpx.AsyncClient, people: People, post: Any
) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    await post(job, crew, update(1, status="referred"))
    answer = await post(job, crew, update(2, status="scheduled"))
    assert (answer.status_code, answer.json()["code"]) == (409, "move-not-allowed")
    assert (answer.json()["status_now"], answer.json()["asked"]) == ("referred", "scheduled")


async def test_only_what_reporters_hear_is_sent_on(
    client: httpx.AsyncClient, people: People, post: Any, owner: Connection
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("admin", "shire")
    await owner.execute("delete from outbox")
    bodies = [{"note": "internal"}, {"priority": "P4"}, {"team": "shire-triage"}]
    public = [{"status": "in_progress"}, {"public_message": "Sorry"}]
    told = []
    for version, body in enumerate([*bodies, *public], start=1):
        sent = update(version, **body)
        assert (await post(job, boss, sent)).status_code == 200
        told += [UUID(sent["id"])] if body in public else []
    cursor = await owner.execute("select subject from outbox where topic = 'update' order by id")
    assert [subject for (subject,) in await cursor.fetchall()] == told


async def test_new_boundaries_move_open_jobs_only(
    client: httpx.AsyncClient, people: People, post: Any, runtime: Runtime
) -> None:
    boss = await people.staff("admin", "west")
    here, there, closed = [
        job_of(await report(client, fly_tip("W1", dx))) for dx in (0.1, 0.5, 0.9)
    ]
    await post(closed, boss, update(status="fixed"))
    async with runtime.unit() as conn:
        at = datetime.now(UTC)
        from_rules = await runtime.router.assign(conn, point("E1"), "fly_tipping", at)
        same = await runtime.router.assign(conn, point("W1"), "fly_tipping", at)
        moved = await jobs.reassign(conn, {here: from_rules, there: same, closed: from_rules})
    assert moved == 1
    east = await people.staff("admin", "east")
    [only] = await listed(client, east)
    assert only["id"] == str(here)
    whole = (await client.get(f"/v1/jobs/{here}", headers=east)).json()
    assert whole["updates"][-1]["kind"] == "reassigned"
    assert whole["updates"][-1]["by"] == "Kerbline"
    assert {"authority", "team", "ward"} <= whole["updates"][-1]["changes"].keys()
