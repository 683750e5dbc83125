"""What tablets did while they had no signal: each operation has one outcome, for ever.

An operation is an update that says in which order it was done on its tablet. It is applied, or
clashes with what somebody else did, or is refused, and the table ``operation`` keeps which: sent
again, in whatever order, alone or twice at once, it gets the same answer. Nothing of what was typed
stands there; a clash is kept as the update it was with, and shown anew.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row

from reporting.auth import Action, Staff, may
from reporting.errors import Conflict, JobGone, NotFound, UpdateIdReused
from reporting.jobs import merging, reading, updating
from reporting.jobs.change import Wanted
from reporting.jobs.merging import Own
from reporting.queries import syncing as queries
from routing.assign import Router

Connection = AsyncConnection[Any]

Kind = Literal["applied", "already_applied", "conflict", "refused"]


@dataclass(frozen=True, slots=True)
class Operation:
    """Something done to a job on a tablet, in its order there."""

    tablet: UUID
    job: UUID
    device_seq: int
    wanted: Wanted

    def values(self, staff: Staff) -> dict[str, Any]:
        """As the statements take it."""
        return {
            "id": self.wanted.id,
            "staff": staff.id,
            "tablet": self.tablet,
            "device_seq": self.device_seq,
            "job": self.job,
            "made_at": self.wanted.made_at,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an operation."""

    id: UUID
    outcome: Kind
    #: Fields that two set to different values.
    conflicts: list[dict[str, Any]] | None = None
    #: Why it was refused, as the edge tells it.
    problem: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An operation as the table has it."""

    id: UUID
    staff_id: UUID
    tablet: UUID
    device_seq: int
    job_id: UUID
    outcome: Literal["applied", "conflict", "refused"]
    answer: dict[str, Any] | None


async def apply(conn: Connection, router: Router, staff: Staff, operation: Operation) -> Outcome:
    """Do it, unless it has its outcome already. In a unit of its own.

    Raises as ``jobs.update`` does; ``settle`` then writes down what came of it, in another unit.
    """
    try:
        row = await updating.lock(conn, operation.job, operation.wanted)
    except NotFound as error:
        known = await _kept(conn, staff, operation)
        if operation.wanted.id in known:
            return await _again(conn, staff, operation, known[operation.wanted.id])
        raise JobGone from error
    # After the lock: of two requests with the same operation, the second sees what the first did.
    known = await _kept(conn, staff, operation)
    if operation.wanted.id in known:
        return await _again(conn, staff, operation, known[operation.wanted.id])
    try:
        is_new = await updating.act(
            conn, router, staff, row, operation.wanted, _own(operation, known.values())
        )
    except NotFound as error:
        raise JobGone from error
    await conn.execute(
        queries.KEEP, {**operation.values(staff), "outcome": "applied", "answer": None}
    )
    return Outcome(operation.wanted.id, "applied" if is_new else "already_applied")


async def settle(
    conn: Connection,
    staff: Staff,
    operation: Operation,
    outcome: Literal["conflict", "refused"],
    answer: dict[str, Any],
) -> Outcome:
    """Keep that it clashed or was refused, unless it got another outcome meanwhile; which it has.

    The answer to a clash is ``clashes`` of it, to a refusal the problem.
    """
    stored = {
        **operation.values(staff),
        "outcome": outcome,
        "answer": orjson.dumps(answer).decode(),
    }
    await conn.execute(queries.KEEP, stored)
    known = await _kept(conn, staff, operation)
    return await _again(conn, staff, operation, known[operation.wanted.id])


def clashes(refusal: Conflict) -> dict[str, Any]:
    """The updates that it clashed with, by field."""
    return {name: str(update) for name, update in refusal.updates.items()}


async def jobs(
    conn: Connection, router: Router, staff: Staff, asked: Collection[UUID]
) -> dict[UUID, dict[str, Any]]:
    """Whole jobs by id, of those that they may see."""
    if not asked:
        return {}
    rules = await router.current(conn)
    found = await reading.several(conn, asked)
    seen = [row for row in found if may(staff, Action.SEE_JOB, row)]
    return {job["id"]: job for job in await reading.wholes(conn, rules, seen)}


async def _kept(conn: Connection, staff: Staff, operation: Operation) -> dict[UUID, _Kept]:
    """This operation if it came before, and the others of the tablet on the job."""
    async with conn.cursor(row_factory=class_row(_Kept)) as cursor:
        await cursor.execute(queries.OPERATIONS, operation.values(staff))
        return {kept.id: kept for kept in await cursor.fetchall()}


def _own(operation: Operation, known: Collection[_Kept]) -> Own:
    applied = [kept for kept in known if kept.outcome == "applied"]
    seq = operation.device_seq
    return Own(
        earlier=frozenset(kept.id for kept in applied if kept.device_seq <= seq),
        later=frozenset(kept.id for kept in applied if kept.device_seq > seq),
    )


async def _again(conn: Connection, staff: Staff, operation: Operation, kept: _Kept) -> Outcome:
    """The outcome that it has. Raises UpdateIdReused for one of somebody else."""
    if kept.staff_id != staff.id or kept.job_id != operation.job:
        raise UpdateIdReused
    if kept.outcome == "applied":
        return Outcome(kept.id, "already_applied")
    if kept.outcome == "refused":
        return Outcome(kept.id, "refused", problem=kept.answer)
    return Outcome(
        kept.id, "conflict", conflicts=await _conflicts(conn, staff, operation, kept.answer or {})
    )


async def _conflicts(
    conn: Connection, staff: Staff, operation: Operation, clashed: dict[str, str]
) -> list[dict[str, Any]]:
    asked = operation.wanted.started_by(staff).fields()
    updates = {str(each.id): each for each in await reading.updates(conn, clashed.values())}
    return [
        merging.conflict(name, asked.get(name), updates[update], staff)
        for name, update in clashed.items()
        if update in updates
    ]
