"""Showing reports: to anyone, to their reporter, and the open jobs near a place."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import namedtuple_row

from geo.points import Point
from reporting import chain
from reporting.auth import Action, Principal, ReportFacts, may
from reporting.errors import NotFound
from reporting.queries import reports as queries
from reporting.references import PATTERN
from reporting.reports import views
from reporting.runtime import Connection
from routing.assign import Router
from routing.categories import Category


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What decides about a job, as ``auth`` asks for it."""

    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


async def one(conn: Connection, router: Router, name: str, principal: Principal) -> dict[str, Any]:
    """A report by id or reference: the public view, or its reporter's own.

    Raises NotFound.
    """
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        row = await _row(cursor, name)
        job = JobFacts(row.job_authority_id, row.team_id, row.ward_area_id, None)
        is_own = principal.role == "reporter" and may(
            principal, Action.SEE_JOB, ReportFacts(row.id, row.device_id, job)
        )
        await cursor.execute(queries.TIMELINE, {"job": row.job_id})
        entries = await cursor.fetchall()
        photos: list[Any] = []
        if is_own:
            await cursor.execute(queries.PHOTOS, {"report": row.id})
            photos = await cursor.fetchall()
    rules = await router.current(conn)
    timeline = views.timeline(row.id, row.since, entries, with_words=is_own)
    public = views.report(row, rules, timeline)
    if not is_own:
        return public
    return {
        **public,
        **views.own(row, [photo._asdict() for photo in photos]),
    }


async def _row(cursor: AsyncCursor[Any], name: str) -> Any:
    if PATTERN.fullmatch(name):
        await cursor.execute(queries.ONE_BY_REFERENCE, {"reference": name})
    else:
        try:
            await cursor.execute(queries.ONE_BY_ID, {"id": UUID(name)})
        except ValueError as error:
            raise NotFound from error
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def nearby(
    conn: Connection, place: Point, category: Category, radius_m: float | None = None
) -> list[dict[str, Any]]:
    """Open jobs of the category near a place, nearest first, at most 20, as anyone may see them.

    As near as the category says, unless told otherwise.
    """
    values = {
        "lat": place.lat,
        "lng": place.lng,
        "category": category.code,
        "radius_m": category.nearby_m if radius_m is None else radius_m,
    }
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.NEARBY, values)
        rows: list[Any] = await cursor.fetchall()
    return [
        {
            "id": row.id,
            "reference": row.reference,
            "category": row.category,
            "status": row.status,
            "reports": row.reports,
            "location": views.location(row),
            "distance_m": round(row.distance_m, 1),
            "created_at": chain.utc(row.created_at),
        }
        for row in rows
    ]
