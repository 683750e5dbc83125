"""The job as whoever has a link sees it, and what they said by it."""

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg.rows import namedtuple_row

from reporting import screen, status
from reporting.errors import NotFound
from reporting.handovers.rows import Handover, Said, Shown
from reporting.queries import handovers as queries
from reporting.reports import views as report_views
from reporting.runtime import Connection
from routing.assign import Router
from routing.categories import Category


async def shown(conn: Connection, router: Router, handover: Handover) -> Shown:
    """The job as whoever has the link sees it: what everybody may read, and redacted pictures."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.JOB, {"job": handover.job_id})
        job: Any = await cursor.fetchone()
        await cursor.execute(queries.REPORTS, {"job": handover.job_id})
        reports: list[Any] = await cursor.fetchall()
    if job is None:
        raise NotFound
    rules = await router.current(conn)
    authority = rules.authorities[job.authority_id]
    ward = rules.areas.get(job.ward_area_id) if job.ward_area_id else None
    category = rules.categories[job.category]
    words = [report_views.words(report) for report in reports]
    return Shown(
        reference=job.reference,
        category=category,
        authority=authority.name,
        timezone=authority.timezone,
        ward=ward.name if ward else None,
        lat=job.lat,
        lng=job.lng,
        place_texts=_distinct(each["place_text"] for each in words),
        words=_distinct(each["description"] for each in words),
        answers=_answers(category, [report.answers for report in reports]),
        photos=tuple(photo for report in reports for photo in report.photos),
        due_at=job.due_at,
        is_open=job.status in status.OPEN,
    )


async def said(conn: Connection, handover: Handover) -> Said | None:
    """What was said by it."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        values = {"job": handover.job_id, "actor": handover.actor}
        await cursor.execute(queries.SAID, values)
        row: Any = await cursor.fetchone()
    if row is None:
        return None
    return Said(row.recorded_at, row.changes["handover"].get("reason"), row.note, row.photos)


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _answers(category: Category, given: list[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """What was answered to each question, in words; free text as the screen lets it through."""
    found = []
    for question in category.questions:
        labels = {choice.code: choice.label for choice in question.choices}
        said = [answers[question.code] for answers in given if question.code in answers]
        if question.kind == "text":
            said = [text for text in said if not screen.held(text)]
        words = [_word(value, labels) for value in said]
        if words:
            found.append((question.label, "; ".join(dict.fromkeys(words))))
    return tuple(found)


def _word(value: Any, labels: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return labels.get(str(value), str(value))
