"""Figures over HTTP: a recount of the rows, careful with few, and only of what is theirs."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from psycopg.rows import dict_row

from reporting.counting import folding
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import FLY_TIPPING, pothole
from tests.support.county import County, inside
from tests.support.past import copy_job, instant
from tests.support.people import Headers, People, job_of, report

TIMES = {"day", "week", "month"}
LONDON = ZoneInfo("Europe/London")
Ask = Callable[..., Awaitable[dict[str, Any]]]

ROWS = """
select job.id, coalesce(division.code, ward.code) as ward, team.slug as team, job.category,
  job.status, job.closed_reason, job.created_at, job.closed_at, job.due_at, job.reopened
from job join team on team.id = job.team_id
left join area division on division.id = job.division_area_id
left join area ward on ward.id = job.ward_area_id
where job.authority_id = %s and job.reports > 0
"""
REPORTS = """
select report.created_at, job.id as job from report
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id where job.authority_id = %s
"""


@pytest.fixture
async def ask(client: httpx.AsyncClient, county: County, people: People) -> Ask:
    """The figures, as the county's supervisor."""
    who = await people.staff("supervisor", "shire")

    async def statistics(headers: Headers = who, **params: Any) -> dict[str, Any]:
        names = {"first": "from", "last": "to"}
        sent = {names.get(name, name): value for name, value in params.items()}
        answer = await client.get("/v1/statistics", params=sent, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return statistics


@pytest.fixture
async def people(county: County) -> People:
    return People(county)


async def a_year(client: httpx.AsyncClient, owner: Connection, county: County, n: int) -> None:
    """Jobs of a year in both divisions, of two teams and kinds, drawn from a few sent by HTTP."""
    draw = Random(7)
    first = {}
    for ward in ("W1", "W2", "E1", "E2"):
        first[ward] = job_of(await report(client, pothole(ward)))
    for _ in range(n):
        made = instant("2025-11-20T12:00") + timedelta(minutes=draw.randrange(365 * 24 * 60))
        took = draw.choice([None, *[timedelta(hours=draw.lognormvariate(4, 1.2))] * 3])
        if took is not None and made + took > datetime.now(UTC):
            took = None
        await copy_job(
            owner,
            first[draw.choice(["W1", "W1", "W2", "E1", "E2"])],
            made=made,
            took=took,
            closed=draw.choice([None, None, None, "not_found", "private_land"]) if took else None,
            reports=draw.choice([1, 1, 1, 2, 5]),
            reopened=draw.choice([0, 0, 0, 1, 2]),
            due_after=timedelta(hours=draw.choice([8, 80, 300])),
            category=draw.choice(["pothole", "pothole", "street_light"]),
            team_id=county.teams[draw.choice(["shire/highways", "shire/shire-triage"])],
        )
    # Places in none of the county's divisions: some in a district's ward, some in nobody's.
    await owner.execute("update job set division_area_id = null where random() < 0.05")
    await owner.execute(
        "update job set ward_area_id = null where division_area_id is null and random() < 0.5"
    )


def step(by: str, at: datetime) -> str:
    day = at.astimezone(LONDON).date()
    if by == "week":
        day -= timedelta(days=day.weekday())
    return (day.replace(day=1) if by == "month" else day).isoformat()


def closed(done: dict[str, Any], job: dict[str, Any]) -> None:
    """Count a closed job."""
    if job["status"] == "fixed":
        done["fixed"] += 1
        done["on_time"] += job["closed_at"] <= job["due_at"]
        done["hours"].append((job["closed_at"] - job["created_at"]).total_seconds() / 3600)
    else:
        reason = job["closed_reason"]
        done["closed"][reason] = done["closed"].get(reason, 0) + 1


async def recount(
    owner: Connection, county: County, by: str, first: date, last: date
) -> dict[str, dict[str, Any]]:
    """The figures of every row, one by one from the table."""

    def group(row: dict[str, Any], at: datetime) -> str:
        if by in TIMES:
            return step(by, at)
        return "all" if by == "none" else str(row[by])

    def is_in(at: datetime | None) -> bool:
        return at is not None and first <= at.astimezone(LONDON).date() <= last

    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: (
            {**dict.fromkeys(("reports", "jobs", "fixed", "open"), 0), "closed": {}, "hours": []}
            | dict.fromkeys(("on_time", "reopened", "overdue"), 0)
        )
    )
    async with owner.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(ROWS, (county.authorities["shire"],))
        jobs = {row["id"]: row for row in await cursor.fetchall()}
        await cursor.execute(REPORTS, (county.authorities["shire"],))
        reports = await cursor.fetchall()
    now = datetime.now(UTC)
    for each in reports:
        if is_in(each["created_at"]):
            found[group(jobs[each["job"]], each["created_at"])]["reports"] += 1
    for job in jobs.values():
        group_made = found[group(job, job["created_at"])]
        if is_in(job["created_at"]):
            group_made["jobs"] += 1
            group_made["reopened"] += job["reopened"] > 0
        if job["closed_at"] is None and (by not in TIMES or is_in(job["created_at"])):
            group_made["open"] += 1
            group_made["overdue"] += job["due_at"] < now
        if is_in(job["closed_at"]):
            closed(found[group(job, job["closed_at"])], job)
    return found


