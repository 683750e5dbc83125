"""What happens by links, written into the log of their job."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row

from reporting import events, notices
from reporting.chain import Words
from reporting.errors import NotFound
from reporting.handovers.rows import Handover
from reporting.jobs.change import Change
from reporting.jobs.rows import LockedJob
from reporting.queries import jobs as job_queries
from reporting.runtime import Connection


async def lock(conn: Connection, job: UUID) -> LockedJob:
    """The job, nobody else's to change until the unit ends. Raises NotFound."""
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(job_queries.LOCK, {"jobs": [job]})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def append(
    conn: Connection,
    change: Change,
    handover: Handover,
    state: str,
    words: Words,
    *,
    actor: str,
    reason: str | None = None,
    photos: Mapping[str, str] | None = None,
) -> None:
    """Write it into the job's log."""
    row = change.row
    link = {"id": str(handover.id), "state": state, **({"reason": reason} if reason else {})}
    fields: dict[str, Any] = {**change.fields, "handover": link}
    if photos:
        fields |= {"photos": dict(photos), "photos_show": "after"}
    entry = events.entry(
        events.Changed(fields),
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=uuid4(),
        actor=actor,
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
    params = {**change.columns, **entry.params(), "photos": list(photos or ())}
    await conn.execute(job_queries.append(parts), params)
