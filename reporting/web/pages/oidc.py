"""`/oidc`: to the council's identity provider and back, for the console and for tablets."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import Refusal
from reporting import keys, staff
from reporting.errors import (
    NotFound,
    ProviderAway,
    ProviderRefused,
    SignInExpired,
    TooManyRequests,
    Unavailable,
)
from reporting.oidc import signing_in
from reporting.oidc.provider import Provider
from reporting.runtime import Connection
from reporting.web import browsers, cookies, limits, problems
from reporting.web.deps import RuntimeDep
from reporting.web.pages import console, crew
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute

_LONGEST: Final = 4000
_TRY_AGAIN: Final = (ProviderAway, TooManyRequests, Unavailable)


class SignInRoute(PageRoute):
    """Says what went wrong, and that there are passwords."""

    def told(self, request: Request, refusal: Refusal) -> Response:
        """A page with the sentence and the way back."""
        wanted = getattr(request.state, "way_on", request.query_params.get("next", ""))
        on_tablet = console.way_on(wanted).startswith(crew.START)
        status = problems.status_of(refusal)
        headers = {"Retry-After": "60"} if isinstance(refusal, _TRY_AGAIN) else {}
        return page(
            "oidc/refused.html",
            status,
            headers=headers,
            sentence=refusal.detail,
            back=f"{crew.START}/sign-in" if on_tablet else console.SIGN_IN,
        )


router = APIRouter(prefix="/oidc", include_in_schema=False, route_class=SignInRoute)


@router.get("/start", dependencies=[limits.limited("sign-ins")])
async def start(request: Request, runtime: RuntimeDep) -> Response:
    provider = provider_of(request)
    browser = cookies.held(request, cookies.SIGNING_IN) or keys.new_token(keys.BROWSER)
    async with runtime.unit() as conn:
        begun = await signing_in.begin(
            conn,
            browser=browser,
            way_on=console.way_on(request.query_params.get("next", "")),
            tablet=_tablet(request.query_params.get("tablet", "")),
        )
    there = await provider.way_there(
        state=begun.state, nonce=begun.nonce, code_verifier=begun.code_verifier
    )
    answer = RedirectResponse(there, 303, HEADERS)
    cookies.give(request, answer, cookies.SIGNING_IN, browser, signing_in.ATTEMPT_S)
    return answer


@router.get("/callback")
async def callback(request: Request, runtime: RuntimeDep) -> Response:
    provider = provider_of(request)
    asked = {name: request.query_params.get(name, "")[:_LONGEST] for name in ("state", "code")}
    browser = cookies.held(request, cookies.SIGNING_IN)
    if browser is None or not asked["state"]:
        raise SignInExpired
    async with runtime.unit() as conn:
        attempt = await signing_in.take(conn, state=asked["state"], browser=browser)
    request.state.way_on = attempt.way_on
    # RFC 9207: who answers says so, where it can.
    if request.query_params.get("iss", provider.issuer) != provider.issuer or not asked["code"]:
        raise ProviderRefused
    person = await provider.redeem(
        code=asked["code"], nonce=attempt.nonce, code_verifier=attempt.code_verifier
    )
    async with runtime.unit() as conn:
        account = await signing_in.account_of(conn, person)
        session = await _open(request, conn, account, attempt)
    answer = RedirectResponse(attempt.way_on, 303, HEADERS)
    cookies.give(request, answer, cookies.STAFF, session.access_token, session.expires_in)
    cookies.take(request, answer, cookies.SIGNING_IN)
    return answer


async def _open(
    request: Request,
    conn: Connection,
    account: UUID,
    attempt: signing_in.Attempt,
) -> staff.Session:
    """The session, as a password would have opened it; whoever was here before is signed out."""
    before = cookies.held(request, cookies.STAFF)
    if before is not None:
        await staff.log_out(conn, before)
    on_tablet = attempt.tablet is not None and attempt.way_on.startswith(crew.START)
    device = staff.Device(
        address=limits.address_of(request),
        tablet=attempt.tablet,
        name=browsers.named(request.headers.get("user-agent")),
    )
    seconds = staff.LASTING_S if on_tablet else staff.SESSION_S
    return await staff.open_session(conn, account, device, seconds)


def provider_of(request: Request) -> Provider:
    """The provider. Raises NotFound where none is set."""
    found: Provider | None = request.app.state.provider
    if found is None:
        raise NotFound
    return found


def _tablet(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
