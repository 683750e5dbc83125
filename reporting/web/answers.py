"""Answers that a client may keep: JSON with an ETag, or 304 when it has it already."""

import gzip
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
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": cache, "Vary": "Authorization"}
    known = request.headers.get("if-none-match", "") if request.method == "GET" else ""
    if tag in (part.strip() for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    if small and len(body) >= SMALLEST and may_compress(request.headers):
        body = gzip.compress(body, LEVEL, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Authorization, Accept-Encoding"}
    return Response(body, headers=headers, media_type="application/json")
