"""What a process holds while it runs: settings, keys, connections, rules and the photo store.

The same object serves the API, the worker and the command line. A unit is one transaction,
committed when the block is left; only an edge (a request, a worker's job, a command) opens one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from reporting.keys import Keys
from reporting.photo_store import PhotoStore, open_store
from reporting.settings import Settings
from routing.assign import Router

Connection = AsyncConnection[Any]

#: Seconds a request waits for a free connection before it is told to come back.
POOL_TIMEOUT_S = 2.0
#: A stuck statement or lock ends as an error that a client may repeat, never as a hang.
API_TIMEOUTS = {"statement_timeout": "5s", "lock_timeout": "2s"}
WORKER_TIMEOUTS = {"statement_timeout": "60s", "lock_timeout": "10s"}


@dataclass(frozen=True)
class Runtime:
    """A running process's belongings."""

    settings: Settings
    keys: Keys
    pool: AsyncConnectionPool[Connection]
    router: Router
    photos: PhotoStore

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Connection]:
        """One transaction, committed on leaving the block and rolled back by any exception."""
        async with self.pool.connection() as conn, conn.transaction():
            yield conn

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection without a transaction: each statement stands alone."""
        async with self.pool.connection() as conn:
            yield conn


@asynccontextmanager
async def open_runtime(
    settings: Settings, *, timeouts: dict[str, str], application: str
) -> AsyncIterator[Runtime]:
    """Connect, and disconnect on leaving. A database that is away is waited for, not an error."""
    options = {**timeouts, "idle_in_transaction_session_timeout": "10s"}
    pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
        settings.database_url,
        min_size=settings.pool_size,
        max_size=settings.pool_size,
        open=False,
        timeout=POOL_TIMEOUT_S,
        reconnect_timeout=0,
        kwargs={
            "autocommit": True,
            "prepare_threshold": 1,
            "application_name": application,
            "connect_timeout": 5,
            "tcp_user_timeout": 5000,
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
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
        )
    finally:
        await pool.close()
