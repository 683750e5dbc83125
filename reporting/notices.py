"""Which update tells whom what, and in which words.

All words that reach a resident about a job's course stand here in English; the catalogues in
``locale/`` hold them in every other language. Nothing personal and nothing anybody typed goes into
a push message: it lies on a locked phone's screen and passes through other companies' computers.
"Closed" never says "fixed".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any, Final

from reporting.language import Language
from reporting.language import language as speaking

#: Kinds of update that only the reporter of the report they name hears of.
ONLY_ITS_REPORTER: Final = frozenset({"reported", "attached"})

#: Only the reporters of the reports that they name hear of these.
ONLY_THE_NAMED: Final = ONLY_ITS_REPORTER | {"moved_in"}

#: By status as a job has it, then by what is known, most telling first: what is said is the first
#: whose every fact is at hand.
SENTENCES: Final[Mapping[str, tuple[str, ...]]] = {
    "received": (
        "We have it; {team} will look at it by {due}",
        "We have it; {team} will look at it",
        "We have it",
    ),
    "scheduled": ("Work is planned for {scheduled}", "Work is planned"),
    "in_progress": ("A crew is on it",),
    "waiting": ("Waiting for {waiting}", "It has to wait for something; open it to read more"),
    "referred": (
        "This belongs to {authority}; we have passed it on",
        "This belongs to somebody else; we have passed it on",
    ),
    "fixed": ("Fixed",),
    "closed": ("Closed without work: {reason}", "Closed without work"),
}
CLOSED_REASONS: Final[Mapping[str, str]] = {
    "not_found": "we could not find it",
    "below_threshold": "it is not yet bad enough for us to act",
    "not_ours": "it is not ours to mend",
    "private_land": "it is on private land",
    "withdrawn": "it was taken back",
    "invalid": "it was not a report we can act on",
}
#: A reporter said that what was closed is not mended.
REOPENED: Final = (
    "A resident says it is not fixed; {team} will look at it by {due}",
    "A resident says it is not fixed; it is open again",
)
#: What a reporter reads of what they did themselves.
SAID: Final[Mapping[str, str]] = {
    "fixed": "You told us that it is fixed",
    "not_fixed": "You told us that it is not fixed",
    "withdrawn": "You took your report back",
}
ATTACHED: Final = "We know of it already and have added your report to it"
#: What became of the report that its job's reports were moved: by why they were.
MOVED: Final[Mapping[str, str]] = {
    "merge": "We look after it together with another report of the same thing",
    "split": "We look after it on its own from now on",
    "undo": "We look after it on its own again",
}
MESSAGE: Final = "There is a message for you; open it to read it"
TITLE: Final = "Your report {reference}"


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
    news = told(kind, changes, status=status, facts=facts, language=language)
    body = news or speaking(language).say(MESSAGE)
    return Notice(speaking(language).say(TITLE, reference=reference), f"{body}.")


def told(
    kind: str,
    changes: Mapping[str, Any],
    *,
    status: str,
    facts: Facts,
    language: str | None = None,
) -> str | None:
    """What has happened, without a full stop; None where only a message was written."""
    if kind == "attached":
        return speaking(language).say(ATTACHED)
    if kind == "moved_in":
        why = MOVED[changes["because"]]
        moved = speaking(language).say(why)
        return f"{moved}. {sentence(status, facts, language)}"
    if kind == "feedback" and "status" in changes:
        return _first(REOPENED, facts, speaking(language))
    if kind == "reported" or "status" in changes or "scheduled_for" in changes:
        return sentence(status, facts, language)
    return None


def said(kind: str, changes: Mapping[str, Any], language: str | None = None) -> str | None:
    """What its reporter reads of a thing they did; None where they did nothing."""
    what = kind
    if kind == "feedback":
        what = "fixed" if changes.get("fixed") else "not_fixed"
    sentence = SAID.get(what)
    return sentence and speaking(language).say(sentence)


def sentence(status: str, facts: Facts, language: str | None = None) -> str:
    """What the resident reads of a job in this status."""
    return _first(SENTENCES[status], facts, speaking(language))


def _first(texts: tuple[str, ...], facts: Facts, spoken: Language) -> str:
    known = _known(facts, spoken)
    *telling, plain = texts
    fitting = (text for text in telling if needed(text) <= known.keys())
    return spoken.say(next(fitting, plain), **known)


def needed(text: str) -> set[str]:
    """The facts that a sentence mentions."""
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def day(at: datetime, timezone: str, language: str | None = None) -> str:
    """``Friday 27 November``, where the council is."""
    return speaking(language).day(at, timezone)


def instant(at: datetime, timezone: str, language: str | None = None) -> str:
    """``16:40 on Friday 27 November``, where the council is."""
    return speaking(language).instant(at, timezone)


def _known(facts: Facts, spoken: Language) -> dict[str, str]:
    reason = CLOSED_REASONS.get(facts.closed_reason or "")
    said = {
        "team": facts.team,
        "authority": facts.authority,
        "due": facts.due_at and spoken.instant(facts.due_at, facts.timezone),
        "scheduled": facts.scheduled_for and spoken.day(facts.scheduled_for, facts.timezone),
        "waiting": facts.waiting_for,
        "reason": reason and spoken.say(reason),
    }
    return {name: value for name, value in said.items() if value}
