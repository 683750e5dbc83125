"""How a report stands, in the sentences of its page: what it is now, what comes next. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode

from reporting import notices
from reporting.errors import TooLateToReopen
from reporting.feedback import REOPENS_FOR
from reporting.language import Language

#: A word or two for each status; "closed" never says "fixed".
TAGS: Final[Mapping[str, str]] = {
    "received": "Received",
    "scheduled": "Planned",
    "in_progress": "In progress",
    "waiting": "Waiting",
    "referred": "Passed on",
    "fixed": "Fixed",
    "closed": "Closed without work",
}
WITHDRAWN: Final = "Taken back"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the page says of a report."""

    tag: str
    sentence: str
    next: str
    #: Above the form in which its reporter says whether it is fixed.
    ask: str
    may_say: bool
    new_report: str | None
    #: When it was sent.
    sent: str


def tag(report: Mapping[str, Any], spoken: Language) -> str:
    """The status in a word or two."""
    found = WITHDRAWN if report["withdrawn_at"] else TAGS[report["status"]]
    return spoken.say(found)


def standing(report: Mapping[str, Any], spoken: Language, timezone: str) -> Standing:
    """How it stands, for whoever reads the page."""
    closed_at = report["closed_at"] and datetime.fromisoformat(report["closed_at"])
    ends_at = closed_at and closed_at + REOPENS_FOR
    late = ends_at is not None and datetime.now(UTC) > ends_at
    until = spoken.date(ends_at, timezone) if ends_at and not late else None
    sent_at = datetime.fromisoformat(report["created_at"])
    return Standing(
        tag=tag(report, spoken),
        sentence=_now(report, spoken),
        next="" if report["withdrawn_at"] else _next(report, spoken, timezone, until),
        ask=_ask(spoken, until, late=late),
        may_say=not late,
        new_report=_new_report(report) if late else None,
        sent=spoken.say("Sent at {when}", when=spoken.instant(sent_at, timezone)),
    )


def timeline(report: Mapping[str, Any], spoken: Language, timezone: str) -> list[dict[str, Any]]:
    """What happened, newest first, with when and in words."""
    told = []
    for entry in report["timeline"]:
        at = datetime.fromisoformat(entry["at"])
        when = spoken.instant(at, timezone)
        if at.year != datetime.now(UTC).year:
            when = spoken.date(at, timezone)
        told.append({**entry, "when": when, "sentence": _happened(entry, spoken)})
    return told[::-1]


def _happened(entry: Mapping[str, Any], spoken: Language) -> str:
    fixed = {"fixed": entry["fixed"]}
    said = notices.said(entry["kind"], fixed, spoken.code) if entry["by_reporter"] else None
    if said is not None:
        return said
    if entry["kind"] == "reported":
        return spoken.say("The report was sent")
    # Feedback and a message alone have no status of their own in what they say.
    changes = {"status": entry["status"]} if entry["kind"] != "noted" else {}
    if entry["kind"] == "moved_in":
        changes["because"] = entry["moved"]
    words = notices.told(
        entry["kind"],
        changes,
        status=entry["status"],
        facts=notices.Facts(authority=entry["passed_to"]),
        language=spoken.code,
    )
    return words or spoken.say("A message from the team")


def _now(report: Mapping[str, Any], spoken: Language) -> str:
    """How it stands. The tag above says "Fixed"; here stands who says so."""
    if report["withdrawn_at"] and "answers" in report:
        return notices.said("withdrawn", {}, spoken.code) or ""
    if report["status"] == "fixed":
        return spoken.say("The team says that it is fixed")
    found: str = report["status_text"]
    return found


def _next(  # noqa: PLR0911 - a sentence for each status
    report: Mapping[str, Any], spoken: Language, timezone: str, until: str | None
) -> str:
    """What comes next; nothing where nothing does."""
    due = spoken.instant(datetime.fromisoformat(report["due_at"]), timezone)
    if until is not None:
        if "answers" in report:
            return spoken.say(
                "If that is not so, tell us below until {date}, and we open it again.", date=until
            )
        return spoken.say(
            "If that is not so, its reporter can say so here until {date}.", date=until
        )
    match report["status"]:
        case "received":
            return spoken.say("Next, the team looks at it, and plans the work or says why not.")
        case "waiting":
            return spoken.say("While it waits, the promised time stands still.")
        case "referred":
            return spoken.say("Next, they decide what to do about it.")
        case "fixed" | "closed":
            return ""
    return spoken.say("Next, you read here when the work is done. Promised by {due}.", due=due)


def _ask(spoken: Language, until: str | None, *, late: bool) -> str:
    if late:
        return spoken.say(TooLateToReopen().detail)
    if until is not None:
        return spoken.say(
            "We closed it. If it is not fixed, say so until {date}: we open it again, and the"
            " team reads what you write.",
            date=until,
        )
    return spoken.say("The work is not done yet. If something has changed, tell the team.")


def _new_report(report: Mapping[str, Any]) -> str:
    """The form, with the kind and the place filled in."""
    place = report["location"] or {}
    known = {name: place[name] for name in ("lat", "lng") if name in place}
    return "/?" + urlencode({"category": report["category"], **known})
