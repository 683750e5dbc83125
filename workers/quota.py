"""How much mail one address gets at most, whoever gave it to us.

Anybody can type a stranger's address into a form. Counted in Redis by a keyed hash of the address;
without Redis nothing is held back. The same mail sent again counts once.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from reporting.keys import Keys

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S

#: In one step, so that no two processes take the last place: forget what is older than a day, and
#: add this mail if for each rate fewer others than its number lie within its time.
_TAKE: Final = """
local now = tonumber(ARGV[2])
redis.call('zremrangebyscore', KEYS[1], '-inf', now - ARGV[3])
local wait = 0
if not redis.call('zscore', KEYS[1], ARGV[1]) then
  for rate = 4, #ARGV, 2 do
    local nth = redis.call('zrange', KEYS[1], -ARGV[rate], -ARGV[rate], 'withscores')
    if nth[2] then wait = math.max(wait, nth[2] + ARGV[rate + 1] - now) end
  end
  if wait == 0 then
    redis.call('zadd', KEYS[1], now, ARGV[1])
    redis.call('expire', KEYS[1], ARGV[3])
  end
end
return tostring(wait)
"""

log = structlog.get_logger("kerbline.mail")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so long; none of them lasts longer than a day."""

    many: int
    within_s: int


#: Mails that ask whether a report is meant: their readers asked for nothing.
CONFIRMATIONS: Final = (Rate(2, HOUR_S), Rate(5, DAY_S))
#: Warnings to staff: one run every five minutes gathers all there is.
WARNINGS: Final = (Rate(12, HOUR_S), Rate(60, DAY_S))
#: News of reports: a caretaker may send ten on one walk; more than that is somebody's spite.
NEWS: Final = (Rate(12, HOUR_S), Rate(40, DAY_S))

#: What is not counted with the news.
_COUNTED_AS: Final[dict[tuple[Rate, ...], str]] = {CONFIRMATIONS: "confirm", WARNINGS: "warning"}


class Quota:
    """The counters of all addresses, in Redis."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def take(self, address: str, mail: str, rates: Sequence[Rate]) -> float:
        """Count this mail to this address; the seconds it must wait first, 0 if it may go."""
        who = self._keys.account_hash(f"mail {address.lower()}").hex()
        what = _COUNTED_AS.get(tuple(rates), "news")
        name = f"kerbline:mailed:{what}:{who}"
        now = time.time()
        try:
            wait_s: Any = await cast("Any", self._redis).eval(
                _TAKE,
                1,
                name,
                mail,
                repr(now),
                str(DAY_S),
                *(str(each) for rate in rates for each in (rate.many, rate.within_s)),
            )
        except (RedisError, OSError) as error:
            log.warning("quota_away", error=type(error).__name__)
            return 0.0
        return float(wait_s)
