"""Warnings to supervisors: jobs that were not begun in time, are due soon, or are late."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting import escalating
from reporting.errors import CursorRefused, Invalid, NotAllowed, NotSignedIn
from reporting.web.answers import fresh
from reporting.web.api.job_wire import JobItem
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Instant

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)


class Escalation(Wire):
    """A job that needs a supervisor's eye, and since when. It stands until somebody acts on it."""

    kind: Literal["overdue", "not_started", "due_soon"] = Field(
        description="The most serious thing that was told of it"
    )
    since: Instant
    job: JobItem


class EscalationPage(Wire):
    """Warnings, what is due first at the head. `next` is the cursor of the page after."""

    items: list[Escalation]
    next: str | None


@router.get(
    "/escalations",
    operation_id="listEscalations",
    summary="Jobs that need a supervisor's eye",
    description=(
        "Each is told once, on the console and by mail: an emergency that was not begun within half"
        " an hour (or half of its time), a job that is due soon, a job that is late. It stands here"
        " until somebody acts on the job, and comes again only if the job is opened again."
    ),
    response_model=EscalationPage,
    responses=responses(NotSignedIn, NotAllowed, CursorRefused, Invalid),
)
async def list_escalations(
    request: Request,
    runtime: RuntimeDep,
    who: StaffDep,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=escalating.LONGEST_PAGE)] = 50,
) -> Response:
    async with runtime.reading() as conn:
        found = await escalating.standing(
            conn, runtime.router, runtime.keys, who, cursor=cursor, limit=limit
        )
    return fresh(request, {"items": found.items, "next": found.next})
