"""By the clock: find the points that very many reports share."""

import structlog

from reporting import shared_points
from reporting.runtime import Runtime
from workers.jobs.handling import Context

log = structlog.get_logger("kerbline.jobs")


async def find_shared_points(ctx: Context) -> None:
    """Hourly."""
    runtime: Runtime = ctx["runtime"]
    async with runtime.unit() as conn:
        found = await shared_points.find(conn)
    new = sum(point.is_new for point in found)
    if new:
        log.warning("shared_points_found", new=new, known=len(found) - new)
