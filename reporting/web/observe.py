"""Around every request: its id, its measure, its line in the log, and the headers every answer has.

Pure ASGI, since it stands in the way of every request: it costs about ten microseconds
(``tests/reporting/web/test_observe.py`` prints it). It is also the last net: an error nobody
expected is logged with its place and answered as a problem that says nothing about it.
"""

from time import perf_counter
from typing import Final
from uuid import uuid4

import orjson
import structlog
from prometheus_client import Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reporting import logs, metrics

Header = tuple[bytes, bytes]

#: An answer that brings its own value for one of these keeps it (pages do).
UNLESS_SET: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(self), camera=(self), microphone=()"),
)
STRICT_TRANSPORT: Final[Header] = (b"strict-transport-security", b"max-age=31536000")

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The status of a request whose client went away before the answer began.
GONE: Final = 499

_log = structlog.get_logger("kerbline")


class Observe:
    """The outermost layer of our own."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self.app = app
        self.always = (*ALWAYS, STRICT_TRANSPORT) if https else ALWAYS
        #: labels() takes a lock and builds a tuple of strings; this look-up does not.
        self.measures: dict[tuple[str, str, int], Histogram] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        request = uuid4().hex
        logs.request_id.set(request)
        status = 0

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._headers(message.get("headers", ()), request)
            await send(message)

        try:
            await self.app(scope, receive, observed)
        except Exception:  # the last net: whatever it is, it is logged and answered
            _log.exception("unexpected_error")
            if status:
                raise  # too late for another answer: the server cuts the connection
            await _answer_500(observed, request)
        finally:
            self._measure(scope, status or GONE, perf_counter() - started, request)

    def _headers(self, given: list[Header], request: str) -> list[Header]:
        names = {name.lower() for name, _ in given}
        return [
            *given,
            *(header for header in UNLESS_SET if header[0] not in names),
            *self.always,
            (b"x-request-id", request.encode()),
        ]

    def _measure(self, scope: Scope, status: int, seconds: float, request: str) -> None:
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        route = getattr(scope.get("route"), "path", "none")
        key = (method, route, status)
        measure = self.measures.get(key)
        if measure is None:
            measure = self.measures[key] = metrics.REQUESTS.labels(method, route, str(status))
        measure.observe(seconds)
        logs.access(method, route, status, seconds * 1000, request)


async def _answer_500(send: Send, request: str) -> None:
    content = {
        "type": "/problems/internal",
        "title": "Internal",
        "status": 500,
        "detail": "Something went wrong on our side. Nothing was stored; you may try again.",
        "code": "internal",
        "request_id": request,
    }
    headers = [(b"content-type", b"application/problem+json")]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": orjson.dumps(content)})
