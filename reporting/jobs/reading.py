"""One job, with its reports and updates, and why it is whose it is."""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from reporting.auth import Action, Principal, authorize
from reporting.errors import NotFound
from reporting.jobs import views
from reporting.jobs.rows import AssignmentRow, JobRow, ReportRow, UpdateRow
from reporting.queries import jobs as queries
from routing.assign import Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]


async def one(conn: Connection, router: Router, principal: Principal, job: UUID) -> dict[str, Any]:
    """The job with its reports and updates. Raises NotFound, also for one that is not theirs."""
    row = await _visible(conn, principal, job)
    return await whole(conn, await router.current(conn), row)


async def assignment(
    conn: Connection, router: Router, principal: Principal, job: UUID
) -> dict[str, Any]:
    """Why the job is whose it is: the last assignment as a sentence and data, and those before."""
    row = await _visible(conn, principal, job)
    rules = await router.current(conn)
    async with conn.cursor(row_factory=class_row(AssignmentRow)) as cursor:
        await cursor.execute(queries.ASSIGNMENTS, {"job": job})
        last, *past = [views.assignment(each) for each in await cursor.fetchall()]
    return {
        "job": {"id": row.id, "reference": row.reference},
        **last,
        "ward": views.area(rules, row.ward_area_id),
        "division": views.area(rules, row.division_area_id),
        "past": past,
    }


async def _visible(conn: Connection, principal: Principal, job: UUID) -> JobRow:
    row = await fetch(conn, job)
    authorize(principal, Action.SEE_JOB, row)
    return row


async def fetch(conn: Connection, job: UUID) -> JobRow:
    """The row of a job. Raises NotFound."""
    async with conn.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(queries.ONE, {"job": job})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def whole(conn: Connection, rules: Rules, row: JobRow) -> dict[str, Any]:
    """The job of a row, with all that stands on it; whoever asks may see it."""
    async with conn.cursor(row_factory=class_row(ReportRow)) as cursor:
        await cursor.execute(queries.REPORTS, {"job": row.id})
        reports = await cursor.fetchall()
    updates = await updates_since(conn, row.id, 0)
    return {
        **views.job(row, rules),
        "reports": [views.report(report) for report in reports],
        "updates": [views.update(update) for update in updates],
    }


async def updates_since(conn: Connection, job: UUID, version: int) -> list[UpdateRow]:
    """What happened to a job after a version of it, oldest first."""
    async with conn.cursor(row_factory=class_row(UpdateRow)) as cursor:
        await cursor.execute(queries.UPDATES, {"job": job, "since": version})
        return await cursor.fetchall()
