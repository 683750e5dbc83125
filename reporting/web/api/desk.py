"""The work at a desk: jobs are merged and split, and many are changed at once; all of it undone.

What moves reports is repeated by its Idempotency-Key; updates have ids of their own. Of many jobs
each is committed by itself and has an outcome of its own.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field, StringConstraints

from geo.errors import OutsideCoverage, Refusal
from reporting import jobs
from reporting.auth import Action, Staff, scope
from reporting.errors import (
    CannotUndo,
    Conflict,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    Invalid,
    JobMerged,
    JobsNotOpen,
    NotAllowed,
    NotFound,
    NotSignedIn,
    StillRunning,
)
from reporting.jobs import Wanted
from reporting.language import language
from reporting.repeats import Answered, Once
from reporting.runtime import Connection, Runtime
from reporting.status import REASON_LENGTH
from reporting.web import problems
from reporting.web.answers import fresh
from reporting.web.api.job_wire import PRIORITIES, JobReference, Priority, Status, Text
from reporting.web.api.reports import idempotency_key_of
from reporting.web.api.sync import ConflictOut, ProblemOut
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Instant
from routing.errors import NoFallbackTeam, UnknownCategory

router = APIRouter(
    prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

#: The same for many jobs.
together = APIRouter(
    prefix="/v1/updates", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

MOST: Final = 200
KeyHeader = Annotated[str | None, Header(json_schema_extra={"format": "uuid"})]
LooseUUID = Annotated[UUID, Field(strict=False)]
_REPEATED: Final = (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    StillRunning,
    BodyUnreadable,
    BodyTooLarge,
    NotSignedIn,
    NotAllowed,
    NotFound,
    Invalid,
)


class MergeIn(Wire):
    """Where the reports go."""

    into: LooseUUID = Field(description="The job that stays")


class SplitIn(Wire):
    """Which reports leave."""

    reports: list[LooseUUID] = Field(min_length=1, max_length=MOST)


class VersionedJob(JobReference):
    """A job after what was done."""

    version: int


class MovedOut(Wire):
    """Reports went from one job to another."""

    from_: VersionedJob = Field(alias="from")
    into: VersionedJob
    reports: list[UUID]


class ManyItem(Wire):
    """One of the jobs."""

    job: LooseUUID
    id: LooseUUID = Field(description="Yours, of the update; sending it again changes nothing")
    base_version: int = Field(ge=1, description="The version that you saw")


class ManyIn(Wire):
    """One change to many jobs: at least one field besides `jobs` and `made_at`."""

    jobs: list[ManyItem] = Field(min_length=1, max_length=MOST)
    made_at: Annotated[Instant, Field(strict=False)]
    team: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    priority: Priority | None = None
    status: Status | None = None
    reason: Text | None = Field(None, max_length=REASON_LENGTH)
    scheduled_for: Annotated[Instant, Field(strict=False)] | None = None
    note: Text | None = Field(None, description="For colleagues")
    public_message: Text | None = Field(None, description="For those who reported it")

    def wanted(self, item: ManyItem) -> Wanted:
        """What it is for one of them."""
        return Wanted(
            id=item.id,
            base_version=item.base_version,
            made_at=self.made_at,
            team=self.team,
            priority=self.priority and PRIORITIES[self.priority],
            status=self.status,
            reason=self.reason,
            scheduled_for=self.scheduled_for,
            note=self.note,
            public_message=self.public_message,
        )


class UndoItem(Wire):
    """An update to undo."""

    job: LooseUUID
    id: LooseUUID = Field(description="Yours, of the update that undoes; the same changes nothing")
    undoes: LooseUUID = Field(description="The id of the update that is undone")


class UndoIn(Wire):
    """Updates to undo, each of another job."""

    jobs: list[UndoItem] = Field(min_length=1, max_length=MOST)


class OutcomeOut(Wire):
    """What became of one."""

    job: UUID
    id: UUID
    outcome: Literal["applied", "already_applied", "conflict", "refused"]
    version: int | None = Field(None, description="Of the job, after it")
    conflicts: list[ConflictOut] | None = None
    problem: ProblemOut | None = None


class OutcomesOut(Wire):
    """One outcome for each, in the order of the request."""

    results: list[OutcomeOut]


@router.post(
    "/{job}/merge",
    operation_id="mergeJob",
    summary="Put all its reports on another job",
    description=(
        "Both must be open. The first is closed as `merged`, which nobody is told; each report"
        " keeps its words, photos and timeline, and its reporter hears of the job that stays."
    ),
    response_model=MovedOut,
    responses=responses(*_REPEATED, JobsNotOpen),
)
async def merge_job(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    job: UUID,
    body: MergeIn,
    idempotency_key: KeyHeader = None,
) -> Response:
    once = await _once(request, runtime, "merge", staff, job, idempotency_key)
    async with runtime.unit(claim=once.lock) as conn:
        return _answer(await jobs.merge(conn, runtime.router, staff, once, body.into))


@router.post(
    "/{job}/unmerge",
    operation_id="unmergeJob",
    summary="Undo its merge",
    description=(
        "Exactly the reports that went with it come back, and it is what it was. Refused with the"
        " reason once something contradicts."
    ),
    response_model=MovedOut,
    responses=responses(*_REPEATED, CannotUndo),
)
async def unmerge_job(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    job: UUID,
    idempotency_key: KeyHeader = None,
) -> Response:
    once = await _once(request, runtime, "unmerge", staff, job, idempotency_key)
    async with runtime.unit(claim=once.lock) as conn:
        return _answer(await jobs.unmerge(conn, runtime.router, staff, once))


@router.post(
    "/{job}/split",
    operation_id="splitJob",
    summary="Take reports off it, into a new job",
    description=(
        "At least one stays. The new job is judged by what its reports say, and due as if they had"
        " made it when the first of them came. Merging it back undoes it."
    ),
    response_model=MovedOut,
    responses=responses(*_REPEATED, JobMerged, OutsideCoverage, UnknownCategory, NoFallbackTeam),
)
async def split_job(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    job: UUID,
    body: SplitIn,
    idempotency_key: KeyHeader = None,
) -> Response:
    once = await _once(request, runtime, "split", staff, job, idempotency_key)
    async with runtime.unit(claim=once.lock) as conn:
        return _answer(await jobs.split(conn, runtime.router, staff, once, body.reports))


@together.post(
    "",
    operation_id="updateJobs",
    summary="The same change to many jobs",
    description=(
        "Each is committed by itself and has an outcome of its own: one that somebody else changed,"
        " or that cannot make the move, stops no other. The request may be sent again."
    ),
    response_model=OutcomesOut,
    responses=responses(BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, Invalid),
)
async def update_jobs(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: ManyIn
) -> Response:
    scope(staff, Action.REASSIGN_JOB)
    return await answered(request, [await change(runtime, staff, body, item) for item in body.jobs])


@together.post(
    "/undo",
    operation_id="undoUpdates",
    summary="Undo changes of team, priority, category or place",
    description=(
        "Each job goes back to what it was before the update, unless somebody changed it since. An"
        " update that residents were told of is not undone. The undo can be undone."
    ),
    response_model=OutcomesOut,
    responses=responses(BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, Invalid),
)
async def undo_updates(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: UndoIn
) -> Response:
    scope(staff, Action.REASSIGN_JOB)
    return await answered(request, [await undo(runtime, staff, item) for item in body.jobs])


async def answered(request: Request, results: list[dict[str, Any]]) -> Response:
    """The outcomes, in their order."""
    return fresh(request, {"results": results}, cache="no-store", small=True)


async def change(runtime: Runtime, staff: Staff, body: ManyIn, item: ManyItem) -> dict[str, Any]:
    """One of many changes, in a unit of its own."""

    async def do(conn: Connection) -> bool:
        return await jobs.apply(conn, runtime.router, staff, item.job, body.wanted(item))

    return await _outcome(runtime, item.job, item.id, do)


async def undo(runtime: Runtime, staff: Staff, item: UndoItem) -> dict[str, Any]:
    """One of many undone, in a unit of its own."""

    async def do(conn: Connection) -> bool:
        return await jobs.undo(conn, runtime.router, staff, item.job, item.undoes, item.id)

    return await _outcome(runtime, item.job, item.id, do)


async def _outcome(
    runtime: Runtime, job: UUID, update: UUID, do: Callable[[Connection], Awaitable[bool]]
) -> dict[str, Any]:
    named: dict[str, Any] = {"job": str(job), "id": str(update)}
    try:
        async with runtime.unit() as conn:
            is_new = await do(conn)
            version = await jobs.version(conn, job)
    except Conflict as clash:
        return {**named, "outcome": "conflict", "conflicts": clash.facts["conflicts"]}
    except Refusal as refusal:
        return {**named, "outcome": "refused", "problem": _problem(refusal)}
    outcome = "applied" if is_new else "already_applied"
    return {**named, "outcome": outcome, "version": version}


def _problem(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "title": problems.title(refusal.code),
        "detail": problems.said(refusal, language(None)),
        "status": problems.status_of(refusal),
    }


async def _once(
    request: Request, runtime: Runtime, operation: str, staff: Staff, job: UUID, key: str | None
) -> Once:
    """Bound to whoever asks: what one did is no answer to another."""
    found = idempotency_key_of(key)
    body = runtime.keys.body_hash(await request.body())
    return Once(f"{operation}:{staff.id}", job, found, body)


def _answer(found: Answered) -> Response:
    headers = {"Cache-Control": "no-store"}
    if found.replayed:
        headers["Idempotency-Replayed"] = "true"
    return Response(found.body, 200, headers, media_type="application/json")
