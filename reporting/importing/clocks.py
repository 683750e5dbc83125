"""Their times as instants. Pure.

Local times have an hour that comes twice and one that never comes. The first is taken as the map
says; what was never on a clock is taken as if the clocks had not been put forward. Both are noted.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from reporting.importing.mapping import Times

REPEATED: Final = "repeated_hour"
SKIPPED: Final = "skipped_hour"


class Instant(NamedTuple):
    """A time of theirs."""

    at: datetime
    #: What had to be chosen, if anything.
    note: str | None = None
    #: The other of the two it may be, in the hour that comes twice.
    other: datetime | None = None


def reader(times: Times) -> Callable[[str], Instant]:
    """What reads a cell as the map says. It raises ValueError for what is no time."""
    zone = ZoneInfo(times.zone)
    fold = int(times.repeated_hour == "second")
    z_is_local, formats = times.z_is_local, times.formats

    @lru_cache(100_000)
    def steady(hour: datetime) -> timedelta | None:
        """What clocks are ahead by in the whole of an hour, if that is one thing."""
        ends = (hour, hour.replace(minute=59, second=59))
        found = {end.replace(tzinfo=zone, fold=n).utcoffset() for end in ends for n in (0, 1)}
        return found.pop() if len(found) == 1 else None

    def read(cell: str) -> Instant:
        found = _parsed(cell, formats)
        if z_is_local and found.tzinfo is not None and cell[-1] in "Zz":
            found = found.replace(tzinfo=None)
        if found.tzinfo is not None:
            return Instant(found.astimezone(UTC))
        ahead = steady(found.replace(minute=0, second=0, microsecond=0))
        if ahead is not None:
            return Instant((found - ahead).replace(tzinfo=UTC))
        first = found.replace(tzinfo=zone, fold=0)
        second = found.replace(tzinfo=zone, fold=1)
        early, late = first.utcoffset(), second.utcoffset()
        if early == late:
            return Instant(first.astimezone(UTC))
        both = first.astimezone(UTC), second.astimezone(UTC)
        if early is not None and late is not None and early < late:
            return Instant(both[0], SKIPPED)
        return Instant(both[fold], REPEATED, both[1 - fold])

    return read


def _parsed(cell: str, formats: Sequence[str]) -> datetime:
    if not formats:
        return datetime.fromisoformat(cell)
    for form in formats:
        try:
            return datetime.strptime(cell, form)  # noqa: DTZ007 - the map says the zone
        except ValueError:
            continue
    raise ValueError("it is in none of the forms that the map names")
