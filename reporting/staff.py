"""Staff accounts: making them, logging in, logging out.

A password is guessed at most five times in half an hour from one address, and an address guesses at
most 25 times. An account as a whole takes more, and then only from addresses it has logged in from
before: a stranger who guesses from many places locks out nobody who works there. Tries are counted
before the password is looked at, under a lock, so guesses in parallel count too. A known and an
unknown account answer alike and after the same work.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from reporting import keys as tokens
from reporting.errors import StaffRefused, TooManyRequests, TooManyTries, WrongPassword
from reporting.households import household
from reporting.keys import Keys
from reporting.queries import staff as queries
from reporting.roles import ROLES

Connection = AsyncConnection[Any]
#: Opens one transaction; ``Runtime.unit`` is one.
Unit = Callable[[], AbstractAsyncContextManager[Connection]]

SESSION_S: Final = 12 * 3600
TRIES_S: Final = 30 * 60
TRIES_PAIR: Final = 5
TRIES_ADDRESS: Final = 25
TRIES_ACCOUNT: Final = 50
#: How long an address is remembered as one the account logs in from.
KNOWN_S: Final = 90 * 24 * 3600

PASSWORD_LENGTH: Final = (12, 128)
_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,189}")


class Passwords:
    """Hashes passwords with argon2id, away from the event loop and only so many at once.

    RFC 9106's second recommended choice: 64 MiB, 3 passes; two at once take 128 MiB. Who would have
    to wait too long for their turn is told to come back (TooManyRequests).
    """

    def __init__(
        self, hasher: PasswordHasher | None = None, *, at_once: int = 2, patience_s: float = 5.0
    ) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
        self._free = asyncio.Semaphore(at_once)
        self._patience_s = patience_s
        #: What an unknown account's password is compared with, so that it takes as long.
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password)

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; always the same work, also where none is stored."""
        if self._nobody is None:
            self._nobody = await self.hash(tokens.new_token(""))
        async with self._turn():
            try:
                await asyncio.to_thread(self._hasher.verify, stored or self._nobody, password)
            except VerificationError:
                return False
        return stored is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            await asyncio.wait_for(self._free.acquire(), self._patience_s)
        except TimeoutError as error:
            raise TooManyRequests from error
        try:
            yield
        finally:
            self._free.release()

    def outdated(self, stored: str) -> bool:
        """Whether it was made with other parameters than we use now."""
        return self._hasher.check_needs_rehash(stored)


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in gives."""

    access_token: str
    expires_in: int


async def log_in(
    unit: Unit, keys: Keys, passwords: Passwords, *, email: str, password: str, address: str
) -> Session:
    """Check the password and open a session; the only way to a staff bearer.

    It takes two short transactions, so that no connection waits while the password is hashed.
    Raises WrongPassword or TooManyTries.
    """
    account = keys.account_hash("account " + email.strip().lower())
    source = keys.account_hash("address " + household(address))
    async with unit() as conn:
        attempt = await _count_try(conn, account, source)
        staff, stored = await _credentials(conn, email)
    if attempt is None:
        raise TooManyTries
    try:
        fits = await passwords.fits(password, stored)
    except TooManyRequests:  # nobody looked at the password, so it was no guess
        async with unit() as conn:
            await conn.execute(queries.DROP_TRY, {"id": attempt})
        raise
    if not fits or staff is None or stored is None:
        raise WrongPassword
    renewed = await passwords.hash(password) if passwords.outdated(stored) else None
    token = tokens.new_token(tokens.STAFF)
    async with unit() as conn:
        pair = {"account": account, "address": source}
        await conn.execute(queries.FORGIVE, pair)
        await conn.execute(queries.KNOW_ADDRESS, pair)
        await conn.execute(queries.FORGET_EXPIRED, {"staff": staff})
        if renewed is not None:
            await conn.execute(queries.SET_CREDENTIALS, {"staff": staff, "password_hash": renewed})
        await conn.execute(
            queries.OPEN_SESSION,
            {"token_hash": tokens.token_hash(token), "staff": staff, "seconds": SESSION_S},
        )
    return Session(token, SESSION_S)


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


async def _count_try(conn: Connection, account: bytes, address: bytes) -> int | None:
    """Note a try, if there is one left. The row goes when the password turns out right."""
    numbers = sorted(int.from_bytes(name[:8], signed=True) for name in (account, address))
    await conn.execute(queries.LOCK_TRIES, {"numbers": numbers})
    pair = {"account": account, "address": address}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.COUNT_TRIES, {**pair, "seconds": TRIES_S})
        [(by_pair, by_address, by_account, known)] = await cursor.fetchall()
        if (
            by_pair >= TRIES_PAIR
            or by_address >= TRIES_ADDRESS
            or (by_account >= TRIES_ACCOUNT and not known)
        ):
            return None
        await cursor.execute(queries.ADD_TRY, pair)
        [(attempt,)] = await cursor.fetchall()
    return int(attempt)


async def _credentials(conn: Connection, email: str) -> tuple[UUID | None, str | None]:
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.CREDENTIALS, {"email": email.strip().lower()})
        row = await cursor.fetchone()
    return (None, None) if row is None else (row[0], row[1])


async def add(
    conn: Connection,
    passwords: Passwords,
    *,
    email: str,
    password: str,
    role: str,
    authority: str,
    teams: tuple[str, ...] = (),
    wards: tuple[str, ...] = (),
    name: str | None = None,
) -> UUID:
    """Make an account. Raises StaffRefused with what to change."""
    email = email.strip().lower()
    _check(email, password, role, teams, wards)
    cursor = conn.cursor(row_factory=tuple_row)
    row = await (await cursor.execute(queries.AUTHORITY, {"slug": authority})).fetchone()
    if row is None:
        raise StaffRefused(f"There is no authority {authority}.")
    place = {"authority": row[0]}
    await cursor.execute(queries.TEAM_IDS, {**place, "slugs": list(teams)})
    team_ids = {slug: team for team, slug in await cursor.fetchall()}
    _all_there("team", authority, teams, team_ids)
    await cursor.execute(queries.WARD_CODES, {**place, "codes": list(wards)})
    _all_there("ward or division", authority, wards, {code for (code,) in await cursor.fetchall()})
    found = uuid4()
    await cursor.execute(
        queries.ADD,
        {
            **place,
            "id": found,
            "email": email,
            "name": name or email.partition("@")[0],
            "role": role,
            "wards": list(wards),
            "password_hash": await passwords.hash(password),
        },
    )
    if cursor.rowcount == 0:
        raise StaffRefused(f"There is an account for {email} already.")
    await cursor.execute(queries.ADD_TEAMS, {"staff": found, "teams": sorted(team_ids.values())})
    return found


def _check(
    email: str, password: str, role: str, teams: tuple[str, ...], wards: tuple[str, ...]
) -> None:
    shortest, longest = PASSWORD_LENGTH
    if not _EMAIL.fullmatch(email):
        raise StaffRefused("That is no e-mail address.")
    if not shortest <= len(password) <= longest:
        raise StaffRefused(f"A password has {shortest} to {longest} characters.")
    if password.lower() in {email, email.partition("@")[0]}:
        raise StaffRefused("The password must not be the e-mail address.")
    if role not in ROLES:
        raise StaffRefused(f"The roles are {', '.join(ROLES)}.")
    if role == "crew" and not teams:
        raise StaffRefused("A crew works for a team; name one with --team.")
    if role != "crew" and teams:
        raise StaffRefused("Only a crew belongs to teams.")
    if role != "supervisor" and wards:
        raise StaffRefused("Only a supervisor answers for wards.")


def _all_there(
    noun: str, authority: str, named: tuple[str, ...], found: dict[str, Any] | set[str]
) -> None:
    missing = [name for name in named if name not in found]
    if missing:
        raise StaffRefused(f"{authority} has no {noun} {', '.join(missing)}.")
