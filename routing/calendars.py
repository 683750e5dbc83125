"""The days and hours councils work, by an authority's zone and public holidays. Pure.

A working day is Monday to Friday and no public holiday; it runs from 09:00 to 17:00 on the clock
on the wall. Which holidays is the authority's ``calendar``, a country and its subdivision by ISO
3166-2: ``GB-ENG``, ``GB-WLS``, ``GB-SCT`` and ``GB-NIR`` keep different ones. Where it names none,
the time zone tells: England's for Europe/London.
"""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

import holidays

OPENING: Final = time(9, 0)
#: The working day ends then, in the authority's zone.
CLOSING: Final = time(17, 0)
WORKING_DAY: Final = timedelta(hours=8)
SATURDAY: Final = 5
DAY: Final = timedelta(days=1)
NOTHING: Final = timedelta(0)

#: Whose public holidays are kept in a zone. Others keep none but weekends.
HOLIDAYS: Final = {
    "Europe/London": "GB-ENG",
    "Europe/Belfast": "GB-NIR",
    "Europe/Jersey": "JE",
    "Europe/Guernsey": "GG",
    "Europe/Isle_of_Man": "IM",
    "Europe/Dublin": "IE",
    "America/New_York": "US",
    "America/Chicago": "US",
    "America/Denver": "US",
    "America/Los_Angeles": "US",
}


@dataclass(frozen=True, slots=True)
class Calendar:
    """When an authority works. Instants are UTC; days are the authority's own."""

    timezone: str
    #: ISO 3166-2, as ``GB-SCT``; None: by the zone.
    code: str | None = None

    def is_working_day(self, day: date) -> bool:
        """Whether councils work on that day."""
        code = self.code or HOLIDAYS.get(self.timezone)
        return day.weekday() < SATURDAY and (code is None or day not in _holidays(code, day.year))

    def day(self, at: datetime) -> date:
        """The day it is there."""
        return at.astimezone(_zone(self.timezone)).date()

    def close_of_working_day(self, at: datetime, count: int) -> datetime:
        """The end of the n-th working day after the day of an instant."""
        return _close_of_working_day(self, self.day(at), count)

    def close_of_day(self, at: datetime, count: int) -> datetime:
        """The end of the first working day on or after the n-th day after that of an instant."""
        return _close_of_day(self, self.day(at), count)

    def next_close(self, at: datetime) -> datetime:
        """The first end of a working day that is not before the instant."""
        return next(close for _, close in self._days(at) if close >= at)

    def last_close(self, at: datetime) -> datetime:
        """The last end of a working day that is not after the instant."""
        day = self.day(at)
        while not (self.is_working_day(day) and self._at(day, CLOSING) <= at):
            day -= DAY
        return self._at(day, CLOSING)

    def worked(self, since: datetime, until: datetime) -> timedelta:
        """The working time between two instants."""
        total = NOTHING
        for opening, close in self._days(since):
            if opening >= until:
                return total
            total += max(NOTHING, min(close, until) - max(opening, since))
        return total

    def after(self, at: datetime, work: timedelta) -> datetime:
        """The first instant by which so much working time has passed."""
        if work <= NOTHING:
            return at
        left = work
        for opening, close in self._days(at):
            here = close - max(opening, at)
            if here >= left:
                return max(opening, at) + left
            left -= max(here, NOTHING)
        return at

    def _days(self, since: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working days, their beginnings and ends, from the day of an instant on, without end."""
        day = self.day(since)
        while True:
            if self.is_working_day(day):
                yield self._at(day, OPENING), self._at(day, CLOSING)
            day += DAY

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, _zone(self.timezone)).astimezone(UTC)

    def _working_day_from(self, day: date) -> date:
        while not self.is_working_day(day):
            day += DAY
        return day


def is_known(code: str) -> bool:
    """Whether these public holidays are known."""
    country, dash, part = code.partition("-")
    supported = holidays.list_supported_countries()
    return country in supported and (not dash or part in supported[country])


@lru_cache(maxsize=4096)
def _close_of_working_day(calendar: Calendar, today: date, count: int) -> datetime:
    day = today
    for _ in range(count):
        day = calendar._working_day_from(day + DAY)  # noqa: SLF001  kept here for its cache
    return calendar._at(day, CLOSING)  # noqa: SLF001


@lru_cache(maxsize=4096)
def _close_of_day(calendar: Calendar, today: date, count: int) -> datetime:
    day = calendar._working_day_from(today + timedelta(days=count))  # noqa: SLF001
    return calendar._at(day, CLOSING)  # noqa: SLF001


@lru_cache(maxsize=64)
def _zone(timezone: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(timezone)


@lru_cache(maxsize=256)
def _holidays(code: str, year: int) -> frozenset[date]:
    """The public holidays of a year; computing them takes milliseconds, so once."""
    country, _, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))
