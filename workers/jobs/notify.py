"""Updates become deliveries, and the pump is told for whom."""

from collections.abc import Sequence

from reporting import outbox
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.pump import Pump


async def notify(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``update``."""
    await handle(ctx, ids, _fan_out)


async def _fan_out(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    pump: Pump = ctx["pump"]
    async with runtime.unit() as conn:
        subscriptions = await outbox.fan_out(conn, ids)
    pump.wake(subscriptions)
