"""`/confirm/{token}`: a report that was over a limit, let in by the link in an e-mail.

GET shows what would be sent, and changes nothing: programs open every link in a mail. POST sends
it, and as often as you like it is one report.
"""

from typing import Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from reporting import confirming
from reporting.confirming import Unconfirmed
from reporting.errors import NotFound
from reporting.language import LANGUAGES, Language, language
from reporting.reports.values import Sender
from reporting.runtime import Runtime
from reporting.web.admitting import taken_in
from reporting.web.deps import RuntimeDep
from reporting.web.limits import guarding
from reporting.web.pages import tracking
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: Of a report in words, when nobody knows yet whose it is.
_TIMEZONE: Final = "Europe/London"


@router.api_route("/confirm/{token}", methods=["GET", "HEAD"])
async def show_unconfirmed(request: Request, runtime: RuntimeDep, token: str) -> Response:
    async with guarding(request):
        found = await _find(runtime, token)
    if found is None:
        return page("confirm.html", 404, spoken=_spoken(request, None), found=None)
    spoken, new = _spoken(request, found), found.new
    category = await runtime.category(new.category)
    return page(
        "confirm.html",
        spoken=spoken,
        found=found,
        new=new,
        category=spoken.say(category.name),
        sent=spoken.instant(found.created_at, _TIMEZONE),
        until=spoken.instant(found.expires_at, _TIMEZONE),
    )


@router.post("/confirm/{token}")
async def confirm(request: Request, runtime: RuntimeDep, token: str) -> Response:
    async with guarding(request):
        found = await _find(runtime, token)
    if found is None:
        return page("confirm.html", 404, spoken=_spoken(request, None), found=None)
    answer = await _send(runtime, found)
    done = RedirectResponse(f"/r/{answer['reference']}", 303, HEADERS)
    tracking.remember(request, done, answer["reference"], answer["tracking_token"])
    return done


async def _find(runtime: Runtime, token: str) -> Unconfirmed | None:
    """What a link of ours leads to, None when it is deleted. Raises NotFound for another's."""
    unconfirmed: UUID | None = runtime.keys.unconfirmed_of(token)
    if unconfirmed is None:
        raise NotFound
    async with runtime.reading() as conn:
        return await confirming.find(conn, unconfirmed)


async def _send(runtime: Runtime, found: Unconfirmed) -> dict[str, str]:
    """The answer that the first request would have got."""
    sender = Sender(device=found.device_id)
    async with taken_in(runtime, found.claim, sender, found.new) as (conn, answered):
        await confirming.confirmed(conn, found.id)
    answer: dict[str, str] = orjson.loads(answered.body)
    return answer


def _spoken(request: Request, found: Unconfirmed | None) -> Language:
    """As the mail was, unless the address says otherwise."""
    asked = request.query_params.get("lang")
    return language(asked if asked in LANGUAGES else found and found.language)
