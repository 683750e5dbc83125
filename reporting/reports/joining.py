"""Which open job a report is about: weighed by ``routing.duplicates``, or named by its reporter."""

from typing import Any
from uuid import UUID

from psycopg.rows import namedtuple_row

from reporting import events
from reporting.errors import SameAsRefused
from reporting.queries import reports as queries
from reporting.reports.values import Look, Near, NewReport
from reporting.runtime import Connection
from routing.assign import Assignment
from routing.categories import Category
from routing.duplicates import Known, Told, scores


def weighed(new: NewReport, category: Category, look: Look) -> list[Near]:
    """The open jobs that could be meant, the likeliest first."""
    if not look.jobs:
        return []
    hashes = [found for found in look.hashes if found is not None]
    told = Told(new.place.accuracy_m if new.place else None, new.answers, hashes)
    known = [
        Known(metres, age_days or 0.0, accuracy_m, answers, photos or ())
        for _, _, metres, age_days, accuracy_m, answers, photos in look.jobs
    ]
    found = [
        Near(UUID(job[0]), job[1], score)
        for job, score in zip(look.jobs, scores(category, told, known), strict=True)
    ]
    return sorted(found, key=lambda near: -near.score.probability)


def match(nearby: list[Near]) -> events.Match | None:
    """The likeliest, as the log keeps it."""
    return {"job": nearby[0].reference, **nearby[0].score.as_json()} if nearby else None


async def job_to_join(
    conn: Connection, new: NewReport, nearby: list[Near], assignment: Assignment
) -> Any:
    """The open job that this report is about, locked; None if it needs a new one."""
    if new.same_as is not None:
        place = new.place
        values: dict[str, Any] = {
            "reference": new.same_as,
            "category": new.category,
            "lat": place and place.lat,
            "lng": place and place.lng,
        }
        async with conn.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(queries.JOIN_NAMED, values)
            named = await cursor.fetchone()
        if named is None:
            raise SameAsRefused
        return named
    likely = [near.id for near in nearby if near.score.joins]
    if not likely:
        return None
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(
            queries.JOIN_FIRST, {"jobs": likely, "authority": assignment.authority.id}
        )
        return await cursor.fetchone()
