"""How often somebody may ask for what costs us and needs no account.

Counted in Redis, by a keyed hash of who asks, in sliding windows. Without Redis nothing is limited:
a resident is not sent away because a counter is down. Only guesses at tokens are counted on, in
this process. (Log-in tries are counted in PostgreSQL, by ``reporting.staff``.)

The address is the connection's. Behind a proxy it is what the proxy says, and only a proxy named in
KERBLINE_TRUSTED_PROXIES is believed: uvicorn does that, before anything here is asked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import floor
from time import monotonic, time
from typing import Any, Final

import structlog
from fastapi import Depends, Request
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from geo.points import Point
from reporting.auth import Device, Principal, Staff
from reporting.errors import NotFound, TooManyRequests
from reporting.households import household
from reporting.keys import Keys
from reporting.web.door import Counts, Door

#: A carrier puts ten thousand phones behind one address. In a storm 5,000 of them report within an
#: hour, in bursts of some hundred a minute, and each is a device of its own: that many must pass.
RATES: Final[dict[str, tuple[RateLimitItem, ...]]] = {
    "devices": (RateLimitItemPerMinute(600), RateLimitItemPerHour(6000)),
    #: By address, for those without a device.
    "photos": (RateLimitItemPerMinute(60), RateLimitItemPerHour(600)),
    #: Twenty reports' pictures; going on with one counts for nothing.
    "photos of a device": (RateLimitItemPerMinute(60, 30),),
    #: By address, for those without a device; over it, they are asked by e-mail.
    "reports": (RateLimitItemPerHour(60),),
    "reports of a device": (RateLimitItemPerMinute(10, 10), RateLimitItemPerDay(30)),
    #: By cell of the map. It holds up only those whom nobody knows yet, see ``admitting``.
    "reports of a place": (RateLimitItemPerMinute(60, 10),),
    #: By address: reports that are kept, and mail that is sent to whomever they name.
    "kept": (RateLimitItemPerHour(120),),
    #: By address: sign-ins begun at the identity provider, each of which is kept for a while.
    "sign-ins": (RateLimitItemPerMinute(60, 10),),
    #: By address: tokens that are none.
    "guesses": (RateLimitItemPerMinute(30, 10),),
}
#: A limit is not worth waiting for; nor is asking again at once when there was no answer.
TIMEOUT_S: Final = 0.3
AWAY_S: Final = 2.0
#: About 500 m each way, in Britain.
CELL_LAT, CELL_LNG = 0.0045, 0.0073

log = structlog.get_logger("kerbline")


class Limiter:
    """The counters of one process's requests, shared through Redis with the others."""

    def __init__(self, storage: RedisStorage, keys: Keys, *, on: bool) -> None:
        self.door = Door(on=on)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._keys = keys
        self._on = on
        self._away_until = 0.0
        self._guesses = Counts()

    async def hit(self, what: str, who: str) -> None:
        """Count one; raises TooManyRequests when it is one too many."""
        wait_s = await self.wait_s(what, who)
        if wait_s:
            raise TooManyRequests(retry_after_s=wait_s)

    async def wait_s(self, what: str, who: str) -> int:
        """Count one; the seconds until there is room for it, 0 if there is."""
        found = await self._ask(what, who, count=True)
        return found or 0

    async def refuse_guesser(self, address: str) -> None:
        """Raises TooManyRequests for an address that has tried too many tokens that are none."""
        if not self._on:
            return
        (rate,) = RATES["guesses"]
        wait_s = await self._ask("guesses", address, count=False)
        if wait_s is None:
            wait_s = self._guesses.wait_s(address, rate.amount, rate.get_expiry(), count=False)
        if wait_s:
            raise TooManyRequests(retry_after_s=wait_s)

    async def guessed(self, address: str) -> None:
        """Count a token that is none."""
        if not self._on:
            return
        (rate,) = RATES["guesses"]
        await self._ask("guesses", address, count=True)
        # Here too, so that Redis going away opens nothing.
        self._guesses.wait_s(address, rate.amount, rate.get_expiry(), count=True)

    async def _ask(self, what: str, who: str, *, count: bool) -> int | None:
        """The seconds to wait; None if Redis does not say."""
        if not self._on:
            return 0
        if monotonic() < self._away_until:
            return None
        hashed = self._keys.account_hash(who).hex()
        ask = self._limiter.hit if count else self._limiter.test
        try:
            for rate in RATES[what]:
                if not await ask(rate, what, hashed):
                    stats = await self._limiter.get_window_stats(rate, what, hashed)
                    return max(1, min(rate.get_expiry(), round(stats.reset_time - time())))
        except (RedisError, OSError) as error:
            if not self._away_until:
                log.warning("limits_away", error=type(error).__name__)
            self._away_until = monotonic() + AWAY_S
            return None
        self._away_until = 0.0
        return 0


@asynccontextmanager
async def open_limiter(redis_url: str, keys: Keys, *, on: bool) -> AsyncIterator[Limiter]:
    """A limiter; it connects when it is first asked."""
    storage = RedisStorage(
        f"async+{redis_url}",
        implementation="redispy",
        key_prefix="kerbline:limit",
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
    )
    try:
        yield Limiter(storage, keys, on=on)
    finally:
        bridge: Any = storage.bridge
        await bridge.storage.aclose()


def of(request: Request) -> Limiter:
    """The process's limiter."""
    found: Limiter = request.app.state.limiter
    return found


def limited(what: str) -> Any:
    """A route's dependency that counts its callers by their addresses."""

    async def count(request: Request) -> None:
        await of(request).hit(what, address_of(request))

    return Depends(count)


async def count_picture(request: Request, principal: Principal) -> None:
    """Raises TooManyRequests for who begins to send too many; staff are not counted."""
    if isinstance(principal, Staff):
        return
    if isinstance(principal, Device):
        await of(request).hit("photos of a device", str(principal.id))
    else:
        await of(request).hit("photos", address_of(request))


@asynccontextmanager
async def guarding(request: Request) -> AsyncIterator[None]:
    """Where a token in the address is opened: NotFound counts as a guess.

    Raises TooManyRequests for an address that has guessed too often.
    """
    limiter, address = of(request), address_of(request)
    await limiter.refuse_guesser(address)
    try:
        yield
    except NotFound:
        await limiter.guessed(address)
        raise


def address_of(request: Request) -> str:
    """Where the request comes from, as it is counted."""
    return household(request.client.host if request.client else "")


def cell(place: Point) -> str:
    """The piece of the map that a place lies in."""
    return f"{floor(place.lat / CELL_LAT)}/{floor(place.lng / CELL_LNG)}"
