"""Wards for anybody: their outlines as of a day, and no number that points at a person."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from reporting.asked import Days
from reporting.runtime import Runtime
from reporting.tiling import wards
from tests.support.county import County, box, inside
from tests.support.strewn import count, write

NOW = datetime.now(UTC)


async def send(county: County, authority: str, numbers: dict[str, int], at: datetime) -> None:
    """So many reports of fly-tipping in each ward, each with its job."""
    jobs: list[dict[str, Any]] = []
    for ward, number in numbers.items():
        for _ in range(number):
            jobs.append(
                {
                    "id": uuid4(),
                    "reference": f"J{uuid4()}",
                    "authority": county.authorities[authority],
                    "team": county.teams[f"{authority}/{authority}-triage"],
                    "category": "fly_tipping",
                    "ward": county.areas[ward],
                    "division": None,
                    "status": "received",
                    "reason": None,
                    "priority": 3,
                    "due": at + timedelta(days=7),
                    "at": at,
                    "closed": None,
                    "reports": 1,
                    **inside(ward if ward in {"W1", "W2", "E1", "E2"} else "W1"),
                }
            )
    reports = [{**job, "id": uuid4(), "reference": f"R{uuid4()}", "job": job["id"]} for job in jobs]
    await write(county.conn, jobs, reports)


async def numbers(client: httpx.AsyncClient, **params: str) -> dict[str, tuple[Any, Any]]:
    answer = await client.get("/v1/wards", params=params)
    assert answer.status_code == 200, answer.text
    return {
        each["properties"]["code"]: (
            each["properties"]["reports"],
            each["properties"]["reports_before"],
        )
        for each in answer.json()["features"]
    }


async def test_fewer_than_five_are_not_told(
    client: httpx.AsyncClient, county: County, runtime: Runtime
) -> None:
    _, before = wards.quarters(NOW.date())
    await send(county, "west", {"W1": 5, "W2": 4}, NOW)
    await send(county, "east", {"E1": 9}, NOW)
    await send(
        county,
        "west",
        {"W1": 3, "W2": 6},
        datetime(before.last.year, before.last.month, before.last.day, 12, tzinfo=UTC),
    )
    await count(runtime)
    assert await numbers(client, authority="west") == {"W1": (5, None), "W2": (None, 6)}
    assert await numbers(client, authority="east") == {"E1": (9, None), "E2": (None, None)}


async def test_nothing_lets_a_hidden_number_be_worked_out(
    client: httpx.AsyncClient, county: County, runtime: Runtime
) -> None:
    """No total to take the others from, no days of one's own, no other cut of the same ground."""
    await send(county, "west", {"W1": 5, "W2": 4}, NOW)
    await county.conn.execute(
        "update vintage set valid = '[2022-01-01,)' where kind = 'ward' and authority_id = %s",
        (county.authorities["west"],),
    )
    cursor = await county.conn.execute(
        "insert into vintage (authority_id, kind, valid, state, source)"
        " values (%s, 'ward', '[2020-01-01,2022-01-01)', 'active', '{}') returning id",
        (county.authorities["west"],),
    )
    (old,) = await cursor.fetchone()
    cursor = await county.conn.execute(
        "insert into area (vintage_id, authority_id, kind, code, name, geom) values"
        " (%s, %s, 'ward', 'OLD', 'Old Ward', st_multi(st_geomfromtext(%s, 4326))) returning id",
        (old, county.authorities["west"], box(-1.0, 0.04)),
    )
    (county.areas["OLD"],) = await cursor.fetchone()
    await county.touch()
    await send(county, "west", {"OLD": 9}, NOW)
    await count(runtime)
    answer = await client.get("/v1/wards", params={"authority": "west"})
    found = answer.json()
    assert found.keys() == {"type", "authority", "at", "quarter", "quarter_before", "features"}
    assert await numbers(client, authority="west") == {"W1": (5, None), "W2": (None, None)}
    assert await numbers(client, authority="west", at="2023-05-01") == {
        "W1": (5, None),
        "W2": (None, None),
    }
    # What was in force before comes without numbers, though there are nine.
    assert await numbers(client, authority="west", at="2021-06-01") == {"OLD": (None, None)}
    for more in ({"from": "2026-11-01"}, {"category": "fly_tipping"}, {"bbox": "-1,52,0,53"}):
        refused = await client.get("/v1/wards", params={"authority": "west", **more})
        assert refused.status_code == 422


