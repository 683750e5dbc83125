"""The rows that the statements of ``queries.jobs`` give."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(slots=True)  # not frozen: that takes three times as long to make, and lists are long
class JobFacts:
    """What is known of a job. ``overdue`` is as of the statement."""

    reference: str
    authority_id: int
    team_id: int
    worker_id: UUID | None
    worker: str | None
    referred_to: str | None
    category: str
    ward_area_id: int | None
    division_area_id: int | None
    lat: float | None
    lng: float | None
    status: str
    waiting_for: str | None
    closed_reason: str | None
    scheduled_for: datetime | None
    priority: int
    due_at: datetime
    clock_stopped_at: datetime | None
    reports: int
    reopened: int
    flags: list[str]
    version: int
    created_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    overdue: bool
    #: The job that all its reports went to.
    merged_into: UUID | None
    merged_reference: str | None


@dataclass(slots=True)
class JobRow(JobFacts):
    """A job as it stands."""

    id: UUID


@dataclass(slots=True)
class ListedJob(JobFacts):
    """A job of a page, and the version of the rules beside it: which teams and wards there are."""

    #: Text: nothing but JSON is made of it.
    id: str
    rules_version: int


@dataclass(slots=True)
class LockedJob(JobRow):
    """A job nobody else changes until the transaction ends, and the transaction's clock."""

    chain_head: bytes
    priority_by_hand: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report that stands on a job."""

    job_id: UUID
    id: UUID
    reference: str
    category: str
    answers: dict[str, Any]
    flags: list[str]
    accuracy_m: float | None
    lat: float | None
    lng: float | None
    observed_at: datetime | None
    created_at: datetime
    by_phone: bool
    withdrawn_at: datetime | None
    since: datetime
    description: str | None
    place_text: str | None
    photos: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """Something that happened to a job, with what is left of its words."""

    job_id: UUID
    id: UUID
    seq: int
    kind: str
    actor: str
    made_at: datetime
    recorded_at: datetime
    changes: dict[str, Any]
    note: str | None
    public_message: str | None
    waiting_for: str | None
    name: str | None
    #: The name of who was put on it by this update.
    worker: str | None
    photos: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class KnownUpdate:
    """An update that was sent before."""

    job_id: UUID
    seq: int
    actor: str
    note: str | None
    public_message: str | None
    erased: bool


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """Whose job it became at a time."""

    at: datetime
    reasons: dict[str, Any]
    authority: str
    authority_name: str
    team: str
    team_name: str


@dataclass(frozen=True, slots=True)
class LoosePhoto:
    """An uploaded picture that belongs to nothing yet."""

    id: UUID
    sha256: str


@dataclass(frozen=True, slots=True)
class StandingReport:
    """A report that stands on a job, as whoever moves it needs it."""

    id: UUID
    category: str
    answers: dict[str, Any]
    accuracy_m: float | None
    flags: list[str]
    created_at: datetime
    withdrawn_at: datetime | None
    lat: float | None
    lng: float | None
