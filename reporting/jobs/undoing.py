"""Undoing what was done at a desk: a job goes back to what it was before an update.

Nothing is taken out of the log; the undo is an update of its own, which can be undone in turn. It
is refused when the job changed since in anything that counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg.rows import class_row, namedtuple_row, scalar_row

from reporting.errors import CannotUndo
from reporting.jobs import restoring
from reporting.jobs.combining import Urgency
from reporting.jobs.rows import LockedJob
from reporting.queries import moving as queries
from reporting.runtime import Connection

#: What an update may say without changing what a desk decided.
SAYS_NOTHING: Final = (
    "report",
    "reports",
    "from",
    "to",
    "because",
    "match",
    "triage",
    "photos",
    "photos_show",
    "fixed",
)
TOO_LONG_AGO: Final = "It was too long ago."
NOT_KEPT: Final = "This was told to residents, changed nothing, or was too long ago."


@dataclass(frozen=True, slots=True)
class Merge:
    """How a job was merged away, and what the two were before."""

    changes: dict[str, Any]
    #: Of the update of the job that stayed.
    seq: int
    before: dict[str, Any]
    before_there: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """An update that may be undone."""

    job_id: UUID
    seq: int
    kind: str
    columns: dict[str, Any] | None
    #: Why the job was whose it was before, as data.
    reasons: dict[str, Any] | None


async def keep(conn: Connection, update: UUID, before: Mapping[str, Any]) -> None:
    """How a job was before an update."""
    columns = orjson.dumps(dict(before)).decode()
    await conn.execute(queries.KEEP_BEFORE, {"update": update, "columns": columns})


async def done(conn: Connection, update: UUID) -> Done | None:
    """An update by its id, and how its job was before."""
    async with conn.cursor(row_factory=class_row(Done)) as cursor:
        await cursor.execute(queries.DONE, {"update": update})
        return await cursor.fetchone()


def reasons(update: Done) -> str | None:
    """Why the job was whose it was before it, as JSON text."""
    return None if update.reasons is None else orjson.dumps(update.reasons).decode()


async def merge_of(conn: Connection, job: UUID) -> Merge:
    """The merge that took a job away. Raises CannotUndo when it is not known any more."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.MERGE_OF, {"job": job})
        row: Any = await cursor.fetchone()
    if row is None or row.before is None or row.before_there is None:
        raise CannotUndo(TOO_LONG_AGO)
    return Merge(row.changes, row.seq, row.before, row.before_there)


async def changed_since(conn: Connection, job: UUID, seq: int) -> bool:
    """Whether anything that counts was changed of a job after an update of it."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        values = {"job": job, "seq": seq, "says_nothing": list(SAYS_NOTHING)}
        await cursor.execute(queries.CHANGED_SINCE, values)
        return bool(await cursor.fetchone())


def urgency(row: LockedJob) -> dict[str, Any]:
    """The urgency of a job, to be kept."""
    return {
        "priority": row.priority,
        "priority_by_hand": row.priority_by_hand,
        "due_at": row.due_at,
        "clock_stopped_at": row.clock_stopped_at,
    }


def urgency_of(kept: Mapping[str, Any]) -> Urgency:
    """The urgency that was kept."""
    columns = restoring.read(kept)
    return Urgency(
        columns["priority"],
        columns["priority_by_hand"],
        columns["due_at"],
        columns["clock_stopped_at"],
    )
