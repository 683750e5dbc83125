"""News of jobs, for all who watch them from this process: one LISTEN, one look, many readers.

The outbox's notification says only that something happened somewhere. Then, and every few seconds
besides, the versions of the watched jobs are looked up in one statement, and who watches one that
moved on is woken. A watcher holds no connection. PostgreSQL may go and come back: the listening
connection is made again, and the look after it finds what was missed.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.rows import tuple_row
from psycopg_pool import PoolTimeout

from reporting.errors import TooManyRequests, TooManyWatching
from reporting.queries import tracking as queries
from reporting.runtime import Runtime

#: Streams of one process, and of one address in it: a mobile network has very many phones behind
#: one. Who finds no room looks again by hand, or by the page's own slow look.
MOST: Final = 2000
MOST_OF_ADDRESS: Final = 300
#: A notification that was lost costs so long, nothing more.
LOOK_S: Final = 5.0
#: Notifications that come closer together than this are answered by one look.
GATHER_S: Final = 0.05
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 3.0
#: Readers that look at their reports at once; the others' requests need connections too.
READING_AT_ONCE: Final = 2
AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)

log = structlog.get_logger("kerbline")


@dataclass(eq=False, slots=True)
class Watcher:
    """Somebody who waits for news of one job."""

    job: UUID
    #: The version they know.
    version: int
    address: str
    news: asyncio.Event = field(default_factory=asyncio.Event)


class News:
    """The watchers of one process."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._watchers: defaultdict[UUID, set[Watcher]] = defaultdict(set)
        self._addresses: Counter[str] = Counter()
        self._listening: asyncio.Task[None] | None = None
        #: Set with every change of who watches what.
        self._asked = asyncio.Event()
        self.reading = asyncio.Semaphore(READING_AT_ONCE)

    def __len__(self) -> int:
        """How many watch."""
        return self._addresses.total()

    def watch(self, job: UUID, version: int, address: str) -> Watcher:
        """Wake somebody when the job goes beyond this version. They ``leave`` when they go.

        Raises TooManyWatching, or TooManyRequests for one address's own too many.
        """
        if len(self) >= MOST:
            raise TooManyWatching
        if self._addresses[address] >= MOST_OF_ADDRESS:
            raise TooManyRequests
        watcher = Watcher(job, version, address)
        self._addresses[address] += 1
        self._watchers[job].add(watcher)
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
        self._asked.set()
        return watcher

    def follow(self, watcher: Watcher, job: UUID, version: int) -> None:
        """From now on they know this version, of this job: a report may be moved to another."""
        self._drop(watcher)
        watcher.job, watcher.version = job, version
        self._watchers[job].add(watcher)

    def leave(self, watcher: Watcher) -> None:
        """They are gone."""
        self._drop(watcher)
        self._addresses[watcher.address] -= 1
        if not self._addresses[watcher.address]:
            del self._addresses[watcher.address]

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening

    def _drop(self, watcher: Watcher) -> None:
        self._watchers[watcher.job].discard(watcher)
        if not self._watchers[watcher.job]:
            del self._watchers[watcher.job]

    async def _listen(self) -> None:
        failures = 0
        while True:
            try:
                async with await self._connect() as conn:
                    while True:
                        await self._look(conn)
                        failures = 0
                        await self._next(conn)
            except AWAY as error:
                if not failures:
                    log.warning("news_interrupted", error=type(error).__name__)
                await asyncio.sleep(min(FIRST_WAIT_S * 2 ** min(failures, 10), LONGEST_WAIT_S))
                failures += 1

    async def _connect(self) -> AsyncConnection[Any]:
        conn = await AsyncConnection.connect(
            self._runtime.settings.database_url,
            autocommit=True,
            application_name="kerbline-news",
            connect_timeout=5,
            keepalives_idle=10,
            tcp_user_timeout=5000,
            options="-c statement_timeout=5s",
        )
        await conn.execute("listen outbox")
        return conn

    async def _next(self, conn: AsyncConnection[Any]) -> None:
        """Wait for a notification, at most until the next look; then let a few more come.

        While nobody watches there is nothing to look for.
        """
        self._asked.clear()
        if not self._watchers:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._asked.wait()
            return
        if [_ async for _ in conn.notifies(timeout=LOOK_S, stop_after=1)]:
            await asyncio.sleep(GATHER_S)

    async def _look(self, conn: AsyncConnection[Any]) -> None:
        """Wake those whose job has moved on."""
        if not self._watchers:
            return
        async with conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(queries.VERSIONS, {"jobs": list(self._watchers)})
            versions: Mapping[UUID, int] = dict(await cursor.fetchall())
        for job, version in versions.items():
            for watcher in self._watchers.get(job, ()):
                if version > watcher.version:
                    watcher.news.set()


@asynccontextmanager
async def open_news(runtime: Runtime) -> AsyncIterator[News]:
    """The watchers of a process; it connects when somebody first watches."""
    found = News(runtime)
    try:
        yield found
    finally:
        await found.close()
