"""What goes out to one subscriber, and what may become of it."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from reporting.notices import Notice

#: A message is news for a day, as in the ledger; push services may keep it that long.
TIME_TO_LIVE_S: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class Push:
    """One push message, ready to send."""

    address: str
    notice: Notice
    #: What it is written in, as HTML names languages.
    language: str
    job_id: UUID
    update_id: UUID
    report_id: UUID
    reference: str
    status: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The gateway has it."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The app was removed, its token replaced, the mailbox closed: this address is dead."""

    because: str = "unregistered"


@dataclass(frozen=True, slots=True)
class Refused:
    """The gateway will never take this message."""

    error: str


@dataclass(frozen=True, slots=True)
class Later:
    """Not now. ``after_s`` is what the gateway asked for, if it did."""

    error: str
    after_s: float | None = None


Outcome = Sent | Gone | Refused | Later
