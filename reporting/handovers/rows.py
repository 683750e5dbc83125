"""What a link is, what is shown by it, and what is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from routing.categories import Category

#: Why somebody could not do it; ``other`` needs words.
CANNOT: Final[Mapping[str, str]] = {
    "not_found": "We could not find it",
    "no_access": "We could not get to it",
    "more_needed": "It needs more people or plant than we have",
    "not_our_work": "It is not work that we do",
    "done_before": "It was done already when we came",
    "other": "Something else",
}


@dataclass(frozen=True, slots=True)
class Handover:
    """A link, and what became of it: ``live``, ``done``, ``revoked`` or ``expired``."""

    id: UUID
    job_id: UUID
    reference: str
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None
    made_by: str
    made_at: datetime
    expires_at: datetime
    name: str
    email: str | None
    message: str | None
    opened_at: datetime | None
    done_at: datetime | None
    revoked_at: datetime | None
    state: str

    @property
    def actor(self) -> str:
        """As the update log names whoever has the link."""
        return f"handover:{self.id}"


@dataclass(frozen=True, slots=True)
class NewHandover:
    """To whom a job is handed over."""

    #: Its maker's: the same again is the same link.
    id: UUID
    name: str
    days: int
    email: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says by a link. ``reason`` is a key of CANNOT; None: it is done."""

    reason: str | None
    note: str | None
    photos: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What was said by a link that is used up."""

    at: datetime
    reason: str | None
    note: str | None
    photos: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as whoever has a link sees it."""

    reference: str
    category: Category
    authority: str
    timezone: str
    ward: str | None
    lat: float | None
    lng: float | None
    #: What residents wrote, of the place and of what is there, as far as everybody may read it.
    place_texts: tuple[str, ...]
    words: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    #: ``{id, state, review}``; all are redacted.
    photos: tuple[dict[str, Any], ...]
    due_at: datetime
    is_open: bool
