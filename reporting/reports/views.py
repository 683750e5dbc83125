"""How a report looks to the public and to its reporter. Pure: rows in, plain values out.

The public view has no free text, no photo and nothing that leads to a person.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reporting import notices
from reporting.chain import utc
from reporting.events import priority_code
from routing.rulebook import Rules


def report(row: Any, rules: Rules, timeline: list[dict[str, Any]]) -> dict[str, Any]:
    """The public view of a report (a row of ``queries.reports.ONE``)."""
    authority = rules.authorities[row.job_authority_id]
    team = rules.teams[row.team_id]
    return {
        "id": row.id,
        "reference": row.reference,
        "category": row.category,
        "status": row.status,
        "status_text": sentence(row, rules),
        "authority": {"slug": authority.slug, "name": authority.name},
        "ward": ward(row.ward_area_id, rules),
        "team": {"slug": team.slug, "name": team.name},
        "location": location(row),
        "job": {"id": row.job_id, "reference": row.job_reference, "reports": row.job_reports},
        "priority": priority_code(row.priority),
        "due_at": utc(row.due_at),
        "scheduled_for": row.scheduled_for and utc(row.scheduled_for),
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
        "timeline": timeline,
    }


def own(row: Any, photos: list[dict[str, Any]]) -> dict[str, Any]:
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
        "photos": photos,
        "observed_at": row.observed_at and utc(row.observed_at),
        "contact": contact if any((row.name, row.email, row.phone)) else None,
    }


def timeline(
    report_id: object, since: datetime, entries: Iterable[Any], *, with_words: bool
) -> list[dict[str, Any]]:
    """What its reporters were told of a job, oldest first, from when the report joined it.

    ``status`` is the status as it was after each. Words and pictures only for the reporter.
    """
    found: list[dict[str, Any]] = []
    status = "received"
    for entry in entries:
        status = entry.changes.get("status", status)
        own_entry = entry.changes.get("report") == str(report_id)
        told = notices.is_public(
            entry.kind, entry.changes, has_message=entry.public_message is not None
        )
        if not told or entry.recorded_at < since:
            continue
        if entry.kind in notices.ONLY_ITS_REPORTER and not own_entry:
            continue
        found.append(
            {
                "id": entry.id,
                "at": utc(entry.recorded_at),
                "status": status,
                "message": entry.public_message if with_words else None,
                "photos": list(entry.photos) if with_words else [],
            }
        )
    return found


def sentence(row: Any, rules: Rules) -> str:
    """What a resident reads of the job as it stands, without anything a person typed."""
    authority = rules.authorities[row.job_authority_id]
    facts = notices.Facts(
        timezone=authority.timezone,
        team=rules.teams[row.team_id].name,
        due_at=row.due_at,
        scheduled_for=row.scheduled_for,
        closed_reason=row.closed_reason,
    )
    return notices.sentence(row.status, facts)


def ward(area: int | None, rules: Rules) -> dict[str, str] | None:
    """A ward by its id."""
    found = None if area is None else rules.areas.get(area)
    return None if found is None else {"code": found.code, "name": found.name}


def location(row: Any) -> dict[str, float] | None:
    """The place of a row with ``lat`` and ``lng``."""
    return None if row.lat is None else {"lat": row.lat, "lng": row.lng}