def same(told: dict[str, Any], counted: dict[str, Any]) -> None:
    """A row that was told and the recount of it."""
    for name in ("reports", "jobs", "fixed", "open", "overdue", "closed"):
        assert told[name] == counted[name], name
    assert told["enough"] == (counted["fixed"] >= 30)
    if counted["fixed"] < 30:
        assert told["on_time"] is None
        assert told["hours_to_fix"] is None
    else:
        share = told["on_time"]
        assert share["value"] == pytest.approx(counted["on_time"] / counted["fixed"])
        assert 0 <= share["low"] < share["value"] <= share["high"] <= 1
        hours = sorted(counted["hours"])
        for name, q in (("median", 0.5), ("p90", 0.9)):
            exact = hours[int(q * (len(hours) - 1))]
            assert told["hours_to_fix"][name] == pytest.approx(exact, rel=0.02)
    if counted["jobs"] < 30:
        assert told["reopened"] is None
    else:
        assert told["reopened"]["value"] == pytest.approx(counted["reopened"] / counted["jobs"])


async def test_figures_are_a_recount_of_the_rows(
    client: httpx.AsyncClient, county: County, owner: Connection, ask: Ask, tick: Callable[[], Any]
) -> None:
    await a_year(client, owner, county, 600)
    await tick()
    first, last = date(2026, 2, 10), date(2026, 10, 31)
    for by in ("ward", "team", "category", "day", "week", "month", "none"):
        told = await ask(group_by=by, first=str(first), last=str(last))
        counted = await recount(owner, county, by, first, last)
        whole = (await recount(owner, county, "none", first, last))["all"]
        if by in TIMES:
            whole |= {
                name: sum(each[name] for each in counted.values()) for name in ("open", "overdue")
            }
        same(told["total"], whole)
        if by == "none":
            assert told["items"] == []
            continue
        keys = [each["key"] for each in told["items"]]
        named = [each if isinstance(each, str) else str(each["code"]) for each in keys]
        assert len(named) == len(set(named))
        told_of = {name for name, each in counted.items() if any(each.values())}
        assert told_of <= set(named)
        for name, item in zip(named, told["items"], strict=True):
            same(item, counted[name])
    weeks = (await ask(group_by="week", first=str(first), last=str(last)))["items"]
    assert [each["key"] for each in weeks][:2] == ["2026-02-09", "2026-02-16"]
    assert len(weeks) == 38


async def test_wards_and_teams_are_filters(
    client: httpx.AsyncClient, county: County, owner: Connection, ask: Ask, tick: Callable[[], Any]
) -> None:
    await a_year(client, owner, county, 60)
    await tick()
    days = {"first": "2025-11-20", "last": "2026-11-20"}
    by_ward = {each["key"]["code"]: each for each in (await ask(**days))["items"]}
    one = await ask(group_by="team", ward="D1", **days)
    assert one["total"]["reports"] == by_ward["D1"]["reports"] > 0
    assert sum(each["reports"] for each in one["items"]) == one["total"]["reports"]
    lights = await ask(group_by="category", category="street_light", **days)
    assert [each["key"]["code"] for each in lights["items"]] == ["street_light"]
    nothing = await ask(authority="west", **days)
    assert (nothing["items"], nothing["total"]["reports"]) == ([], 0)


