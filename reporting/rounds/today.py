"""The verbs: a round suggested for a team's jobs of today, and the order that somebody keeps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from geo.points import Point
from reporting.auth import Action, Scope, Staff, scope
from reporting.errors import Invalid, NotFound
from reporting.queries import rounds as queries
from reporting.rounds import model
from reporting.rounds.asking import Solver
from reporting.rounds.model import Work
from reporting.status import CLOSED
from routing.assign import Router
from routing.rulebook import TeamRow

Connection = AsyncConnection[Any]

#: When a crew may mean to leave.
AGO, AHEAD = timedelta(hours=1), timedelta(hours=36)

#: Why a job is not in a round.
NOT_HERE: Final = "not-here"
DONE: Final = "done"
NOT_NOW: Final = "not-now"
LATER: Final = "later"
NO_PLACE: Final = "no-place"
TOO_MANY: Final = "too-many"
NO_TIME: Final = "no-time"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A job that is not in the round, and why: one of the codes above."""

    job: UUID
    why: str


@dataclass(frozen=True, slots=True)
class Crew:
    """A team as one of its people sees it, and what day it is there."""

    team: TeamRow
    seen: Scope
    day: date
    #: When that day is over.
    ends: datetime


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be done, and what not."""

    crew: Crew
    works: list[Work]
    left_out: list[LeftOut]


@dataclass(frozen=True, slots=True)
class Planned:
    """A round, and what is not in it."""

    crew: Crew
    start: Point
    round: model.Round
    left_out: list[LeftOut]


@dataclass(frozen=True, slots=True)
class _Row:
    id: UUID
    lat: float | None
    lng: float | None
    status: str
    scheduled_for: datetime | None
    priority: int
    due_at: datetime


async def candidates(
    conn: Connection,
    router: Router,
    staff: Staff,
    team: str,
    *,
    leave_at: datetime,
    now: datetime,
    jobs: Sequence[UUID] | None = None,
) -> Candidates:
    """A team's jobs that could be done on that day: those named, or the open ones.

    Raises NotFound for a team that is not theirs, Invalid for a day too far away.
    """
    if not now - AGO <= leave_at <= now + AHEAD:
        raise Invalid("leave_at is at most an hour ago, and at most 36 hours from now.")
    crew = await _crew(conn, router, staff, team, leave_at)
    rows = await _rows(conn, crew, jobs)
    named = list(dict.fromkeys(jobs)) if jobs is not None else [row.id for row in rows]
    by_id = {row.id: row for row in rows}
    works, left_out = [], []
    for job in named:
        row = by_id.get(job)
        why = _why_not(row, crew)
        if row is None or why is not None:
            # Nobody who asks for the day's jobs needs to hear what is not of the day.
            if jobs is not None or why == NO_PLACE:
                left_out.append(LeftOut(job, why or NOT_HERE))
        else:
            works.append(_work(row))
    works = model.urgent_first(works, leave_at, crew.ends)
    left_out += [LeftOut(work.id, TOO_MANY) for work in works[model.MOST_JOBS :]]
    return Candidates(crew, works[: model.MOST_JOBS], left_out)


async def suggest(solver: Solver, found: Candidates, start: Point, leave_at: datetime) -> Planned:
    """The round to go. It takes seconds, so no connection is held meanwhile."""
    stops = model.gather(found.works, leave_at, found.crew.ends)
    order = await solver.order(stops, model.question(stops, start, leave_at))
    gone_to = {job for stop in order for job in stop.jobs}
    no_time = [LeftOut(work.id, NO_TIME) for work in found.works if work.id not in gone_to]
    timed = model.timed(order, start, leave_at)
    return Planned(found.crew, start, timed, [*found.left_out, *no_time])


async def keep(
    conn: Connection,
    router: Router,
    staff: Staff,
    team: str,
    *,
    stops: Sequence[Sequence[UUID]],
    start: Point,
    now: datetime,
) -> Planned:
    """Keep somebody's own order for today. Raises NotFound for a team that is not theirs.

    Jobs that left the team since are told in the answer, not refused: the tablet may have been
    without signal.
    """
    named = [job for stop in stops for job in stop]
    if len(set(named)) != len(named):
        raise Invalid("A job is named twice.")
    if len(named) > model.MOST_JOBS:
        raise Invalid(f"A round holds at most {model.MOST_JOBS} jobs.")
    crew = await _crew(conn, router, staff, team, now)
    values = {
        "staff": staff.id,
        "team": crew.team.id,
        "day": crew.day,
        "stops": orjson.dumps([[str(job) for job in stop] for stop in stops]).decode(),
        "start": orjson.dumps({"lat": start.lat, "lng": start.lng}).decode(),
    }
    await conn.execute(queries.FORGET, values)
    await conn.execute(queries.KEEP, values)
    return await _as_kept(conn, crew, stops, start, now)


async def kept(
    conn: Connection, router: Router, staff: Staff, team: str, *, now: datetime
) -> Planned:
    """Somebody's own order for today, with what is left of it timed from now on.

    Raises NotFound for a team that is not theirs, and when they keep none.
    """
    crew = await _crew(conn, router, staff, team, now)
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            queries.KEPT, {"staff": staff.id, "team": crew.team.id, "day": crew.day}
        )
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    stops = [[UUID(job) for job in stop] for stop in row[0]]
    return await _as_kept(conn, crew, stops, Point(**row[1]), now)


async def _as_kept(
    conn: Connection, crew: Crew, stops: Sequence[Sequence[UUID]], start: Point, now: datetime
) -> Planned:
    named = [job for stop in stops for job in stop]
    by_id = {row.id: row for row in await _rows(conn, crew, named)}
    left_out = [
        LeftOut(job, why)
        for job in named
        if (why := _why_not(by_id.get(job), crew, of_any_day=True)) is not None
    ]
    out = {left.job for left in left_out}
    going = [[_work(by_id[job]) for job in stop if job not in out] for stop in stops]
    order = [model.stop(works, now, crew.ends) for works in going if works]
    return Planned(crew, start, model.timed(order, start, now), left_out)


async def _crew(conn: Connection, router: Router, staff: Staff, slug: str, at: datetime) -> Crew:
    seen = scope(staff, Action.UPDATE_JOB)
    rules = await router.current(conn)
    teams: Iterable[TeamRow] = rules.teams.values()
    for team in teams:
        theirs = seen.teams is None or team.id in seen.teams
        if theirs and team.authority_id == seen.authority and team.slug == slug:
            zone = ZoneInfo(rules.authorities[team.authority_id].timezone)
            day = at.astimezone(zone).date()
            ends = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
            return Crew(team, seen, day, ends)
    raise NotFound


async def _rows(conn: Connection, crew: Crew, jobs: Sequence[UUID] | None) -> list[_Row]:
    in_areas = crew.seen.areas is not None
    statement = queries.todays if jobs is None else queries.named
    values = {"team": crew.team.id, "areas": sorted(crew.seen.areas or ()), "jobs": jobs}
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(
            statement(in_areas=in_areas),
            {**values, "jobs": list(jobs)} if jobs is not None else values,
        )
        return await cursor.fetchall()


def _why_not(row: _Row | None, crew: Crew, *, of_any_day: bool = False) -> str | None:
    if row is None:
        return NOT_HERE
    if row.status in CLOSED:
        return DONE
    if row.status in {"waiting", "referred"}:
        return NOT_NOW
    if row.scheduled_for is not None and row.scheduled_for >= crew.ends and not of_any_day:
        return LATER
    return NO_PLACE if row.lat is None else None


def _work(row: _Row) -> Work:
    # _why_not has looked: there is a place.
    return Work(row.id, Point(row.lat or 0.0, row.lng or 0.0), row.priority, row.due_at)
