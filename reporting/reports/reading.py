"""Showing reports: to anyone, to their reporter, and the open jobs near a place."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncCursor
from psycopg.rows import namedtuple_row

from geo.points import Point
from reporting import chain
from reporting.auth import Action, Anyone, Principal, ReportFacts, may
from reporting.errors import NotFound, NotSignedIn
from reporting.queries import reports as report_queries
from reporting.queries import tracking as queries
from reporting.references import PATTERN
from reporting.reports import views
from reporting.runtime import Connection
from routing.assign import Router
from routing.categories import Category
from routing.rulebook import Rules


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What decides about a job, as ``auth`` asks for it."""

    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A report as somebody may see it, before its pictures have links.

    Each photo is ``{id, state, review}``; an entry of the timeline says with ``photos_public``
    whether its pictures are shown as the public sees them. Only ``web.showing`` hands this on.
    """

    report: dict[str, Any]
    #: Of the job, which decides about its pictures.
    category: str
    is_own: bool


async def one(
    conn: Connection,
    router: Router,
    name: str,
    principal: Principal,
    *,
    language: str | None = None,
) -> Shown:
    """A report by id or reference: the public view, or its reporter's own.

    Raises NotFound.
    """
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        row = await _row(cursor, name)
        is_own = owns(principal, row)
        await cursor.execute(queries.TIMELINE, {"report": row.id})
        entries = await cursor.fetchall()
        await cursor.execute(queries.PHOTOS, {"report": row.id})
        photos: list[Any] = await cursor.fetchall()
    rules = await router.current(conn)
    return shown(row, rules, entries, photos, is_own=is_own, language=language)


def shown(
    row: Any,
    rules: Rules,
    entries: list[Any],
    photos: list[Any],
    *,
    is_own: bool,
    language: str | None = None,
) -> Shown:
    """The views put together."""
    timeline = views.timeline(row.id, entries, is_own=is_own)
    found = {
        **views.report(row, rules, timeline, language=language, is_own=is_own),
        **(views.own(row) if is_own else views.words(row)),
        "photos": [] if row.withdrawn_at and not is_own else [photo._asdict() for photo in photos],
    }
    return Shown(found, row.job_category, is_own)


def owns(principal: Principal, row: Any) -> bool:
    """Whether somebody is the reporter of this row of ``queries.tracking.ONE``."""
    job = JobFacts(row.job_authority_id, row.team_id, row.ward_area_id, None)
    facts = ReportFacts(row.id, row.device_id, job)
    return principal.role == "reporter" and may(principal, Action.SEE_JOB, facts)


async def find(conn: Connection, name: str, principal: Principal) -> Any:
    """The row of a reporter's own report. To others it is absent: NotFound; NotSignedIn."""
    if isinstance(principal, Anyone):
        raise NotSignedIn
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        row = await _row(cursor, name)
    if not owns(principal, row):
        raise NotFound
    return row


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
        await cursor.execute(report_queries.NEARBY, values)
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
