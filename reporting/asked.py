"""Which reports and jobs somebody asks for, and what of that they may be shown.

One set of filters for lists, maps, figures and exports: a number on a map is the number in the
table, and the rows in the file. ``Asked`` is what was said, in slugs, codes and days; ``narrowed``
makes ids of it, within what a member of staff may see.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from geo.points import BBox
from reporting.auth import Scope
from routing.assign import Router
from routing.rulebook import Rules

#: What nobody counts before: days that are given without a beginning begin here.
BEGINNING: Final = date(2000, 1, 1)


def begin(day: date, timezone: str) -> datetime:
    """When a day begins there."""
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Days:
    """Calendar days of an authority; the first and the last are among them."""

    first: date
    last: date

    def instants(self, timezone: str) -> tuple[datetime, datetime]:
        """When they begin there and when they are over; a day may have 23 or 25 hours."""
        return begin(self.first, timezone), begin(self.last + timedelta(days=1), timezone)


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks for. Empty: no condition. Several values: any of them.

    The days are those on which a report came, or a job was made.
    """

    authorities: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    wards: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    priorities: frozenset[int] = frozenset()
    overdue: bool | None = None
    bbox: BBox | None = None
    first: date | None = None
    last: date | None = None
    #: Of lists of jobs alone: due by the end of this day.
    due_by: date | None = None

    def days(self, today: date) -> Days | None:
        """The days that were asked for; None for all there ever were."""
        if self.first is None and self.last is None:
            return None
        return Days(self.first or BEGINNING, self.last or max(today, self.first or today))

    def instants(self, timezone: str) -> tuple[datetime | None, datetime | None]:
        """When the days begin there and when they are over; None where they have no end."""
        return (
            begin(self.first, timezone) if self.first else None,
            begin(self.last + timedelta(days=1), timezone) if self.last else None,
        )


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The same in ids, within one authority and what somebody may see of it.

    ``areas`` are those by which jobs are counted: the authority's own wards or divisions, in every
    vintage. None: no condition.
    """

    authority: int
    timezone: str
    days: Days | None
    areas: frozenset[int] | None
    teams: frozenset[int] | None
    categories: frozenset[str] | None
    statuses: frozenset[str] | None
    priorities: frozenset[int] | None
    overdue: bool | None
    bbox: BBox | None


def narrowed(
    rules: Rules, seen: Scope, asked: Asked, now: datetime | None = None
) -> Narrowed | None:
    """What of it they may see; None when nothing can fit."""
    authority = rules.authorities[seen.authority]
    if asked.authorities and authority.slug not in asked.authorities:
        return None
    areas = both(seen.areas, areas_named(rules, asked.wards))
    teams = both(seen.teams, teams_named(rules, seen.authority, asked.teams))
    if areas == frozenset() or teams == frozenset():
        return None
    today = (now or datetime.now(UTC)).astimezone(ZoneInfo(authority.timezone)).date()
    return Narrowed(
        authority=authority.id,
        timezone=authority.timezone,
        days=asked.days(today),
        areas=areas,
        teams=teams,
        categories=asked.categories or None,
        statuses=asked.statuses or None,
        priorities=asked.priorities or None,
        overdue=asked.overdue,
        bbox=asked.bbox,
    )


async def rules_for(router: Router, conn: AsyncConnection[Any], seen: Scope, asked: Asked) -> Rules:
    """The rules that name what was asked for: the ones in memory where it needs no look for newer.

    A map asks for tile after tile, and of most only whose they are has to be known.
    """
    rules = router.rules
    if rules is None or asked.wards or asked.teams or seen.authority not in rules.authorities:
        return await router.current(conn)
    return rules


def both(one: frozenset[int] | None, other: frozenset[int] | None) -> frozenset[int] | None:
    """What two conditions leave; None is no condition."""
    if one is None or other is None:
        return other if one is None else one
    return one & other


def teams_named(rules: Rules, authority: int, slugs: frozenset[str]) -> frozenset[int] | None:
    """An authority's teams of those slugs; None where no slug is given."""
    if not slugs:
        return None
    teams = rules.teams.values()
    return frozenset(t.id for t in teams if t.authority_id == authority and t.slug in slugs)


def areas_named(rules: Rules, codes: frozenset[str]) -> frozenset[int] | None:
    """The wards and divisions of those codes, in every vintage; None where no code is given."""
    if not codes:
        return None
    return frozenset(
        area.id
        for area in rules.areas.values()
        if area.kind in {"ward", "division"} and area.code in codes
    )
