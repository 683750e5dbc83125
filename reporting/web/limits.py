"""How often an address may ask for what costs us and needs no account.

Counted in Redis, by a keyed hash of the address, in sliding windows. Without Redis nothing is
limited: a resident is not sent away because a counter is down. (Log-in tries are counted in
PostgreSQL, by ``reporting.staff``; a counter there may not be lost.)

The address is the connection's. Behind a proxy it is what the proxy says, and only a proxy named in
KERBLINE_TRUSTED_PROXIES is believed: uvicorn does that, before anything here is asked.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv6Address, ip_address
from typing import Any, Final

import structlog
from fastapi import Depends, Request
from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError

from reporting.errors import TooManyRequests
from reporting.keys import Keys

#: A mobile network puts very many phones behind one address; an install asks once.
RATES: Final[dict[str, tuple[RateLimitItem, ...]]] = {
    "devices": (RateLimitItemPerMinute(30), RateLimitItemPerHour(300)),
    #: Without a bearer; a device was counted when it was made.
    "reports": (RateLimitItemPerMinute(240), RateLimitItemPerHour(1200)),
    "photos": (RateLimitItemPerMinute(60), RateLimitItemPerHour(600)),
}
#: A limit is not worth waiting for.
TIMEOUT_S: Final = 0.3

log = structlog.get_logger("kerbline")


class Limiter:
    """The counters of one process's requests, shared through Redis with the others."""

    def __init__(self, storage: RedisStorage, keys: Keys, *, on: bool) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._keys = keys
        self._on = on
        self._away = False

    async def hit(self, what: str, address: str) -> None:
        """Count one; raises TooManyRequests when it is one too many."""
        if not self._on:
            return
        who = self._keys.account_hash(_household(address)).hex()
        try:
            for rate in RATES[what]:
                if not await self._limiter.hit(rate, what, who):
                    raise TooManyRequests
        except (RedisError, OSError) as error:
            if not self._away:
                log.warning("limits_away", error=type(error).__name__)
            self._away = True
        else:
            self._away = False


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


def limited(what: str, *, unless_bearer: bool = False) -> Any:
    """A route's dependency that counts its callers, or those of them that are nobody."""

    async def count(request: Request) -> None:
        if unless_bearer and "authorization" in request.headers:
            return
        limiter: Limiter = request.app.state.limiter
        await limiter.hit(what, request.client.host if request.client else "")

    return Depends(count)


def _household(address: str) -> str:
    """An IPv6 address without its last half, which one household may change at will."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return found.exploded[:19] if isinstance(found, IPv6Address) else str(found)
