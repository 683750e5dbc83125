"""Which job a report joins, from the phone's side, and what staff can read of why."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting.runtime import Connection
from tests.reporting.test_reports import FLY_TIPPING, POTHOLE, pothole, send
from tests.support.county import County, inside
from tests.support.people import People

HERE = inside("W1")
#: Of everything a pothole is asked.
OTHER = {"where": "pavement", "depth": "under_4cm", "width": "under_30cm"}


def off(metres: float, accuracy_m: float | None = None) -> dict[str, Any]:
    """A place so far north of HERE."""
    place = {"lat": HERE["lat"] + metres / 111_195, "lng": HERE["lng"]}
    return place if accuracy_m is None else {**place, "accuracy_m": accuracy_m}


def hole(metres: float, accuracy_m: float | None = None, **more: Any) -> dict[str, Any]:
    return {**pothole(), "location": off(metres, accuracy_m), **more}


async def made(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    answer = await send(client, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("second", "joins"),
    [
        (hole(9), True),
        (hole(9, answers=OTHER), False),
        # On the very spot people differ about a hole rather than find another.
        (hole(0, answers=OTHER), True),
        (hole(2, answers={**POTHOLE, "depth": "under_4cm"}), True),
        # Over the radius: not even weighed, unless a phone is unsure of where it is.
        (hole(11), False),
        (hole(11, 6), True),
        # So unsure that it could be any hole in the street.
        (hole(40, 45), False),
    ],
)
async def test_near_and_alike_joins_and_far_or_different_makes_a_job_of_its_own(
    client: httpx.AsyncClient, county: County, second: dict[str, Any], joins: bool
) -> None:
    first = await made(client, hole(0))
    again = await made(client, second)
    assert (again["job"]["id"] == first["job"]["id"]) is joins
    assert again["job"]["matched"] is joins


async def test_the_first_phones_doubt_counts_as_much_as_the_seconds(
    client: httpx.AsyncClient, county: County
) -> None:
    unsure = await made(client, hole(0, 6))
    assert (await made(client, hole(11)))["job"]["id"] == unsure["job"]["id"]


async def test_an_old_job_needs_more_to_be_joined(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    first = await made(client, hole(0))
    await owner.execute("update job_report set since = since - interval '300 days'")
    on_the_spot = await made(client, hole(0))
    assert on_the_spot["job"]["id"] == first["job"]["id"]
    # Told of just now, it is fresh again, whenever it was first.
    assert (await made(client, hole(9)))["job"]["id"] == first["job"]["id"]
    await owner.execute("update job_report set since = since - interval '300 days'")
    assert not (await made(client, hole(9)))["job"]["matched"]


async def test_one_picture_sent_twice_is_one_defect(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    async def photo(phash: int | None) -> str:
        name = uuid4()
        await owner.execute(
            "insert into photo (id, object_key, sha256, bytes, media_type, width, height, state,"
            " phash) values (%s, 'x', '', 1, 'image/jpeg', 1, 1, 'ready', %s)",
            (name, phash),
        )
        return str(name)

    hash_of = -0x1234_5678_9ABC_DEF0
    first = await made(client, hole(0, 30, photos=[await photo(hash_of), await photo(None)]))
    other = await made(client, hole(25, 10, answers=OTHER, photos=[await photo(~hash_of)]))
    assert not other["job"]["matched"]
    # The same from a worse place: only the picture says so. It was made smaller, so bits differ.
    again = await made(client, hole(-25, 10, photos=[await photo(hash_of ^ 0b1001)]))
    assert again["job"]["id"] == first["job"]["id"]
    # A picture that nobody has looked at yet says nothing.
    waiting = await made(client, hole(-50, 10, answers=OTHER, photos=[await photo(None)]))
    assert not waiting["job"]["matched"]


async def test_of_two_jobs_the_likelier_is_joined_not_the_nearer(
    client: httpx.AsyncClient, county: County
) -> None:
    near = await made(client, hole(0, answers=OTHER))
    alike = await made(client, hole(9))
    assert near["job"]["id"] != alike["job"]["id"]
    assert (await made(client, hole(3)))["job"]["id"] == alike["job"]["id"]


async def test_staff_can_read_why_a_report_joined_and_why_another_did_not(
    client: httpx.AsyncClient, county: County
) -> None:
    crew = await People(county).crew()
    first = await made(client, hole(0))
    await made(client, hole(5))
    apart = await made(client, hole(-8, answers=OTHER, description="On the pavement"))
    named = await made(client, hole(30, same_as=first["job"]["reference"]))
    assert named["job"]["matched"]
    shown = (await client.get(f"/v1/jobs/{first['job']['id']}", headers=crew)).json()
    reported, attached, by_name = shown["updates"]
    assert "likely to be the defect" not in reported["why"] + by_name["why"]
    assert attached["changes"]["match"]["distance_m"] == 5.0
    assert attached["changes"]["match"]["parts"]["answers"] > 0
    assert "for it: the answers; against: the distance" in attached["why"]
    own = (await client.get(f"/v1/jobs/{apart['job']['id']}", headers=crew)).json()
    (entry,) = own["updates"]
    assert entry["changes"]["match"]["job"] == first["job"]["reference"]
    assert entry["changes"]["match"]["probability"] < entry["changes"]["match"]["threshold"]
    assert "against: the answers" in entry["why"]
    # Nothing of this is for the public, nor for another reporter.
    public = await client.get(f"/v1/reports/{apart['id']}")
    assert "match" not in public.text
    assert "likely" not in public.text


async def test_same_as_is_of_the_same_category_unless_staff_put_the_job_right(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    first = await made(client, hole(0))
    tip = {
        "category": "fly_tipping",
        "location": HERE,
        "answers": FLY_TIPPING,
        "same_as": first["job"]["reference"],
    }
    refused = await send(client, tip)
    assert (refused.status_code, refused.json()["code"]) == (422, "same-as-refused")
    # The resident saw a pothole, was out of signal, and meanwhile staff called it something else.
    await owner.execute("update job set category = 'fly_tipping'")
    late = await made(client, hole(0, same_as=first["job"]["reference"]))
    assert late["job"]["id"] == first["job"]["id"]
    assert (await made(client, tip))["job"]["id"] == first["job"]["id"]


async def test_words_that_lead_to_a_person_are_held_from_the_moment_they_are_stored(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    private = await made(client, hole(0, description="Ring me on 07700 900123"))
    plain = await made(client, hole(100, description="Deep hole by the kerb"))

    async def held_for(report: dict[str, Any]) -> list[str]:
        cursor = await owner.execute(
            "select held_for from report_words where report_id = %s", (UUID(report["id"]),)
        )
        row = await cursor.fetchone()
        assert row is not None
        found: list[str] = row[0]
        return found

    assert await held_for(private) != []
    assert await held_for(plain) == []


async def test_where_staff_have_put_a_job_themselves_no_phone_was_unsure(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    boss = await People(county).staff("supervisor", "shire")
    first = await made(client, hole(0, 45))

    async def change(version: int, **fields: Any) -> float | None:
        answer = await client.post(
            f"/v1/jobs/{first['job']['id']}/updates",
            json={
                "id": str(uuid4()),
                "base_version": version,
                "made_at": first["created_at"],
                **fields,
            },
            headers=boss,
        )
        assert answer.status_code == 200, answer.text
        row = await (await owner.execute("select accuracy_m from job")).fetchone()
        assert row is not None
        accuracy_m: float | None = row[0]
        return accuracy_m

    assert await change(1, status="in_progress") == 45
    assert await change(2, location=off(100)) is None
