"""How much mail one address gets at most, whoever gave it to us.

Anybody can type a stranger's address into a form. Counted in Redis by a keyed hash of the address;
without Redis nothing is held back. The same mail sent again counts once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from reporting.keys import Keys

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S

log = structlog.get_logger("kerbline.mail")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so long; none of them lasts longer than a day."""

    many: int
    within_s: int


#: Mails that ask whether a report is meant: their readers asked for nothing.
CONFIRMATIONS: Final = (Rate(2, HOUR_S), Rate(5, DAY_S))
#: News of reports: a caretaker may send ten on one walk; more than that is somebody's spite.
NEWS: Final = (Rate(12, HOUR_S), Rate(40, DAY_S))


class Quota:
    """The counters of all addresses, in Redis."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def take(self, address: str, mail: str, rates: Sequence[Rate]) -> float:
        """Count this mail to this address; the seconds it must wait first, 0 if it may go."""
        who = self._keys.account_hash(f"mail {address.lower()}").hex()
        name = f"kerbline:mailed:{'confirm' if rates is CONFIRMATIONS else 'news'}:{who}"
        now = time.time()
        try:
            sent: list[Any] = await self._redis.zrange(name, 0, -1, withscores=True)
            earlier = sorted(at for each, at in sent if each.decode() != mail and at > now - DAY_S)
            wait_s = max(_wait_s(earlier, rate, now) for rate in rates)
            if wait_s <= 0:
                async with self._redis.pipeline(transaction=False) as pipe:
                    pipe.zremrangebyscore(name, 0, now - DAY_S)
                    pipe.zadd(name, {mail: now}, nx=True)
                    pipe.expire(name, DAY_S)
                    await pipe.execute()
        except (RedisError, OSError) as error:
            log.warning("quota_away", error=type(error).__name__)
            return 0.0
        return max(0.0, wait_s)


def _wait_s(earlier: Sequence[float], rate: Rate, now: float) -> float:
    """Until one fewer than the rate's number lie within its time."""
    if len(earlier) < rate.many:
        return 0.0
    return earlier[-rate.many] + rate.within_s - now
