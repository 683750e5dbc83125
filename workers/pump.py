"""Sends what the ledger of deliveries holds, in order for each subscription.

One pump for each channel of a worker process, so that a slow mail server holds no phone up. It
leases the oldest waiting delivery of a subscription, sends it, writes what came of it, and only
then looks at the next: a slow or refused message holds back its own subscription and nobody
else's. The fan-out says which subscriptions have news; a sweep finds those whose time to be tried
again has come, and those that a killed process had in hand.

A message may reach the gateway twice (killed between its answer and our writing it down), never
not at all while the subscription lives; its update id lets the app show it once.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final, Protocol

import structlog
from psycopg import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

from reporting import notices, outbox
from reporting.language import language
from reporting.outbox import Delivery, Result
from reporting.runtime import Runtime
from workers.messages import Gone, Later, Outcome, Push, Refused, Sent
from workers.push import SEND_TIMEOUT_S

#: How psycopg says that the database is away, restarting or full.
DATABASE_AWAY: Final = (OperationalError, InterfaceError, PoolTimeout)

log = structlog.get_logger("kerbline.pump")


class Gateway(Protocol):
    """Takes one message, such as its channel composes, to one address."""

    async def send(self, message: Any) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Policy:
    """How hard it tries."""

    #: Messages on their way at once: a hundred a second where Google takes 200 ms for one. Over
    #: HTTP/1.1 (a local gateway) the SDK's client keeps no more connections, and looks at each of
    #: them for every message.
    in_flight: int = 20
    #: Longer than a send may take, so that no two processes hold one delivery.
    lease_s: float = 2 * SEND_TIMEOUT_S
    #: The first wait after a failure (the SDK has tried at once); doubled up to the longest.
    first_s: float = 5.0
    longest_s: float = 900.0
    give_up_s: float = outbox.GIVE_UP_S
    sweep_s: float = 1.0
    #: Between tries to reach a database that is away.
    database_s: float = 0.5

    def wait_s(self, attempts: int, asked_s: float | None) -> float:
        """Exponential with jitter, and never sooner than the gateway asked, within reason."""
        longest = min(self.longest_s, self.first_s * 2.0 ** min(attempts - 1, 20))
        return max(min(asked_s or 0.0, self.give_up_s), longest * random.uniform(0.5, 1.0))


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach people: what a message is made of, and who takes it."""

    name: str
    compose: Callable[[Sequence[Delivery]], Any]
    #: None where it is not set up; messages wait, and are dropped for this reason.
    gateway: Gateway | None
    absent: str
    #: Whether what waits about one report goes in one message.
    together: bool = False


