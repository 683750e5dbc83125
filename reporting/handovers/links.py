"""Links: made, listed, revoked, found by their tokens."""

from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row, namedtuple_row, scalar_row

from reporting import status
from reporting.auth import Action, Staff, authorize
from reporting.chain import Words
from reporting.errors import Invalid, NotFound, UpdateIdReused
from reporting.handovers.log import append, lock
from reporting.handovers.rows import Handover, NewHandover
from reporting.jobs.change import Change
from reporting.jobs.rows import LockedJob
from reporting.keys import Keys, token_hash
from reporting.language import language
from reporting.queries import handovers as queries
from reporting.queries import jobs as job_queries
from reporting.queries import outbox as outbox_queries
from reporting.runtime import Connection
from routing.assign import Router
from routing.rulebook import Rules

#: Links of one job that work at one time.
MOST: Final = 10


async def make(
    conn: Connection,
    router: Router,
    keys: Keys,
    staff: Staff,
    job: UUID,
    new: NewHandover,
    *,
    mails: bool,
) -> Handover:
    """Make a link, and have it sent where there is an address and a mail server (``mails``).

    Raises NotFound, NotAllowed, and Invalid for a job that is closed or has very many links.
    """
    row = await lock(conn, job)
    authorize(staff, Action.REASSIGN_JOB, row)
    known = await _one(conn, new.id)
    if known is not None:
        if (known.job_id, known.name) != (job, new.name):
            raise UpdateIdReused
        return known
    if row.status not in status.OPEN:
        raise Invalid("The job is closed. Open it again before you hand it over.")
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.LIVE, {"job": job})
        if (await cursor.fetchone() or 0) >= MOST:
            raise Invalid(f"{MOST} links to this job work already; revoke one first.")
    await conn.execute(
        queries.MAKE,
        {
            "id": new.id,
            "job": job,
            "token_hash": token_hash(keys.handover_token(new.id)),
            "made_by": staff.id,
            "at": row.now,
            "days": new.days,
            "name": new.name,
            "email": new.email,
            "message": new.message,
        },
    )
    found = await _one(conn, new.id)
    if found is None:
        raise UpdateIdReused
    until = language(None).date(found.expires_at, _timezone(await router.current(conn), row))
    note = f"Handed over to {new.name}, by a link that works until {until}."
    await append(conn, Change(row), found, "made", Words(note=note), actor=staff.actor)
    if new.email and mails:
        await conn.execute(outbox_queries.RECORD, {"topic": "handover", "subject": new.id})
    return found


async def of_job(conn: Connection, staff: Staff, job: UUID) -> list[Handover]:
    """The links to a job, the latest first. Raises NotFound and NotAllowed."""
    async with conn.cursor(row_factory=namedtuple_row) as found:
        await found.execute(job_queries.ONE, {"job": job})
        row: Any = await found.fetchone()
    if row is None:
        raise NotFound
    authorize(staff, Action.REASSIGN_JOB, row)
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.OF_JOB, {"job": job})
        return await cursor.fetchall()


async def revoke(conn: Connection, staff: Staff, handover: UUID) -> Handover:
    """A link works no more. Once more changes nothing, nor does it where the job is done.

    Raises NotFound and NotAllowed.
    """
    found = await _one(conn, handover)
    if found is None:
        raise NotFound
    row = await lock(conn, found.job_id)
    authorize(staff, Action.REASSIGN_JOB, row)
    cursor = await conn.execute(queries.REVOKE, {"id": handover, "at": row.now})
    if cursor.rowcount:
        note = f"The link of {found.name} was revoked."
        await append(conn, Change(row), found, "revoked", Words(note=note), actor=staff.actor)
    return await _one(conn, handover) or found


async def find(conn: Connection, token: str) -> Handover:
    """The link of a token: one that works, or that was used. Raises NotFound for every other."""
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.BY_TOKEN, {"token_hash": token_hash(token)})
        found = await cursor.fetchone()
    if found is None or found.state not in {"live", "done"}:
        raise NotFound
    return found


async def to_send(conn: Connection, handover: UUID) -> Handover | None:
    """The link that a mail is to bring; None where none is to be sent any more."""
    found = await _one(conn, handover)
    return found if found and found.state == "live" and found.email else None


async def opened(conn: Connection, handover: Handover) -> None:
    """Somebody, or some program, looked at it."""
    await conn.execute(queries.OPENED, {"id": handover.id})


async def _one(conn: Connection, handover: UUID) -> Handover | None:
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.ONE, {"id": handover})
        return await cursor.fetchone()


def _timezone(rules: Rules, row: LockedJob) -> str:
    return rules.authorities[row.authority_id].timezone
