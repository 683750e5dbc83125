"""The files that pages load: read and compressed once, named by content, kept for a year.

Ours are addressed under the version of all of them together, ``/static/~{version}/home.mjs``, so
that a module's relative imports are kept by browsers too. Files of others stand in folders named
by their version, ``vendor/maplibre-gl-6.17.0/``, and keep those addresses.
"""

import gzip
import re
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from reporting.errors import NotFound
from reporting.web.compress import accepts_gzip
from reporting.web.deps import belongings

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).with_name("static")
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
#: Pictures are compressed as they are.
_PACKED: Final = {".png"}
#: What a script may do that runs by itself: a worker's policy is its own file's, not its page's.
WORKER_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
)
FOREVER: Final = "public, max-age=31536000, immutable"
#: Comments on lines of their own are for who reads the source: an eighth of what would be sent.
_COMMENTS: Final = {
    ".css": re.compile(rb"^/\*.*?\*/\n", re.MULTILINE | re.DOTALL),
    ".js": re.compile(rb"^[ \t]*//.*\n", re.MULTILINE),
    ".mjs": re.compile(rb"^[ \t]*//.*\n", re.MULTILINE),
}
_VERSIONED_FOLDER: Final = re.compile(r"vendor/[\w.-]*\d+\.\d+[\w.-]*/")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes = field(repr=False)
    packed: bytes | None = field(repr=False)
    media_type: str
    version: str


def packed(body: bytes) -> bytes:
    """Compressed as far as gzip goes, and every time the same."""
    return gzip.compress(body, 9, mtime=0)


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    if path.suffix in _COMMENTS and "vendor" not in path.parts:
        body = _COMMENTS[path.suffix].sub(b"", body)
    version = blake2b(body, digest_size=6).hexdigest()
    small = None if path.suffix in _PACKED else packed(body)
    smaller = small if small and len(small) < len(body) else None
    return Asset(body, smaller, MEDIA_TYPES[path.suffix], version)


ASSETS: Final = {
    path.relative_to(FOLDER).as_posix(): _read(path)
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file()
}
#: Of all files of ours together: who has one page's files has the files that belong to them.
VERSION: Final = blake2b(
    "".join(f"{name}={asset.version};" for name, asset in ASSETS.items()).encode(), digest_size=6
).hexdigest()


def address(name: str) -> str:
    """Where a page finds a file, in the version that it was made for."""
    if name not in ASSETS:
        raise KeyError(name)
    return f"/static/{name}" if _VERSIONED_FOLDER.match(name) else f"/static/~{VERSION}/{name}"


@router.api_route("/static/~{version}/{name:path}", methods=["GET", "HEAD"])
async def get_versioned(request: Request, version: str, name: str) -> Response:
    return _sent(request, name, for_ever=version == VERSION)


@router.api_route("/static/{name:path}", methods=["GET", "HEAD"])
async def get_static(
    request: Request, name: str, v: Annotated[str, Query(max_length=50)] = ""
) -> Response:
    asset = ASSETS.get(name)
    known = asset is not None and v == asset.version
    return _sent(request, name, for_ever=known or bool(_VERSIONED_FOLDER.match(name)))


def _policy(request: Request) -> str:
    """A worker of the map fetches the streets itself, from where the council has them."""
    hosts = belongings(request).settings.map_hosts
    return WORKER_POLICY.replace("connect-src 'self'", " ".join(["connect-src 'self'", *hosts]))


def _sent(request: Request, name: str, *, for_ever: bool) -> Response:
    """The file, or that it has not changed. Another version than this is asked for each time."""
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFound
    small = asset.packed if accepts_gzip(request.headers.get("accept-encoding")) else None
    tag = f'"{asset.version}-gzip"' if small else f'"{asset.version}"'
    headers = {
        "Cache-Control": FOREVER if for_ever else "no-cache",
        "Content-Security-Policy": _policy(request),
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    known = request.headers.get("if-none-match", "").split(",")
    if tag in {each.strip().removeprefix("W/") for each in known}:
        return Response(status_code=304, headers=headers)
    if small:
        headers["Content-Encoding"] = "gzip"
    return Response(small or asset.body, headers=headers, media_type=asset.media_type)
