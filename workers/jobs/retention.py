"""By the clock: what is too old is forgotten, what is due by its date is done."""

import structlog

from reporting import retention, vintages
from reporting.runtime import Runtime
from workers.jobs.handling import Context

log = structlog.get_logger("kerbline.jobs")


async def forget_the_old(ctx: Context) -> None:
    """Hourly. Many small transactions rather than one long one."""
    runtime: Runtime = ctx["runtime"]
    while True:
        async with runtime.unit() as conn:
            forgotten = await retention.forget_the_old(conn)
        if any(forgotten.values()):
            log.info("forgotten", **forgotten)
        if max(forgotten.values()) < retention.BATCH:
            return


async def reroute(ctx: Context) -> None:
    """Hourly: move the jobs of boundaries whose day has come."""
    runtime: Runtime = ctx["runtime"]
    async with runtime.unit() as conn:
        moved = await vintages.reroute_due(conn)
    if moved:
        log.info("rerouted", jobs=moved)
