"""What makes the pages an app: the service worker, the manifest, and a page for no signal."""

from typing import Final

import orjson
from fastapi import APIRouter, Request, Response

from reporting.language import LANGUAGES
from reporting.web.compress import accepts_gzip
from reporting.web.pages.rendering import page, spoken_to
from reporting.web.pages.route import PageRoute
from reporting.web.pages.static import ASSETS, VERSION, WORKER_POLICY, address, packed

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: Shared by pages and worker, in this order.
SCRIPTS: Final = ("store.js", "sender.js", "outbox.js")
#: Of staff, or of whoever reads the API's document; and what the browser fetches for itself.
_NOT_KEPT: Final = ("console", "crew/", "sw.js", "vendor/", "icons/512", "icons/maskable")
ICONS: Final = ((192, "any"), (512, "any"), (512, "maskable"))
COLOUR: Final = "#14252e"


def _shell() -> bytes:
    """What the worker keeps of this version, as a line of its script."""
    return orjson.dumps(
        {
            "version": VERSION,
            "scripts": [address(name) for name in SCRIPTS],
            "files": [address(name) for name in ASSETS if not name.startswith(_NOT_KEPT)],
            "pages": [f"{path}?lang={code}" for path in ("/", "/offline") for code in LANGUAGES],
            "icon": address("icons/192.png"),
            "badge": address("icons/badge.png"),
        }
    )


_WORKER: Final = b"const SHELL = " + _shell() + b";\n" + ASSETS["sw.js"].body
_WORKER_PACKED: Final = packed(_WORKER)


@router.api_route("/sw.js", methods=["GET", "HEAD"])
async def get_worker(request: Request) -> Response:
    """At the root, since a worker serves what is below its own address."""
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": WORKER_POLICY,
        "Vary": "Accept-Encoding",
    }
    body = _WORKER
    if accepts_gzip(request.headers.get("accept-encoding")):
        headers["Content-Encoding"] = "gzip"
        body = _WORKER_PACKED
    return Response(body, headers=headers, media_type="text/javascript")


@router.api_route("/manifest.webmanifest", methods=["GET", "HEAD"])
async def get_manifest(request: Request) -> Response:
    """What a phone needs to put it among its apps."""
    spoken = spoken_to(request)
    content = {
        "id": "/",
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "name": "Kerbline",
        "short_name": "Kerbline",
        "description": spoken.say("Report a problem on the street"),
        "lang": spoken.tag,
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
    headers = {"Cache-Control": "public, max-age=3600", "Vary": "Accept-Language, Cookie"}
    return Response(orjson.dumps(content), headers=headers, media_type="application/manifest+json")


@router.api_route("/offline", methods=["GET", "HEAD"])
async def get_offline(request: Request) -> Response:
    """What is shown in place of a page that cannot be fetched."""
    return page("offline.html", spoken=spoken_to(request))
