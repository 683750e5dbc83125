"""How a report looks to the public and to its reporter. Pure: rows in, plain values out.

The public view has nothing that leads to a person: of the words that people typed only what the
screen let through, and pictures only when they may be public (which the edge asks of each).
"""

from collections.abc import Iterable
from typing import Any

from reporting import notices, screen
from reporting.chain import utc
from reporting.events import priority_code
from routing.rulebook import Rules


def report(
    row: Any,
    rules: Rules,
    timeline: list[dict[str, Any]],
    *,
    language: str | None = None,
    is_own: bool = False,
) -> dict[str, Any]:
    """A report (a row of ``queries.tracking.ONE``) without words and pictures."""
    authority = rules.authorities[row.job_authority_id]
    team = rules.teams[row.team_id]
    return {
        "id": row.id,
        "reference": row.reference,
        "category": row.category,
        "status": row.status,
        "status_text": sentence(row, rules, language=language, is_own=is_own),
        "authority": {"slug": authority.slug, "name": authority.name},
        "ward": ward(row.ward_area_id, rules),
        "team": {"slug": team.slug, "name": team.name},
        "location": location(row),
        "job": {
            "id": row.job_id,
            "reference": row.job_reference,
            "reports": row.job_reports,
            "version": row.version,
        },
        "priority": priority_code(row.priority),
        "due_at": utc(row.due_at),
        "scheduled_for": row.scheduled_for and utc(row.scheduled_for),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
        "closed_at": row.closed_at and utc(row.closed_at),
        "withdrawn_at": row.withdrawn_at and utc(row.withdrawn_at),
        "timeline": timeline,
    }


def words(row: Any) -> dict[str, Any]:
    """What anyone may read of a report's free text: what the screen or a reader let through.

    The screen looks again here, and not only when a report comes: it may have learned since.
    """
    if row.withdrawn_at is not None:
        return {"description": None, "place_text": None}
    released = row.released_at is not None
    kept = bool(row.held_for) and not released
    return {
        "description": None
        if kept or not (released or _passes(row.description))
        else row.description,
        "place_text": None if kept or not (released or _passes(row.place_text)) else row.place_text,
    }


def _passes(text: str | None) -> bool:
    return not screen.held(text)


def own(row: Any) -> dict[str, Any]:
    """What its reporter sees besides."""
    contact = {
        "name": row.name,
        "email": row.email,
        "phone": row.phone,
        "language": row.language,
        "updates": row.updates or [],
    }
    return {
        "description": row.description,
        "place_text": row.place_text,
        "answers": row.answers,
        "flags": row.flags,
        "observed_at": row.observed_at and utc(row.observed_at),
        "contact": contact if any((row.name, row.email, row.phone)) else None,
    }


def timeline(report_id: object, entries: Iterable[Any], *, is_own: bool) -> list[dict[str, Any]]:
    """What its reporters were told of its jobs, oldest first, of each while the report stood on it.

    ``status`` is the status as it was after each; ``kind`` and ``by_reporter`` say what it was and
    whether this report's own reporter did it. To anyone else a message is shown only when the
    screen lets it through, and what a reporter wrote never is.
    """
    found: list[dict[str, Any]] = []
    status = "received"
    for entry in entries:
        if entry.seq == 1:
            status = "received"
        status = entry.changes.get("status", status)
        by_reporter = is_own and entry.actor == f"report:{report_id}"
        if entry.recorded_at < entry.since or not (
            (is_own and _own_act(entry, report_id)) or _told(entry, report_id)
        ):
            continue
        message = entry.own_words if by_reporter else entry.public_message
        found.append(
            {
                "id": entry.id,
                "at": utc(entry.recorded_at),
                "kind": entry.kind,
                "moved": entry.changes["because"] if entry.kind == "moved_in" else None,
                "job": entry.job_id,
                "version": entry.seq,
                "by_reporter": by_reporter,
                "fixed": entry.changes.get("fixed"),
                "status": status,
                "passed_to": entry.passed_here
                or (entry.passed_outside if is_own or _passes(entry.passed_outside) else None),
                "message": message if is_own or _passes(message) else None,
                # What other residents sent is shown as the public sees it.
                "photos": list(entry.photos),
                "photos_public": not is_own or (entry.kind == "feedback" and not by_reporter),
            }
        )
    return found


def _own_act(entry: Any, report_id: object) -> bool:
    """Feedback of this reporter, or their taking it back: in their own story whatever it led to."""
    return entry.kind in {"feedback", "withdrawn"} and entry.changes.get("report") == str(report_id)


def _told(entry: Any, report_id: object) -> bool:
    if entry.kind == "moved_in":
        return str(report_id) in entry.changes["reports"]
    has_message = entry.public_message is not None
    if not notices.is_public(entry.kind, entry.changes, has_message=has_message):
        return False
    is_its = entry.changes.get("report") == str(report_id)
    return is_its or entry.kind not in notices.ONLY_ITS_REPORTER


def sentence(row: Any, rules: Rules, *, language: str | None = None, is_own: bool = False) -> str:
    """What a resident reads of the job as it stands; what a crew typed only if they are its own."""
    authority = rules.authorities[row.job_authority_id]
    facts = notices.Facts(
        timezone=authority.timezone,
        team=rules.teams[row.team_id].name,
        due_at=row.due_at,
        scheduled_for=row.scheduled_for,
        waiting_for=row.waiting_for if is_own else None,
        closed_reason=row.closed_reason,
        authority=authority.name if row.referred_here else _outside(row, is_own=is_own),
    )
    return notices.sentence(row.status, facts, language)


def _outside(row: Any, *, is_own: bool) -> str | None:
    """Whom it was referred to outside; somebody typed that name."""
    name: str | None = row.referred_to
    return name if is_own or _passes(name) else None


def ward(area: int | None, rules: Rules) -> dict[str, str] | None:
    """A ward by its id."""
    found = None if area is None else rules.areas.get(area)
    return None if found is None else {"code": found.code, "name": found.name}


def location(row: Any) -> dict[str, float] | None:
    """The place of a row with ``lat`` and ``lng``."""
    return None if row.lat is None else {"lat": row.lat, "lng": row.lng}
