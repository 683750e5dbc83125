"""The mail that brings somebody of the staff the link to set a password."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from reporting import mailing, outbox
from reporting.accounts import inviting
from reporting.errors import NotFound
from reporting.language import language
from reporting.runtime import Runtime
from workers.jobs.handling import Context, handle
from workers.mail import Mailer
from workers.messages import Later, Outcome, Refused

log = structlog.get_logger("kerbline.jobs")


async def send_invitation(ctx: Context, ids: Sequence[int]) -> None:
    """Outbox rows of topic ``invitation``. Give it one id at a time: a server may be slow."""
    await handle(ctx, ids, _send)


async def _send(ctx: Context, ids: Sequence[int]) -> None:
    runtime: Runtime = ctx["runtime"]
    async with runtime.reading() as conn:
        waiting = await outbox.pending(conn, "invitation", ids)
    for row in waiting:
        became = await _mail(ctx, row.subject)
        error = became.error if isinstance(became, Later | Refused) else None
        async with runtime.unit() as conn:
            if error is not None:
                await outbox.failed(conn, [row.id], error=error)
            if not isinstance(became, Later):
                await outbox.done(conn, [row.id])
        if error is not None:
            log.info("invitation_not_sent", outbox=row.id, error=error)


async def _mail(ctx: Context, invitation: UUID) -> Outcome | None:
    """What became of it; None for one that is of no use any more."""
    runtime: Runtime = ctx["runtime"]
    mailer: Mailer | None = ctx["mailer"]
    token = runtime.keys.invitation_token(invitation)
    async with runtime.reading() as conn:
        try:
            found = await inviting.invited(conn, token)
        except NotFound:
            return None
    if mailer is None:
        return Later("no mail server is configured")
    link = f"{runtime.settings.public_url.rstrip('/')}/invitation/{token}"
    mail = mailing.invite(
        invitation,
        found.email,
        name=found.name,
        authority=found.authority,
        until=language(None).instant(found.expires_at, found.timezone),
        link=link,
    )
    return await mailer.send(mail)
