"""Answers that a client may keep: bytes with an ETag, or 304 when it has them already."""

import gzip
from datetime import UTC, datetime
from email.utils import format_datetime
from hashlib import blake2b
from typing import Any

import orjson
from fastapi import Request, Response

from reporting.web.compress import LEVEL, SMALLEST, may_compress


def fresh(
    request: Request, value: Any, *, cache: str = "private, no-cache", small: bool = False
) -> Response:
    """The value as JSON, under a strong ETag of its bytes; ``small``: compressed, if it may be."""
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z)
    headers = {"ETag": tag_of(body), "Cache-Control": cache, "Vary": "Authorization"}
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if small and len(body) >= SMALLEST and may_compress(request.headers):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Authorization, Accept-Encoding"}
    return Response(body, headers=headers, media_type="application/json")


def tag_of(body: bytes) -> str:
    """A strong ETag."""
    return f'"{blake2b(body, digest_size=12).hexdigest()}"'


def is_known(request: Request, tag: str) -> bool:
    """The client has what has this ETag."""
    known = request.headers.get("if-none-match", "") if request.method == "GET" else ""
    return tag in (part.strip() for part in known.split(","))


def kept(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    cache: str,
    as_of: datetime | None = None,
    private: bool = False,
    small: bool = False,
) -> Response:
    """The bytes of a map under a strong ETag; 204 where there are none.

    ``private``: they are for who asked, by whichever bearer; ``small``: compressed, if they may be.
    """
    headers = {"ETag": tag_of(body), "Cache-Control": cache}
    if as_of is not None:
        headers["Last-Modified"] = format_datetime(as_of.astimezone(UTC), usegmt=True)
    vary = ["Authorization", "Cookie"] if private else []
    vary += ["Accept-Encoding"] if small else []
    if vary:
        headers["Vary"] = ", ".join(vary)
    if is_known(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    if not body:
        return Response(status_code=204, headers=headers)
    if small and len(body) >= SMALLEST and may_compress(request.headers):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=media_type)
