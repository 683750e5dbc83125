"""Which update tells whom what, and in which words.

All words that reach a resident about a job stand here, in one catalogue for each language. Nothing
personal and nothing anybody typed goes into a push message: it lies on a locked phone's screen and
passes through other companies' computers. "Closed" never says "fixed".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Template
from typing import Any, Final
from zoneinfo import ZoneInfo

DEFAULT_LANGUAGE: Final = "en"

#: Kinds of update that only the reporter of the report they name hears of.
ONLY_ITS_REPORTER: Final = frozenset({"reported", "attached"})


@dataclass(frozen=True, slots=True)
class Facts:
    """What a sentence may mention; what is None is left out of it."""

    timezone: str = "Europe/London"
    team: str | None = None
    authority: str | None = None
    due_at: datetime | None = None
    scheduled_for: datetime | None = None
    #: What a crew typed; given only where the reporter reads it behind their own token.
    waiting_for: str | None = None
    closed_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """The words of one push message."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language. A sentence is the first whose every fact is known."""

    #: By status as a job has it, then by what is known; most telling first.
    sentences: Mapping[str, tuple[str, ...]]
    closed_reasons: Mapping[str, str]
    attached: str
    message: str
    title: str
    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    #: A day, and a time on a day.
    day: str
    time: str


ENGLISH: Final = Catalogue(
    sentences={
        "received": (
            "We have it; $team will look at it by $due",
            "We have it; $team will look at it",
            "We have it",
        ),
        "scheduled": ("Work is planned for $scheduled", "Work is planned"),
        "in_progress": ("A crew is on it",),
        "waiting": ("Waiting for $waiting", "It has to wait for something; open it to read more"),
        "referred": (
            "This belongs to $authority; we have passed it on",
            "This belongs to somebody else; we have passed it on",
        ),
        "fixed": ("Fixed",),
        "closed": ("Closed without work: $reason", "Closed without work"),
    },
    closed_reasons={
        "not_found": "we could not find it",
        "below_threshold": "it is not yet bad enough for us to act",
        "not_ours": "it is not ours to mend",
        "private_land": "it is on private land",
        "withdrawn": "it was taken back",
        "invalid": "it was not a report we can act on",
    },
    attached="We know of it already and have added your report to it",
    message="There is a message for you; open it to read it",
    title="Your report $reference",
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    day="$weekday $day $month",
    time="$hour:$minute on $day",
)

#: Another language is another entry; a language we lack falls back to English.
CATALOGUES: Final[Mapping[str, Catalogue]] = {"en": ENGLISH}


def is_public(kind: str, changes: Mapping[str, Any], *, has_message: bool = False) -> bool:
    """Is this update told to reporters? Those that are get an outbox row, topic ``update``.

    Reporters hear of their own report, of every status, of a new date for planned work, and of a
    message written for them. A change of team, priority or place is the council's own affair.
    """
    if kind in ONLY_ITS_REPORTER or has_message:
        return True
    return "status" in changes or changes.get("scheduled_for") is not None


def push(
    kind: str,
    changes: Mapping[str, Any],
    *,
    status: str,
    reference: str,
    facts: Facts,
    language: str | None = None,
) -> Notice:
    """The message about one update. ``status`` is the job's status after it."""
    words = _catalogue(language)
    title = Template(words.title).substitute(reference=reference)
    if kind == "attached":
        body = words.attached
    elif kind == "reported" or "status" in changes or "scheduled_for" in changes:
        body = sentence(status, facts, language)
    else:
        body = words.message
    return Notice(title, f"{body}.")


def sentence(status: str, facts: Facts, language: str | None = None) -> str:
    """What the resident reads of a job in this status."""
    words = _catalogue(language)
    known = {
        "team": facts.team,
        "authority": facts.authority,
        "due": facts.due_at and instant(facts.due_at, facts.timezone, language),
        "scheduled": facts.scheduled_for and day(facts.scheduled_for, facts.timezone, language),
        "waiting": facts.waiting_for,
        "reason": facts.closed_reason and words.closed_reasons.get(facts.closed_reason),
    }
    given = {name: value for name, value in known.items() if value}
    *telling, plain = (Template(text) for text in words.sentences[status])
    fitting = (text for text in telling if set(text.get_identifiers()) <= given.keys())
    return next(fitting, plain).substitute(given)


def day(at: datetime, timezone: str, language: str | None = None) -> str:
    """``Friday 27 November``, where the council is."""
    words = _catalogue(language)
    local = at.astimezone(ZoneInfo(timezone))
    return Template(words.day).substitute(
        weekday=words.weekdays[local.weekday()], day=local.day, month=words.months[local.month - 1]
    )


def instant(at: datetime, timezone: str, language: str | None = None) -> str:
    """``16:40 on Friday 27 November``, where the council is."""
    local = at.astimezone(ZoneInfo(timezone))
    return Template(_catalogue(language).time).substitute(
        hour=f"{local.hour:02}", minute=f"{local.minute:02}", day=day(at, timezone, language)
    )


def _catalogue(language: str | None) -> Catalogue:
    """The catalogue of a tag like ``cy`` or ``en-GB``, else English."""
    tag = (language or DEFAULT_LANGUAGE).partition("-")[0].lower()
    return CATALOGUES.get(tag, CATALOGUES[DEFAULT_LANGUAGE])
