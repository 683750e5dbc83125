"""What its reporter does to a report: says whether it is fixed, takes it back, says how to be told.

Each is an update of the job, chained like any other; the words go into a row that can be erased.
Like a report itself, feedback and taking back may be sent again with the same Idempotency-Key: the
answer is the same, and nothing happens twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.rows import class_row, scalar_row

from reporting import chain, events, notices, repeats, status
from reporting.auth import Device
from reporting.chain import Words
from reporting.errors import (
    NotFound,
    PhotoUnknown,
    ReportWithdrawn,
    TooLateToReopen,
    TooManyRequests,
)
from reporting.jobs.change import Change, Wanted
from reporting.jobs.rows import LockedJob, LoosePhoto
from reporting.queries import jobs as job_queries
from reporting.queries import tracking as queries
from reporting.repeats import Answered, Once
from reporting.reports.values import Contact
from reporting.runtime import Connection
from routing.assign import Router

#: How long after it was closed a reporter may say that it is not mended.
REOPENS_FOR: Final = timedelta(days=28)
#: The log is kept for ever, and whoever follows the job may be told each time.
MOST_A_DAY: Final = 20


@dataclass(frozen=True, slots=True)
class Said:
    """Whether it is fixed, and what there is to say or to see of it."""

    fixed: bool
    description: str | None = None
    photos: tuple[UUID, ...] = ()


async def feedback(
    conn: Connection, router: Router, device: Device | None, once: Once, said: Said
) -> Answered:
    """Write down what a reporter says. Not fixed opens a job again that was closed lately.

    Runs inside a unit that holds ``once.lock``; the caller has seen that the report is theirs.
    ``device`` is where its pictures come from, if not from where the report came. Raises
    IdempotencyKeyReused, ReportWithdrawn, TooManyRequests, TooLateToReopen or PhotoUnknown.
    """
    known = await repeats.known(conn, once)
    if known is not None:
        return known
    row = await _lock(conn, once.subject)
    if await _withdrawn_at(conn, once.subject) is not None:
        raise ReportWithdrawn
    if await _said_today(conn, row.id, once.subject) >= MOST_A_DAY:
        raise TooManyRequests
    photos = await _photos(conn, once.subject, device, said.photos)
    change = Change(row)
    reopens = not said.fixed and row.status in status.CLOSED
    if reopens:
        if row.closed_at is not None and row.now - row.closed_at > REOPENS_FOR:
            raise TooLateToReopen(category=row.category)
        rules = await router.current(conn)
        change.move(_wanted("received", row), rules)
    event = events.Feedback(
        once.subject, fixed=said.fixed, fields=dict(change.fields), photos=photos
    )
    entry = await _append(conn, once, change, event, Words(note=said.description), list(photos))
    return await repeats.keep(
        conn, once, {"id": entry, "status": _status(change), "reopened": reopens}
    )


async def withdraw(conn: Connection, router: Router, once: Once) -> Answered:
    """Take a report back. The last one on an open job closes it; nothing is deleted.

    The same holds as for ``feedback``. Taken back twice is taken back once.
    """
    known = await repeats.known(conn, once)
    if known is not None:
        return known
    row = await _lock(conn, once.subject)
    before = await _withdrawn_at(conn, once.subject)
    if before is not None:
        return await repeats.keep(conn, once, _taken_back(row.status, before))
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.STANDING, {"job": row.id})
        standing = await cursor.fetchone()
    change = Change(row)
    if standing == 1 and row.status in status.OPEN:
        change.move(_wanted("closed", row, "withdrawn"), await router.current(conn))
    event = events.Withdrawn(once.subject, fields=dict(change.fields))
    await conn.execute(queries.WITHDRAW, {"report": once.subject, "at": row.now})
    await conn.execute(queries.ONE_LESS, {"job": row.id})
    await _append(conn, once, change, event, Words(), [])
    return await repeats.keep(conn, once, _taken_back(_status(change), row.now))


async def set_contact(conn: Connection, report: UUID, contact: Contact | None) -> None:
    """How its reporter wishes to be reached from now on; None: not at all.

    Without e-mail among ``updates`` nothing more is sent there, and what waited is dropped.
    """
    await conn.execute(queries.LOCK_REPORT, {"report": report})
    if contact is None:
        await conn.execute(queries.CLEAR_CONTACT, {"report": report})
        return
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(
            queries.SET_CONTACT,
            {
                "report": report,
                "fresh": uuid4(),
                "name": contact.name,
                "email": contact.email,
                "phone": contact.phone,
                "language": contact.language,
                "updates": list(contact.updates),
            },
        )
        reporter = await cursor.fetchone()
    if "email" in contact.updates and contact.email:
        await conn.execute(queries.SUBSCRIBE, {"reporter": reporter, "address": contact.email})
    else:
        await conn.execute(queries.STOP, {"reporter": reporter})


def _wanted(to: str, row: LockedJob, reason: str | None = None) -> Wanted:
    return Wanted(id=uuid4(), base_version=row.version, made_at=row.now, status=to, reason=reason)


def _status(change: Change) -> str:
    found: str = change.columns["status"]
    return found


def _taken_back(now: str, at: datetime) -> dict[str, Any]:
    return {"status": now, "withdrawn_at": chain.utc(at)}


async def _lock(conn: Connection, report: UUID) -> LockedJob:
    """The job the report stands on, nobody else's to change until the unit ends.

    A report that is moved to another job meanwhile is looked for again: whoever moves it holds the
    locks of both.
    """
    while True:
        job = await _job_of(conn, report)
        async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
            await cursor.execute(job_queries.LOCK, {"jobs": [job]})
            row = await cursor.fetchone()
        if row is None:
            raise NotFound
        if await _job_of(conn, report) == row.id:
            return row


async def _job_of(conn: Connection, report: UUID) -> UUID:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.JOB_OF, {"report": report})
        found: UUID | None = await cursor.fetchone()
    if found is None:
        raise NotFound
    return found


async def _withdrawn_at(conn: Connection, report: UUID) -> datetime | None:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.WITHDRAWN_AT, {"report": report})
        found: datetime | None = await cursor.fetchone()
    return found


async def _said_today(conn: Connection, job: UUID, report: UUID) -> int:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.SAID_TODAY, {"job": job, "actor": f"report:{report}"})
        found: int | None = await cursor.fetchone()
    return found or 0


async def _photos(
    conn: Connection, report: UUID, device: Device | None, asked: tuple[UUID, ...]
) -> dict[str, str]:
    """SHA-256 by id of pictures that this reporter uploaded and that belong to nothing yet."""
    if not asked:
        return {}
    values = {"photos": list(asked), "report": report, "device": device and device.id}
    async with conn.cursor(row_factory=class_row(LoosePhoto)) as cursor:
        await cursor.execute(queries.LOOSE_PHOTOS, values)
        found = {str(photo.id): photo.sha256 for photo in await cursor.fetchall()}
    if len(found) != len(set(asked)):
        raise PhotoUnknown
    return found


async def _append(
    conn: Connection,
    once: Once,
    change: Change,
    event: events.Event,
    words: Words,
    photos: list[str],
) -> UUID:
    row = change.row
    entry = events.entry(
        event,
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=uuid4(),
        actor=f"report:{once.subject}",
        made_at=row.now,
        recorded_at=row.now,
        words=words,
    )
    has: dict[job_queries.Part, bool] = {
        "fields": change.columns_differ,
        "words": entry.salt is not None,
        "photos": bool(photos),
        "outbox": notices.is_public(entry.kind, entry.changes),
    }
    parts = frozenset(part for part, there in has.items() if there)
    params = {**change.columns, **entry.params(), "photos": photos}
    await conn.execute(job_queries.append(parts), params)
    return entry.id
