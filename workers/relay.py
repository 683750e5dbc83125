"""Hands what the outbox holds to arq.

One relay for each worker process. It listens for the outbox's notification on a connection of its
own, and looks every second besides: a notification that was lost, a lease that ended and a
connection pooler that passes none on cost a second, nothing more. Neither Redis nor PostgreSQL
being away ends it; it comes back when they do, and hands everything on again that either may have
forgotten. Doing things twice is harmless by design; see ``reporting.outbox``.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import msgpack
import structlog
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from psycopg import AsyncConnection
from redis.asyncio import Redis
from redis.exceptions import RedisError

from reporting import outbox
from reporting.outbox import Claimed
from reporting.runtime import Runtime
from workers.pump import DATABASE_AWAY

#: Redis holds this while it remembers our jobs. Gone: it was emptied, and our jobs with it.
MEMORY_KEY: Final = "kerbline:memory"
#: How arq's own client limits the life of a job.
EXPIRES_S: Final = 24 * 3600

log = structlog.get_logger("kerbline.relay")


@dataclass(frozen=True, slots=True)
class Target:
    """The queue and function of a topic, and how many ids one call of it takes."""

    queue: str
    function: str
    ids: int


@dataclass(frozen=True, slots=True)
class Policy:
    """How often it looks."""

    lease_s: float = outbox.LEASE_S
    sweep_s: float = 1.0
    #: Notifications that come closer together than this are answered by one look.
    gather_s: float = 0.03
    #: Waits after a failure: the first, doubled up to the longest.
    first_s: float = 0.2
    longest_s: float = 3.0


class Relay:
    """The relay of one process."""

    def __init__(
        self,
        runtime: Runtime,
        redis: Redis,
        targets: Mapping[str, Target],
        policy: Policy | None = None,
    ) -> None:
        self._runtime = runtime
        self._redis = redis
        self._targets = targets
        self._policy = policy or Policy()
        self._stopping = False
        #: Somebody may have lost what was handed on: this process, killed, or Redis.
        self._doubt = True
        self._next_sweep = 0.0

    def stop(self) -> None:
        """Hand on nothing more; ``run`` returns within a sweep."""
        self._stopping = True

    async def run(self) -> None:
        """Hand on until told to stop."""
        failures = 0
        while not self._stopping:
            try:
                async with await self._listen() as listening:
                    while not self._stopping:
                        await self._sweep()
                        await self._hand_on()
                        failures = 0
                        await self._next(listening)
            except (RedisError, OSError, *DATABASE_AWAY) as error:
                if not failures:
                    log.warning("relay_interrupted", error=type(error).__name__)
                wait_s = self._policy.first_s * 2 ** min(failures, 10)
                failures += 1
                self._doubt = True
                await asyncio.sleep(min(wait_s, self._policy.longest_s))

    async def _listen(self) -> AsyncConnection[Any]:
        conn = await AsyncConnection.connect(
            self._runtime.settings.database_url,
            autocommit=True,
            application_name="kerbline-relay",
            connect_timeout=5,
            keepalives_idle=10,
            tcp_user_timeout=5000,
        )
        await conn.execute("listen outbox")
        return conn

    async def _next(self, listening: AsyncConnection[Any]) -> None:
        """Wait for a notification, at most until the next sweep; then let a few more come.

        One that is heard brings all that came with it, a few hundred in a busy second.
        """
        heard = [_ async for _ in listening.notifies(timeout=self._policy.sweep_s, stop_after=1)]
        if heard:
            await asyncio.sleep(self._policy.gather_s)

    async def _sweep(self) -> None:
        """Now and then, see that what was handed on is still there, and bury what was in vain."""
        now = asyncio.get_running_loop().time()
        if now < self._next_sweep and not self._doubt:
            return
        self._next_sweep = now + self._policy.sweep_s
        if await self._redis.set(MEMORY_KEY, b"1", nx=True) or self._doubt:
            async with self._runtime.reading() as conn:
                released = await outbox.release(conn)
            if released:
                log.info("outbox_released", rows=released)
            self._doubt = False
        async with self._runtime.reading() as conn:
            for letter in await outbox.bury(conn):
                log.error("dead_letter", outbox=letter.id, topic=letter.topic)

    async def _hand_on(self) -> None:
        """Hand on everything that is due.

        Claimed and enqueued in one transaction: without Redis, nothing counts as handed on.
        """
        claimed: list[Claimed] | None = None
        while (claimed is None or len(claimed) == outbox.CLAIMED) and not self._stopping:
            async with self._runtime.unit() as conn:
                claimed = await outbox.claim(conn, lease_s=self._policy.lease_s)
                if claimed:
                    await enqueue(self._redis, self._targets, claimed)


async def enqueue(redis: Redis, targets: Mapping[str, Target], claimed: Sequence[Claimed]) -> None:
    """Put the rows' ids into arq's queue, many to a job, in one round trip.

    The same two writes as arq's own ``enqueue_job``, which makes a transaction for each job.
    """
    topics: dict[str, list[int]] = defaultdict(list)
    for row in claimed:
        topics[row.topic].append(row.id)
    now_ms = int(time.time() * 1000)
    async with redis.pipeline(transaction=False) as pipe:
        for topic, ids in topics.items():
            target = targets.get(topic)
            if target is None:  # a newer process records what this one cannot do yet
                log.error("outbox_topic_unknown", topic=topic, rows=len(ids))
                continue
            for first in range(0, len(ids), target.ids):
                batch = ids[first : first + target.ids]
                job = uuid4().hex
                pipe.psetex(
                    job_key_prefix + job,
                    EXPIRES_S * 1000,
                    serialize_job(
                        target.function, (batch,), {}, None, now_ms, serializer=msgpack.packb
                    ),
                )
                pipe.zadd(target.queue, {job: now_ms})
        await pipe.execute()
