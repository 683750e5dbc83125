"""What staff do to a job, and what new boundaries do to many.

A change names the version it was made on. A field that somebody set to another value since is a
conflict, shown with both values and who made them; all else merges. The job's row lock serialises
its updates, so a version is given once and the chain has no forks. Closing needs no more than that
lock: a report that is about to join locks the same row, and looks again whether the job is open.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from geo.kinds import LOCK_ROUTING
from geo.points import Point
from reporting import events, notices, status
from reporting.auth import Action, Staff, authorize
from reporting.chain import Words
from reporting.errors import (
    CannotUndo,
    Invalid,
    JobMerged,
    MadeAtRefused,
    NotFound,
    PhotoUnknown,
    UpdateIdReused,
)
from reporting.jobs import judging, merging, reading, referring, restoring, undoing
from reporting.jobs.change import Change, Wanted
from reporting.jobs.merging import Own
from reporting.jobs.rows import KnownUpdate, LockedJob, LoosePhoto
from reporting.queries import jobs as queries
from routing.assign import Assignment, Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

MADE_AHEAD: Final = timedelta(minutes=5)
MADE_AGO: Final = timedelta(days=40)
#: Nothing came from the same tablet.
ALONE: Final = Own()


async def update(
    conn: Connection,
    router: Router,
    principal: Staff,
    job: UUID,
    wanted: Wanted,
    *,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Add what somebody did to the job, and return the whole job as ``reading.one`` does.

    The same update again changes nothing and gets the same answer. Raises NotFound, NotAllowed,
    Conflict, MoveNotAllowed, or the refusal of a value. ``at`` stands for the clock where a history
    is written down afterwards (the demo's year).
    """
    row = await lock(conn, job, wanted)
    if at is not None:
        row = replace(row, now=at)
    await act(conn, router, principal, row, wanted)
    rules = await router.current(conn)
    return await reading.whole(conn, rules, await reading.fetch(conn, job))


async def apply(
    conn: Connection, router: Router, principal: Staff, job: UUID, wanted: Wanted
) -> bool:
    """The same as ``update``, where nobody asks for the whole job; false if it was done before."""
    return await act(conn, router, principal, await lock(conn, job, wanted), wanted)


async def version(conn: Connection, job: UUID) -> int:
    """Where a job stands."""
    return (await reading.fetch(conn, job)).version


async def lock(conn: Connection, job: UUID, wanted: Wanted) -> LockedJob:
    """The job, nobody else's to change until the unit ends. Raises NotFound."""
    if wanted.reroutes:
        await conn.execute(queries.LOCK_ROUTING_SHARED, {"lock": LOCK_ROUTING})
    return await _lock(conn, job)


async def act(
    conn: Connection,
    router: Router,
    principal: Staff,
    row: LockedJob,
    wanted: Wanted,
    own: Own = ALONE,
) -> bool:
    """Do it to a locked job; false if it was done before. Raises as ``update`` does.

    ``own`` is what the same tablet said of the job, which is no conflict.
    """
    wanted = wanted.started_by(principal)
    rules = await router.current(conn)
    known = await _known(conn, wanted.id)
    if known is not None and _came_before(known, principal, row.id, wanted):
        if known.seq != row.version:  # more happened, and it may have gone to others
            authorize(principal, Action.SEE_JOB, row)
        return False
    authorize(principal, Action.UPDATE_JOB, row)
    if wanted.reassigns:
        authorize(principal, Action.REASSIGN_JOB, row)
    if known is not None:
        raise UpdateIdReused
    if row.merged_into is not None:
        raise JobMerged(row.merged_reference)
    _check(row, wanted)
    wanted = await _left_to_do(conn, row, wanted, principal, own)
    photos = await _photos(conn, wanted.photos)
    change = Change(row)
    is_corrected = change.correct(wanted)
    if wanted.refers:
        await referring.refer(conn, router, rules, change, wanted, principal.actor)
    elif is_corrected:
        change.give_to(await _route(conn, router, rules, row, wanted))
    change.hand_over(wanted.team, rules, principal.actor)
    change.move(wanted, rules)
    await _employ(conn, change, wanted)
    if is_corrected and change.columns["status"] in status.OPEN:
        change.judge(await judging.judge(conn, rules, change), wanted, rules)
    change.prioritise(wanted, rules)
    await _append(conn, change, wanted, photos, principal.actor)
    before = restoring.before(change) if wanted.reassigns else None
    if before is not None:
        await undoing.keep(conn, wanted.id, before)
    return True


async def undo(
    conn: Connection, router: Router, principal: Staff, job: UUID, update: UUID, new: UUID
) -> bool:
    """Put a job back as it was before an update that reassigned it; false if that was done before.

    ``new`` is the id of the update that says so. Raises NotFound, NotAllowed, UpdateIdReused, or
    CannotUndo with the reason.
    """
    row = await _lock(conn, job)
    rules = await router.current(conn)
    authorize(principal, Action.REASSIGN_JOB, row)
    known = await _known(conn, new)
    if known is not None:
        if known.job_id != job or known.actor != principal.actor:
            raise UpdateIdReused
        return False
    done = await undoing.done(conn, update)
    if done is None or done.job_id != job:
        raise NotFound
    if done.columns is None:
        raise CannotUndo(undoing.NOT_KEPT)
    if row.merged_into is not None:
        raise JobMerged(row.merged_reference)
    if await undoing.changed_since(conn, job, done.seq):
        raise CannotUndo("Somebody changed the job since.")
    wanted = Wanted(id=new, base_version=row.version, made_at=row.now)
    change = Change(row)
    restoring.put_back(change, restoring.read(done.columns), undoing.reasons(done), rules)
    await _append(conn, change, wanted, {}, principal.actor)
    before = restoring.before(change)
    if before is not None:
        await undoing.keep(conn, new, before)
    return True


