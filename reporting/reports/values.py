"""What goes into taking a report, and what comes out: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from geo.points import Point
from reporting import events
from reporting.repeats import lock_number
from routing.duplicates import Score
from routing.rulebook import AuthorityRow, TeamRow


@dataclass(frozen=True, slots=True)
class Contact:
    """How a reporter wishes to be reached."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    updates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewReport:
    """What a resident sends: a place, or a place in words and the authority meant."""

    category: str
    place: Point | None
    place_text: str | None = None
    authority: str | None = None
    description: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    photos: tuple[UUID, ...] = ()
    contact: Contact | None = None
    same_as: str | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it: an app's device, or staff for a caller; neither for anyone else."""

    device: UUID | None = None
    staff: UUID | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that may be repeated: its key, bound to the device, and a hash of its body."""

    key: UUID
    device: UUID | None
    body_hash: bytes

    @property
    def scope(self) -> str:
        """What the key is unique in."""
        return f"createReport:{self.device or '-'}"

    @property
    def lock(self) -> int:
        """The advisory lock that is held while the request runs."""
        return lock_number(f"{self.scope}/{self.key}")


@dataclass(frozen=True, slots=True)
class Look:
    """The row of ``queries.LOOK``."""

    now: datetime
    version: int
    areas: list[int]
    near: list[int]
    first_number: int
    second_number: int
    #: Of each photo that is there to be taken; null until it is developed.
    hashes: list[int | None]
    body_hash: bytes | None
    status: int | None
    answer: bytes
    #: Very many reports share exactly this place.
    shared_point: bool
    #: Each as ``Near``.
    jobs: list[list[Any]] | None
    #: Zones that hold the place or are near enough to count: area id and metres.
    zones: list[tuple[int, float]] | None


@dataclass(frozen=True, slots=True)
class Near:
    """An open job that could be meant, and how likely it is."""

    id: UUID
    reference: str
    score: Score


@dataclass(frozen=True, slots=True)
class Placed:
    """The job a report is about, as the report leaves it, and what that is called in the log."""

    id: UUID
    reference: str
    authority: AuthorityRow
    team: TeamRow
    status: str
    reports: int
    priority: int
    due_at: datetime
    #: When its clock stopped, if it stands still.
    clock_stopped_at: datetime | None
    event: events.Event
    #: The log's head before the event, and the instant it is recorded at.
    version: int
    chain_head: bytes
    now: datetime

    @property
    def matched(self) -> bool:
        """The job was known before."""
        return self.version > 0
