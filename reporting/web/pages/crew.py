"""`/crew`: the crews' day on a tablet. One page that opens without signal, and signing in to it.

The page holds nobody's data: its scripts fetch the jobs by `/v1` and keep them on the tablet.
"""

from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import Refusal
from reporting import staff
from reporting.errors import NotAllowed, OtpNeeded, TooManyRequests, TooManyTries, WrongPassword
from reporting.web import browsers, cookies, problems
from reporting.web.compress import accepts_gzip
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import clean, provider_name
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute
from reporting.web.pages.shell import COLOUR, ICONS
from reporting.web.pages.static import ASSETS, VERSION, WORKER_POLICY, address, packed

router = APIRouter(prefix="/crew", include_in_schema=False, route_class=PageRoute)

START: Final = "/crew"
#: Shared by the page and its worker, in this order.
SCRIPTS: Final = (
    "store.js",
    "sender.js",
    "crew/db.js",
    "crew/words.js",
    "crew/ops.js",
    "crew/jobs.js",
    "crew/photos.js",
    "crew/sync.js",
)
#: What the page needs besides its own folder.
_KEPT: Final = ("kerbline.css", "icon.svg", "photos.mjs", "icons/192.png", "icons/180.png")
_LONGEST: Final = 1000
_FOREIGN: Final = "This form was sent from another site; open the page and send it here."


def _shell() -> bytes:
    """What the worker keeps of this version, as a line of its script."""
    ours = [name for name in ASSETS if name.startswith("crew/") and name != "crew/sw.js"]
    large = [name for name in ASSETS if name.startswith("vendor/") and not name.endswith(".txt")]
    return orjson.dumps(
        {
            "version": VERSION,
            "scripts": [address(name) for name in SCRIPTS],
            "files": [address(name) for name in dict.fromkeys([*SCRIPTS, *_KEPT, *ours])],
            # The same in every version; the map's worker is asked for with the map's version.
            "lasting": [_asked_as(name) for name in large],
        }
    )


def _asked_as(name: str) -> str:
    folder, _, file = name.rpartition("/")
    suffix = f"?v={folder.rpartition('-')[2]}" if file.endswith("-worker.mjs") else ""
    return address(name) + suffix


_WORKER: Final = b"const SHELL = " + _shell() + b";\n" + ASSETS["crew/sw.js"].body
_WORKER_PACKED: Final = packed(_WORKER)


@router.api_route("", methods=["GET", "HEAD"])
async def get_shell(runtime: RuntimeDep) -> Response:
    settings = runtime.settings
    return page(
        "crew/shell.html",
        map_hosts=settings.map_hosts,
        style_url=settings.map_style_url,
        scripts=SCRIPTS,
    )


@router.api_route("/sw.js", methods=["GET", "HEAD"])
async def get_worker(request: Request) -> Response:
    """For the crews' page and what is below it, and nothing else of this site."""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": WORKER_POLICY,
        "Service-Worker-Allowed": START,
        "Vary": "Accept-Encoding",
    }
    body = _WORKER
    if accepts_gzip(request.headers.get("accept-encoding")):
        headers["Content-Encoding"] = "gzip"
        body = _WORKER_PACKED
    return Response(body, headers=headers, media_type="text/javascript")


@router.api_route("/manifest.webmanifest", methods=["GET", "HEAD"])
async def get_manifest() -> Response:
    """What a tablet needs to put it among its apps."""
    content = {
        "id": START,
        "start_url": START,
        "scope": START,
        "display": "standalone",
        "name": "Kerbline for crews",
        "short_name": "Crew",
        "description": "The jobs of your team, with signal or without",
        "lang": "en-GB",
        "dir": "ltr",
        "background_color": "#ffffff",
        "theme_color": COLOUR,
        "icons": [
            {
                "src": address(f"icons/{'maskable-' if purpose == 'maskable' else ''}{size}.png"),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": purpose,
            }
            for size, purpose in ICONS
        ],
    }
    headers = {"Cache-Control": "public, max-age=3600"}
    return Response(orjson.dumps(content), headers=headers, media_type="application/manifest+json")


@router.api_route("/sign-in", methods=["GET", "HEAD"])
async def get_sign_in(request: Request) -> Response:
    return _sign_in(request, left="left" in request.query_params)


@router.post("/sign-in")
async def sign_in(request: Request, runtime: RuntimeDep) -> Response:
    """A session of a month, since a crew that loses it in a field cannot sign in there."""
    if not cookies.is_ours(request):
        raise NotAllowed(_FOREIGN)
    async with request.form() as form:
        email, password, otp, tablet = (
            str(form.get(name, ""))[:_LONGEST] for name in ("email", "password", "otp", "tablet")
        )
    try:
        session = await staff.log_in(
            runtime.unit,
            runtime.keys,
            runtime.passwords,
            email=clean(email),
            password=clean(password),
            address=request.client.host if request.client else "",
            otp=clean(otp).strip() or None,
            tablet=_uuid(tablet),
            name=browsers.named(request.headers.get("user-agent")),
            seconds=staff.LASTING_S,
        )
    except OtpNeeded as refusal:
        return _sign_in(request, email=email, refusal=refusal)
    except (WrongPassword, TooManyTries, TooManyRequests) as refusal:
        return _sign_in(request, email=email, refusal=refusal, asks_code=bool(otp))
    before = cookies.held(request, cookies.STAFF)
    if before is not None:  # whoever was here before is signed out
        async with runtime.unit() as conn:
            await staff.log_out(conn, before)
    answer = RedirectResponse(START, 303, HEADERS)
    cookies.give(request, answer, cookies.STAFF, session.access_token, session.expires_in)
    return answer


@router.post("/sign-out", status_code=204)
async def sign_out(request: Request, runtime: RuntimeDep) -> Response:
    """The page asks for this by itself, once nothing is unsent."""
    if not cookies.is_ours(request):
        raise NotAllowed(_FOREIGN)
    token = cookies.held(request, cookies.STAFF)
    if token is not None:
        async with runtime.unit() as conn:
            await staff.log_out(conn, token)
    answer = Response(status_code=204, headers={"Cache-Control": "no-store"})
    cookies.take(request, answer, cookies.STAFF)
    return answer


def _uuid(text: str) -> UUID | None:
    """What the tablet calls itself; without its script it does not say."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _sign_in(
    request: Request,
    *,
    email: str = "",
    refusal: Refusal | None = None,
    asks_code: bool = False,
    left: bool = False,
) -> Response:
    """The form, which asks for a code once that is known to be needed."""
    headers: dict[str, str] = {}
    if isinstance(refusal, WrongPassword):
        headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 15.5.2 asks for one
    if isinstance(refusal, TooManyTries | TooManyRequests):
        headers["Retry-After"] = str(staff.TRIES_S)
    values: dict[str, Any] = {
        "email": email,
        "asks_code": asks_code or isinstance(refusal, OtpNeeded),
        "is_next": isinstance(refusal, OtpNeeded),
        "refusal": refusal and refusal.detail,
        "left": left,
        "provider": provider_name(request),
    }
    status = 200 if refusal is None else problems.status_of(refusal)
    return page("crew/sign_in.html", status, headers=headers, **values)
