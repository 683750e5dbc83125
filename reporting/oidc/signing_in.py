"""The verbs: begin at the provider, come back from it, be known here.

An attempt is kept ten minutes under a hash of its state and of a cookie of the browser that began
it, and is good once. So an answer that somebody caught is of no use in another browser, and nobody
can be signed in as somebody else by a link.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from reporting import keys
from reporting.errors import NoSuchAccount, SignInExpired
from reporting.oidc.provider import Person
from reporting.queries import oidc as queries

Connection = AsyncConnection[Any]

ATTEMPT_S: Final = 600


@dataclass(frozen=True, slots=True)
class Attempt:
    """A log-in under way."""

    nonce: str
    code_verifier: str
    #: A path of ours to go on to.
    way_on: str
    tablet: UUID | None


@dataclass(frozen=True, slots=True)
class Begun:
    """What goes to the provider with the browser."""

    state: str
    nonce: str
    code_verifier: str


async def begin(conn: Connection, *, browser: str, way_on: str, tablet: UUID | None) -> Begun:
    """Note that this browser goes to sign in."""
    begun = Begun(keys.new_token(""), keys.new_token(""), keys.new_token(""))
    await conn.execute(queries.FORGET)
    await conn.execute(
        queries.BEGIN,
        {
            "state_hash": _state_hash(begun.state, browser),
            "nonce": begun.nonce,
            "code_verifier": begun.code_verifier,
            "next": way_on,
            "tablet": tablet,
            "seconds": ATTEMPT_S,
        },
    )
    return begun


async def take(conn: Connection, *, state: str, browser: str) -> Attempt:
    """The attempt that comes back, which is over with it. Raises SignInExpired."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TAKE, {"state_hash": _state_hash(state, browser)})
        row = await cursor.fetchone()
    if row is None or not row[-1]:
        raise SignInExpired
    return Attempt(*row[:-1])


async def account_of(conn: Connection, person: Person) -> UUID:
    """The account of somebody whom the provider knows. Raises NoSuchAccount.

    None is made here. The first time they are found by their e-mail address, if the provider says
    that it is theirs; from then on by issuer and subject alone, whatever becomes of the address.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.BY_SUBJECT, {"subject": person.subject})
        row = await cursor.fetchone()
        if row is None and person.email is not None:
            await cursor.execute(queries.BY_EMAIL, {"email": person.email.strip().lower()})
            row = await cursor.fetchone()
            if row is not None and row[1]:
                await _link(conn, row[0], person)
    if row is None or not row[1]:
        raise NoSuchAccount
    found: UUID = row[0]
    return found


async def _link(conn: Connection, account: UUID, person: Person) -> None:
    await conn.execute(queries.LINK, {"staff": account, "subject": person.subject})
    details = {"issuer": person.subject.partition(" ")[0]}
    await conn.execute(queries.TELL, {"staff": account, "details": orjson.dumps(details).decode()})


def _state_hash(state: str, browser: str) -> bytes:
    return keys.token_hash(f"{state} {browser}")
