"""The worker process: a relay, arq's workers and the pumps, over one runtime.

It lives through Redis and PostgreSQL being away and comes back by itself within seconds; arq's own
worker ends with its Redis connection, so it is made anew. Told to stop, it takes up nothing more,
finishes what it has in hand, and leaves what it cannot finish to the leases.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial
from typing import Any, Final

import msgpack
import structlog
from arq import cron
from arq.connections import ArqRedis
from arq.cron import CronJob
from arq.worker import Worker
from redis.asyncio import ConnectionPool, Redis
from redis.exceptions import RedisError

from reporting import logs, mailing
from reporting.runtime import WORKER_TIMEOUTS, Runtime, open_runtime
from reporting.settings import Settings
from workers import pump as pumping
from workers import relay as relaying
from workers.darkroom import Darkroom
from workers.gallery import Gallery
from workers.jobs.checkpoint import checkpoint
from workers.jobs.confirm import ask_to_confirm
from workers.jobs.escalation import escalate, warn
from workers.jobs.handling import Context
from workers.jobs.handover import send_handover
from workers.jobs.heat import EVERY_S, Counter
from workers.jobs.invitation import send_invitation
from workers.jobs.notify import notify
from workers.jobs.photos import develop, forget_originals, forget_photos, forget_uploads
from workers.jobs.retention import forget_the_old, reroute
from workers.jobs.shared_points import find_shared_points
from workers.mail import Mailer, Sender, open_mailer
from workers.pump import Channel, Pump
from workers.push import Fcm, open_fcm
from workers.quota import Quota
from workers.relay import Relay, Target
from workers.webpush import WebPush, open_webpush

#: Of a job by the clock. A killed worker's jobs stay locked in Redis for the longest time-out of
#: their queue; that holds nothing up, because outbox rows come back as new jobs.
CRON_TIMEOUT_S: Final = 300
#: Jobs in hand are given this long to end when the process is told to stop.
DRAIN_S: Final = 20
#: Whatever a job commits is done again if PostgreSQL loses it in a crash, because what asked for it
#: is then as it was before. So no commit here waits for the disk; those of the API do.
REPEATABLE: Final = {**WORKER_TIMEOUTS, "synchronous_commit": "off"}
#: A Redis that does not answer for so long is away.
REDIS_TIMEOUT_S: Final = 5
REDIS_CONNECT_TIMEOUT_S: Final = 2
#: Waits before arq's worker is made anew: the first, doubled up to the longest.
FIRST_S: Final = 0.2
LONGEST_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Queue:
    """One of arq's queues, and how its jobs are run."""

    name: str
    functions: tuple[Callable[..., Any], ...]
    max_jobs: int
    timeout_s: int
    cron: bool = False


UPDATES: Final = Queue("kerbline:updates", (notify,), max_jobs=10, timeout_s=20, cron=True)
#: Of their own, so that a hundred uploads keep no message waiting. One is developed, one is ready.
PHOTOS: Final = Queue("kerbline:photos", (develop,), max_jobs=2, timeout_s=120)
#: A mail server may take its time; no update waits for it.
CONFIRMATIONS: Final = Queue(
    "kerbline:confirmations",
    (ask_to_confirm, send_handover, send_invitation, warn),
    max_jobs=2,
    timeout_s=60,
)
QUEUES: Final = (UPDATES, PHOTOS, CONFIRMATIONS)

#: Which job does the outbox rows of a topic.
TARGETS: Final = {
    "update": Target(UPDATES.name, notify.__name__, ids=50),
    "confirm": Target(CONFIRMATIONS.name, ask_to_confirm.__name__, ids=1),
    "handover": Target(CONFIRMATIONS.name, send_handover.__name__, ids=1),
    "invitation": Target(CONFIRMATIONS.name, send_invitation.__name__, ids=1),
    "warning": Target(CONFIRMATIONS.name, warn.__name__, ids=1),
    "photo": Target(PHOTOS.name, develop.__name__, ids=1),
}

log = structlog.get_logger("kerbline.worker")


@dataclass(frozen=True, slots=True)
class Policies:
    """How hard the process tries; the tests are less patient."""

    relay: relaying.Policy = field(default_factory=relaying.Policy)
    #: From one fold of the counts to the next.
    count_s: float = EVERY_S
    pump: pumping.Policy = field(default_factory=pumping.Policy)
    #: One connection takes mails in turn: more than one waiting is none the quicker. A server may
    #: be away over a weekend, and mail is read later than a push anyway.
    mail: pumping.Policy = field(
        default_factory=lambda: pumping.Policy(in_flight=2, lease_s=60.0, give_up_s=3 * 24 * 3600.0)
    )


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    logs.configure()
    logging.getLogger("arq").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(_until_told(Settings()))


