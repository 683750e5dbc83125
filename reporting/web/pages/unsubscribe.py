"""`/unsubscribe/{token}`: no more e-mail about a report.

GET shows what would end, and changes nothing: programs open every link in a mail. POST ends it,
whoever sends it: a mail program's own button (RFC 8058) has no cookie and no page of ours behind
it, so the token alone is what counts, and there is nothing else to be had with it.
"""

from fastapi import APIRouter, Request, Response

from reporting import mailing
from reporting.errors import NotFound
from reporting.language import LANGUAGES, Language, language
from reporting.mailing import Subscribed
from reporting.web.deps import RuntimeDep
from reporting.web.limits import guarding
from reporting.web.pages.rendering import page
from reporting.web.pages.route import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
async def show_unsubscribe(request: Request, runtime: RuntimeDep, token: str) -> Response:
    async with guarding(request):
        subscription = _subscription(runtime.keys.subscription_of(token))
    async with runtime.reading() as conn:
        found = await mailing.subscribed(conn, subscription)
    return _page(request, found, ended=found is None or found.ended)


@router.post("/unsubscribe/{token}")
async def unsubscribe(request: Request, runtime: RuntimeDep, token: str) -> Response:
    async with guarding(request):
        subscription = _subscription(runtime.keys.subscription_of(token))
    async with runtime.unit() as conn:
        await mailing.unsubscribe(conn, subscription)
        found = await mailing.subscribed(conn, subscription)
    return _page(request, found, ended=True)


def _subscription(found: int | None) -> int:
    if found is None:
        raise NotFound
    return found


def _page(request: Request, found: Subscribed | None, *, ended: bool) -> Response:
    return page(
        "unsubscribe.html",
        spoken=_spoken(request, found),
        reference=found and found.reference,
        ended=ended,
    )


def _spoken(request: Request, found: Subscribed | None) -> Language:
    """As the mail was, unless the address says otherwise."""
    asked = request.query_params.get("lang")
    return language(asked if asked in LANGUAGES else found and found.language)
