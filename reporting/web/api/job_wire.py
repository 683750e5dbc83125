"""Jobs as they go over the line: what is shown of them, and what is said of what was done."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from reporting import jobs
from reporting.keys import Keys
from reporting.status import REASON_LENGTH
from reporting.web.body import CleanText, Wire
from reporting.web.photo_links import PhotoView, photo_view
from reporting.web.wire import AuthorityOut, Instant, Location, TeamOut, WardOut

PHOTOS_LIMIT = 10
NOTE_LENGTH = 4000
Status = Literal["received", "scheduled", "in_progress", "waiting", "referred", "fixed", "closed"]
Priority = Literal["P1", "P2", "P3", "P4"]
Text = Annotated[CleanText, StringConstraints(min_length=1, max_length=NOTE_LENGTH)]
PRIORITIES: dict[str, int] = {"P1": 1, "P2": 2, "P3": 3, "P4": 4}


class WorkerOut(Wire):
    """Somebody of the staff."""

    id: UUID
    name: str = Field(examples=["Sam Field"])


class JobReference(Wire):
    """Which job."""

    id: UUID
    reference: str = Field(examples=["KB-7F3K9Q"])


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
    merged_into: JobReference | None = Field(
        description="The job that all its reports went to; then it is closed as `merged`"
    )


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
    kind: Literal[
        "reported",
        "attached",
        "changed",
        "reassigned",
        "noted",
        "feedback",
        "withdrawn",
        "moved_out",
        "moved_in",
    ]
    by: str = Field(examples=["Ann Cole"])
    made_at: Instant
    recorded_at: Instant
    changes: dict[str, Any] = Field(description="Field → its new value")
    why: str | None = Field(description="Why a report joined the job by itself, or made its own")
    note: str | None
    public_message: str | None
    photos: list[PhotoView]


class ZoneOut(Wire):
    """A zone in which the place lies."""

    type: str | None = Field(examples=["trunk_road"])
    name: str
    code: str


class PlaceOut(Wire):
    """What is known of the place."""

    zones: list[ZoneOut]
    near_boundary: bool = Field(description="Another ward is within the accuracy of the place")


class JobWhole(JobItem):
    """A job with the reports that stand on it and all that happened, oldest first."""

    place: PlaceOut
    reports: list[JobReportOut]
    updates: list[UpdateOut]


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
            priority=self.priority and PRIORITIES[self.priority],
            category=self.category,
            location=self.location.point() if self.location else None,
            authority=self.authority,
            referred_to=self.referred_to,
        )


def linked(job: dict[str, Any], keys: Keys) -> dict[str, Any]:
    """The job with links to the photos that stand on it."""
    for part in (*job["reports"], *job["updates"]):
        part["photos"] = [
            photo_view(keys, UUID(photo["id"]), photo["state"], photo["review"]).model_dump()
            for photo in part["photos"]
        ]
    return job
