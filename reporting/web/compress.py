"""Pages compressed on their way out: what is read on one bar of signal is sent small.

Only pages, the jobs that tablets fetch and what maps draw (``answers``): static files are
compressed once (``pages/static.py``), pictures and tiles are small already, and other JSON is
short or holds secrets beside
what was sent. A page may hold a secret too (its reporter's link), so what another site made this
browser ask for, with our cookies, is not compressed: its length would tell (the BREACH attack).
"""

import gzip
import re
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Less than this fits a packet or two.
SMALLEST: Final = 1000
#: 6 costs a third of a millisecond for a page; 9 twice that, for a hundredth less.
LEVEL: Final = 6
_REFUSED: Final = re.compile(r";\s*q\s*=\s*0(?:\.0*)?\s*$")


def accepts_gzip(header: str | None) -> bool:
    """Whether an Accept-Encoding header allows gzip (RFC 9110 section 12.5.3)."""
    for each in (header or "")[:500].lower().split(","):
        name = each.partition(";")[0].strip()
        if name in {"gzip", "x-gzip", "*"}:
            return not _REFUSED.search(each)
    return False


class CompressPages:
    """Compresses HTML that is sent in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or not may_compress(Headers(scope=scope)):
            await self.app(scope, receive, send)
            return
        held: Message | None = None

        async def compressed(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_page(Headers(scope=message)):
                held = message
                return
            if held is not None:
                start, held = held, None
                MutableHeaders(scope=start).add_vary_header("Accept-Encoding")
                body = message.get("body", b"")
                if not message.get("more_body", False) and len(body) >= SMALLEST:
                    message = {**message, "body": gzip.compress(body, LEVEL, mtime=0)}
                    headers = MutableHeaders(scope=start)
                    headers["Content-Encoding"] = "gzip"
                    headers["Content-Length"] = str(len(message["body"]))
                await send(start)
            await send(message)

        await self.app(scope, receive, compressed)


def may_compress(headers: Headers) -> bool:
    """Whether who asks takes it, and no other site made them ask."""
    ours = headers.get("sec-fetch-site") not in {"cross-site", "same-site"}
    return accepts_gzip(headers.get("accept-encoding")) and (ours or "cookie" not in headers)


def _is_page(headers: Headers) -> bool:
    is_html = headers.get("content-type", "").startswith("text/html")
    return is_html and "content-encoding" not in headers
