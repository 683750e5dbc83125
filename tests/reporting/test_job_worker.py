"""Who is on a job: taken by starting, taken over, given, left."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting import keys
from tests.reporting.test_jobs import fly_tip, update
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report


@pytest.fixture
def people(county: County) -> People:
    return People(county)


async def account(people: People, who: Headers) -> str:
    """The id behind a bearer."""
    token = who["Authorization"].removeprefix("Bearer ")
    cursor = await people.county.conn.execute(
        "select staff_id from staff_token where token_hash = %s", (keys.token_hash(token),)
    )
    (found,) = await cursor.fetchone()
    return str(found)


async def send(
    client: httpx.AsyncClient, job: UUID, who: Headers, version: int, **more: Any
) -> httpx.Response:
    return await client.post(f"/v1/jobs/{job}/updates", json=update(version, **more), headers=who)


async def test_who_starts_a_job_is_on_it(client: httpx.AsyncClient, people: People) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    started = (await send(client, job, crew, 1, status="in_progress")).json()
    me = {"id": await account(people, crew), "name": "Crew of shire"}
    assert started["worker"] == me
    assert started["updates"][-1]["changes"] == {"status": "in_progress", "worker": me}
    listed = (await client.get("/v1/jobs", headers=crew)).json()["items"]
    assert [item["worker"] for item in listed] == [me]
    sent_back = (await send(client, job, crew, 2, status="received")).json()
    assert sent_back["worker"] is None
    assert sent_back["updates"][-1]["changes"]["worker"] is None


async def test_sending_back_takes_it_from_nobody_who_came_since(
    client: httpx.AsyncClient, people: People
) -> None:
    job, one, other = (
        job_of(await report(client, pothole())),
        await people.crew(),
        await people.crew(),
    )
    await send(client, job, one, 1, status="fixed")
    await send(client, job, other, 2, worker="me")
    back = (await send(client, job, one, 2, status="received")).json()
    assert (back["status"], back["worker"]["id"]) == ("received", await account(people, other))


async def test_a_supervisor_who_says_it_is_begun_is_not_on_it(
    client: httpx.AsyncClient, people: People
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("supervisor", "shire")
    assert (await send(client, job, boss, 1, status="in_progress")).json()["worker"] is None


async def test_two_crews_who_start_the_same_job_are_told_of_each_other(
    client: httpx.AsyncClient, people: People
) -> None:
    job, one, other = (
        job_of(await report(client, pothole())),
        await people.crew(),
        await people.crew(),
    )
    await send(client, job, one, 1, status="in_progress")
    second = await send(client, job, other, 1, status="in_progress")
    assert second.status_code == 409
    [conflict] = second.json()["conflicts"]
    assert conflict["field"] == "worker"
    assert conflict["theirs"] == {"id": await account(people, one), "name": "Crew of shire"}
    assert conflict["yours"] == {"id": await account(people, other), "name": "Crew of shire"}
    taken = await send(client, job, other, 2, worker="me")
    assert taken.json()["worker"]["id"] == await account(people, other)
    left = await send(client, job, other, 3, worker=None)
    assert left.json()["worker"] is None


async def test_only_who_works_here_can_be_put_on_a_job(
    client: httpx.AsyncClient, people: People
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("supervisor", "shire")
    ours, theirs = await people.crew(), await people.crew("west", "cleansing")
    other_team = await people.crew("shire", "shire-triage")
    given = await send(client, job, boss, 1, worker=await account(people, ours))
    assert given.json()["worker"]["id"] == await account(people, ours)
    for nobody in (await account(people, theirs), await account(people, other_team), str(uuid4())):
        refused = await send(client, job, boss, 2, worker=nobody)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")


async def test_a_job_that_goes_to_another_team_has_nobody_on_it(
    client: httpx.AsyncClient, people: People
) -> None:
    crew, boss = await people.crew(), await people.staff("admin", "shire")
    job = job_of(await report(client, pothole()))
    await send(client, job, crew, 1, status="in_progress")
    moved = (await send(client, job, boss, 2, team="shire-triage")).json()
    assert (moved["worker"], moved["updates"][-1]["changes"]["worker"]) == (None, None)
    west, crew = await people.staff("admin", "west"), await people.crew("west", "cleansing")
    job = job_of(await report(client, fly_tip("W1")))
    await send(client, job, crew, 1, status="in_progress")
    assert (await send(client, job, west, 2, category="pothole")).json()["worker"] is None


async def test_pictures_say_what_they_show_of_the_work(
    client: httpx.AsyncClient, people: People
) -> None:
    job, crew = job_of(await report(client, pothole())), await people.crew()
    refused = await send(client, job, crew, 1, note="x", photos_show="before")
    assert refused.json()["code"] == "invalid"
    photo = uuid4()
    await people.county.conn.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height)"
        " values (%s, 'k', %s, 1, 'image/jpeg', 1, 1)",
        (photo, b"\x07" * 32),
    )
    shown = await send(client, job, crew, 1, photos=[str(photo)], photos_show="after")
    last = shown.json()["updates"][-1]
    assert (last["kind"], last["changes"]) == ("noted", {"photos_show": "after"})


@pytest.mark.parametrize("more", [{"authority": "west"}, {"referred_to": "National Highways"}])
async def test_nothing_is_referred_by_name_without_being_referred(
    client: httpx.AsyncClient, people: People, more: dict[str, str]
) -> None:
    job, boss = job_of(await report(client, pothole())), await people.staff("admin", "shire")
    refused = await send(client, job, boss, 1, **more)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
