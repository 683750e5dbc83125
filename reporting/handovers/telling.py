"""Whoever has a link says that the job is done, or why it cannot be."""

from uuid import UUID, uuid4

from psycopg.rows import class_row

from reporting import status
from reporting.chain import Words
from reporting.errors import Invalid, PhotoUnknown
from reporting.handovers.links import find
from reporting.handovers.log import append, lock
from reporting.handovers.rows import CANNOT, Told
from reporting.jobs.change import HANDED_BACK, Change, Wanted
from reporting.jobs.rows import LockedJob, LoosePhoto
from reporting.queries import handovers as queries
from reporting.queries import jobs as job_queries
from reporting.runtime import Connection
from routing.assign import Router


async def tell(conn: Connection, router: Router, token: str, told: Told) -> None:
    """Whoever has the link says that the job is done, or why it is not. Uses the link up.

    Said twice it counts once. Raises NotFound, Invalid and PhotoUnknown.
    """
    _check(told)
    handover = await find(conn, token)
    row = await lock(conn, handover.job_id)
    await conn.execute(queries.LOCK, {"id": handover.id})
    handover = await find(conn, token)
    if handover.state == "done":
        return
    photos = await _photos(conn, told.photos)
    change = Change(row)
    to = _status(row, told)
    if to is not None:
        wanted = Wanted(id=uuid4(), base_version=row.version, made_at=row.now, status=to)
        change.move(wanted, await router.current(conn))
    if told.reason is not None:
        change.mark(HANDED_BACK)
    await conn.execute(queries.DONE, {"id": handover.id, "at": row.now})
    await append(
        conn,
        change,
        handover,
        "done" if told.reason is None else "cannot",
        Words(note=told.note),
        actor=handover.actor,
        reason=told.reason,
        photos=photos,
    )


def _check(told: Told) -> None:
    if told.reason is None and not told.photos:
        raise Invalid("Add a photo that shows it is done.")
    if told.reason is not None and told.reason not in CANNOT:
        raise Invalid("Choose why it cannot be done.")
    if told.reason == "other" and not told.note:
        raise Invalid("Say what keeps you from doing it.")


def _status(row: LockedJob, told: Told) -> str | None:
    """What the job becomes by it; None: it stays as it is, whatever others did meanwhile."""
    if told.reason is None:
        return "fixed" if row.status in status.OPEN else None
    outside = row.status == "referred" and row.referred_to is not None
    return "received" if outside or row.status in {"scheduled", "in_progress", "waiting"} else None


async def _photos(conn: Connection, asked: tuple[UUID, ...]) -> dict[str, str]:
    """SHA-256 by id of pictures that were uploaded and belong to nothing yet."""
    if not asked:
        return {}
    async with conn.cursor(row_factory=class_row(LoosePhoto)) as cursor:
        await cursor.execute(job_queries.LOOSE_PHOTOS, {"photos": list(asked)})
        found = {str(photo.id): photo.sha256 for photo in await cursor.fetchall()}
    if len(found) != len(set(asked)):
        raise PhotoUnknown
    return found
