"""How staff see jobs, their reports and their updates. Pure: rows in, plain values out.

Nothing here leads to a person but the words residents wrote and the names of colleagues. Instants
stay instants: the edge writes them as UTC, much faster than text is made of them one by one.
"""

from collections.abc import Mapping
from typing import Any

from reporting.events import priority_code
from reporting.jobs.rows import AssignmentRow, JobRow, ListedJob, ReportRow, UpdateRow
from routing import duplicates, triage
from routing.reasons import sentence
from routing.rulebook import Rules


def job(row: JobRow | ListedJob, rules: Rules) -> dict[str, Any]:
    """A job as the list shows it."""
    authority = rules.authorities[row.authority_id]
    team = rules.teams[row.team_id]
    return {
        "id": row.id,
        "reference": row.reference,
        "version": row.version,
        "status": row.status,
        "reason": row.closed_reason or row.waiting_for,
        "category": row.category,
        "authority": {"slug": authority.slug, "name": authority.name},
        "team": {"slug": team.slug, "name": team.name},
        "worker": row.worker_id and {"id": row.worker_id, "name": row.worker},
        "referred_to": row.referred_to,
        "ward": area(rules, row.ward_area_id),
        "division": area(rules, row.division_area_id),
        "location": None if row.lat is None else {"lat": row.lat, "lng": row.lng},
        "priority": priority_code(row.priority),
        "due_at": row.due_at,
        "overdue": row.overdue,
        "scheduled_for": row.scheduled_for,
        "report_count": row.reports,
        "reopened": row.reopened,
        "flags": row.flags,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "closed_at": row.closed_at,
        "merged_into": row.merged_into
        and {"id": row.merged_into, "reference": row.merged_reference},
    }


def area(rules: Rules, number: int | None) -> dict[str, str] | None:
    """A ward or division by its id."""
    found = None if number is None else rules.areas.get(number)
    return None if found is None else {"code": found.code, "name": found.name}


def report(row: ReportRow) -> dict[str, Any]:
    """A report that stands on a job, with its words."""
    place = {"lat": row.lat, "lng": row.lng, "accuracy_m": row.accuracy_m}
    return {
        "id": row.id,
        "reference": row.reference,
        "category": row.category,
        "description": row.description,
        "place_text": row.place_text,
        "answers": row.answers,
        "location": None if row.lat is None else place,
        "photos": row.photos,
        "flags": row.flags,
        "by_phone": row.by_phone,
        "observed_at": row.observed_at,
        "created_at": row.created_at,
        "joined_at": row.since,
        "withdrawn_at": row.withdrawn_at,
    }


def update(row: UpdateRow) -> dict[str, Any]:
    """Something that happened to a job; what erasing took is null."""
    return {
        "id": row.id,
        "version": row.seq,
        "kind": row.kind,
        "by": by(row),
        "made_at": row.made_at,
        "recorded_at": row.recorded_at,
        "changes": changes(row),
        "why": why(row.changes),
        "note": row.note,
        "public_message": row.public_message,
        "photos": row.photos,
    }


def why(changes: Mapping[str, Any]) -> str | None:
    """What Kerbline weighed itself: which defect is meant, and how urgent it is."""
    said = []
    if "match" in changes:
        said.append(duplicates.sentence(changes["match"]))
    if "triage" in changes:
        said.append(triage.sentence(changes["triage"]))
    return " ".join(said) or None


def changes(row: UpdateRow) -> dict[str, Any]:
    """The fields an update set; as colleagues read them.

    The reason for waiting stands among its words; who is on it is named.
    """
    found = {name: value for name, value in row.changes.items() if name != "photos"}
    if row.waiting_for is not None:
        found[said_with_status(row)] = row.waiting_for
    if found.get("worker") is not None:
        found["worker"] = {"id": found["worker"], "name": row.worker}
    return found


def said_with_status(row: UpdateRow) -> str:
    """Which field the text is that stands among an update's words: a reason, or a body's name."""
    return "referred_to" if row.changes.get("status") == "referred" else "reason"


def by(row: UpdateRow) -> str:
    """Who made an update, as colleagues read it."""
    kind, _, _ = row.actor.partition(":")
    return row.name or {"report": "reporter", "staff": "staff"}.get(kind, "Kerbline")


def assignment(row: AssignmentRow) -> dict[str, Any]:
    """Whose job it became, and why."""
    by_hand = row.reasons["why"] == "by_hand"
    return {
        "at": row.at,
        "authority": {"slug": row.authority, "name": row.authority_name},
        "team": {"slug": row.team, "name": row.team_name},
        "sentence": (
            f"It was given to {row.team_name} of {row.authority_name} by hand."
            if by_hand
            else sentence(row.reasons)
        ),
        "reasons": row.reasons,
    }
