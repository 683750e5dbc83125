"""The way in for reports: as they come, or after their sender has been asked by e-mail.

Nobody is turned away for good, and what is over a limit costs its sender a click. Who counts:

- a device, by itself: ten in ten minutes, thirty in a day;
- nobody's device, by address: sixty in an hour, since a library or an office has one;
- a place of some 500 m: sixty in ten minutes hold up those who have no device, or one that is
  younger than ten minutes. A burst main may bring more than that, all of them meant: whoever has
  reported before passes, the others are asked, and an app that waits passes by itself when its
  device is ten minutes old. A bot that makes a device for each report does not wait;
- a form whose hidden field is filled in, which people who let their browser fill in forms may do.

Staff are never asked. A repeat of what was answered before is let through to its answer.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from math import ceil
from typing import Final

from fastapi import Request

from reporting import confirming, metrics
from reporting.auth import Device, Principal, Staff
from reporting.confirming import Kept
from reporting.errors import ConfirmByEmail, TooManyReports
from reporting.language import Language
from reporting.repeats import Answered
from reporting.reports import taking
from reporting.reports.values import Claim, NewReport, Sender
from reporting.runtime import Connection, Runtime
from reporting.web import limits
from routing import duplicates

#: A device is somebody we know when it is so old.
KNOWN_AFTER: Final = timedelta(minutes=10)
#: Who is held up for what they sent, not for how often, hears of so long.
_A_WHILE_S: Final = 600


class _WouldDo(Exception):
    """The report would be taken in; nothing of it is to stay."""


async def admit(
    request: Request,
    runtime: Runtime,
    principal: Principal,
    claim: Claim,
    new: NewReport,
    spoken: Language,
    *,
    trapped: bool = False,
) -> Kept | None:
    """None for a report that is let in; else it is kept, and its sender is asked.

    Raises ConfirmByEmail or TooManyReports when there is no address to ask at, and what keeps the
    report from being taken in at all.
    """
    if isinstance(principal, Staff):
        return None
    wait_s = await _wait_s(request, runtime, principal, new)
    if not (wait_s or trapped):
        return None
    async with runtime.reading() as conn:
        if await confirming.answered(conn, claim):
            return None
    wait_s = wait_s or _A_WHILE_S
    minutes = ceil(wait_s / 60)
    if not runtime.settings.mail_configured:
        raise TooManyReports(minutes, retry_after_s=wait_s)
    if new.contact is None or new.contact.email is None:
        raise ConfirmByEmail(minutes, retry_after_s=wait_s)
    await _try(runtime, principal, claim, new)
    address = limits.address_of(request)
    kept_too_often_s = await limits.of(request).wait_s("kept", address)
    if kept_too_often_s:
        raise TooManyReports(ceil(kept_too_often_s / 60), retry_after_s=kept_too_often_s)
    async with runtime.unit(claim=claim.lock) as conn:
        return await confirming.keep(conn, claim, new, new.contact.language or spoken.code)


async def _wait_s(request: Request, runtime: Runtime, principal: Principal, new: NewReport) -> int:
    limiter = limits.of(request)
    if isinstance(principal, Device):
        wait_s = await limiter.wait_s("reports of a device", str(principal.id))
    else:
        wait_s = await limiter.wait_s("reports", limits.address_of(request))
    if wait_s or new.place is None:
        return wait_s
    wait_s = await limiter.wait_s("reports of a place", limits.cell(new.place))
    if not wait_s or not isinstance(principal, Device):
        return wait_s
    async with runtime.reading() as conn:
        known_for = await confirming.known_for(conn, principal.id)
    if known_for >= KNOWN_AFTER:
        return 0
    return ceil((KNOWN_AFTER - known_for).total_seconds())


async def _try(runtime: Runtime, principal: Principal, claim: Claim, new: NewReport) -> None:
    """Raises what would keep it from being taken in, so that nobody is asked for nothing."""
    with suppress(_WouldDo):
        async with taken_in(runtime, claim, taking.sender(principal), new):
            raise _WouldDo


@asynccontextmanager
async def taken_in(
    runtime: Runtime, claim: Claim, sender: Sender, new: NewReport
) -> AsyncIterator[tuple[Connection, Answered]]:
    """A report as it is taken in: it is there when the block is left, unless by an error."""
    category = await runtime.category(new.category)
    async with runtime.unit(claim=claim.lock, locks=duplicates.locks(category, new.place)) as conn:
        answered = await taking.create(
            conn,
            router=runtime.router,
            keys=runtime.keys,
            public_url=runtime.settings.public_url,
            claim=claim,
            sender=sender,
            new=new,
            category=category,
        )
        yield conn, answered
    if not answered.replayed:
        metrics.report_accepted(category.code)


async def take_in(runtime: Runtime, claim: Claim, sender: Sender, new: NewReport) -> Answered:
    """Take a report in; its answer, or the one that its claim had before."""
    async with taken_in(runtime, claim, sender, new) as (_, answered):
        pass
    return answered
