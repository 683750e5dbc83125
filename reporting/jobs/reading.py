"""One job, with its reports and updates, and why it is whose it is."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import args_row, class_row, tuple_row

from reporting.auth import Action, Principal, authorize
from reporting.errors import NotFound
from reporting.jobs import views
from reporting.jobs.rows import AssignmentRow, JobRow, ListedJob, ReportRow, UpdateRow
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
    [found] = await wholes(conn, rules, [row])
    return found


async def several(conn: Connection, jobs: Collection[UUID]) -> list[JobRow]:
    """The rows of jobs, in no order."""
    async with conn.cursor(row_factory=class_row(JobRow)) as cursor:
        await cursor.execute(queries.SEVERAL, {"jobs": list(jobs)})
        return await cursor.fetchall()


async def wholes(
    conn: Connection, rules: Rules, rows: Sequence[JobRow | ListedJob]
) -> list[dict[str, Any]]:
    """The same for many, in as many statements as for one."""
    jobs = {"jobs": [row.id for row in rows]}
    # Binary: a fifth less to decode, and there are thousands of values.
    async with conn.cursor(row_factory=args_row(ReportRow), binary=True) as cursor:
        await cursor.execute(queries.REPORTS, jobs)
        reports = await cursor.fetchall()
    happened = await _updates(conn, jobs["jobs"], 0)
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.PLACES, jobs)
        zones = {str(job): found for job, found in await cursor.fetchall()}
    parts: dict[str, tuple[list[Any], list[Any]]] = {str(row.id): ([], []) for row in rows}
    for report in reports:
        parts[str(report.job_id)][0].append(views.report(report))
    for update in happened:
        parts[str(update.job_id)][1].append(views.update(update))
    return [
        {
            **views.job(row, rules),
            "place": {
                "zones": zones.get(str(row.id), []),
                "near_boundary": "near_boundary" in row.flags,
            },
            "reports": parts[str(row.id)][0],
            "updates": parts[str(row.id)][1],
        }
        for row in rows
    ]


async def updates_since(conn: Connection, job: UUID, version: int) -> list[UpdateRow]:
    """What happened to a job after a version of it, oldest first."""
    return await _updates(conn, [job], version)


async def updates(conn: Connection, ids: Collection[str]) -> list[UpdateRow]:
    """Some updates, by their ids."""
    async with conn.cursor(row_factory=args_row(UpdateRow), binary=True) as cursor:
        await cursor.execute(queries.UPDATES_BY_ID, {"ids": list(ids)})
        return await cursor.fetchall()


async def _updates(conn: Connection, jobs: Sequence[UUID | str], since: int) -> list[UpdateRow]:
    async with conn.cursor(row_factory=args_row(UpdateRow), binary=True) as cursor:
        await cursor.execute(queries.UPDATES, {"jobs": jobs, "since": since})
        return await cursor.fetchall()
