"""Priority and due at work: raised by reports, judged anew when put right, and why."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from reporting.runtime import Connection
from tests.reporting.test_reports import pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

#: P4 by itself.
SHALLOW = {"where": "pavement", "depth": "under_4cm"}
#: P2, and P1 when three people say so: impact 3, likelihood 3.
DEEP = {"where": "carriageway", "depth": "over_7cm"}
#: P3.
FAIR = {"where": "carriageway", "depth": "4_to_7cm"}

Answer = dict[str, Any]


@pytest.fixture
async def boss(county: County) -> Headers:
    return await People(county).staff("supervisor", "shire")


@pytest.fixture
def act(client: httpx.AsyncClient, boss: Headers) -> Callable[..., Awaitable[Answer]]:
    async def send(job: UUID, **did: Any) -> Answer:
        seen = (await client.get(f"/v1/jobs/{job}", headers=boss)).json()
        body = {
            "id": str(uuid4()),
            "base_version": seen["version"],
            "made_at": datetime.now(UTC).isoformat(),
            **did,
        }
        answer = await client.post(f"/v1/jobs/{job}/updates", json=body, headers=boss)
        assert answer.status_code == 200, answer.text
        found: Answer = answer.json()
        return found

    return send


async def joined(client: httpx.AsyncClient, first: Answer, ward: str = "W1", **more: Any) -> Answer:
    """Another report of the same job."""
    return await report(client, pothole(ward, same_as=first["job"]["reference"], **more))


async def whole(client: httpx.AsyncClient, job: UUID, who: Headers) -> Answer:
    found: Answer = (await client.get(f"/v1/jobs/{job}", headers=who)).json()
    return found


async def zone(county: County, zone_type: str, wkt: str, name: str) -> None:
    """A zone of the county."""
    row = await (
        await county.conn.execute(
            "with v as (insert into vintage (authority_id, kind, zone_type, valid, state, source)"
            " values (%(owner)s, 'zone', %(type)s, '[2020-01-01,)', 'active', '{}') returning id),"
            " a as (insert into area (vintage_id, authority_id, kind, zone_type, code, name, geom)"
            " select id, %(owner)s, 'zone', %(type)s, 'Z1', %(name)s,"
            " st_multi(st_geomfromtext(%(wkt)s, 4326)) from v returning id)"
            " select id from a",
            {
                "owner": county.authorities["shire"],
                "type": zone_type,
                "name": name,
                "wkt": wkt,
            },
        )
    ).fetchone()
    assert row is not None
    await county.conn.execute(
        "insert into area_part (area_id, kind, in_force, geom)"
        " values (%s, 'zone', '[2020-01-01 00:00Z,)', st_geomfromtext(%s, 4326))",
        (row[0], wkt),
    )
    await county.touch()


def at(found: Answer) -> datetime:
    """When it is due."""
    return datetime.fromisoformat(found["due_at"])


def plot(lat: float, lng: float, half: float = 0.0002) -> str:
    """A small square."""
    south, north, west, east = lat - half, lat + half, lng - half, lng + half
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


async def test_the_third_report_raises_a_job_and_says_why(
    client: httpx.AsyncClient, county: County, boss: Headers
) -> None:
    first = await report(client, pothole(answers=DEEP))
    assert first["priority"] == "P2"
    second = await joined(client, first, answers=SHALLOW)
    assert second["priority"] == "P2"
    third = await joined(client, first, answers=SHALLOW)
    assert third["priority"] == "P1"
    assert third["due_at"] < first["due_at"]
    reported, kept, raised = (await whole(client, job_of(first), boss))["updates"]
    assert reported["changes"]["triage"]["impact"] == 3
    assert "priority" not in kept["changes"]
    assert raised["changes"]["priority"] == "P1"
    assert raised["changes"]["due_at"] == third["due_at"]
    assert {"reports": 3, "likelihood": 1} in raised["changes"]["triage"]["moves"]
    assert "make it P1" in raised["why"]
    assert "3 people reported it (likelihood +1)" in raised["why"]
    # What was weighed is not for the public.
    public = await client.get(f"/v1/reports/{first['id']}")
    assert "likelihood" not in public.text


async def test_a_report_that_says_worse_raises_a_job_and_one_that_says_better_lowers_nothing(
    client: httpx.AsyncClient, county: County
) -> None:
    fair = await report(client, pothole(answers=FAIR))
    worse = await joined(client, fair, answers=DEEP)
    assert (fair["priority"], worse["priority"]) == ("P3", "P2")
    deep = await report(client, pothole("W2", answers=DEEP))
    better = await joined(client, deep, "W2", answers=SHALLOW)
    assert (deep["priority"], better["priority"]) == ("P2", "P2")
    assert at(better) == at(deep)


async def test_what_a_person_set_stays_whatever_is_reported_until_it_is_put_right(
    client: httpx.AsyncClient, county: County, act: Any, boss: Headers
) -> None:
    first = await report(client, pothole(answers=FAIR))
    job = job_of(first)
    by_hand = await act(job, priority="P4")
    worse = await joined(client, first, answers=DEEP)
    assert (worse["priority"], at(worse)) == ("P4", at(by_hand))
    *_, entry = (await whole(client, job, boss))["updates"]
    assert entry["changes"]["triage"]["stays"] is True
    assert "make it P2" in entry["why"]
    assert entry["why"].endswith("A person set another priority, which stays.")
    # Put right, it is judged by all that was reported: the worst of it counts.
    corrected = await act(job, location=inside("W1", 0.51))
    assert corrected["priority"] == "P2"
    changes = corrected["updates"][-1]["changes"]
    assert (changes["priority"], at(changes)) == ("P2", at(corrected))
    assert "make it P2" in corrected["updates"][-1]["why"]
    again = await joined(client, first, answers=SHALLOW)
    assert again["priority"] == "P1"  # three by now, and nobody's word stands against it


async def test_zones_count_where_they_are_near_and_a_place_put_right_is_judged_there(
    client: httpx.AsyncClient, county: County, act: Any
) -> None:
    here = inside("W1")
    # 0.0009 degrees of latitude are 100 m: the fence of one is 78 m off, of the other 178.
    await zone(county, "school", plot(here["lat"] + 0.0009, here["lng"]), "Abbey School")
    near = await report(client, pothole(answers=DEEP))
    assert near["priority"] == "P1"
    away = await report(client, pothole(dy=0.3, answers=DEEP))
    assert away["priority"] == "P2"
    moved = await act(job_of(near), location=inside("W1", dy=0.1))
    assert moved["priority"] == "P2"
    assert moved["due_at"] > near["due_at"]
    assert "school" not in moved["updates"][-1]["why"]
    back = await act(job_of(near), location=here)
    assert back["priority"] == "P1"
    assert "m from Abbey School, school (likelihood +1)" in back["updates"][-1]["why"]


async def test_another_category_is_another_judgement(
    client: httpx.AsyncClient, county: County, act: Any, boss: Headers
) -> None:
    made = await report(client, pothole(answers=DEEP))
    corrected = await act(job_of(made), category="fly_tipping")
    # Nothing was answered to its questions.
    assert corrected["priority"] == "P4"
    assert corrected["updates"][-1]["changes"]["triage"] == {
        "impact": 1,
        "likelihood": 2,
        "moves": [],
    }
    due = datetime.fromisoformat(corrected["due_at"]).astimezone(ZoneInfo("Europe/London"))
    assert (due.hour, due.minute) == (17, 0)


async def test_a_priority_said_with_the_correction_is_the_person_s_own(
    client: httpx.AsyncClient, county: County, act: Any
) -> None:
    made = await report(client, pothole(answers=DEEP))
    corrected = await act(job_of(made), location=inside("W1", 0.52), priority="P3")
    assert corrected["priority"] == "P3"
    assert "make it P2" in corrected["updates"][-1]["why"]
    assert (await joined(client, made, answers=DEEP))["priority"] == "P3"


async def test_days_that_stood_still_end_with_a_working_day(
    client: httpx.AsyncClient, county: County, owner: Connection, act: Any
) -> None:
    made = await report(client, pothole(answers=FAIR))
    job = job_of(made)
    await act(job, status="waiting", reason="the gas company")
    # As if it had waited since a week ago, when it was due in a week.
    await owner.execute(
        "update job set clock_stopped_at = clock_stopped_at - interval '7 days',"
        " created_at = created_at - interval '8 days' where id = %s",
        (job,),
    )
    on = await act(job, status="in_progress")
    due = datetime.fromisoformat(on["due_at"])
    there = due.astimezone(ZoneInfo("Europe/London"))
    assert (there.hour, there.minute) == (17, 0)
    assert due > datetime.fromisoformat(made["due_at"])
    assert due - datetime.fromisoformat(made["due_at"]) >= timedelta(days=5)


async def test_a_job_that_waits_is_raised_from_now_though_its_clock_stands(
    client: httpx.AsyncClient, county: County, owner: Connection, act: Any
) -> None:
    made = await report(client, pothole(answers=FAIR))
    job = job_of(made)
    await act(job, status="waiting", reason="the gas company")
    await owner.execute(
        "update job set clock_stopped_at = clock_stopped_at - interval '2 days',"
        " created_at = created_at - interval '3 days' where id = %s",
        (job,),
    )
    await joined(client, made, answers=DEEP)
    raised = await joined(client, made, answers=DEEP)
    assert raised["priority"] == "P1"
    on = await act(job, status="in_progress")
    # Two hours from the report that raised it; not the days it stood before that.
    late_by = datetime.fromisoformat(on["due_at"]) - datetime.fromisoformat(raised["due_at"])
    assert timedelta(0) <= late_by < timedelta(minutes=5)
