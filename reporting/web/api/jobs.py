"""Jobs: the list that crews and supervisors work from, one job, and what is done to it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, StringConstraints

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from geo.points import BBox
from reporting import jobs
from reporting.errors import (
    Conflict,
    CursorRefused,
    Invalid,
    MadeAtRefused,
    MoveNotAllowed,
    NotAllowed,
    NotFound,
    NotSignedIn,
    PhotoUnknown,
    UpdateIdReused,
)
from reporting.keys import Keys
from reporting.status import OPEN, REASON_LENGTH, STATUSES
from reporting.web.answers import fresh
from reporting.web.body import BodyTooLarge, BodyUnreadable, CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.photo_links import PhotoView, photo_view
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, Instant, Location, TeamOut, WardOut
from routing.errors import UnknownCategory

router = APIRouter(
    prefix="/v1/jobs", tags=["jobs"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

PHOTOS_LIMIT = 10
NOTE_LENGTH = 4000
WIDEST, HIGHEST = 180, 90
Status = Literal["received", "scheduled", "in_progress", "waiting", "referred", "fixed", "closed"]
Priority = Literal["P1", "P2", "P3", "P4"]
Text = Annotated[CleanText, StringConstraints(min_length=1, max_length=NOTE_LENGTH)]


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
    limit: int = Field(50, ge=1, le=jobs.LONGEST_PAGE, strict=False)

    def asked(self) -> jobs.Asked:
        """As the verb takes it. Raises Invalid for a status, priority or box that there is not."""
        statuses = _values(self.status)
        if "open" in statuses:
            statuses = statuses - {"open"} | OPEN
        priorities = _values(self.priority)
        if not statuses <= STATUSES:
            raise Invalid(f"status is one of open, {', '.join(sorted(STATUSES))}.")
        if not priorities <= _PRIORITIES.keys():
            raise Invalid(f"priority is one of {', '.join(_PRIORITIES)}.")
        return jobs.Asked(
            authorities=_values(self.authority),
            teams=_values(self.team),
            wards=_values(self.ward),
            categories=_values(self.category),
            statuses=statuses,
            priorities=frozenset(_PRIORITIES[code] for code in priorities),
            overdue=self.overdue,
            bbox=_box(self.bbox) if self.bbox is not None else None,
        )


_PRIORITIES: dict[str, int] = {"P1": 1, "P2": 2, "P3": 3, "P4": 4}


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


class WorkerOut(Wire):
    """Somebody of the staff."""

    id: UUID
    name: str = Field(examples=["Sam Field"])


class JobItem(Wire):
    """A job, as the list shows it."""

    id: UUID
    reference: str = Field(examples=["KB-7F3K9Q"])
    version: int = Field(description="Name it in an update as base_version")
    status: Status
    reason: str | None = Field(description="Of closed: a code. Of waiting: what for")
    category: str
    authority: AuthorityOut
    team: TeamOut
    worker: WorkerOut | None = Field(description="Who of the staff is on it")
    referred_to: str | None = Field(description="The body outside that it was passed to")
    ward: WardOut | None
    division: WardOut | None
    location: Location | None = Field(description="None: the place is only in words")
    priority: Priority
    due_at: Instant
    overdue: bool
    scheduled_for: Instant | None
    report_count: int
    reopened: int = Field(description="How often")
    flags: list[str]
    created_at: Instant
    updated_at: Instant
    closed_at: Instant | None


class JobPage(Wire):
    """Jobs by due time. `next` is the cursor of the page after, if there is one."""

    items: list[JobItem]
    next: str | None


class JobReportOut(Wire):
    """What one resident told us. Who they are is not shown here."""

    id: UUID
    reference: str
    category: str
    description: str | None
    place_text: str | None
    answers: dict[str, Any]
    location: Location | None
    photos: list[PhotoView]
    flags: list[str]
    by_phone: bool
    observed_at: Instant | None
    created_at: Instant
    joined_at: Instant
    withdrawn_at: Instant | None = Field(description="When its reporter took it back")


class UpdateOut(Wire):
    """Something that happened to the job. Words that were erased are null."""

    id: UUID
    version: int = Field(description="The job's version after it")
    kind: Literal["reported", "attached", "changed", "reassigned", "noted", "feedback", "withdrawn"]
    by: str = Field(examples=["Ann Cole"])
    made_at: Instant
    recorded_at: Instant
    changes: dict[str, Any] = Field(description="Field → its new value")
    why: str | None = Field(description="Why a report joined the job by itself, or made its own")
    note: str | None
    public_message: str | None
    photos: list[PhotoView]


class JobWhole(JobItem):
    """A job with the reports that stand on it and all that happened, oldest first."""

    reports: list[JobReportOut]
    updates: list[UpdateOut]


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


class UpdateIn(Wire):
    """What was done to the job: at least one of the fields below `made_at`."""

    id: Annotated[UUID, Field(strict=False)] = Field(
        description="Yours, new for each update; sending it again changes nothing"
    )
    base_version: int = Field(ge=1, description="The version you worked on")
    made_at: Annotated[Instant, Field(strict=False)] = Field(
        description="When it was done: at most 5 minutes ahead, at most 40 days ago"
    )
    status: Status | None = None
    reason: Text | None = Field(
        None,
        max_length=REASON_LENGTH,
        description="With closed, one of the codes; with waiting, what for",
        examples=["not_found"],
    )
    scheduled_for: Annotated[Instant, Field(strict=False)] | None = None
    note: Text | None = Field(None, description="For colleagues")
    public_message: Text | None = Field(None, description="For those who reported it")
    photos: list[Annotated[UUID, Field(strict=False)]] = Field([], max_length=PHOTOS_LIMIT)
    photos_show: Literal["before", "after"] | None = Field(
        None, description="What the photos show of the work"
    )
    worker: Literal["me"] | Annotated[UUID, Field(strict=False)] | None = Field(
        None,
        description="Who is on it from now on: `me`, a colleague, or null for nobody. A crew that"
        " sets `in_progress` and says nothing here is on it",
        examples=["me"],
    )
    team: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    priority: Priority | None = None
    category: Annotated[str, StringConstraints(min_length=1, max_length=50)] | None = None
    location: Location | None = None
    authority: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        None, description="With `referred`: the slug of another authority here, which gets the job"
    )
    referred_to: Annotated[CleanText, StringConstraints(min_length=1, max_length=200)] | None = (
        Field(None, description="With `referred`: who it was passed to, outside")
    )

    def _worker(self, me: UUID) -> UUID | None:
        if "worker" not in self.model_fields_set:
            return None
        if self.worker is None:
            return jobs.NOBODY
        return me if self.worker == "me" else self.worker

    def wanted(self, me: UUID) -> jobs.Wanted:
        """As the verb takes it, of this account; refuses what is no place."""
        return jobs.Wanted(
            id=self.id,
            base_version=self.base_version,
            made_at=self.made_at,
            status=self.status,
            reason=self.reason,
            scheduled_for=self.scheduled_for,
            note=self.note,
            public_message=self.public_message,
            photos=tuple(dict.fromkeys(self.photos)),
            photos_show=self.photos_show,
            worker=self._worker(me),
            team=self.team,
            priority=self.priority and _PRIORITIES[self.priority],
            category=self.category,
            location=self.location.point() if self.location else None,
            authority=self.authority,
            referred_to=self.referred_to,
        )


@router.get(
    "",
    operation_id="listJobs",
    summary="Jobs by due time",
    description=(
        "A crew gets the jobs of its teams, a supervisor those of their wards or authority. Without"
        " `status` closed ones are among them."
    ),
    response_model=JobPage,
    responses=responses(NotSignedIn, NotAllowed, Invalid, CursorRefused),
)
async def list_jobs(
    runtime: RuntimeDep, staff: StaffDep, request: Request, filters: Annotated[Filters, Query()]
) -> Response:
    asked = filters.asked()
    async with runtime.reading() as conn:
        page = await jobs.page(
            conn,
            runtime.router,
            runtime.keys,
            staff,
            asked,
            cursor=filters.cursor,
            limit=filters.limit,
        )
    return fresh(request, {"items": page.items, "next": page.next})


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
    return fresh(request, _linked(found, runtime.keys))


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
    ),
)
async def update_job(
    runtime: RuntimeDep, staff: StaffDep, request: Request, job: UUID, body: UpdateIn
) -> Response:
    wanted = body.wanted(staff.id)
    async with runtime.unit() as conn:
        found = await jobs.update(conn, runtime.router, staff, job, wanted)
    return fresh(request, _linked(found, runtime.keys), cache="no-store")


def _linked(job: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The job with links to the photos that stand on it."""
    for part in (*job["reports"], *job["updates"]):
        part["photos"] = [
            photo_view(keys, UUID(photo["id"]), photo["state"], photo["review"]).model_dump()
            for photo in part["photos"]
        ]
    return job
