"""What a supervisor sees around a job, and of all of them: near ones, parts of it, the teams."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from reporting.auth import Action, Staff, may, scope
from reporting.jobs import reading
from reporting.jobs.rows import JobRow
from reporting.queries import desk as queries
from reporting.runtime import Connection

#: What is farther away is hardly the same defect; it can still be named by its reference.
NEAR_M: Final = 300.0
MOST_NEAR: Final = 8


@dataclass(frozen=True, slots=True)
class Near:
    """An open job near another."""

    id: UUID
    reference: str
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None
    category: str
    status: str
    priority: int
    due_at: datetime
    reports: int
    lat: float
    lng: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class Part:
    """A job that was merged into another."""

    id: UUID
    reference: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class TeamStands:
    """The open jobs of a team: how many, of those late, and due else by an instant."""

    team_id: int
    open: int
    late: int
    due: int


async def near(conn: Connection, who: Staff, job: JobRow) -> list[Near]:
    """The open jobs near one that this person decides about, nearest first."""
    if job.lat is None or job.lng is None:
        return []
    values = {
        "job": job.id,
        "authority": job.authority_id,
        "lat": job.lat,
        "lng": job.lng,
        "metres": NEAR_M,
        "limit": MOST_NEAR,
    }
    async with conn.cursor(row_factory=class_row(Near)) as cursor:
        await cursor.execute(queries.NEAR, values)
        found: Sequence[Near] = await cursor.fetchall()
    return [each for each in found if may(who, Action.REASSIGN_JOB, each)]


async def absorbed(conn: Connection, job: UUID) -> list[Part]:
    """The jobs whose reports all went to this one."""
    async with conn.cursor(row_factory=class_row(Part)) as cursor:
        await cursor.execute(queries.ABSORBED, {"job": job})
        return await cursor.fetchall()


async def by_team(conn: Connection, who: Staff, until: datetime) -> list[TeamStands]:
    """How the teams stand, as far as this person may see them, the most late first."""
    seen = scope(who, Action.SEE_JOB)
    values = {
        "authority": seen.authority,
        "teams": None if seen.teams is None else sorted(seen.teams),
        "areas": None if seen.areas is None else sorted(seen.areas),
        "until": until,
    }
    async with conn.cursor(row_factory=class_row(TeamStands)) as cursor:
        await cursor.execute(queries.BY_TEAM, values)
        found = await cursor.fetchall()
    return sorted(found, key=lambda each: (-each.late, -each.due, -each.open, each.team_id))


async def references(conn: Connection, who: Staff, ids: Sequence[UUID]) -> dict[UUID, str]:
    """The references of jobs that this person may see."""
    rows = await reading.several(conn, ids) if ids else []
    return {row.id: row.reference for row in rows if may(who, Action.SEE_JOB, row)}
