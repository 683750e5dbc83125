"""How urgent it is, and by when: risk → priority → due. Pure.

Risk is impact × likelihood, each from 1 to 4, as in the UK code of practice "Well-managed Highway
Infrastructure" (UKRLG, 2016) and the matrix councils took over with it: 12 and above is an
emergency (P1), 8 and 9 urgent (P2), 4 to 6 soon (P3), less can wait (P4). Where the category
begins and how the answers move either is data in its definition.

Due times count in the authority's own zone:

- hours run by the clock, night and day, because emergencies do;
- working days end at 17:00 of the n-th working day after the day of the report;
- days end at 17:00 of the first working day on or after the n-th day.

A working day is Monday to Friday and no bank holiday (England's for Europe/London). A less urgent
priority is never due before a more urgent one, whatever a category's own response times say.
"""

import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import holidays

from routing.categories import Answer, Category, Within

#: The working day ends then, in the authority's zone.
CLOSING = time(17, 0)
SATURDAY = 5
#: From this risk on (impact × likelihood) a defect is of the priority.
RISK_OF_PRIORITY = ((1, 12), (2, 8), (3, 4), (4, 1))

#: Country and subdivision whose public holidays are kept in a zone. Others keep none but weekends.
HOLIDAYS = {
    "Europe/London": ("GB", "ENG"),
    "Europe/Belfast": ("GB", "NIR"),
    "Europe/Jersey": ("JE", None),
    "Europe/Guernsey": ("GG", None),
    "Europe/Isle_of_Man": ("IM", None),
    "Europe/Dublin": ("IE", None),
    "America/New_York": ("US", None),
    "America/Chicago": ("US", None),
    "America/Denver": ("US", None),
    "America/Los_Angeles": ("US", None),
}


@dataclass(frozen=True, slots=True)
class Triage:
    """The answer: how urgent, by when, and from what risk."""

    #: 1 to 4.
    priority: int
    due_at: datetime
    impact: int
    likelihood: int


def triage(
    category: Category, answers: Mapping[str, Answer], at: datetime, timezone: str
) -> Triage:
    """The priority of a defect reported so, and when it is due."""
    impact, likelihood = risk(category, answers)
    priority = priority_of(impact, likelihood)
    return Triage(priority, due_at(category, priority, at, timezone), impact, likelihood)


def risk(category: Category, answers: Mapping[str, Answer]) -> tuple[int, int]:
    """Impact and likelihood after the answers."""
    begin = category.risk
    impact, likelihood = begin.impact, begin.likelihood
    for move in begin.moves:
        if move.holds(answers.get(move.question)):
            impact += move.impact
            likelihood += move.likelihood
    return min(max(impact, 1), 4), min(max(likelihood, 1), 4)


def priority_of(impact: int, likelihood: int) -> int:
    """The priority of a risk."""
    product = impact * likelihood
    return next(priority for priority, least in RISK_OF_PRIORITY if product >= least)


def due_at(category: Category, priority: int, at: datetime, timezone: str) -> datetime:
    """When work of that priority, reported at that instant, is due (UTC)."""
    ladder = category.response.ladder[:priority]
    return max(_due(within, at, timezone) for within in ladder)


def is_working_day(day: date, timezone: str) -> bool:
    """Whether councils work on that day."""
    return day.weekday() < SATURDAY and day not in _holidays(timezone, day.year)


def _due(within: Within, at: datetime, timezone: str) -> datetime:
    if within.hours is not None:
        return at.astimezone(UTC) + timedelta(hours=within.hours)
    today = at.astimezone(_zone(timezone)).date()
    if within.working_days is not None:
        return _close_of_working_day(today, within.working_days, timezone)
    return _close_of_day(today, within.days or 0, timezone)


@lru_cache(maxsize=4096)
def _close_of_working_day(today: date, count: int, timezone: str) -> datetime:
    day = today
    for _ in range(count):
        day = _working_day_from(day + timedelta(days=1), timezone)
    return _closing(day, timezone)


@lru_cache(maxsize=4096)
def _close_of_day(today: date, count: int, timezone: str) -> datetime:
    return _closing(_working_day_from(today + timedelta(days=count), timezone), timezone)


def _working_day_from(day: date, timezone: str) -> date:
    while not is_working_day(day, timezone):
        day += timedelta(days=1)
    return day


def _closing(day: date, timezone: str) -> datetime:
    return datetime.combine(day, CLOSING, _zone(timezone)).astimezone(UTC)


@lru_cache(maxsize=64)
def _zone(timezone: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(timezone)


@lru_cache(maxsize=256)
def _holidays(timezone: str, year: int) -> frozenset[date]:
    """The public holidays of a year; computing them takes milliseconds, so once a year and zone."""
    if timezone not in HOLIDAYS:
        return frozenset()
    country, subdivision = HOLIDAYS[timezone]
    return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
