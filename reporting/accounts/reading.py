"""Looking at accounts: those that somebody may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.rows import class_row, tuple_row

from reporting.auth import Action, Staff, authorize_account, scope
from reporting.errors import NotFound
from reporting.queries import accounts as queries
from reporting.runtime import Connection


@dataclass(frozen=True, slots=True)
class Account:
    """An account, as those who administer it see it."""

    id: UUID
    email: str
    name: str
    role: str
    authority_id: int
    wards: list[str]
    #: Slug and name of each.
    teams: list[dict[str, Any]]
    has_totp: bool
    has_password: bool
    #: Signed in by the council's identity provider before.
    has_provider: bool
    created_at: datetime
    disabled_at: datetime | None
    last_seen_at: datetime | None
    #: Until when an invitation that nobody took up yet is good.
    invited_until: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """Where an account is signed in."""

    id: UUID
    name: str | None
    is_tablet: bool
    created_at: datetime
    last_seen_at: datetime | None
    expires_at: datetime


async def accounts(conn: Connection, who: Staff) -> list[Account]:
    """All that they may see. Raises NotAllowed."""
    scope(who, Action.SEE_STAFF)
    only = "crew" if who.role == "supervisor" else None
    async with conn.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(queries.LIST, {"authority": who.authority_id, "role": only})
        return await cursor.fetchall()


async def account(
    conn: Connection, who: Staff, staff: UUID, action: Action = Action.SEE_STAFF
) -> Account:
    """One account. Raises NotFound also for what is not theirs to see, and NotAllowed."""
    found = await one(conn, staff)
    authorize_account(who, action, found)
    if found is None:
        raise NotFound
    return found


async def one(conn: Connection, staff: UUID) -> Account | None:
    """An account, whoever asks."""
    async with conn.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(queries.ONE, {"staff": staff})
        return await cursor.fetchone()


async def by_email(conn: Connection, email: str) -> Account | None:
    """The same, by the name to sign in with."""
    async with conn.cursor(row_factory=class_row(Account)) as cursor:
        await cursor.execute(queries.BY_EMAIL, {"email": email.strip().lower()})
        return await cursor.fetchone()


async def sessions(conn: Connection, staff: UUID) -> list[Session]:
    """Where an account is signed in, the latest used first."""
    async with conn.cursor(row_factory=class_row(Session)) as cursor:
        await cursor.execute(queries.SESSIONS, {"staff": staff})
        return await cursor.fetchall()


async def teams(conn: Connection, authority: int) -> list[tuple[str, str]]:
    """Slug and name of each team that a crew may belong to."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TEAMS, {"authority": authority})
        return await cursor.fetchall()


async def lines(conn: Connection, authority: str | None) -> list[str]:
    """Every account in a line of text, for the command line."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.LINES, {"authority": authority})
        return ["  ".join(row).rstrip() for row in await cursor.fetchall()]


async def owner_of(conn: Connection, session: UUID) -> UUID:
    """Whose session it is. Raises NotFound."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.SESSION_OWNER, {"session": session})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    found: UUID = row[0]
    return found
