"""What is open near a place, as the app asks before a report is sent."""

import json
from typing import Any

import httpx

from reporting.runtime import Connection
from routing.categories import SHIPPED
from tests.reporting.test_reports import FLY_TIPPING, pothole, send
from tests.support.county import County, inside

HERE = inside("W1")


async def nearby(client: httpx.AsyncClient, **more: float | str) -> list[dict[str, Any]]:
    answer = await client.get("/v1/reports/nearby", params={**HERE, "category": "pothole", **more})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def north(client: httpx.AsyncClient, metres: float) -> None:
    place = {"lat": HERE["lat"] + metres / 111_195, "lng": HERE["lng"]}
    assert (await send(client, {**pothole(), "location": place})).status_code == 201


async def test_the_nearest_twenty_come_nearest_first(
    client: httpx.AsyncClient, county: County
) -> None:
    for number in range(22):
        await north(client, 240 - 11 * number)
    found = await nearby(client)
    assert [round(item["distance_m"]) for item in found] == [9 + 11 * n for n in range(20)]


async def test_a_category_says_how_far_to_look_unless_the_app_does(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    for metres in (30, 80, 240, 300):
        await north(client, metres)
    assert len(await nearby(client)) == 3
    assert len(await nearby(client, radius_m=400)) == 4
    definition = {**json.loads(SHIPPED.read_text())["categories"][0], "nearby_m": 50}
    await owner.execute(
        "update category set definition = %s where code = 'pothole'", (json.dumps(definition),)
    )
    await county.touch()
    # A process learns of other rules with the next report that it takes.
    tip = {"category": "fly_tipping", "location": inside("E1"), "answers": FLY_TIPPING}
    assert (await send(client, tip)).status_code == 201
    assert [item["distance_m"] for item in await nearby(client)] == [30.0]
    assert len(await nearby(client, radius_m=100)) == 2


async def test_it_shows_what_anyone_may_see_and_only_what_is_open(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    body = pothole(
        description="By number 12",
        contact={"name": "Ann Cole", "email": "ann@example.org"},
    )
    made = (await send(client, body)).json()
    (item,) = await nearby(client)
    assert set(item) == {
        "id",
        "reference",
        "category",
        "status",
        "reports",
        "location",
        "distance_m",
        "created_at",
    }
    assert item["reference"] == made["job"]["reference"]
    await owner.execute("update job set status = 'fixed', closed_at = now()")
    assert await nearby(client) == []
