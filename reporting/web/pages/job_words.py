"""A job in the console's words: what is known of it, and what happened. Pure; in English."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from reporting.language import Language
from reporting.notices import CLOSED_REASONS
from reporting.web.pages.standing import TAGS
from routing.rulebook import Rules

HAPPENED: Final[Mapping[str, str]] = {
    "reported": "A resident reported it",
    "attached": "Another report was added",
    "reassigned": "New boundaries or rules moved it",
    "feedback": "A reporter said whether it is fixed",
    "withdrawn": "A reporter took their report back",
}
FLAGS: Final[Mapping[str, str]] = {
    "referred_here": "Passed to you: accept it or pass it on",
    "referred_often": "It goes to and fro",
    "handed_back": "A contractor could not do it",
    "needs_triage": "Somebody must decide whose job it is",
    "needs_place": "Somebody must find the place",
    "rules_tie": "Two rules tie here",
    "near_boundary": "Near another ward",
    "nearest_ward": "In no ward; the nearest was taken",
    "no_ward": "In no ward",
}
_LINK: Final[Mapping[str, str]] = {
    "made": "a link was made",
    "revoked": "the link was revoked",
    "done": "said to be done",
    "cannot": "said that it cannot be done",
}
#: Of what an update set, what is shown, in this order.
_LABELS: Final[Mapping[str, str]] = {
    "status": "Status",
    "reason": "Reason",
    "referred_to": "Passed to",
    "authority": "Authority",
    "team": "Team",
    "worker": "On it",
    "priority": "Priority",
    "due_at": "Due",
    "scheduled_for": "Planned for",
    "category": "Category",
    "location": "Place",
    "ward": "Ward",
    "fixed": "Fixed",
    "handover": "By link",
    "photos_show": "Photos show",
    "imported": "Taken over from",
}


def flag(code: str) -> str:
    """A flag in words."""
    return FLAGS.get(code, code.replace("_", " ").capitalize())


def happened(
    update: Mapping[str, Any], rules: Rules, spoken: Language, timezone: str
) -> dict[str, Any]:
    """An update as the timeline shows it."""
    when = spoken.instant(update["made_at"], timezone)
    late = (update["recorded_at"] - update["made_at"]).total_seconds() > _LATE_S
    return {
        **update,
        "when": when,
        "stored": spoken.instant(update["recorded_at"], timezone) if late else None,
        "what": _what(update),
        "set": [
            (label, _said(name, update["changes"][name], rules, spoken, timezone))
            for name, label in _LABELS.items()
            if update["changes"].get(name) is not None
        ],
    }


def _what(update: Mapping[str, Any]) -> str:
    changes = update["changes"]
    if update["kind"] not in _MOVED:
        return HAPPENED.get(update["kind"], "")
    many = len(changes["reports"])
    reports = "1 report" if many == 1 else f"{many} reports"
    said = _MOVED[update["kind"]][changes["because"]]
    return said.format(reports=reports, other=changes.get("to") or changes.get("from"))


_MOVED: Final[Mapping[str, Mapping[str, str]]] = {
    "moved_out": {
        "merge": "It was put together with {other}, with {reports}",
        "split": "{reports} went to a job of their own, {other}",
        "undo": "{reports} went back to {other}",
    },
    "moved_in": {
        "merge": "{other} was put together with it, with {reports}",
        "split": "It was made of {reports} of {other}",
        "undo": "It was taken apart from {other} again, with {reports}",
    },
}
#: An update that came so much later than it was made was made without signal.
_LATE_S: Final = 300


def _said(  # noqa: C901, PLR0911 - a form for each kind of field
    name: str, value: Any, rules: Rules, spoken: Language, timezone: str
) -> str:
    match name:
        case "status":
            return TAGS.get(value, value)
        case "reason":
            return CLOSED_REASONS.get(value, value)
        case "authority":
            found = rules.by_slug.get(value)
            return found.name if found else value
        case "due_at" | "scheduled_for":
            at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            return spoken.instant(at, timezone)
        case "worker":
            return str(value["name"])
        case "category":
            category = rules.categories.get(value)
            return category.name if category else value
        case "location":
            return f"{value['lat']:.5f}, {value['lng']:.5f}"
        case "handover":
            return _LINK.get(value["state"], value["state"])
        case "imported":
            return f"{value['source']}, {value['id']}"
        case "fixed":
            return "yes" if value else "no"
    return str(value)


def answers(report: Mapping[str, Any], rules: Rules) -> list[tuple[str, str]]:
    """What was answered, in words."""
    category = rules.categories.get(report["category"])
    questions = {each.code: each for each in category.questions} if category else {}
    found = []
    for code, value in report["answers"].items():
        question = questions.get(code)
        labels = {choice.code: choice.label for choice in question.choices} if question else {}
        said = {True: "yes", False: "no"}.get(value) if isinstance(value, bool) else None
        found.append((question.label if question else code, said or labels.get(value, str(value))))
    return found
