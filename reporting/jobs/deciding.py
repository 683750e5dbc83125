"""How supervisors come to a job: by a reference, or because it waits for them to decide."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row, namedtuple_row

from reporting.auth import Action, Staff, authorize, scope
from reporting.errors import NotFound
from reporting.queries import deciding as queries
from reporting.runtime import Connection

MOST: Final = 200


@dataclass(frozen=True, slots=True)
class ToDecide:
    """A job that others passed here, or that came back from a contractor."""

    id: UUID
    reference: str
    category: str
    status: str
    priority: int
    due_at: datetime
    flags: list[str]
    team_id: int


async def find(conn: Connection, staff: Staff, reference: str) -> UUID:
    """The job of a reference, its own or a report's. Raises NotFound, also for a foreign one."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.BY_REFERENCE, {"reference": reference})
        row: Any = await cursor.fetchone()
    if row is None:
        raise NotFound
    authorize(staff, Action.SEE_JOB, row)
    found: UUID = row.id
    return found


async def waiting(conn: Connection, staff: Staff) -> list[ToDecide]:
    """What waits for this person to decide, by due time. Raises NotAllowed."""
    seen = scope(staff, Action.REASSIGN_JOB)
    areas = None if seen.areas is None else sorted(seen.areas)
    async with conn.cursor(row_factory=class_row(ToDecide)) as cursor:
        values = {"authority": seen.authority, "areas": areas, "most": MOST}
        await cursor.execute(queries.TO_DECIDE, values)
        return await cursor.fetchall()
