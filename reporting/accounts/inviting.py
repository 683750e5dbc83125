"""Invitations: a link by which somebody sets a password, once, within a week."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from psycopg.rows import class_row

from reporting import passwords
from reporting.accounts import journal
from reporting.errors import NotFound
from reporting.keys import Keys, token_hash
from reporting.passwords import Passwords
from reporting.queries import accounts as queries
from reporting.queries import outbox
from reporting.runtime import Connection

GOOD_FOR_S: Final = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Invited:
    """Whose invitation it is."""

    id: UUID
    email: str
    name: str
    role: str
    authority: str
    expires_at: datetime
    timezone: str


@dataclass(frozen=True, slots=True)
class Inviting:
    """What making a link takes, and whether there is a server to mail it by."""

    keys: Keys
    is_mailed: bool


async def invite(
    conn: Connection, inviting: Inviting, staff: UUID, by: UUID | None, actor: str
) -> str:
    """The token of a new invitation; only its hash is kept, so it can be shown once."""
    number = uuid4()
    token = inviting.keys.invitation_token(number)
    await conn.execute(queries.FORGET_INVITATIONS, {"staff": staff})
    await conn.execute(
        queries.INVITE,
        {
            "token_hash": token_hash(token),
            "staff": staff,
            "by": by,
            "seconds": GOOD_FOR_S,
        },
    )
    if inviting.is_mailed:
        await conn.execute(outbox.RECORD, {"topic": "invitation", "subject": number})
    await journal.note(conn, staff, actor, "invited")
    return token


async def invited(conn: Connection, token: str) -> Invited:
    """Whose it is. Raises NotFound for one that was used, is too old or never was."""
    async with conn.cursor(row_factory=class_row(Invited)) as cursor:
        await cursor.execute(queries.INVITED, {"token_hash": token_hash(token)})
        found = await cursor.fetchone()
    if found is None:
        raise NotFound
    return found


async def take_up(conn: Connection, hashes: Passwords, token: str, password: str) -> Invited:
    """Set the password. Raises NotFound, and PasswordRefused: then the invitation stays good.

    Whoever was signed in by the password before has to sign in again.
    """
    found = await invited(conn, token)
    passwords.check(password, (found.email, found.name))
    stored = await hashes.hash(password)
    cursor = await conn.execute(queries.TAKE_UP, {"token_hash": token_hash(token)})
    if cursor.rowcount == 0:
        raise NotFound
    await conn.execute(queries.SET_HASH, {"staff": found.id, "password_hash": stored})
    await conn.execute(queries.END_OTHERS, {"staff": found.id, "session": None})
    await journal.note(conn, found.id, f"staff:{found.id}", "password_set")
    return found