async def test_a_team_of_two_jobs_is_counted_and_not_ranked(
    client: httpx.AsyncClient, county: County, owner: Connection, ask: Ask, tick: Callable[[], Any]
) -> None:
    first = job_of(await report(client, pothole("W1")))
    team = county.teams["shire/shire-triage"]
    made = instant("2026-09-01T12:00")
    for _ in range(2):
        await copy_job(owner, first, made=made, took=timedelta(hours=1), team_id=team)
    for number in range(30):
        await copy_job(owner, first, made=made, took=timedelta(days=6 if number else 8))
    await tick()
    told = await ask(group_by="team", first="2026-09-01", last="2026-09-30")
    large, small = told["items"]
    assert [each["key"]["code"] for each in (large, small)] == ["highways", "shire-triage"]
    assert (small["fixed"], small["jobs"], small["enough"]) == (2, 2, False)
    assert small["on_time"] is small["hours_to_fix"] is small["reopened"] is None
    assert (large["fixed"], large["enough"]) == (30, True)
    assert large["on_time"]["value"] == pytest.approx(29 / 30)
    assert large["on_time"]["low"] == pytest.approx(0.833, abs=0.001)  # Wilson's, from tables


async def test_a_day_is_the_authoritys(
    client: httpx.AsyncClient, county: County, owner: Connection, ask: Ask, tick: Callable[[], Any]
) -> None:
    """Half past eleven at night in Greenwich is London's next day in summer, not in winter."""
    first = job_of(await report(client, pothole("W1")))
    for made in ("2026-07-31T23:30", "2026-07-31T22:30", "2026-01-31T23:30", "2026-10-24T23:30"):
        await copy_job(owner, first, made=instant(made), took=timedelta(minutes=45))
    await tick()

    async def day(at: str) -> tuple[int, int]:
        total = (await ask(group_by="none", first=at, last=at))["total"]
        return total["jobs"], total["fixed"]

    assert await day("2026-07-31") == (1, 0)
    assert await day("2026-08-01") == (1, 2)
    assert await day("2026-01-31") == (1, 0)
    assert await day("2026-02-01") == (0, 1)
    assert await day("2026-10-25") == (1, 1)  # of 25 hours


async def test_two_periods_of_unequal_length_are_compared_by_the_day(
    client: httpx.AsyncClient, county: County, owner: Connection, ask: Ask, tick: Callable[[], Any]
) -> None:
    first = job_of(await report(client, pothole("W1")))
    there = job_of(await report(client, pothole("E1")))
    draw = Random(3)
    for day in range(120):  # two a day for thirty days, then one; in D2 always one
        made = instant("2026-05-01T09:00") + timedelta(days=day)
        for _ in range(1 if day >= 30 else 2):
            await copy_job(owner, first, made=made, reports=draw.choice([1, 1, 1, 4]))
        await copy_job(owner, there, made=made)
    await tick()
    told = await ask(
        first="2026-05-31", last="2026-08-28", compare_from="2026-05-01", compare_to="2026-05-30"
    )
    assert told["compare"] == {"from": "2026-05-01", "to": "2026-05-30"}
    here, other = told["items"]
    by_hand = (here["reports"] / 90) / (here["before"]["reports"] / 30)
    assert here["change"]["ratio"] == pytest.approx(by_hand)
    assert here["change"]["high"] < 1  # half as many: seen through the crowds
    assert other["change"] == {
        "ratio": pytest.approx(1),
        "low": pytest.approx(0.65, abs=0.03),
        "high": pytest.approx(1.53, abs=0.05),
    }
    assert told["total"]["change"]["low"] < told["total"]["change"]["ratio"]
    # A day beside a day says nothing of how much days differ.
    told = await ask(
        first="2026-06-01", last="2026-06-01", compare_from="2026-05-04", compare_to="2026-05-04"
    )
    assert told["items"][0]["change"] is None


async def test_days_that_have_not_been_make_no_day_hold_less(
    client: httpx.AsyncClient, county: County, ask: Ask
) -> None:
    await report(client, pothole("W1"))
    told = await ask(last="2099-12-31", first=str(datetime.now(LONDON).date()))
    assert told["to"] == str(datetime.now(LONDON).date())
    usual = await ask()
    last = datetime.now(LONDON).date() - timedelta(days=1)
    assert (usual["from"], usual["to"]) == (str(last - timedelta(days=90)), str(last))


