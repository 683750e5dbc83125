"""Supervisors are warned, once each: of emergencies not begun, of what is due soon or late."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting import escalating
from reporting.escalating import AT_ONCE, Found, Person, whom
from reporting.queries import escalating as queries
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import pothole
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report
from tests.support.plans import MODES, nodes, plan_of, rows_read

#: P1: where traffic is, deep and wide.
EMERGENCY = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
MINUTE = timedelta(minutes=1)


@dataclass
class Desk:
    """A county where something happens, and its clock."""

    runtime: Runtime
    client: httpx.AsyncClient
    people: People
    conn: Connection

    async def emergency(self, ward: str = "W1") -> UUID:
        return job_of(await report(self.client, pothole(ward, answers=EMERGENCY)))

    async def run(self, now: datetime, *, by_mail: bool = True) -> dict[str, int]:
        async with self.runtime.unit() as conn:
            rules = await self.runtime.router.current(conn)
            return await escalating.escalate(conn, rules, by_mail=by_mail, now=now)

    async def due(self, job: UUID) -> datetime:
        return await self.value("select due_at from job where id = %s", job)

    async def value(self, statement: str, *values: Any) -> Any:
        row = await (await self.conn.execute(statement, values)).fetchone()
        assert row is not None
        return row[0]

    async def told(self) -> list[tuple[str, int]]:
        """What was told, in order."""
        cursor = await self.conn.execute("select kind, reopened from escalation order by at")
        return list(await cursor.fetchall())

    async def act(self, job: UUID, who: Headers, **did: Any) -> dict[str, Any]:
        version = await self.value("select version from job where id = %s", job)
        made_at = datetime.now(UTC).isoformat()
        body = {"id": str(uuid4()), "base_version": version, "made_at": made_at, **did}
        answer = await self.client.post(f"/v1/jobs/{job}/updates", json=body, headers=who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def warnings(self, who: Headers, **asked: Any) -> dict[str, Any]:
        answer = await self.client.get("/v1/escalations", params=asked, headers=who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def desk(
    runtime: Runtime, client: httpx.AsyncClient, county: County, owner: Connection
) -> Desk:
    return Desk(runtime, client, People(county), owner)


NONE = {"overdue": 0, "not_started": 0, "due_soon": 0}


async def test_an_emergency_is_told_when_not_begun_when_due_and_when_late_once_each(
    desk: Desk,
) -> None:
    job = await desk.emergency()
    due = await desk.due(job)
    begun = due - timedelta(hours=2)
    assert await desk.run(begun + 29 * MINUTE) == NONE
    assert await desk.run(begun + 30 * MINUTE) == NONE | {"not_started": 1}
    assert await desk.run(begun + 31 * MINUTE) == NONE
    assert await desk.run(begun + 89 * MINUTE) == NONE
    assert await desk.run(begun + 90 * MINUTE) == NONE | {"due_soon": 1}
    assert await desk.run(due) == NONE
    assert await desk.run(due + MINUTE) == NONE | {"overdue": 1}
    assert await desk.run(due + timedelta(days=30)) == NONE
    assert await desk.told() == [("not_started", 0), ("due_soon", 0), ("overdue", 0)]


async def test_one_that_was_begun_in_time_is_told_only_when_due(desk: Desk) -> None:
    job = await desk.emergency()
    await desk.act(job, await desk.people.crew(), status="in_progress")
    due = await desk.due(job)
    assert await desk.run(due - timedelta(hours=1)) == NONE
    assert await desk.run(due - 30 * MINUTE) == NONE | {"due_soon": 1}


async def test_after_a_long_silence_only_the_worst_is_told(desk: Desk) -> None:
    job = await desk.emergency()
    assert await desk.run(await desk.due(job) + timedelta(days=3)) == NONE | {"overdue": 1}
    assert await desk.run(await desk.due(job) + timedelta(days=4)) == NONE


@pytest.mark.parametrize(
    "did",
    [
        {"status": "waiting", "reason": "the gas company"},
        {"status": "referred"},
        {"status": "fixed"},
        {"status": "closed", "reason": "not_found"},
    ],
)
async def test_nothing_is_said_while_it_waits_is_referred_or_closed(
    desk: Desk, did: dict[str, Any]
) -> None:
    job = await desk.emergency()
    await desk.act(job, await desk.people.staff("supervisor", "shire"), **did)
    assert await desk.run(await desk.due(job) + timedelta(days=3)) == NONE


async def test_what_was_told_is_told_again_only_when_the_job_is_opened_again(desk: Desk) -> None:
    job = await desk.emergency()
    boss = await desk.people.staff("supervisor", "shire")
    late = await desk.due(job) + MINUTE
    assert await desk.run(late) == NONE | {"overdue": 1}
    # Moved back and forth it is the same job, and its supervisor knows.
    await desk.act(job, boss, status="waiting", reason="the gas company")
    await desk.act(job, boss, status="in_progress")
    assert await desk.run(late + timedelta(days=9)) == NONE
    await desk.act(job, boss, status="fixed")
    await desk.act(job, boss, status="received")
    assert await desk.run(await desk.due(job) + MINUTE) == NONE | {"overdue": 1}
    assert await desk.told() == [("overdue", 0), ("overdue", 1)]


async def test_two_workers_at_once_tell_it_once(desk: Desk) -> None:
    await desk.people.staff("supervisor", "shire")
    for ward in ("W1", "W2", "E1"):
        late = await desk.due(await desk.emergency(ward)) + MINUTE
    runs = await asyncio.gather(desk.run(late), desk.run(late), desk.run(late))
    assert sum(run.get("overdue", 0) for run in runs) == 3
    assert await desk.value("select count(*) from escalation") == 3
    assert await desk.value("select count(*) from outbox where topic = 'warning'") == 1


async def test_a_run_that_is_killed_leaves_everything_to_the_next(desk: Desk) -> None:
    await desk.people.staff("supervisor", "shire")
    late = await desk.due(await desk.emergency()) + MINUTE
    async with desk.runtime.reading() as conn, conn.transaction(force_rollback=True):
        rules = await desk.runtime.router.current(conn)
        told = await escalating.escalate(conn, rules, by_mail=True, now=late)
        assert told == NONE | {"overdue": 1}
    assert await desk.told() == []
    assert await desk.value("select count(*) from outbox where topic = 'warning'") == 0
    assert await desk.run(late) == NONE | {"overdue": 1}
    assert await desk.value("select count(*) from outbox where topic = 'warning'") == 1


async def test_a_job_somebody_is_changing_is_left_to_the_next_run(
    desk: Desk, owner: Connection
) -> None:
    job = await desk.emergency()
    late = await desk.due(job) + MINUTE
    async with owner.transaction():
        await owner.execute("select from job where id = %s for update", (job,))
        assert await desk.run(late) == NONE
    assert await desk.run(late) == NONE | {"overdue": 1}


async def test_one_mail_a_run_to_each_who_answers_for_some_of_it(desk: Desk) -> None:
    await desk.people.staff("supervisor", "shire", wards=("D1",))
    await desk.people.staff("supervisor", "shire")
    await desk.people.staff("admin", "shire")
    await desk.people.staff("supervisor", "west")
    for ward, dx in (("W1", 0.2), ("W1", 0.8), ("W2", 0.5), ("E1", 0.5)):
        made = await report(desk.client, pothole(ward, dx, answers=EMERGENCY))
        late = await desk.due(job_of(made)) + MINUTE
    assert await desk.run(late) == NONE | {"overdue": 4}
    cursor = await desk.conn.execute(
        "select staff.role, staff.wards, jsonb_array_length(mail.warnings), mail.more"
        " from warning_mail mail join staff on staff.id = mail.staff_id order by staff.wards"
    )
    assert await cursor.fetchall() == [("supervisor", [], 1, 0), ("supervisor", ["D1"], 3, 0)]


async def test_no_storm_after_a_week_end(desk: Desk, county: County) -> None:
    await desk.people.staff("supervisor", "shire")
    await fill(county, 60, 0)
    told = await desk.run(datetime.now(UTC))
    assert told == NONE | {"overdue": 60}
    assert await desk.value("select count(*) from warning_mail") == 1
    assert await desk.value("select jsonb_array_length(warnings) from warning_mail") == 20
    assert await desk.value("select more from warning_mail") == 40
    (first, *_) = await desk.value("select warnings from warning_mail")
    assert await desk.value("select priority from job where id = %s", first[0]) == 1


async def test_without_a_mail_server_the_console_has_it_all_the_same(desk: Desk) -> None:
    boss = await desk.people.staff("supervisor", "shire")
    job = await desk.emergency()
    await desk.run(await desk.due(job) - timedelta(hours=1), by_mail=False)
    assert await desk.value("select count(*) from warning_mail") == 0
    [item] = (await desk.warnings(boss))["items"]
    assert (item["kind"], item["job"]["id"]) == ("not_started", str(job))
    page = await desk.client.get("/console/warnings", headers={"Cookie": ""})
    assert page.status_code == 303  # to sign in


WEST, EAST = 1, 2


def somebody(role: str, *areas: int, authority: int = 7) -> Person:
    return Person(uuid4(), authority, role, bool(areas), list(areas))


def test_whom_it_concerns() -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    of_west = Found(uuid4(), "overdue", 7, WEST, None, 1, now)
    west, east = somebody("supervisor", WEST), somebody("supervisor", EAST)
    both, all_of_it = somebody("supervisor", WEST, EAST), somebody("supervisor")
    admin, foreign = somebody("admin"), somebody("supervisor", authority=8)
    everybody = [west, east, both, all_of_it, admin, foreign]
    assert whom(of_west, everybody) == [west.id, both.id]
    assert whom(of_west, [east, all_of_it, admin, foreign]) == [all_of_it.id]
    assert whom(of_west, [east, admin, foreign]) == [admin.id]
    assert whom(of_west, [east, foreign]) == []
    by_division = Found(uuid4(), "overdue", 7, None, WEST, 1, now)
    assert whom(by_division, everybody) == [west.id, both.id]


async def test_warnings_stand_until_somebody_acts_on_the_job(desk: Desk) -> None:
    boss = await desk.people.staff("supervisor", "shire")
    east = await desk.people.staff("supervisor", "shire", wards=("D2",))
    jobs = [await desk.emergency(ward) for ward in ("W1", "W2", "E1")]
    for hours, job in enumerate(jobs, start=1):
        await desk.conn.execute(
            "update job set due_at = now() - make_interval(hours => %s) where id = %s",
            (hours, job),
        )
    now = datetime.now(UTC)
    assert await desk.run(now) == NONE | {"overdue": 3}
    found = await desk.warnings(boss)
    assert [item["job"]["id"] for item in found["items"]] == [str(job) for job in jobs[::-1]]
    assert {item["kind"] for item in found["items"]} == {"overdue"}
    first = await desk.warnings(boss, limit=2)
    rest = await desk.warnings(boss, limit=2, cursor=first["next"])
    assert [*first["items"], *rest["items"]] == found["items"]
    assert rest["next"] is None
    assert [item["job"]["id"] for item in (await desk.warnings(east))["items"]] == [str(jobs[2])]
    await desk.act(jobs[0], boss, status="fixed")
    await desk.act(jobs[1], boss, status="waiting", reason="the gas company")
    assert [item["job"]["id"] for item in (await desk.warnings(boss))["items"]] == [str(jobs[2])]
    # Another time is another promise: it is late no more.
    await desk.act(jobs[2], boss, priority="P4")
    assert (await desk.warnings(boss))["items"] == []


async def test_a_late_backlog_that_is_known_costs_a_run_nothing(
    desk: Desk, county: County, owner: Connection
) -> None:
    """Both statements are read from their indexes, however much is open, late and known."""
    await fill(county, 20_000, 15_000)
    while sum((await desk.run(datetime.now(UTC), by_mail=False)).values()) == AT_ONCE:
        pass
    await owner.execute("vacuum analyze job")
    await owner.execute("vacuum analyze escalation")
    async with desk.runtime.reading() as conn:
        rules = await desk.runtime.router.current(conn)
    now = datetime.now(UTC)
    values = {**escalating._horizons(rules, now), "now": now, "limit": AT_ONCE}
    scope = {
        "authority": county.authorities["shire"],
        "areas": None,
        "until": now,
        "after_due": None,
        "after_id": None,
        "limit": 51,
    }
    for mode in MODES:
        warn = nodes(await plan_of(owner, mode, queries.WARN, values))
        read = [each for each in warn if each.get("Relation Name") == "job"]
        assert {each.get("Index Name") for each in read if rows_read(each)} <= {"ix_job_watched"}
        assert not [each for each in read if each["Node Type"] == "Seq Scan"], mode
        assert sum(rows_read(each) for each in read) <= 50, mode
        standing = nodes(await plan_of(owner, mode, queries.STANDING, scope))
        scans = [
            each
            for each in standing
            # The reference of the job that a row was merged into is looked up by its key.
            if each.get("Relation Name") == "job" and each.get("Index Name") != "pk_job"
        ]
        assert scans, mode
        assert all("due_open" in str(each.get("Index Name")) for each in scans), mode
        assert sum(rows_read(each) for each in scans) <= 200, mode
