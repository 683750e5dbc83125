"""Signs where every job's chain stands, so that a log cut short or written anew is found."""

from typing import Final

import structlog

from reporting import verify
from reporting.runtime import Runtime
from workers.jobs.handling import Context

#: A checkpoint holds a bounded number of jobs. So many in a row catch up after an import; jobs that
#: go on changing meanwhile are the next call's.
IN_A_ROW: Final = 10

log = structlog.get_logger("kerbline.jobs")


async def checkpoint(ctx: Context) -> None:
    """Every ten minutes."""
    runtime: Runtime = ctx["runtime"]
    for _ in range(IN_A_ROW):
        async with runtime.unit() as conn:
            number = await verify.take_checkpoint(conn, runtime.keys)
        if number is None:
            return
        log.info("checkpoint", checkpoint=number)
