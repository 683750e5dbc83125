"""What a tablet did while it had no signal, all at once; each with an outcome of its own."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, ValidationError

from geo.errors import Refusal
from reporting import jobs, syncing
from reporting.auth import Action, Staff, scope
from reporting.errors import Conflict, Invalid, NotAllowed, NotSignedIn, UpdateIdReused
from reporting.language import language
from reporting.runtime import Runtime
from reporting.web import problems
from reporting.web.answers import fresh
from reporting.web.api.job_wire import JobWhole, UpdateIn, linked
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep

router = APIRouter(
    prefix="/v1/sync", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

MOST_OPERATIONS: Final = 200
#: What every client's numbers can hold.
LAST_SEQ: Final = 2**53
LooseUUID = Annotated[UUID, Field(strict=False)]


class OperationIn(UpdateIn):
    """An update of a job, in its order on the tablet."""

    job_id: LooseUUID
    device_seq: int = Field(ge=1, le=LAST_SEQ, description="1 for the tablet's first, and so on")


#: In the document each model stands once, beside the others.
_OPERATION = OperationIn.model_json_schema(ref_template="#/components/schemas/{model}")
_OPERATION.pop("$defs", None)


class SyncIn(Wire):
    """Operations of one tablet; each is read by itself: one that is wrong stops no other."""

    tablet: LooseUUID = Field(description="Made once by the tablet for itself")
    staff: LooseUUID | None = Field(
        None, description="Whose work it is: refused while somebody else is signed in"
    )
    operations: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MOST_OPERATIONS,
        json_schema_extra={"items": _OPERATION},
    )


class ConflictOut(Wire):
    """A field that somebody else set to another value."""

    field: str
    yours: Any
    theirs: Any
    by: str
    at: str


class ProblemOut(Wire):
    """Why it was refused."""

    code: str
    title: str
    detail: str
    status: int


class ResultOut(Wire):
    """What became of an operation, for ever: sent again it is the same."""

    id: UUID
    outcome: Literal["applied", "already_applied", "conflict", "refused"]
    job: JobWhole | None = Field(
        None, description="As it stands now, with the last of its operations"
    )
    conflicts: list[ConflictOut] | None = None
    problem: ProblemOut | None = None


class SyncOut(Wire):
    """The outcomes in the order of the request."""

    results: list[ResultOut]
    cursor: str = Field(description="For updated_since, as of the beginning of this request")


@router.post(
    "",
    operation_id="sync",
    summary="Say what was done without signal",
    description=(
        "Each operation is committed by itself, in order of `device_seq`, and its outcome is kept:"
        " the request may be repeated whole or in part, and reordered. What the same tablet did"
        " before is no conflict; of a field to which it has said something later, that stands."
    ),
    response_model=SyncOut,
    responses=problems.responses(BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, Invalid),
)
async def sync(runtime: RuntimeDep, staff: StaffDep, request: Request, body: SyncIn) -> Response:
    scope(staff, Action.UPDATE_JOB)
    if body.staff not in {None, staff.id}:
        raise NotAllowed("This was done by somebody else than who is signed in now.")
    async with runtime.reading() as conn:
        cursor = await jobs.beginning(conn, runtime.keys, staff)
    asked = [_Asked(body.tablet, raw, staff, place) for place, raw in enumerate(body.operations)]
    outcomes = {each.place: await _outcome(runtime, staff, each) for each in sorted(asked)}
    last = {each.operation.job: each.place for each in asked}
    async with runtime.reading() as conn:
        found = await syncing.jobs(conn, runtime.router, staff, last)
    wholes = {last[job]: linked(whole, runtime.keys) for job, whole in found.items()}
    results = [_shown(outcomes[each.place], wholes.get(each.place)) for each in asked]
    return fresh(request, {"results": results, "cursor": cursor}, cache="no-store", small=True)


class _Asked:
    """One operation as it was sent; what is wrong with it is told when its turn comes."""

    def __init__(self, tablet: UUID, raw: dict[str, Any], staff: Staff, place: int) -> None:
        self.place = place
        self.refusal: Refusal | None = None
        key = _uuid(raw.get("id"))
        if key is None:
            raise Invalid(f"The id of operation {place + 1} is not a UUID.")
        job, seq = _uuid(raw.get("job_id")) or UUID(int=0), raw.get("device_seq")
        seq = seq if isinstance(seq, int) and 0 < seq <= LAST_SEQ else 0
        wanted = jobs.Wanted(id=key, base_version=1, made_at=datetime.now(UTC))
        try:
            wanted = OperationIn.model_validate(raw).wanted(staff.id)
        except ValidationError as error:
            self.refusal = Invalid(problems.in_words(error.errors(include_url=False)))
        except Refusal as refusal:
            self.refusal = refusal
        self.operation = syncing.Operation(tablet, job, seq, wanted)

    def __lt__(self, other: "_Asked") -> bool:
        one, two = self.operation, other.operation
        return (one.device_seq, self.place) < (two.device_seq, other.place)


def _uuid(sent: Any) -> UUID | None:
    try:
        return UUID(sent) if isinstance(sent, str) else None
    except ValueError:
        return None


async def _outcome(runtime: Runtime, staff: Staff, asked: _Asked) -> syncing.Outcome:
    """Do it in a unit of its own; what is refused is written down in another."""
    operation = asked.operation
    try:
        if asked.refusal is not None:
            raise asked.refusal
        async with runtime.unit() as conn:
            return await syncing.apply(conn, runtime.router, staff, operation)
    except Conflict as clash:
        return await _settled(runtime, staff, operation, "conflict", syncing.clashes(clash))
    except Refusal as refusal:
        return await _settled(runtime, staff, operation, "refused", _problem(refusal))


async def _settled(
    runtime: Runtime,
    staff: Staff,
    operation: syncing.Operation,
    outcome: Literal["conflict", "refused"],
    answer: dict[str, Any],
) -> syncing.Outcome:
    try:
        async with runtime.unit() as conn:
            return await syncing.settle(conn, staff, operation, outcome, answer)
    except UpdateIdReused as reused:  # the id is another operation's: nothing of this one is kept
        return syncing.Outcome(operation.wanted.id, "refused", problem=_problem(reused))


def _problem(refusal: Refusal) -> dict[str, Any]:
    return {
        "code": refusal.code,
        "title": problems.title(refusal.code),
        "detail": problems.said(refusal, language(None)),
        "status": problems.status_of(refusal),
    }


def _shown(outcome: syncing.Outcome, job: dict[str, Any] | None) -> dict[str, Any]:
    found: dict[str, Any] = {"id": outcome.id, "outcome": outcome.outcome}
    parts = {"job": job, "conflicts": outcome.conflicts, "problem": outcome.problem}
    return found | {name: part for name, part in parts.items() if part is not None}
