"""The mail that asks whether a report over the limits is meant."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from reporting import confirming, mailing, outbox
from reporting.mailing import ToConfirm
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.mail import TOO_MANY, Mailer
from workers.messages import Gone, Later, Outcome, Refused
from workers.quota import CONFIRMATIONS

log = structlog.get_logger("kerbline.jobs")


async def ask_to_confirm(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``confirm``. Give it one id at a time: a server may be slow."""
    await handle(ctx, ids, _ask)


async def _ask(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        waiting = await outbox.pending(conn, "confirm", ids)
    for row in waiting:
        became = await _mail(ctx, row.subject)
        error = _error(became)
        async with runtime.unit() as conn:
            if error is not None:
                await outbox.failed(conn, [row.id], error=error)
            if not isinstance(became, Later) or became.error == TOO_MANY:
                await outbox.done(conn, [row.id])
        if error is not None:
            log.info("confirmation_not_sent", outbox=row.id, error=error)


def _error(became: Outcome | None) -> str | None:
    match became:
        case Later(error) | Refused(error) | Gone(error):
            return error
        case _:
            return None


async def _mail(ctx: Context, unconfirmed: UUID) -> Outcome | None:
    """What became of it; None where there is nothing to ask any more."""
    runtime: Runtime = ctx["runtime"]
    mailer: Mailer | None = ctx["mailer"]
    async with runtime.reading() as conn:
        found = await confirming.find(conn, unconfirmed)
    if found is None or found.confirmed_at is not None:
        return None
    contact = found.new.contact
    if contact is None or contact.email is None:
        return None
    if mailer is None:
        return Later("no mail server was configured")
    category = await runtime.category(found.new.category)
    asked = ToConfirm(
        id=found.id,
        email=contact.email,
        language=contact.language or found.language,
        category=category.name,
        created_at=found.created_at,
        expires_at=found.expires_at,
    )
    base = runtime.settings.public_url.rstrip("/")
    link = f"{base}/confirm/{runtime.keys.confirm_token(found.id)}"
    return await mailer.send(mailing.confirm(asked, link=link), CONFIRMATIONS)
