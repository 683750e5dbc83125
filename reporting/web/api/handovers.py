"""Handing a job over: links by which somebody without an account does it."""

from typing import Annotated, Literal
from uuid import UUID, uuid4

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from reporting import handovers
from reporting.errors import Invalid, NotAllowed, NotFound, NotSignedIn, UpdateIdReused
from reporting.handovers import Handover, NewHandover
from reporting.runtime import Runtime
from reporting.web.answers import fresh
from reporting.web.body import BodyTooLarge, BodyUnreadable, CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Email, Id, Instant

router = APIRouter(prefix="/v1", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER)

NAME_LENGTH = 200
MESSAGE_LENGTH = 2000
DAYS = (1, 60)


class HandoverIn(Wire):
    """To whom the job is handed over, and for how long the link works."""

    id: Id | None = Field(None, description="Yours; the same again is the same link")
    name: Annotated[CleanText, StringConstraints(min_length=1, max_length=NAME_LENGTH)] = Field(
        description="A firm, or somebody there; crews and supervisors read it",
        examples=["Mere Surfacing Ltd"],
    )
    email: Email | None = Field(None, description="The link goes there, if mail is set up")
    message: (
        Annotated[CleanText, StringConstraints(min_length=1, max_length=MESSAGE_LENGTH)] | None
    ) = None
    days: int = Field(ge=DAYS[0], le=DAYS[1], examples=[14])

    def new(self) -> NewHandover:
        """As the verb takes it."""
        return NewHandover(self.id or uuid4(), self.name, self.days, self.email, self.message)


class JobNamed(Wire):
    """Which job."""

    id: UUID
    reference: str = Field(examples=["KB-7F3K9Q"])


class HandoverOut(Wire):
    """A link to one job."""

    id: UUID
    job: JobNamed
    state: Literal["live", "done", "revoked", "expired"] = Field(
        description="`done`: something was said by it, which uses it up. `revoked`: somebody did,"
        " or the job went to another authority."
    )
    url: str | None = Field(description="Only while it works. Whoever has it sees the job")
    name: str
    email: str | None
    message: str | None
    made_by: str
    made_at: Instant
    expires_at: Instant
    opened_at: Instant | None = Field(description="First; programs open links in mails too")
    done_at: Instant | None
    revoked_at: Instant | None


class HandoverList(Wire):
    """The links to a job, the latest first."""

    items: list[HandoverOut]


def url(runtime: Runtime, handover: UUID) -> str:
    """The address that a link leads to."""
    base = runtime.settings.public_url.rstrip("/")
    return f"{base}/handover/{runtime.keys.handover_token(handover)}"


def view(runtime: Runtime, found: Handover) -> dict[str, object]:
    """A link as those see it who may make one."""
    return {
        "id": found.id,
        "job": {"id": found.job_id, "reference": found.reference},
        "state": found.state,
        "url": url(runtime, found.id) if found.state == "live" else None,
        "name": found.name,
        "email": found.email,
        "message": found.message,
        "made_by": found.made_by,
        "made_at": found.made_at,
        "expires_at": found.expires_at,
        "opened_at": found.opened_at,
        "done_at": found.done_at,
        "revoked_at": found.revoked_at,
    }


@router.post(
    "/jobs/{job}/handovers",
    operation_id="handOverJob",
    summary="Hand a job over",
    description=(
        "Makes a link by which somebody without an account sees this one job, and says once that it"
        " is done, with a photo, or why it cannot be done. For supervisors and admins."
    ),
    status_code=201,
    response_model=HandoverOut,
    responses=responses(
        BodyUnreadable, BodyTooLarge, NotSignedIn, NotAllowed, NotFound, Invalid, UpdateIdReused
    ),
)
async def hand_over(
    runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID, body: HandoverIn
) -> Response:
    mails = runtime.settings.mail_configured
    async with runtime.unit() as conn:
        found = await handovers.make(
            conn, runtime.router, runtime.keys, staff, job, body.new(), mails=mails
        )
    answer = fresh(request, view(runtime, found), cache="no-store")
    answer.status_code = 201
    return answer


@router.get(
    "/jobs/{job}/handovers",
    operation_id="listHandovers",
    summary="To whom a job was handed over",
    response_model=HandoverList,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def list_handovers(
    runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID
) -> Response:
    async with runtime.reading() as conn:
        found = await handovers.of_job(conn, staff, job)
    return fresh(request, {"items": [view(runtime, each) for each in found]}, cache="no-store")


@router.delete(
    "/handovers/{handover}",
    operation_id="revokeHandover",
    summary="End a link",
    description="Once more changes nothing, nor does it where something was said by it already.",
    status_code=204,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def revoke_handover(runtime: RuntimeDep, staff: StaffDep, handover: UUID) -> Response:
    async with runtime.unit() as conn:
        await handovers.revoke(conn, staff, handover)
    return Response(status_code=204)
