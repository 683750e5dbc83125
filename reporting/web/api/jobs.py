"""Jobs: the list that crews and supervisors work from, one job, and what is done to it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from geo.points import BBox
from reporting import jobs
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
from reporting.status import OPEN, STATUSES
from reporting.web.answers import fresh
from reporting.web.api.job_wire import (
    PRIORITIES,
    JobItem,
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

WIDEST, HIGHEST = 180, 90


class Filters(Wire):
    """Which jobs. A filter may hold several values, repeated or with commas: any of them fits."""

    authority: list[str] = Field([], max_length=50, description="Slugs")
    team: list[str] = Field([], max_length=200, description="Slugs of teams of your authority")
    ward: list[str] = Field([], max_length=200, description="Codes of wards or divisions")
    category: list[str] = Field([], max_length=200)
    status: list[str] = Field(
        [], max_length=20, description="Statuses, or `open` for all that are", examples=[["open"]]
    )
    priority: list[str] = Field([], max_length=20, examples=[["P1,P2"]])
    overdue: bool | None = Field(None, strict=False, description="Late, ours and still open")
    bbox: str | None = Field(
        None,
        max_length=200,
        description="west,south,east,north in degrees",
        examples=["-1.0,52.0,-0.96,52.02"],
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

    @property
    def is_sync(self) -> bool:
        """Whether it asks what is new. Raises Invalid with a filter."""
        if self.updated_since is not None and self.model_fields_set - {"updated_since", "limit"}:
            raise Invalid("updated_since goes with limit alone.")
        return self.updated_since is not None

    def asked(self) -> jobs.Asked:
        """As the verb takes it. Raises Invalid for a status, priority or box that there is not."""
        statuses = _values(self.status)
        if "open" in statuses:
            statuses = statuses - {"open"} | OPEN
        priorities = _values(self.priority)
        if not statuses <= STATUSES:
            raise Invalid(f"status is one of open, {', '.join(sorted(STATUSES))}.")
        if not priorities <= PRIORITIES.keys():
            raise Invalid(f"priority is one of {', '.join(PRIORITIES)}.")
        return jobs.Asked(
            authorities=_values(self.authority),
            teams=_values(self.team),
            wards=_values(self.ward),
            categories=_values(self.category),
            statuses=statuses,
            priorities=frozenset(PRIORITIES[code] for code in priorities),
            overdue=self.overdue,
            bbox=_box(self.bbox) if self.bbox is not None else None,
        )


def _values(given: list[str]) -> frozenset[str]:
    values = frozenset(value.strip() for part in given for value in part.split(","))
    if any("\x00" in value for value in values):
        raise Invalid("A filter holds a character that no name has.")
    return values


def _box(text: str) -> BBox:
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise Invalid("bbox is west,south,east,north in degrees.") from error
    if not (-WIDEST <= west <= east <= WIDEST and -HIGHEST <= south <= north <= HIGHEST):
        raise Invalid("bbox is west,south,east,north in degrees, west before east.")
    return BBox(west, south, east, north)


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


class JobReference(Wire):
    """Which job."""

    id: UUID
    reference: str


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
    runtime: RuntimeDep, staff: StaffDep, request: Request, filters: Annotated[Filters, Query()]
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


async def _changes(runtime: Runtime, staff: Staff, request: Request, filters: Filters) -> Response:
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