class Pump:
    """The sender of a channel: one task takes up, one writes down, and the sends are between."""

    def __init__(self, runtime: Runtime, channel: Channel, policy: Policy | None = None) -> None:
        self._runtime = runtime
        self._channel = channel
        self._gateway = channel.gateway
        self._policy = policy or Policy()
        #: Subscriptions that may have something due, oldest news first.
        self._news: dict[int, None] = {}
        self._sending: dict[asyncio.Task[Outcome], list[Delivery]] = {}
        #: Outcomes that are not in the ledger yet.
        self._unwritten: list[tuple[list[Delivery], Outcome]] = []
        #: There is news, or room for it.
        self._woken = asyncio.Event()
        #: There is something to write down, or no more to come.
        self._came_back = asyncio.Event()
        self._stopping = False
        self._no_more = False
        self._next_sweep = 0.0

    def wake(self, subscriptions: Iterable[int]) -> None:
        """These have something new to hear."""
        self._news.update(dict.fromkeys(subscriptions))
        self._woken.set()

    def stop(self) -> None:
        """Take up nothing more; ``run`` returns when what is on its way has been written down."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Send until told to stop. A database that is away is waited for."""
        writing = asyncio.create_task(self._write())
        writing.add_done_callback(lambda _: self._woken.set())
        try:
            while not self._stopping and not writing.done():
                self._woken.clear()
                if not await self._take_up():
                    await self._wait()
            if self._sending:
                await asyncio.wait(self._sending)
        finally:
            self._no_more = True
            self._came_back.set()
            await writing

    async def _take_up(self) -> bool:
        """Take up what there is room for; False when there is nothing to do now."""
        try:
            if self._gateway is None:
                return await self._drop_unsendable()
            return await self._lease(self._gateway)
        except DATABASE_AWAY as error:
            log.warning("database_away", error=type(error).__name__)
            await asyncio.sleep(self._policy.database_s)
            return True

    async def _wait(self) -> None:
        """For news, for room, or for the next sweep."""
        wait_s = None
        if self._gateway is None or self._room():
            wait_s = max(0.0, self._next_sweep - asyncio.get_running_loop().time())
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), wait_s)

    def _room(self) -> int:
        return self._policy.in_flight - len(self._sending)

    async def _lease(self, gateway: Gateway) -> bool:
        room = self._room()
        if not room:
            return False
        now = asyncio.get_running_loop().time()
        if now >= self._next_sweep:
            taken = await self._claim(gateway, None, room)
            # As long as it finds more than it can take, it comes again at once.
            self._next_sweep = now if taken == room else now + self._policy.sweep_s
            return True
        asked = list(islice(self._news, room))
        for subscription in asked:
            del self._news[subscription]
        try:
            if asked:
                await self._claim(gateway, asked, room)
        except DATABASE_AWAY:
            self._news.update(dict.fromkeys(asked))
            raise
        return bool(asked)

    async def _claim(self, gateway: Gateway, subscriptions: Sequence[int] | None, room: int) -> int:
        async with self._runtime.reading() as conn:
            taken = await outbox.claim_deliveries(
                conn,
                subscriptions,
                channel=self._channel.name,
                limit=room,
                lease_s=self._policy.lease_s,
                together=self._channel.together,
            )
        messages = [list(group) for _, group in groupby(sorted(taken, key=_order), key=_whose)]
        for message in messages:
            task = asyncio.create_task(self._tell(message, gateway))
            self._sending[task] = message
            task.add_done_callback(self._returned)
        return len(messages)

    async def _tell(self, deliveries: list[Delivery], gateway: Gateway) -> Outcome:
        if deliveries[0].ended:
            return Gone("the subscription ended")
        try:
            return await gateway.send(self._channel.compose(deliveries))
        except Exception as error:  # the outermost wrapper: one bad row must not stop the others
            log.exception("message_failed", delivery=deliveries[0].id, channel=self._channel.name)
            return Later(f"internal: {type(error).__name__}")

    def _returned(self, task: asyncio.Task[Outcome]) -> None:
        deliveries = self._sending.pop(task)
        if not task.cancelled():
            self._unwritten.append((deliveries, task.result()))
            self._came_back.set()
        self._woken.set()

    async def _write(self) -> None:
        """Write down what comes back, many at a time, until there is no more to come."""
        while True:
            await self._came_back.wait()
            self._came_back.clear()
            while self._unwritten:
                try:
                    await self._write_down()
                except DATABASE_AWAY as error:
                    log.warning("database_away", error=type(error).__name__)
                    if self._no_more:
                        return  # the leases end, and another process sends these again
                    await asyncio.sleep(self._policy.database_s)
            if self._no_more:
                return

    async def _write_down(self) -> None:
        written = list(self._unwritten)
        results = [
            self._result(delivery, outcome)
            for deliveries, outcome in written
            for delivery in deliveries
        ]
        async with self._runtime.reading() as conn:
            for (first, *_), outcome in written:
                if isinstance(outcome, Gone):
                    await outbox.end_subscription(
                        conn,
                        first.subscription_id,
                        address=first.address,
                        because=outcome.because,
                    )
            settled = await outbox.settle(conn, results, give_up_s=self._policy.give_up_s)
        del self._unwritten[: len(written)]
        for each in settled:
            if each.state == "dead":
                log.error("message_given_up", delivery=each.id, channel=self._channel.name)
        self.wake(each.subscription_id for each in settled if each.more)

    def _result(self, delivery: Delivery, outcome: Outcome) -> Result:
        match outcome:
            case Sent():
                return Result(delivery.id, "sent")
            case Gone(because) if delivery.ended:
                return Result(delivery.id, "dropped", error=because)
            case Gone():
                # Dropped with its subscription. If that lives on at a new address, it goes there.
                return Result(delivery.id, "pending", error="the address changed")
            case Refused(error):
                return Result(delivery.id, "dead", error=error)
            case Later(error, after_s):
                wait_s = self._policy.wait_s(delivery.attempts, after_s)
                return Result(delivery.id, "pending", delay_s=wait_s, error=error)

    async def _drop_unsendable(self) -> bool:
        """Where the channel is not set up: what waited for it too long is dropped."""
        now = asyncio.get_running_loop().time()
        self._news.clear()
        if now < self._next_sweep:
            return False
        self._next_sweep = now + 60 * self._policy.sweep_s
        async with self._runtime.reading() as conn:
            await outbox.drop_unsendable(
                conn,
                channel=self._channel.name,
                because=self._channel.absent,
                give_up_s=self._policy.give_up_s,
            )
        return True


def push(deliveries: Sequence[Delivery]) -> Push:
    """The words of a push message, and where it goes. It holds nothing that anybody typed."""
    (delivery,) = deliveries
    return Push(
        address=delivery.address,
        notice=notices.push(
            delivery.kind,
            delivery.changes,
            status=delivery.status,
            reference=delivery.reference,
            facts=notices.Facts(
                timezone=delivery.timezone,
                team=delivery.team,
                due_at=delivery.due_at,
                scheduled_for=delivery.planned_for,
                closed_reason=delivery.reason,
                authority=delivery.passed_to,
            ),
            language=delivery.language,
        ),
        language=language(delivery.language).tag,
        job_id=delivery.job_id,
        update_id=delivery.update_id,
        report_id=delivery.report_id,
        reference=delivery.reference,
        status=delivery.status,
    )


def _whose(delivery: Delivery) -> int:
    return delivery.subscription_id


def _order(delivery: Delivery) -> tuple[int, int]:
    return delivery.subscription_id, delivery.id
