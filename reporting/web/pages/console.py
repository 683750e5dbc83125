"""`/console`: what staff do at a desk. Signing in and out, and what waits for them.

Whoever comes without being signed in is sent to sign in, and from there on to where they were
going. These pages are in English; residents' pages are in every language there is.
"""

import re
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from geo.errors import Refusal
from reporting import escalating, reviewing, staff
from reporting.auth import Action, Staff, identify, may
from reporting.errors import (
    NotAllowed,
    NotSignedIn,
    OtpNeeded,
    TooManyRequests,
    TooManyTries,
    WrongPassword,
)
from reporting.jobs import deciding
from reporting.oidc.provider import Provider
from reporting.runtime import Runtime
from reporting.web import browsers, cookies, problems
from reporting.web.body import CleanText
from reporting.web.deps import RuntimeDep, belongings
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute

START: Final = "/console"
SIGN_IN: Final = "/console/sign-in"
#: An address of ours and of nobody else: no scheme, no host, nothing a browser reads as one.
_OURS: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,500}")
_TEXT: Final = TypeAdapter(CleanText)
_LONGEST: Final = 1000


class ConsoleRoute(PageRoute):
    """Sends whoever is not signed in to sign in."""

    def told(self, request: Request, refusal: Refusal) -> Response:
        """The way to sign in, or what else is wrong."""
        if not isinstance(refusal, NotSignedIn):
            return super().told(request, refusal)
        here = str(request.url)
        if request.method not in {"GET", "HEAD"}:
            # What was sent cannot be sent again by a link: back to the page that it stood on.
            here = request.headers.get("referer") or START
        way = _way_of(here)
        return RedirectResponse(f"{SIGN_IN}?next={quote(way, safe='')}", 303, HEADERS)


router = APIRouter(prefix="/console", include_in_schema=False, route_class=ConsoleRoute)


async def signed_in(request: Request) -> Staff:
    """Who is signed in on this browser. Raises NotSignedIn, and NotAllowed for a foreign form."""
    if not cookies.is_ours(request):
        raise NotAllowed("This form was sent from another site; open the page and send it here.")
    token = cookies.held(request, cookies.STAFF)
    if token is None:
        raise NotSignedIn
    async with belongings(request).reading() as conn:
        found = await identify(conn, token)
    if not isinstance(found, Staff):
        raise NotSignedIn
    return found


StaffDep = Annotated[Staff, Depends(signed_in)]


async def console_page(
    name: str, runtime: Runtime, who: Staff, status: int = 200, **values: Any
) -> Response:
    """A page of the console."""
    return page(f"console/{name}", status, **await frame(runtime, who), **values)


async def frame(runtime: Runtime, who: Staff) -> dict[str, Any]:
    """What every page of the console shows: who is here, and what waits for them."""
    async with runtime.reading() as conn:
        waiting = await reviewing.waiting(conn, runtime.router, who)
        warned = may(who, Action.SEE_WARNINGS) and await escalating.how_many(
            conn, runtime.router, who, reviewing.MOST
        )
        rules = await runtime.router.current(conn)
    return {
        "staff": who,
        "waiting": waiting,
        # False for whom warnings are not for.
        "warned": warned,
        "most": reviewing.MOST,
        "may_see_staff": may(who, Action.SEE_STAFF),
        "may_report": may(who, Action.CREATE_REPORT),
        "timezone": rules.authorities[who.authority_id].timezone,
        "kinds": rules.categories,
    }


@router.api_route("", methods=["GET", "HEAD"])
async def get_start(runtime: RuntimeDep, who: StaffDep) -> Response:
    to_decide = None
    if may(who, Action.REASSIGN_JOB):
        async with runtime.reading() as conn:
            to_decide = len(await deciding.waiting(conn, who))
    return await console_page("start.html", runtime, who, here="start", to_decide=to_decide)


@router.api_route("/sign-in", methods=["GET", "HEAD"])
async def get_sign_in(request: Request) -> Response:
    wanted = way_on(request.query_params.get("next", ""))
    try:
        await signed_in(request)
    except NotSignedIn:
        return _sign_in(request, wanted, left="left" in request.query_params)
    return RedirectResponse(wanted, 303, HEADERS)


@router.post("/sign-in")
async def sign_in(request: Request, runtime: RuntimeDep) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed("This form was sent from another site; open the page and send it here.")
    async with request.form() as form:
        email, password, otp, wanted = (
            str(form.get(name, ""))[:_LONGEST] for name in ("email", "password", "otp", "next")
        )
    wanted = way_on(wanted)
    desk = cookies.desk(request) or uuid4()
    try:
        session = await staff.log_in(
            runtime.unit,
            runtime.keys,
            runtime.passwords,
            email=clean(email),
            password=clean(password),
            address=request.client.host if request.client else "",
            otp=clean(otp).strip() or None,
            tablet=desk,
            name=browsers.named(request.headers.get("user-agent")),
        )
    except (OtpNeeded, WrongPassword, TooManyTries, TooManyRequests) as refusal:
        return _sign_in(request, wanted, email=email, refusal=refusal, asks_code=bool(otp))
    before = cookies.held(request, cookies.STAFF)
    if before is not None:  # whoever was here before is signed out
        async with runtime.unit() as conn:
            await staff.log_out(conn, before)
    answer = RedirectResponse(wanted, 303, HEADERS)
    cookies.give(request, answer, cookies.STAFF, session.access_token, session.expires_in)
    cookies.know_desk(request, answer, desk)
    return answer


@router.post("/sign-out")
async def sign_out(request: Request, runtime: RuntimeDep) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed("This form was sent from another site; open the page and send it here.")
    token = cookies.held(request, cookies.STAFF)
    if token is not None:
        async with runtime.unit() as conn:
            await staff.log_out(conn, token)
    answer = RedirectResponse(f"{SIGN_IN}?left=1", 303, HEADERS)
    cookies.take(request, answer, cookies.STAFF)
    return answer


def _sign_in(
    request: Request,
    wanted: str,
    *,
    email: str = "",
    refusal: Refusal | None = None,
    asks_code: bool = False,
    left: bool = False,
) -> Response:
    status = 200 if refusal is None else problems.status_of(refusal)
    headers = {}
    if isinstance(refusal, WrongPassword):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 15.5.2 asks for one
    if isinstance(refusal, TooManyTries | TooManyRequests):
        headers["Retry-After"] = str(staff.TRIES_S)
    return page(
        "console/sign_in.html",
        status,
        headers=headers,
        next=wanted,
        provider=provider_name(request),
        email=email,
        refusal=refusal and refusal.detail,
        # The right password is typed once more: a page does not hold it.
        asks_code=asks_code or isinstance(refusal, OtpNeeded),
        is_next=isinstance(refusal, OtpNeeded),
        left=left,
    )


def provider_name(request: Request) -> str | None:
    """What the council's own sign-in is called, where there is one."""
    found: Provider | None = request.app.state.provider
    return None if found is None else found.name


def _way_of(address: str) -> str:
    """The path and query of an address that a browser named."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return START
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def way_on(wanted: str) -> str:
    """Where to go after signing in: an address of ours, or the start."""
    return wanted if _OURS.fullmatch(wanted) and not wanted.startswith(SIGN_IN) else START


def clean(text: str) -> str:
    """What no keyboard types cannot be anybody's address or password."""
    try:
        return _TEXT.validate_python(text)
    except ValidationError as error:
        raise WrongPassword from error
