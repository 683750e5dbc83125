"""What was done to an account, and by whom. Append-only: a trigger refuses changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from reporting.queries import accounts as queries
from reporting.runtime import Connection

#: The command line, or the council's identity provider.
SYSTEM: Final = "system"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done."""

    at: datetime
    actor: str
    #: The name of the account that did it; None for the system.
    by: str | None
    what: str
    details: dict[str, Any]


async def note(
    conn: Connection, staff: UUID, actor: str, what: str, details: dict[str, Any] | None = None
) -> None:
    """Write it down, in the transaction that does it."""
    values = {"staff": staff, "actor": actor, "what": what, "details": Jsonb(details or {})}
    await conn.execute(queries.NOTE, values)


async def entries(conn: Connection, staff: UUID) -> list[Entry]:
    """The latest things done to an account, the newest first."""
    async with conn.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(queries.ENTRIES, {"staff": staff})
        return await cursor.fetchall()
