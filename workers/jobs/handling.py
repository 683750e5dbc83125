"""How a job deals with outbox rows, whatever they are about.

arq calls an ordinary exception final, so nothing ordinary leaves a job. A database that is away is
tried again shortly; a row that cannot be done is told from the rest of its batch, keeps its error,
and comes back when its lease ends, until the relay buries it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from arq.worker import Retry

from reporting import outbox
from reporting.runtime import Runtime
from workers.pump import DATABASE_AWAY

#: Seconds until arq runs the job again. After five of these the outbox's lease brings it back.
AWAY_S: Final = 2

Context = dict[str, Any]
Handler = Callable[[Context, Sequence[int]], Awaitable[None]]

log = structlog.get_logger("kerbline.jobs")


async def handle(ctx: Context, ids: Sequence[int], handler: Handler) -> None:
    """Do these rows; if they fail together, each on its own."""
    try:
        await handler(ctx, ids)
    except DATABASE_AWAY as error:
        raise Retry(defer=AWAY_S) from error
    except Exception as error:  # the outermost wrapper of every job
        if len(ids) > 1:
            for number in ids:
                await handle(ctx, [number], handler)
            return
        log.exception("outbox_row_failed", outbox=ids[0])
        runtime: Runtime = ctx["runtime"]
        async with runtime.unit() as conn:
            name = f"{type(error).__module__}.{type(error).__qualname__}"
            await outbox.failed(conn, ids, error=name)
