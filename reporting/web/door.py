"""The door that a flood meets: counts in this process's memory, and an answer that costs nothing.

The limits proper are in Redis and know what a report is. This one stands before all of that, so
that a thousand requests a second from one address leave the process free for the others. It counts
addresses; a bearer that has lately proved itself here is counted by itself, so that the neighbours
behind a carrier's address are not kept out with the one who makes the flood.
"""

import re
from time import monotonic
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from reporting.errors import TooManyReports
from reporting.language import accepted, language
from reporting.web import problems

#: What a flood is made of: (method, path).
WATCHED: Final = frozenset({("POST", "/v1/reports"), ("POST", "/"), ("POST", "/v1/devices")})
#: In ten seconds, for one process. A storm brings some ten reports a second through one address.
ADDRESS: Final = 200
BEARER: Final = 20
WINDOW_S: Final = 10
#: Counters and bearers kept; beyond it the oldest go.
KEPT: Final = 50_000

_BEARER: Final = re.compile(rb"kb[ds]_[A-Za-z0-9_-]{43}")
_NAMES: Final = frozenset({b"authorization", b"cookie"})


class Counts:
    """How often each has asked in the present window; of one process, lost with it."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, int]] = {}

    def wait_s(self, who: str, limit: int, window_s: int, *, count: bool = True) -> int:
        """The seconds until the window ends, if it is full; else 0, and it may be counted."""
        now = monotonic()
        window = int(now / window_s)
        known, found = self._counts.get(who, (window, 0))
        found = found if known == window else 0
        if found >= limit:
            return max(1, round((window + 1) * window_s - now))
        if count:
            self._counts.pop(who, None)  # so that the oldest stand first
            self._counts[who] = (window, found + 1)
            if len(self._counts) > KEPT:
                del self._counts[next(iter(self._counts))]
        return 0


class Door:
    """Whom a process has seen too often, and which bearers it knows to be good."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self._counts = Counts()
        self._good: dict[bytes, None] = {}

    def vouch(self, bearer: str) -> None:
        """It has proved itself: somebody's device, or staff."""
        if self.on:
            key = bearer.encode()
            self._good.pop(key, None)
            self._good[key] = None
            if len(self._good) > KEPT:
                del self._good[next(iter(self._good))]

    def wait_s(self, scope: Scope) -> int:
        """The seconds to wait, 0 for who may come in."""
        for name, value in scope["headers"]:
            if name in _NAMES:
                found = _BEARER.search(value)
                if found and found[0] in self._good:
                    return self._counts.wait_s(found[0].decode(), BEARER, WINDOW_S)
        client = scope.get("client")
        return self._counts.wait_s(client[0] if client else "", ADDRESS, WINDOW_S)


class Doorkeeper:
    """Asks the door before anything else is done: no body is read, no counter asked elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http" and (scope["method"], scope["path"]) in WATCHED:
            door: Door = scope["app"].state.limiter.door
            wait_s = door.wait_s(scope) if door.on else 0
            if wait_s:
                header = next((v for k, v in scope["headers"] if k == b"accept-language"), b"")
                spoken = language(accepted(header.decode("latin-1")))
                refusal = TooManyReports(retry_after_s=wait_s)
                await problems.refused(refusal, spoken)(scope, receive, send)
                return
        await self.app(scope, receive, send)
