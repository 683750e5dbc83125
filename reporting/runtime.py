"""What a process holds while it runs: settings, keys, connections, rules and the photo store.

The same object serves the API, the worker and the command line. A unit is one transaction,
committed when the block is left; only an edge (a request, a worker's job, a command) opens one.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from psycopg import AsyncConnection, OperationalError
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from psycopg_pool import AsyncConnectionPool

from geo.kinds import LOCK_ROUTING
from reporting.errors import StillRunning
from reporting.keys import Keys
from reporting.passwords import Passwords
from reporting.photo_store import PhotoStore, open_store
from reporting.settings import Settings
from routing.assign import Router
from routing.categories import Category

Connection = AsyncConnection[Any]
T = TypeVar("T")

#: Seconds a request waits for a free connection before it is told to come back.
POOL_TIMEOUT_S = 2.0
#: A server that says nothing for so long is frozen or cut off: its own time-outs do not run.
API_PATIENCE_S = 2.0
#: A stuck statement or lock ends as an error that a client may repeat, never as a hang.
API_TIMEOUTS = {
    "statement_timeout": "1800ms",
    "lock_timeout": "1500ms",
    # Each statement is planned once for a connection: planning intake's look anew costs twice what
    # running it does. The EXPLAIN tests ask for the plans that come of it.
    "plan_cache_mode": "force_generic_plan",
}
WORKER_TIMEOUTS = {"statement_timeout": "60s", "lock_timeout": "10s"}
#: For what is read at length. Whoever takes nothing of it for a minute has gone, and a server looks
#: now and then whether anybody is still there while it searches.
APART_TIMEOUTS = {
    "statement_timeout": "30s",
    "lock_timeout": "1500ms",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "1s",
}
APART_PATIENCE_S = 35.0
CONNECTION: Final[dict[str, Any]] = {
    "autocommit": True,
    "prepare_threshold": 1,
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
}


class PooledConnection(AsyncConnection[Any]):
    """A connection that is dropped when the server does not answer at all."""

    patience_s: float | None = None

    async def wait(
        self,
        gen: PQGen[T],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109 - psycopg's own
    ) -> T:
        """Every word with the server goes through here.

        Raises OperationalError after ``patience_s``, without the farewell that would hang too.
        """
        try:
            return await super().wait(gen, interval, timeout or self.patience_s)
        except OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise


@dataclass(frozen=True)
class Runtime:
    """A running process's belongings."""

    settings: Settings
    keys: Keys
    pool: AsyncConnectionPool[Connection]
    router: Router
    photos: PhotoStore
    passwords: Passwords

    @asynccontextmanager
    async def unit(
        self, *, claim: int | None = None, locks: Sequence[int] = ()
    ) -> AsyncIterator[Connection]:
        """One transaction, committed on leaving the block and rolled back by any exception.

        It may begin by taking advisory locks, in the round trip of BEGIN and so before the
        snapshot of anything the block reads: ``claim`` must be free (StillRunning otherwise);
        ``locks`` are waited for in their order, LOCK_ROUTING (shared) before them.
        """
        async with self.pool.connection() as conn:
            cursor = await conn.execute(_begin(claim, locks), prepare=False)
            if claim is not None:
                cursor.nextset()
                row = await cursor.fetchone()
                if not (row and row[0]):
                    raise StillRunning
            yield conn

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement stands alone."""
        async with self.pool.connection() as conn:
            yield conn

    @asynccontextmanager
    async def apart(self) -> AsyncIterator[Connection]:
        """One snapshot to read at length, on a connection that is nobody else's and closed after.

        The pool's connections stay for requests that are done in a moment.
        """
        conn = await PooledConnection.connect(
            self.settings.database_url,
            **CONNECTION,
            application_name="kerbline-apart",
            options=_options({**APART_TIMEOUTS, "timezone": "UTC"}),
        )
        conn.patience_s = APART_PATIENCE_S
        async with conn:
            await conn.execute("begin isolation level repeatable read, read only")
            yield conn

    async def category(self, code: str) -> Category:
        """The category of that code, from the rules in memory if they know it.

        Raises UnknownCategory. A category loaded since is found by reading the rules anew.
        """
        rules = self.router.rules
        if rules is None or code not in rules.categories:
            async with self.reading() as conn:
                rules = await self.router.current(conn)
        return rules.category(code)


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    timeouts: dict[str, str],
    application: str,
    patience_s: float | None = None,
) -> AsyncIterator[Runtime]:
    """Connect, and disconnect on leaving. A database that is away is waited for, not an error."""

    async def configure(conn: Connection) -> None:
        cast("PooledConnection", conn).patience_s = patience_s

    options = {**timeouts, "idle_in_transaction_session_timeout": "10s", "timezone": "UTC"}
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        settings.database_url,
        connection_class=PooledConnection,
        configure=configure,
        min_size=settings.pool_size,
        max_size=settings.pool_size,
        open=False,
        timeout=POOL_TIMEOUT_S,
        reconnect_timeout=0,
        kwargs={
            **CONNECTION,
            "application_name": application,
            "options": _options(options),
        },
    )
    await pool.open()
    try:
        yield Runtime(
            settings=settings,
            keys=Keys(settings.secret_key.get_secret_value()),
            pool=pool,
            router=Router(),
            photos=open_store(settings.photo_store),
            passwords=Passwords(),
        )
    finally:
        await pool.close()


def _options(settings: Mapping[str, str]) -> str:
    return " ".join(f"-c {name}={value}" for name, value in settings.items())


def _begin(claim: int | None, locks: Sequence[int]) -> str:
    """BEGIN and the locks as one simple query; the numbers are our own hashes.

    One SELECT for all of them (a target list is evaluated from left to right): each statement more
    would cost as much as the locks themselves.
    """
    taken = [] if claim is None else [f"pg_try_advisory_xact_lock({claim:d})"]
    if locks:
        taken.append(f"pg_advisory_xact_lock_shared({LOCK_ROUTING:d})")
        taken.extend(f"pg_advisory_xact_lock({lock:d})" for lock in locks)
    return f"begin; select {', '.join(taken)}" if taken else "begin"