async def reassign(
    conn: Connection, moves: Mapping[UUID, Assignment], *, actor: str = "system"
) -> int:
    """Give open jobs to whom the new boundaries or rules give them; returns how many changed.

    Each gets an assignment and an update, so its history says when and why it moved. Jobs that were
    closed since, or that nothing changes for, are passed over. The caller holds LOCK_ROUTING.
    """
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(queries.LOCK, {"jobs": list(moves)})
        rows = await cursor.fetchall()
    batch = []
    for row in rows:
        change = Change(row)
        change.give_to(moves[row.id])
        if row.status not in status.OPEN or not change.columns_differ:
            continue
        entry = events.entry(
            events.Reassigned(change.fields),
            job_id=row.id,
            version=row.version,
            head=row.chain_head,
            id=uuid4(),
            actor=actor,
            made_at=row.now,
            recorded_at=row.now,
        )
        batch.append({**change.columns, "reasons": change.reasons, **entry.params()})
    async with conn.cursor() as cursor:
        await cursor.executemany(queries.append(frozenset({"fields", "assignment"})), batch)
    return len(batch)


async def _lock(conn: Connection, job: UUID) -> LockedJob:
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(queries.LOCK, {"jobs": [job]})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


def _check(row: LockedJob, wanted: Wanted) -> None:
    if not (wanted.fields() or wanted.note or wanted.public_message or wanted.photos):
        raise Invalid("Say what you did: a status, a note, a photo, or another field.")
    if not row.now - MADE_AGO <= wanted.made_at <= row.now + MADE_AHEAD:
        raise MadeAtRefused
    if wanted.base_version > row.version:
        raise Invalid("base_version is newer than the job.")
    if wanted.photos_show and not wanted.photos:
        raise Invalid("photos_show goes with photos.")
    referring.check(wanted)


async def _known(conn: Connection, update: UUID) -> KnownUpdate | None:
    async with conn.cursor(row_factory=class_row(KnownUpdate)) as cursor:
        await cursor.execute(queries.KNOWN_UPDATE, {"id": update})
        return await cursor.fetchone()


def _came_before(known: KnownUpdate, principal: Staff, job: UUID, wanted: Wanted) -> bool:
    """Whether it is this very update, and not another under its id."""
    words = (known.note, known.public_message)
    return (
        known.job_id == job
        and known.actor == principal.actor
        and (known.erased or words == (wanted.note, wanted.public_message))
    )


async def _left_to_do(
    conn: Connection, row: LockedJob, wanted: Wanted, principal: Staff, own: Own
) -> Wanted:
    """What is left to do of it. Raises Conflict."""
    if wanted.base_version == row.version or not wanted.fields():
        return wanted
    since = await reading.updates_since(conn, row.id, wanted.base_version)
    return merging.left_to_do(wanted, since, principal, row.version, own)


async def _photos(conn: Connection, asked: tuple[UUID, ...]) -> dict[str, str]:
    """SHA-256 by id of photos that were uploaded and belong to nothing yet."""
    if not asked:
        return {}
    async with conn.cursor(row_factory=class_row(LoosePhoto)) as cursor:
        await cursor.execute(queries.LOOSE_PHOTOS, {"photos": list(asked)})
        found = {str(photo.id): photo.sha256 for photo in await cursor.fetchall()}
    if len(found) != len(set(asked)):
        raise PhotoUnknown
    return found


async def _route(
    conn: Connection, router: Router, rules: Rules, row: LockedJob, wanted: Wanted
) -> Assignment:
    """Whose job it is as corrected. Raises UnknownCategory, OutsideCoverage, or Invalid."""
    category = wanted.category or row.category
    rules.category(category)
    if wanted.location is not None:
        place = wanted.location
    elif row.lat is not None and row.lng is not None:
        place = Point(row.lat, row.lng)
    else:
        raise Invalid("Give the place first: it is only in words.")
    return await router.assign(conn, place, category, row.now)


async def _employ(conn: Connection, change: Change, wanted: Wanted) -> None:
    """Put on it whom they name. Raises Invalid for who cannot be."""
    change.work(wanted)
    worker = change.columns["worker"]
    if worker is None or worker == change.row.worker_id:
        return
    cursor = await conn.execute(
        queries.WORKER,
        {
            "worker": worker,
            "authority": change.columns["authority"],
            "team": change.columns["team"],
        },
    )
    if await cursor.fetchone() is None:
        raise Invalid("worker is somebody of the job's team, or who answers for it.")


async def _append(
    conn: Connection, change: Change, wanted: Wanted, photos: dict[str, str], actor: str
) -> None:
    row = change.row
    words = Words(wanted.note, wanted.public_message, change.waiting_for)
    pictures = events.Noted(photos, wanted.photos_show)
    touched = change.fields or change.waiting_for
    event = events.Changed({**change.fields, **pictures.changes()}) if touched else pictures
    entry = events.entry(
        event,
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=wanted.id,
        actor=actor,
        made_at=wanted.made_at,
        recorded_at=row.now,
        words=words,
    )
    told = notices.is_public(
        entry.kind, entry.changes, has_message=wanted.public_message is not None
    )
    has: dict[queries.Part, bool] = {
        "fields": change.columns_differ,
        "words": entry.salt is not None,
        "photos": bool(photos),
        "assignment": change.reasons is not None,
        "outbox": told,
    }
    parts = frozenset(part for part, there in has.items() if there)
    params = {
        **change.columns,
        **entry.params(),
        "photos": list(photos),
        "reasons": change.reasons,
    }
    try:
        await conn.execute(queries.append(parts), params)
    except UniqueViolation as error:  # the same id on another job, in this very moment
        raise UpdateIdReused from error
