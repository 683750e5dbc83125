"""A geocoder's fallback is found and not trusted; a crowded corner stays a corner."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from reporting import shared_points
from reporting.queries.shared_points import FIND
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import pothole, send
from tests.support import cities
from tests.support.county import County, inside
from tests.support.plans import MODES, nodes, plan_of
from workers.jobs.shared_points import find_shared_points

#: A report on each of so many days, at one place, of one kind after the other.
SPREAD = """
insert into report (
  id, reference, category, place, authority_id, answers, tracking_hash, created_at
)
select
  gen_random_uuid(), gen_random_uuid(), (%(kinds)s::text[])[n %% %(of)s + 1],
  st_setsrid(st_makepoint(%(lng)s, %(lat)s), 4326), 1, '{}', sha256(gen_random_uuid()::text::bytea),
  now() - n %% %(days)s * interval '1 day' - interval '1 minute'
from generate_series(0, %(reports)s - 1) n
"""
HERE = inside("W1")


async def spread(owner: Connection, reports: int, days: int, *kinds: str, **place: float) -> None:
    values = {"reports": reports, "days": days, "kinds": list(kinds), "of": len(kinds)}
    await owner.execute(SPREAD, {**values, **(place or HERE)})


async def found(runtime: Runtime) -> list[tuple[float, float, int]]:
    async with runtime.unit() as conn:
        return [(p.lat, p.lng, p.reports) for p in await shared_points.find(conn)]


async def elsewhere(owner: Connection, *kinds: str) -> None:
    """Ordinary reports, each at a place of its own."""
    for n in range(60):
        kind = kinds[n % len(kinds)]
        await spread(owner, 1, 1, kind, lat=52.0001 + n / 5000, lng=-0.99)


async def test_a_point_of_every_kind_day_after_day_is_found(
    runtime: Runtime, county: County, owner: Connection
) -> None:
    await elsewhere(owner, "pothole", "fly_tipping")
    await spread(owner, 20, 10, "pothole", "fly_tipping")
    assert await found(runtime) == [(HERE["lat"], HERE["lng"], 20)]


@pytest.mark.parametrize(
    ("reports", "days", "kinds"),
    [
        # The corner where rubbish is dumped, told of by eight people; and by everybody.
        (8, 8, ("fly_tipping",)),
        (45, 28, ("fly_tipping",)),
        # Rubbish, and a pothole beside it: nearly one kind.
        (21, 20, ("fly_tipping",) * 10 + ("pothole",)),
        # Very many in a storm: two days.
        (40, 2, ("pothole", "fly_tipping")),
        (19, 19, ("pothole", "fly_tipping")),
    ],
)
async def test_a_crowded_corner_is_not(
    runtime: Runtime,
    county: County,
    owner: Connection,
    reports: int,
    days: int,
    kinds: tuple[str, ...],
) -> None:
    for n in range(40):  # a council that has other work: 2,400 other reports
        await spread(
            owner, 60, 30, "pothole", "fly_tipping", lat=52 + n / 5000, lng=-0.99 - n / 1e4
        )
    await owner.execute("delete from shared_point")
    await owner.execute("update report set place = st_translate(place, 0, random() / 1000)")
    await spread(owner, reports, days, *kinds)
    assert await found(runtime) == []


async def test_a_share_of_all_reports_that_no_corner_has_is_found_whatever_the_kind(
    runtime: Runtime, county: County, owner: Connection
) -> None:
    await elsewhere(owner, "pothole", "fly_tipping")
    await spread(owner, 50, 25, "pothole")
    assert await found(runtime) == [(HERE["lat"], HERE["lng"], 50)]


async def test_what_is_found_stays_found(
    runtime: Runtime, county: County, owner: Connection
) -> None:
    await spread(owner, 60, 20, "pothole", "fly_tipping")
    await find_shared_points({"runtime": runtime})
    await spread(owner, 1, 1, "pothole")
    async with runtime.unit() as conn:
        (again,) = await shared_points.find(conn)
    assert (again.reports, again.is_new) == (61, False)
    await owner.execute("update report set created_at = created_at - interval '90 days'")
    assert await found(runtime) == []
    row = await (await owner.execute("select reports from shared_point")).fetchone()
    assert row == (61,)


async def test_the_past_is_looked_through_as_it_passed(
    runtime: Runtime, county: County, owner: Connection
) -> None:
    await spread(owner, 40, 20, "pothole", "fly_tipping")
    await owner.execute("update report set created_at = created_at - interval '200 days'")
    assert await found(runtime) == []
    now = datetime.now(UTC)
    async with runtime.unit() as conn:
        (point,) = await shared_points.find_over(conn, now - timedelta(days=400), now)
    assert (point.lat, point.lng, point.is_new) == (HERE["lat"], HERE["lng"], True)
    async with runtime.unit() as conn:
        (again,) = await shared_points.find_over(conn, now - timedelta(days=400), now)
    assert not again.is_new


async def test_a_report_on_a_shared_point_joins_nothing_and_is_offered_to_nobody(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    before = (await send(client, pothole())).json()
    await owner.execute(
        "insert into shared_point (lat, lng, reports) values (%(lat)s, %(lng)s, 99)", HERE
    )
    there = (await send(client, pothole())).json()
    assert there["flags"] == ["shared_point"]
    assert not there["job"]["matched"]
    # Two metres beside it, the jobs there are no candidates, nor shown: also the one from before.
    beside = {**HERE, "lat": HERE["lat"] + 2e-5}
    near = (await send(client, {**pothole(), "location": beside})).json()
    assert near["flags"] == []
    assert not near["job"]["matched"]
    nearby = await client.get("/v1/reports/nearby", params={**HERE, "category": "pothole"})
    assert [item["id"] for item in nearby.json()["items"]] == [near["job"]["id"]]
    # Whoever knows which one it is says so.
    named = {**pothole(), "same_as": before["job"]["reference"]}
    assert (await send(client, named)).json()["job"]["id"] == before["job"]["id"]
    flags = await (
        await owner.execute("select flags from job where id = %s", (there["job"]["id"],))
    ).fetchone()
    assert flags == (["shared_point"],)


async def test_the_last_days_are_found_by_the_index(
    runtime: Runtime, county: County, owner: Connection
) -> None:
    """Years of reports behind them cost the hourly look nothing."""
    await owner.execute(
        "insert into report"
        " (id, reference, category, place, authority_id, answers, tracking_hash, created_at)"
        " select gen_random_uuid(), n, 'pothole', st_setsrid(st_makepoint(-1, 52), 4326), 1, '{}',"
        " sha256(n::text::bytea), now() - (40000 - n) * interval '1 hour'"
        " from generate_series(1, 40000) n"
    )
    await owner.execute("vacuum analyze report")
    values: dict[str, Any] = {
        "at": None,
        "days": 30,
        "reports": 20,
        "on_days": 10,
        "kinds": 3.0,
        "kinds_share": 0.75,
        "kinds_least": 1.4,
        "many": 50,
        "share": 0.02,
    }
    for mode in MODES:
        plan = await plan_of(owner, mode, FIND, values, run=False)
        scans = [n["Node Type"] for n in nodes(plan) if n.get("Relation Name") == "report"]
        assert scans == ["Bitmap Heap Scan"], mode


async def load_city(owner: Connection, rows: Sequence[cities.Row]) -> None:
    async with (
        owner.cursor() as cursor,
        cursor.copy(
            "copy report (id, reference, category, place, authority_id, answers, tracking_hash,"
            " created_at) from stdin"
        ) as copy,
    ):
        for n, row in enumerate(sorted(rows, key=lambda row: row.opened)):
            await copy.write_row(
                (
                    f"00000000-0000-4000-8000-{n:012d}",
                    str(n),
                    row.kind,
                    f"SRID=4326;POINT({row.place.lng} {row.place.lat})",
                    1,
                    "{}",
                    n.to_bytes(32),
                    row.opened.replace(tzinfo=UTC),
                )
            )


async def found_over_time(
    runtime: Runtime, first: datetime, last: datetime
) -> dict[tuple[float, float], datetime]:
    """Each point with the first day it is found on, looking daily at first and weekly later."""
    known: dict[tuple[float, float], datetime] = {}
    day = first
    while day <= last:
        async with runtime.unit() as conn:
            for point in await shared_points.find(conn, day.replace(tzinfo=UTC)):
                known.setdefault((point.lat, point.lng), day)
        day += timedelta(days=1 if day - first < timedelta(days=15) else 7)
    return known


@pytest.mark.data
async def test_in_boston_it_is_city_hall_and_in_washington_nothing(
    data: Path, runtime: Runtime, county: County, owner: Connection
) -> None:
    boston = cities.boston(data, fallback=True)
    await load_city(owner, boston.rows)
    await owner.execute("vacuum analyze report")
    known = await found_over_time(runtime, boston.rows[0].opened, boston.rows[-1].opened)
    # The geocoder's fallback, and the address of City Hall: 35 kinds of reports, from street lights
    # to dead animals, filed there because somebody had to write an address.
    assert set(known) == {cities.FALLBACK, (42.3603, -71.0583)}
    assert known[cities.FALLBACK] - boston.rows[0].opened < timedelta(days=11)

    await owner.execute("delete from report")
    washington = cities.washington(data)
    await load_city(owner, washington.rows)
    rows = sorted(row.opened for row in washington.rows)
    assert await found_over_time(runtime, rows[0], rows[-1]) == {}