async def test_every_ward_of_the_day_has_a_row(county: County, ask: Ask) -> None:
    told = await ask()
    assert [each["key"] for each in told["items"]] == [
        {"code": "D1", "name": "D1 Division"},
        {"code": "D2", "name": "D2 Division"},
    ]
    assert {each["reports"] for each in told["items"]} == {0}
    assert told["items"][0]["km2"] == pytest.approx(6.1, abs=0.1)  # read off the polygon


async def test_supervisors_see_their_own_wards_and_nobody_anothers_authority(
    client: httpx.AsyncClient, county: County, people: People, ask: Ask, tick: Callable[[], Any]
) -> None:
    await report(client, pothole("W1"))
    await report(client, pothole("E1"))
    tip = {"category": "fly_tipping", "location": inside("W1"), "answers": FLY_TIPPING}
    await report(client, tip)
    await tick()
    today = {"first": str(datetime.now(LONDON).date())}
    own = await people.staff("supervisor", "shire", wards=("D1",))
    told = await ask(own, **today)
    assert [each["key"]["code"] for each in told["items"]] == ["D1"]
    assert told["total"]["reports"] == told["items"][0]["reports"] == 1
    assert (await ask(own, ward="D2", **today))["total"]["reports"] == 0
    west = await people.staff("auditor", "west")
    told = await ask(west, **today)
    assert [each["key"]["code"] for each in told["items"]] == ["W1", "W2"]
    assert told["total"]["reports"] == 1
    for who, path, status in (
        (own, "/v1/wards/shire/D1/summary", 200),
        (own, "/v1/wards/shire/D2/summary", 404),
        (west, "/v1/wards/shire/D1/summary", 404),
        (west, "/v1/wards/west/W9/summary", 404),
        (await people.crew(), "/v1/wards/shire/D1/summary", 403),
        ({}, "/v1/wards/shire/D1/summary", 401),
    ):
        assert (await client.get(path, headers=who)).status_code == status, path


async def test_a_wards_summary_is_its_row(
    client: httpx.AsyncClient,
    county: County,
    people: People,
    ask: Ask,
    owner: Connection,
    tick: Callable[[], Any],
) -> None:
    await a_year(client, owner, county, 150)
    await tick()
    who = await people.staff("supervisor", "shire")
    days = {"from": "2026-03-01", "to": "2026-09-30"}
    compare = {"compare_from": "2025-12-01", "compare_to": "2026-02-28"}
    answer = await client.get("/v1/wards/shire/D1/summary", params=days | compare, headers=who)
    told = await ask(first=days["from"], last=days["to"], **compare)
    assert answer.json()["ward"] == told["items"][0]
    assert answer.json()["ward"]["before"]["reports"] > 0
    known = who | {"If-None-Match": answer.headers["ETag"]}
    path = "/v1/wards/shire/D1/summary"
    again = await client.get(path, params=days | compare, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    other = await client.get(path, params=days, headers=known)
    assert other.status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {"status": "open"},
        {"priority": "P1"},
        {"overdue": "true"},
        {"bbox": "-1,52,0,53"},
        {"group_by": "street"},
        {"from": "2026-02-30"},
        {"from": "2026-03-02", "to": "2026-03-01"},
        {"from": "2099-01-01"},
        {"compare_from": "2026-03-02"},
        {"compare_from": "2026-03-02", "compare_to": "2026-03-01"},
        {"group_by": "day", "from": "2020-01-01", "to": "2026-01-01"},
    ],
)
async def test_what_cannot_be_told_is_refused(
    client: httpx.AsyncClient, people: People, params: dict[str, str]
) -> None:
    who = await people.staff("supervisor", "shire")
    answer = await client.get("/v1/statistics", params=params, headers=who)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.fixture
def tick(app: Any) -> Callable[[], Any]:
    """What the worker does every minute."""

    async def done() -> None:
        runtime: Runtime = app.state.runtime
        async with runtime.unit() as conn:
            await folding.fold(conn)

    return done
