"""Jobs: the list that crews and supervisors work from, one job, and what is done to it."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from reporting import jobs
from reporting.asked import Asked
from reporting.auth import Staff
from reporting.errors import (
    Conflict,
    CursorRefused,
    CursorTooOld,
    Invalid,
    MadeAtRefused,
    MoveNotAllowed,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PhotoUnknown,
    UpdateIdReused,
)
from reporting.runtime import Runtime
from reporting.web.answers import fresh
from reporting.web.api.filters import Day, Filters
from reporting.web.api.job_wire import (
    JobItem,
    JobReference,
    JobWhole,
    UpdateIn,
    linked,
)
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, Instant, TeamOut, WardOut
from routing.errors import NoFallbackTeam, NotTheirGround, UnknownCategory

router = APIRouter(
    prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER
)


class JobFilters(Filters):
    """Which jobs, and which page of them."""

    due_by: Day | None = Field(
        None, description="Due by the end of this day, in the authority's time zone"
    )
    cursor: str | None = Field(None, max_length=500, description="`next` of the page before")
    limit: int | None = Field(
        None,
        ge=1,
        le=jobs.LONGEST_PAGE,
        strict=False,
        description="At most so many: 50 unless given, with `updated_since` 200",
    )
    updated_since: str | None = Field(
        None,
        max_length=8000,
        description="What is new since a cursor, instead of a page; empty: all that is open. Goes"
        " with `limit` alone",
    )

    def asked(self) -> Asked:
        """As the verb takes it. Raises Invalid."""
        return replace(super().asked(), due_by=self.due_by)

    @property
    def is_sync(self) -> bool:
        """Whether it asks what is new. Raises Invalid with a filter."""
        if self.updated_since is not None and self.model_fields_set - {"updated_since", "limit"}:
            raise Invalid("updated_since goes with limit alone.")
        return self.updated_since is not None


class JobPage(Wire):
    """Jobs by due time. `next` is the cursor of the page after, if there is one."""

    items: list[JobItem]
    next: str | None


class JobChanges(Wire):
    """Jobs that are new or changed since a cursor, whole, and those that are no longer theirs.

    While `more`, there is more of it after the new cursor.
    """

    items: list[JobWhole]
    gone: list[UUID] = Field(description="Jobs that went to others")
    cursor: str
    more: bool


class Assigned(Wire):
    """Whose job it became at a time, and why."""

    at: Instant
    authority: AuthorityOut
    team: TeamOut
    sentence: str
    reasons: dict[str, Any]


class AssignmentOut(Assigned):
    """The assignment that counts, and those before it, the latest first."""

    job: JobReference
    ward: WardOut | None
    division: WardOut | None
    past: list[Assigned]


@router.get(
    "",
    operation_id="listJobs",
    summary="Jobs by due time",
    description=(
        "A crew gets the jobs of its teams, a supervisor those of their wards or authority. Without"
        " `status` closed ones are among them.\n\nWith `updated_since` a tablet keeps up: empty it"
        " gives the open jobs, whole; with its cursor, what is new since, also what was committed"
        " late; something may come twice. Nothing new is the same answer, and 304."
    ),
    response_model=JobPage | JobChanges,
    responses=responses(NotSignedIn, NotAllowed, Invalid, CursorRefused, CursorTooOld),
)
async def list_jobs(
    runtime: RuntimeDep, staff: StaffDep, request: Request, filters: Annotated[JobFilters, Query()]
) -> Response:
    if filters.is_sync:
        return await _changes(runtime, staff, request, filters)
    asked = filters.asked()
    async with runtime.reading() as conn:
        page = await jobs.page(
            conn,
            runtime.router,
            runtime.keys,
            staff,
            asked,
            cursor=filters.cursor,
            limit=filters.limit or 50,
        )
    return fresh(request, {"items": page.items, "next": page.next})


async def _changes(
    runtime: Runtime, staff: Staff, request: Request, filters: JobFilters
) -> Response:
    async with runtime.reading() as conn:
        found = await jobs.changes(
            conn,
            runtime.router,
            runtime.keys,
            staff,
            filters.updated_since,
            filters.limit or jobs.LONGEST_PAGE,
        )
    answer = {
        "items": [linked(item, runtime.keys) for item in found.items],
        "gone": found.gone,
        "cursor": found.cursor,
        "more": found.more,
    }
    return fresh(request, answer, small=True)


@router.get(
    "/{job}",
    operation_id="getJob",
    summary="One job",
    response_model=JobWhole,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def get_job(runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID) -> Response:
    async with runtime.reading() as conn:
        found = await jobs.one(conn, runtime.router, staff, job)
    return fresh(request, linked(found, runtime.keys))


@router.get(
    "/{job}/assignment",
    operation_id="getAssignment",
    summary="Why it came here",
    response_model=AssignmentOut,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def get_assignment(
    runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID
) -> Response:
    async with runtime.reading() as conn:
        found = await jobs.assignment(conn, runtime.router, staff, job)
    return fresh(request, found)


@router.post(
    "/{job}/updates",
    operation_id="updateJob",
    summary="Say what was done",
    description=(
        "Fields that others changed since `base_version` are a conflict that shows both values;"
        " all else merges. The answer is the whole job."
    ),
    response_model=JobWhole,
    responses=responses(
        BodyUnreadable,
        BodyTooLarge,
        NotSignedIn,
        NotAllowed,
        NotFound,
        Conflict,
        MoveNotAllowed,
        Invalid,
        MadeAtRefused,
        UpdateIdReused,
        PhotoUnknown,
        UnknownCategory,
        NotAPlace,
        NullIsland,
        LooksLikeGridReference,
        LooksSwapped,
        OutsideCoverage,
        NotTheirGround,
        NoFallbackTeam,
    ),
)
async def update_job(
    runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID, body: UpdateIn
) -> Response:
    wanted = body.wanted(staff.id)
    async with runtime.unit() as conn:
        found = await jobs.update(conn, runtime.router, staff, job, wanted)
    return fresh(request, linked(found, runtime.keys), cache="no-store")
