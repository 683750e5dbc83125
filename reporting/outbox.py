"""What must happen because of a commit, recorded in that commit, and the ledger of who was told.

PostgreSQL is the record. Redis and arq only wake somebody up: everything here is claimed for the
length of a lease and comes back when nobody finished it. So each thing is done at least once, and
whoever does it writes its effect and ``done`` in one transaction.

Recording is not here: a verb puts ``queries.outbox.RECORD`` beside its own rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.rows import class_row, dict_row

from reporting.notices import ONLY_THE_NAMED
from reporting.queries import outbox as queries
from reporting.runtime import Connection

#: Rows of one claim, and the first lease; each further lease is twice as long. Eight of them are
#: about four hours.
CLAIMED: Final = 500
LEASE_S: Final = 60.0
ATTEMPTS: Final = 8
#: A message is news for a day.
GIVE_UP_S: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Claimed:
    """An outbox row that is ours to hand on until the lease ends."""

    id: int
    topic: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An outbox row that is still to be done."""

    id: int
    topic: str
    subject: UUID


@dataclass(frozen=True, slots=True)
class News:
    """A subscription that has something new to hear, and by which channel."""

    subscription: int
    channel: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that one subscription is to get, and all that its words may need."""

    id: int
    subscription_id: int
    attempts: int
    update_id: UUID
    report_id: UUID
    created_at: datetime
    address: str
    #: The subscription ended while this waited.
    ended: bool
    language: str | None
    kind: str
    changes: dict[str, Any]
    status: str
    recorded_at: datetime
    reference: str
    job_id: UUID
    due_at: datetime
    scheduled_for: datetime | None
    closed_reason: str | None
    #: What it is called, in English.
    category: str
    #: What a crew typed, for the reporter alone: never in a push message.
    public_message: str | None
    #: Of what was referred outside, to whom.
    waiting_for: str | None
    #: The authority here that it was referred to.
    passed_to: str | None
    team: str
    authority: str
    timezone: str

    @property
    def planned_for(self) -> datetime | None:
        """The day that work is planned for, as this update says or else as the job has it."""
        said = self.changes.get("scheduled_for")
        return self.scheduled_for if said is None else datetime.fromisoformat(said)

    @property
    def reason(self) -> str | None:
        """Why it was closed, if it was."""
        return self.changes.get("reason") or self.closed_reason


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a delivery. ``pending`` is tried again after the delay."""

    id: int
    state: Literal["sent", "pending", "dropped", "dead"]
    delay_s: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery as it was written down, and whether its subscription has more to hear."""

    id: int
    state: str
    subscription_id: int
    more: bool


async def claim(
    conn: Connection, *, limit: int = CLAIMED, lease_s: float = LEASE_S
) -> list[Claimed]:
    """Rows that are due, ours while the lease lasts."""
    async with conn.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(
            queries.CLAIM, {"limit": limit, "lease_s": lease_s, "attempts": ATTEMPTS}
        )
        return sorted(await cursor.fetchall(), key=lambda row: row.id)


async def bury(conn: Connection) -> list[Claimed]:
    """Rows that were claimed as often as may be and never finished become dead letters."""
    async with conn.cursor(row_factory=class_row(Claimed)) as cursor:
        await cursor.execute(queries.BURY, {"attempts": ATTEMPTS})
        return await cursor.fetchall()


async def release(conn: Connection) -> int:
    """Make all claimed rows due again: those who were to do them have been lost."""
    return (await conn.execute(queries.RELEASE)).rowcount


async def pending(conn: Connection, topic: str, ids: Sequence[int]) -> list[Waiting]:
    """Those of the rows that are still to be done."""
    async with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        await cursor.execute(queries.PENDING, {"ids": list(ids), "topic": topic})
        return await cursor.fetchall()


async def done(conn: Connection, ids: Sequence[int]) -> None:
    """Mark rows done, in the transaction that holds their effect."""
    await conn.execute(queries.DONE, {"ids": list(ids)})


async def failed(conn: Connection, ids: Sequence[int], *, error: str) -> None:
    """Keep why rows could not be done; they come back when their lease ends. Names no person."""
    await conn.execute(queries.FAILED, {"ids": list(ids), "error": error})


async def fan_out(conn: Connection, ids: Sequence[int]) -> list[News]:
    """Turn these updates, and earlier ones of their jobs, into deliveries.

    Gives the subscriptions that have something new to hear.
    """
    async with conn.cursor(row_factory=class_row(News)) as cursor:
        await cursor.execute(
            queries.FAN_OUT, {"ids": list(ids), "only_the_named": sorted(ONLY_THE_NAMED)}
        )
        return await cursor.fetchall()


async def claim_deliveries(
    conn: Connection,
    subscriptions: Sequence[int] | None,
    *,
    channel: str,
    limit: int,
    lease_s: float,
    together: bool = False,
) -> list[Delivery]:
    """The oldest waiting delivery of each of these subscriptions (None: of any), if it is due.

    ``together`` brings the others that wait about the same report with it.
    """
    params: dict[str, Any] = {"channel": channel, "limit": limit, "lease_s": lease_s}
    if subscriptions is not None:
        params["subscriptions"] = list(subscriptions)
    statement = queries.lease(of_any=subscriptions is None, together=together)
    async with conn.cursor(row_factory=class_row(Delivery)) as cursor:
        await cursor.execute(statement, params)
        return await cursor.fetchall()


async def settle(
    conn: Connection, results: Sequence[Result], *, give_up_s: float = GIVE_UP_S
) -> list[Settled]:
    """Write what became of deliveries, in one statement."""
    async with conn.cursor(row_factory=class_row(Settled)) as cursor:
        await cursor.execute(
            queries.SETTLE,
            {
                "ids": [result.id for result in results],
                "states": [result.state for result in results],
                "delays": [result.delay_s for result in results],
                "errors": [result.error for result in results],
                "give_up_s": give_up_s,
            },
        )
        return await cursor.fetchall()


async def end_subscription(
    conn: Connection, subscription: int, *, address: str, because: str
) -> None:
    """The address is dead: nothing more goes there, and what waited for it is dropped."""
    await conn.execute(
        queries.END_SUBSCRIPTION,
        {"subscription": subscription, "address": address, "because": because},
    )


async def drop_unsendable(
    conn: Connection, *, channel: str, because: str, give_up_s: float = GIVE_UP_S
) -> int:
    """Where a channel is not set up, messages that grew too old are dropped, and say why."""
    params = {"channel": channel, "because": because, "give_up_s": give_up_s}
    return (await conn.execute(queries.DROP_UNSENDABLE, params)).rowcount


async def dead_letters(conn: Connection, *, limit: int = 100) -> list[dict[str, Any]]:
    """What was given up, newest first, with its last error."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.DEAD_LETTERS, {"limit": limit})
        return await cursor.fetchall()


async def revive(conn: Connection) -> int:
    """Try dead outbox rows again from the beginning. Messages are not sent a day late."""
    return (await conn.execute(queries.REVIVE)).rowcount
