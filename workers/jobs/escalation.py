"""By the clock: supervisors are warned, on the console and, where there is a server, by mail."""

from collections.abc import Sequence

import structlog

from reporting import escalating, mailing, outbox
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.mail import TOO_MANY, Mailer
from workers.messages import Gone, Later, Outcome, Refused, Sent
from workers.quota import WARNINGS

log = structlog.get_logger("kerbline.jobs")


async def escalate(ctx: Context) -> None:
    """Every five minutes."""
    runtime: Runtime = ctx["runtime"]
    async with runtime.unit() as conn:
        rules = await runtime.router.current(conn)
        told = await escalating.escalate(conn, rules, by_mail=ctx["mailer"] is not None)
    if any(told.values()):
        log.info("escalated", **told)


async def warn(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``warning``. Give it one id at a time: a server may be slow."""
    await handle(ctx, ids, _warn)


async def _warn(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    mailer: Mailer | None = ctx["mailer"]
    async with runtime.reading() as conn:
        waiting = await outbox.pending(conn, "warning", ids)
    for row in waiting:
        async with runtime.reading() as conn:
            letter = await escalating.letter(conn, row.subject)
        became: Outcome | None = None
        if letter is not None and mailer is not None:
            mail = mailing.warnings(letter, public_url=runtime.settings.public_url)
            became = await mailer.send(mail, WARNINGS)
        async with runtime.unit() as conn:
            if isinstance(became, Later) and became.error != TOO_MANY:
                await outbox.failed(conn, [row.id], error=became.error)
                continue
            # The console has it. What mail cannot bring is not tried for ever.
            await escalating.settle(conn, row.subject, _outcome(became))
            await outbox.done(conn, [row.id])


def _outcome(became: Outcome | None) -> str:
    match became:
        case Sent():
            return "sent"
        case Later(error) | Refused(error) | Gone(error):
            log.warning("warning_not_sent", error=error)
            return error
        case _:
            return "nothing to send"