async def _until_told(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await work(settings, stopping)


async def work(
    settings: Settings, stopping: asyncio.Event, policies: Policies | None = None
) -> None:
    """Work until the event is set."""
    policies = policies or Policies()
    redis = Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_CONNECT_TIMEOUT_S,
    )
    async with (
        redis,
        open_runtime(settings, timeouts=REPEATABLE, application="kerbline-worker") as runtime,
        open_fcm(settings.firebase_credentials, settings.fcm_endpoint) as fcm,
        open_webpush(
            runtime.keys, settings.public_url, trial=settings.environment == "development"
        ) as webpush,
        open_mailer(sender(settings), Quota(redis, runtime.keys)) as mailer,
        Darkroom() as darkroom,
        Gallery() as gallery,
    ):
        channels = open_channels(runtime, fcm=fcm, webpush=webpush, mailer=mailer)
        pumps = {
            channel.name: Pump(
                runtime, channel, policies.mail if channel.name == "email" else policies.pump
            )
            for channel in channels
        }
        relay = Relay(runtime, redis, TARGETS, policies.relay)
        ctx: Context = {
            "runtime": runtime,
            "pumps": pumps,
            "mailer": mailer,
            "darkroom": darkroom,
            "gallery": gallery,
        }
        # A task that fails for a reason nobody foresaw ends the process; its supervisor starts
        # another, and the leases bring back what it had.
        async with asyncio.TaskGroup() as group:
            relaying_ends = group.create_task(relay.run())
            for pump in pumps.values():
                group.create_task(pump.run())
            jobs_end = [
                group.create_task(run_jobs(queue, settings.redis_url, ctx, stopping))
                for queue in QUEUES
            ]
            counting_ends = group.create_task(Counter(runtime, policies.count_s).run(stopping))
            log.info("worker_ready")
            await stopping.wait()
            relay.stop()
            await asyncio.wait({relaying_ends, counting_ends, *jobs_end})
            for pump in pumps.values():
                pump.stop()
    log.info("worker_stopped")


def sender(settings: Settings) -> Sender | None:
    """Whom mail comes from; None without a mail server."""
    server = settings.mail_server
    if server is None or not settings.mail_from:
        return None
    in_the_clear = server.is_here or settings.environment == "development"
    return Sender(server, settings.mail_from, in_the_clear=in_the_clear)


def open_channels(
    runtime: Runtime, *, fcm: Fcm | None, webpush: WebPush, mailer: Mailer | None
) -> Sequence[Channel]:
    """Every way to reach people; what cannot be sent waits, and is dropped for want of it."""
    mail = partial(mailing.update, keys=runtime.keys, public_url=runtime.settings.public_url)
    return (
        Channel("fcm", pumping.push, fcm, "no push service was configured"),
        Channel("webpush", pumping.push, webpush, "no push service was configured"),
        Channel("email", mail, mailer, "no mail server was configured", together=True),
    )


async def run_jobs(queue: Queue, redis_url: str, ctx: Context, stopping: asyncio.Event) -> None:
    """Run arq's worker on a queue, and another when Redis took the one before with it."""
    failures = 0
    while not stopping.is_set():
        worker = make_worker(queue, redis_url, ctx)
        running = asyncio.create_task(worker.async_run())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not running.done():
            await _drain(worker)
        await _end(running)
        ended = None if running.cancelled() else running.exception()
        await _dismiss(worker)
        if isinstance(ended, RedisError | OSError):
            if not failures:
                log.warning("redis_away", error=type(ended).__name__)
            failures = 0 if worker.jobs_complete else failures + 1
            wait_s = min(LONGEST_S, FIRST_S * 2 ** min(failures, 10))
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), wait_s)
        elif isinstance(ended, Exception):
            raise ended


def make_worker(queue: Queue, redis_url: str, ctx: Context) -> Worker:
    """A worker of arq's, set as a wake-up and nothing more.

    No results are kept (they would block a job's id), nothing is pickled (who can write to Redis
    must not run code here), and arguments are ids.
    """
    redis = ArqRedis(
        ConnectionPool.from_url(
            redis_url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_CONNECT_TIMEOUT_S,
        ),
        job_serializer=msgpack.packb,
        job_deserializer=msgpack.unpackb,
    )
    return Worker(
        functions=queue.functions,
        queue_name=queue.name,
        cron_jobs=cron_jobs() if queue.cron else (),
        redis_pool=redis,
        ctx=dict(ctx),
        handle_signals=False,
        keep_result=0,
        log_results=False,
        poll_delay=0.05,
        max_jobs=queue.max_jobs,
        max_tries=5,
        job_timeout=queue.timeout_s,
        health_check_interval=15,
        job_serializer=msgpack.packb,
        job_deserializer=msgpack.unpackb,
        timezone=UTC,
    )


def cron_jobs() -> Sequence[CronJob]:
    """What is due by the clock. Skipped, not caught up, while no worker runs."""
    return (
        cron(forget_the_old, minute=17, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(forget_photos, minute=37, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(forget_originals, minute=47, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(forget_uploads, minute=47, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(find_shared_points, minute=47, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(reroute, minute=2, timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(escalate, minute=set(range(0, 60, 5)), timeout=CRON_TIMEOUT_S, keep_result=0),
        cron(checkpoint, minute=set(range(0, 60, 10)), timeout=CRON_TIMEOUT_S, keep_result=0),
    )


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel it until it ends: a cancellation that meets an answer of Redis can get lost there."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.2)


async def _drain(worker: Worker) -> None:
    """Let the jobs in hand end."""
    worker.allow_pick_jobs = False
    tasks = [task for task in worker.tasks.values() if not task.done()]
    if tasks:
        await asyncio.wait(tasks, timeout=DRAIN_S)


async def _dismiss(worker: Worker) -> None:
    """End what is left of a worker whose Redis may be gone."""
    tasks: list[asyncio.Task[Any]] = list(worker.tasks.values())
    for task in tasks:
        task.cancel()
    # Their Redis is gone, or they are cancelled: in either case their leases bring the work back.
    await asyncio.gather(*tasks, return_exceptions=True)
    await worker.pool.connection_pool.disconnect(inuse_connections=True)
