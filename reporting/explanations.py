"""Why a report went where it went, for its own reporter."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row

from reporting.auth import Action, Principal, ReportFacts, authorize
from reporting.errors import NotFound
from reporting.queries import explanations as queries

Connection = AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class _Row:
    """What decides who may read it, and what there is to read."""

    id: UUID
    device_id: UUID | None
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None
    reasons: Mapping[str, Any]
    triage: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Why:
    """Why its job is whose it is, and how urgent its report was seen to be."""

    reasons: Mapping[str, Any]
    #: ``Triage.as_json``; None of a report that came before this was kept.
    triage: Mapping[str, Any] | None


async def why(conn: Connection, principal: Principal, report: UUID) -> Why:
    """The reasons of its job's last assignment, and the risk that was seen in the report.

    Raises NotFound, also for a report that is not theirs.
    """
    async with conn.cursor(row_factory=class_row(_Row)) as cursor:
        await cursor.execute(queries.WHY, {"report": report})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    authorize(principal, Action.SEE_JOB, ReportFacts(row.id, row.device_id, row))
    return Why(row.reasons, row.triage)
