"""Staff signing in and out, and their sessions.

A password is guessed at most five times in half an hour from all the places together that the
account has not signed in from before, and five times from each place that it has. So strangers get
five guesses, and lock out nobody where they work. A place is an address, or a tablet or browser
that says which it is. An address guesses at most 25 times, at whatever accounts. Tries are counted
in PostgreSQL before the password is looked at, under a lock, so guesses in parallel count too; a
code of the second factor counts with the password. A known and an unknown account answer alike and
after the same work.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from reporting import keys as tokens
from reporting import totp
from reporting.errors import OtpNeeded, TooManyRequests, TooManyTries, WrongPassword
from reporting.households import household
from reporting.keys import Keys
from reporting.passwords import Passwords
from reporting.queries import staff as queries

Connection = AsyncConnection[Any]
#: Opens one transaction; ``Runtime.unit`` is one.
Unit = Callable[[], AbstractAsyncContextManager[Connection]]

SESSION_S: Final = 12 * 3600
#: On a tablet: a crew that is signed out in a field cannot sign in there.
LASTING_S: Final = 30 * 24 * 3600
TRIES_S: Final = 30 * 60
TRIES: Final = 5
TRIES_ADDRESS: Final = 25
#: How long a place is remembered as one the account signs in from.
KNOWN_S: Final = 90 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gives."""

    access_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Device:
    """Where somebody signs in."""

    address: str
    #: What a tablet or browser calls itself, so that it is known again at another address.
    tablet: UUID | None = None
    #: Browser and system, in words.
    name: str | None = None


@dataclass(frozen=True, slots=True)
class _Credentials:
    id: UUID
    password_hash: str | None
    #: Whether a code is asked for.
    has_totp: bool


async def log_in(
    unit: Unit,
    keys: Keys,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    address: str,
    otp: str | None = None,
    tablet: UUID | None = None,
    name: str | None = None,
    seconds: int = SESSION_S,
) -> Session:
    """Check the password, and the code where one is needed, and open a session.

    It takes two short transactions, so that no connection waits while the password is hashed.
    Raises WrongPassword (for a wrong code too), OtpNeeded after the right password, TooManyTries.
    """
    device = Device(address, tablet, name)
    async with unit() as conn:
        attempt = await count_try(conn, keys, email, device)
        staff = await _credentials(conn, email)
    try:
        fits = await passwords.fits(password, None if staff is None else staff.password_hash)
    except TooManyRequests:  # nobody looked at the password, so it was no guess
        async with unit() as conn:
            await drop_try(conn, attempt)
        raise
    if not fits or staff is None or staff.password_hash is None:
        raise WrongPassword
    stored = staff.password_hash
    renewed = await passwords.hash(password) if passwords.outdated(stored) else None
    async with unit() as conn:
        if staff.has_totp and not otp:
            await drop_try(conn, attempt)
        elif not staff.has_totp or await uses_code(conn, keys, staff.id, otp or ""):
            await forgive(conn, keys, email, device)
            await conn.execute(
                queries.RENEW_HASH,
                {"staff": staff.id, "password_hash": renewed or stored, "before": stored},
            )
            return await open_session(conn, staff.id, device, seconds)
    raise WrongPassword if otp else OtpNeeded


async def open_session(conn: Connection, staff: UUID, device: Device, seconds: int) -> Session:
    """Let somebody in who has proved who they are."""
    token = tokens.new_token(tokens.STAFF)
    await conn.execute(queries.FORGET_EXPIRED, {"staff": staff})
    await conn.execute(
        queries.OPEN_SESSION,
        {
            "token_hash": tokens.token_hash(token),
            "staff": staff,
            "seconds": seconds,
            "tablet": device.tablet,
            "name": device.name,
        },
    )
    return Session(token, seconds)


async def uses_code(conn: Connection, keys: Keys, staff: UUID, code: str) -> bool:
    """Whether it is a right code of the account's app; each is good once, under the row's lock."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TOTP, {"staff": staff})
        row = await cursor.fetchone()
        if row is None:
            return False
        secret = keys.open_sealed(row[0], staff.bytes).decode()
        step = totp.step_of(secret, code, datetime.now(UTC))
        await cursor.execute(queries.USE_STEP, {"staff": staff, "step": step})
        return cursor.rowcount == 1


async def log_out(conn: Connection, token: str) -> None:
    """End the session of this bearer."""
    await conn.execute(queries.END_SESSION, {"token_hash": tokens.token_hash(token)})


async def forget_tries(conn: Connection) -> int:
    """Remove what need not be remembered of log-ins; returns how many rows went."""
    cursor = await conn.execute(queries.FORGET_TRIES, {"known": KNOWN_S, "failed": TRIES_S})
    return cursor.rowcount


async def teams_of(conn: Connection, teams: frozenset[int]) -> list[tuple[str, str]]:
    """Slug and name of these teams."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TEAMS, {"teams": list(teams)})
        return await cursor.fetchall()


async def count_try(conn: Connection, keys: Keys, email: str, device: Device) -> int:
    """Note a try, if there is one left; it is dropped when it turns out right.

    Raises TooManyTries.
    """
    account, address, tablet = _places(keys, email, device)
    numbers = sorted(int.from_bytes(name[:8], signed=True) for name in (account, address))
    await conn.execute(queries.LOCK_TRIES, {"numbers": numbers})
    names = {"account": account, "address": address, "tablet": tablet, "seconds": TRIES_S}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.COUNT_TRIES, names)
        [(known, by_tablet, by_address, by_strangers, of_address)] = await cursor.fetchall()
        used = {"tablet": by_tablet, "address": by_address, None: by_strangers}[known]
        if used >= TRIES or (known != "tablet" and of_address >= TRIES_ADDRESS):
            raise TooManyTries
        place = tablet if known == "tablet" else address
        await cursor.execute(queries.ADD_TRY, {"account": account, "address": place})
        [(attempt,)] = await cursor.fetchall()
    return int(attempt)


async def drop_try(conn: Connection, attempt: int) -> None:
    """It was no wrong guess after all."""
    await conn.execute(queries.DROP_TRY, {"id": attempt})


async def forgive(conn: Connection, keys: Keys, email: str, device: Device) -> None:
    """Forget the wrong tries from a place that turned out to be theirs, and know it from now on."""
    account, address, tablet = _places(keys, email, device)
    for place in (address,) if tablet is None else (address, tablet):
        pair = {"account": account, "address": place}
        await conn.execute(queries.FORGIVE, pair)
        await conn.execute(queries.KNOW_ADDRESS, pair)


def _places(keys: Keys, email: str, device: Device) -> tuple[bytes, bytes, bytes | None]:
    """Account, address and tablet, as keyed hashes."""
    return (
        keys.account_hash("account " + email.strip().lower()),
        keys.account_hash("address " + household(device.address)),
        None if device.tablet is None else keys.account_hash(f"tablet {device.tablet}"),
    )


async def _credentials(conn: Connection, email: str) -> _Credentials | None:
    async with conn.cursor(row_factory=class_row(_Credentials)) as cursor:
        await cursor.execute(queries.CREDENTIALS, {"email": email.strip().lower()})
        return await cursor.fetchone()
