"""The files that pages load: read once, named by their content, kept by browsers for a year."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, Response

from reporting.errors import NotFound

router = APIRouter(include_in_schema=False)

FOLDER: Final = Path(__file__).with_name("static")
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent."""

    body: bytes
    media_type: str
    version: str


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    version = blake2b(body, digest_size=6).hexdigest()
    return Asset(body, MEDIA_TYPES[path.suffix], version)


ASSETS: Final = {path.name: _read(path) for path in sorted(FOLDER.iterdir())}


def address(name: str) -> str:
    """Where a page finds a file, in the version that it was made for."""
    return f"/static/{name}?v={ASSETS[name].version}"


@router.get("/static/{name}")
async def get_static(
    request: Request, name: str, v: Annotated[str, Query(max_length=50)] = ""
) -> Response:
    asset = ASSETS.get(name)
    if asset is None:
        raise NotFound
    tag = f'"{asset.version}"'
    # A module's own imports carry no version: those are asked for again each time.
    known = v == asset.version
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if known else "no-cache",
        "ETag": tag,
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)
