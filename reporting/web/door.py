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
from reporting.households import household
from reporting.language import accepted, language
from reporting.web import problems

#: What a flood is made of: (method, path).
WATCHED: Final = frozenset({("POST", "/v1/reports"), ("POST", "/"), ("POST", "/v1/devices")})
#: A second, and at once after a pause; for one process. A storm brings some ten reports a second
#: through one address, with as many devices to be made. What comes in costs some milliseconds each,
#: so that a flood takes a tenth of a core, evenly: let in by the window it would come in bursts.
ADDRESS: Final = (20.0, 60)
BEARER: Final = (2.0, 20)
#: Counters and bearers kept; beyond it the oldest go.
KEPT: Final = 50_000

_BEARER: Final = re.compile(rb"kb[ds]_[A-Za-z0-9_-]{43}")
_NAMES: Final = frozenset({b"authorization", b"cookie"})


class Counts:
    """How often each has done something in a window; of one process, lost with it."""

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


class Buckets:
    """What each may still spend, which fills up again at a rate; of one process, lost with it."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, who: str, rate: float, most: int) -> int:
        """Spend one; the seconds until there is one to spend, 0 if there was."""
        now = monotonic()
        left, since = self._left.pop(who, (float(most), now))
        left = min(most, left + (now - since) * rate)
        self._left[who] = (max(0.0, left - 1) if left >= 1 else left, now)
        if len(self._left) > KEPT:
            del self._left[next(iter(self._left))]  # the one that has been quiet for longest
        return 0 if left >= 1 else max(1, round((1 - left) / rate))


class Door:
    """Whom a process has seen too often, and which bearers it knows to be good."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self._buckets = Buckets()
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
                    return self._buckets.wait_s(found[0].decode(), *BEARER)
        client = scope.get("client")
        return self._buckets.wait_s(household(client[0] if client else ""), *ADDRESS)


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
                refusal = TooManyReports(1, retry_after_s=wait_s)
                await problems.refused(refusal, spoken)(scope, receive, send)
                return
        await self.app(scope, receive, send)