async def test_a_county_has_its_divisions_or_its_districts_wards(
    client: httpx.AsyncClient, county: County
) -> None:
    assert (await numbers(client, authority="shire")).keys() == {"D1", "D2"}
    await county.conn.execute("update vintage set state = 'draft' where kind = 'division'")
    await county.touch()
    assert (await numbers(client, authority="shire")).keys() == {"W1", "W2", "E1", "E2"}


async def test_the_outlines_are_the_wards_and_are_not_sent_twice(
    client: httpx.AsyncClient, county: County
) -> None:
    answer = await client.get("/v1/wards", params={"authority": "west"})
    assert answer.headers["content-type"] == "application/geo+json"
    assert answer.headers["cache-control"].startswith("public, max-age=60")
    assert "last-modified" in answer.headers
    found = answer.json()
    assert found["authority"] == {"slug": "west", "name": "West District Council"}
    [first, second] = found["features"]
    assert first["properties"]["name"] == "W1 Ward"
    assert first["geometry"]["type"] == "MultiPolygon"
    corners = [tuple(corner) for corner in first["geometry"]["coordinates"][0][0]]
    west, south, east, north = -1.0, 52.0, -0.98, 52.02
    assert set(corners) == {(west, south), (west, north), (east, south), (east, north)}
    assert second["properties"]["code"] == "W2"
    again = await client.get(
        "/v1/wards",
        params={"authority": "west"},
        headers={"If-None-Match": answer.headers["etag"]},
    )
    assert again.status_code == 304
    assert (await client.get("/v1/wards", params={"authority": "nowhere"})).status_code == 404


async def test_a_changed_boundary_is_drawn_at_once(
    client: httpx.AsyncClient, county: County
) -> None:
    assert (await numbers(client, authority="east")).keys() == {"E1", "E2"}
    await county.conn.execute("update area set code = 'E9' where code = 'E2'")
    await county.touch()
    assert (await numbers(client, authority="east")).keys() == {"E1", "E9"}
    tile = "/v1/tiles/wards/9/254/169.mvt"
    assert b"E9" in (await client.get(tile)).content
    await county.conn.execute("update area set code = 'E8' where code = 'E9'")
    await county.touch()
    assert b"E8" in (await client.get(tile)).content


async def test_a_tile_has_the_wards_of_the_day_that_is_asked_for(
    client: httpx.AsyncClient, county: County
) -> None:
    await county.conn.execute("update vintage set valid = '[2022-01-01,)' where kind = 'ward'")
    await county.touch()
    tile = "/v1/tiles/wards/9/254/169.mvt"
    assert b"W1 Ward" in (await client.get(tile)).content
    assert b"W1 Ward" in (await client.get(tile, params={"at": "2022-01-01"})).content
    before = await client.get(tile, params={"at": "2021-12-31"})
    assert b"W1 Ward" not in before.content
    assert b"D1 Division" in before.content
    assert (await client.get(tile, params={"at": "now"})).status_code == 422


@pytest.mark.parametrize(
    ("today", "this", "before"),
    [
        (date(2026, 1, 1), date(2026, 1, 1), (date(2025, 10, 1), date(2025, 12, 31))),
        (date(2026, 3, 31), date(2026, 1, 1), (date(2025, 10, 1), date(2025, 12, 31))),
        (date(2026, 11, 24), date(2026, 10, 1), (date(2026, 7, 1), date(2026, 9, 30))),
    ],
)
def test_the_periods_are_quarters_of_the_year(
    today: date, this: date, before: tuple[date, date]
) -> None:
    assert wards.quarters(today) == (Days(this, today), Days(*before))
