"""Updates become deliveries, and the pumps are told for whom."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from reporting import outbox
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.pump import Pump


async def notify(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``update``."""
    await handle(ctx, ids, _fan_out)


async def _fan_out(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    pumps: Mapping[str, Pump] = ctx["pumps"]
    async with runtime.unit() as conn:
        told = await outbox.fan_out(conn, ids)
    subscriptions = defaultdict(list)
    for news in told:
        subscriptions[news.channel].append(news.subscription)
    for channel, found in subscriptions.items():
        pumps[channel].wake(found)
