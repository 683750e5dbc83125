"""The mail that brings a contractor the link to one job."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from reporting import handovers, mailing, outbox
from reporting.mailing import ToHandOver
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.mail import Mailer
from workers.messages import Gone, Later, Outcome, Refused

log = structlog.get_logger("kerbline.jobs")


async def send_handover(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``handover``. Give it one id at a time: a server may be slow."""
    await handle(ctx, ids, _send)


async def _send(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        waiting = await outbox.pending(conn, "handover", ids)
    for row in waiting:
        became = await _mail(ctx, row.subject)
        error = _error(became)
        async with runtime.unit() as conn:
            if error is not None:
                await outbox.failed(conn, [row.id], error=error)
            if not isinstance(became, Later):
                await outbox.done(conn, [row.id])
        if error is not None:
            log.info("handover_not_sent", outbox=row.id, error=error)


def _error(became: Outcome | None) -> str | None:
    match became:
        case Later(error) | Refused(error) | Gone(error):
            return error
        case _:
            return None


async def _mail(ctx: Context, handover: UUID) -> Outcome | None:
    """What became of it; None where there is nothing to send any more."""
    runtime: Runtime = ctx["runtime"]
    mailer: Mailer | None = ctx["mailer"]
    async with runtime.reading() as conn:
        found = await handovers.to_send(conn, handover)
        if found is None or found.email is None:
            return None
        if mailer is None:
            return Later("no mail server was configured")
        job = await handovers.shown(conn, runtime.router, found)
    asked = ToHandOver(
        id=found.id,
        email=found.email,
        authority=job.authority,
        reference=job.reference,
        category=job.category.name,
        place=job.ward or next(iter(job.place_texts), None),
        location=None if job.lat is None or job.lng is None else (job.lat, job.lng),
        due_at=job.due_at,
        message=found.message,
        expires_at=found.expires_at,
        timezone=job.timezone,
    )
    base = runtime.settings.public_url.rstrip("/")
    link = f"{base}/handover/{runtime.keys.handover_token(found.id)}"
    return await mailer.send(mailing.hand_over(asked, link=link))
