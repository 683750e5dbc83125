"""What somebody does to their own account: password, second factor. Each asks for the password.

Whoever sits down at a screen that was left open must not guess it: tries count as at the door.
"""

from dataclasses import dataclass

from psycopg.rows import tuple_row

from reporting import passwords as rules
from reporting import staff as door
from reporting import totp
from reporting.accounts import journal
from reporting.auth import Staff
from reporting.errors import OtpRefused, TooManyRequests, WrongPassword
from reporting.keys import Keys
from reporting.passwords import Passwords
from reporting.queries import accounts as queries
from reporting.queries import staff as sessions
from reporting.runtime import Connection
from reporting.staff import Device, Unit


@dataclass(frozen=True, slots=True)
class Desk:
    """What proving a password takes, and where it is done."""

    unit: Unit
    keys: Keys
    passwords: Passwords
    device: Device


async def prove(desk: Desk, who: Staff, password: str) -> None:
    """Raise WrongPassword or TooManyTries unless this is the account's password."""
    async with desk.unit() as conn:
        attempt = await door.count_try(conn, desk.keys, who.email, desk.device)
        async with conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(queries.HASH, {"staff": who.id})
            row = await cursor.fetchone()
    try:
        fits = await desk.passwords.fits(password, None if row is None else row[0])
    except TooManyRequests:
        async with desk.unit() as conn:
            await door.drop_try(conn, attempt)
        raise
    if not fits:
        raise WrongPassword("That is not your password.")
    async with desk.unit() as conn:
        await door.drop_try(conn, attempt)


async def change_password(desk: Desk, who: Staff, old: str, new: str) -> None:
    """Set another password; everywhere else they have to sign in again.

    Raises WrongPassword, TooManyTries and PasswordRefused.
    """
    rules.check(new, (who.email, who.name))
    await prove(desk, who, old)
    stored = await desk.passwords.hash(new)
    async with desk.unit() as conn:
        await conn.execute(queries.SET_HASH, {"staff": who.id, "password_hash": stored})
        await conn.execute(queries.END_OTHERS, {"staff": who.id, "session": who.session})
        await conn.execute(queries.FORGET_INVITATIONS, {"staff": who.id})
        await journal.note(conn, who.id, who.actor, "password_changed")


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A second factor that waits for its first code."""

    secret: str
    address: str


async def begin_totp(desk: Desk, who: Staff, password: str) -> Enrolment:
    """Make a secret for an authenticator app; it counts once a code of it was sent.

    Raises WrongPassword and TooManyTries, and OtpRefused where one is in use.
    """
    await prove(desk, who, password)
    secret = totp.new_secret()
    sealed = desk.keys.seal(secret.encode(), who.id.bytes)
    async with desk.unit() as conn:
        cursor = await conn.execute(queries.BEGIN_TOTP, {"staff": who.id, "secret": sealed})
        if cursor.rowcount == 0:
            raise OtpRefused("You have a second factor already; remove it first.")
    return Enrolment(secret, totp.address(secret, who.email))


async def pending_totp(conn: Connection, keys: Keys, who: Staff) -> Enrolment | None:
    """The one that was begun, to show it again."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(sessions.TOTP, {"staff": who.id})
        row = await cursor.fetchone()
    if row is None or row[1] is not None:
        return None
    secret = keys.open_sealed(row[0], who.id.bytes).decode()
    return Enrolment(secret, totp.address(secret, who.email))


async def confirm_totp(desk: Desk, who: Staff, code: str) -> None:
    """From now on each log-in asks for a code. Raises OtpRefused and TooManyTries."""
    async with desk.unit() as conn:
        attempt = await door.count_try(conn, desk.keys, who.email, desk.device)
    async with desk.unit() as conn:
        if await pending_totp(conn, desk.keys, who) is None:
            await door.drop_try(conn, attempt)
        elif await door.uses_code(conn, desk.keys, who.id, code):
            await door.drop_try(conn, attempt)
            await conn.execute(queries.CONFIRM_TOTP, {"staff": who.id})
            await journal.note(conn, who.id, who.actor, "second_factor_added")
            return
    raise OtpRefused


async def remove_totp(desk: Desk, who: Staff, password: str) -> None:
    """The password alone lets them in again. Raises WrongPassword and TooManyTries."""
    await prove(desk, who, password)
    async with desk.unit() as conn:
        cursor = await conn.execute(queries.END_TOTP, {"staff": who.id})
        if cursor.rowcount:
            await journal.note(conn, who.id, who.actor, "second_factor_removed")
