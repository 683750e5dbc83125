"""Councils and highway bodies, each with the team that gets what no rule gives to another."""

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.errors import AuthorityRefused
from geo.kinds import TIERS
from reporting.queries import authorities as queries
from routing import calendars
from routing.rulebook import bump

Connection = AsyncConnection[Any]

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: Tiers that lie inside an upper one, and the tier they lie in.
LOWER_TIER = "district"
UPPER_TIER = "county"


@dataclass(frozen=True, slots=True)
class NewAuthority:
    """An authority as an operator describes it."""

    slug: str
    name: str
    tier: str
    code: str | None = None
    #: Slugs of the districts of a county.
    members: Sequence[str] = ()
    timezone: str = "Europe/London"
    #: The slug of its fallback team; ``<slug>-triage`` unless given.
    fallback_team: str | None = None
    #: Whose public holidays it keeps, as ``GB-SCT``; by the time zone unless given.
    calendar: str | None = None


async def add(conn: Connection, new: NewAuthority) -> int:
    """Add it with its fallback team; its id. Raises AuthorityRefused with one sentence."""
    _check(new)
    fallback = new.fallback_team or f"{new.slug}-triage"
    values = {
        "slug": new.slug,
        "name": new.name.strip(),
        "code": new.code,
        "tier": new.tier,
        "timezone": new.timezone,
        "calendar": new.calendar,
        "fallback_team": fallback,
    }
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.ADD, values)
        added = await cursor.fetchone()
        if added is None:
            raise AuthorityRefused(f"There is an authority {new.slug} already.")
        (authority,) = added
        team = {"authority": authority, "slug": fallback, "name": _title(fallback)}
        await cursor.execute(queries.ADD_FALLBACK_TEAM, team)
        await cursor.execute(queries.MEMBERS, {"slugs": list(new.members)})
        known = {slug: (id_, tier, upper) for id_, slug, tier, upper in await cursor.fetchall()}
        for slug in dict.fromkeys(new.members):
            member, tier, upper = known.get(slug, (None, None, None))
            _check_member(slug, tier, upper)
            await cursor.execute(queries.ADD_MEMBER, (authority, member))
    await bump(conn)
    return int(authority)


async def keep_calendar(conn: Connection, slug: str, calendar: str) -> None:
    """Keep these public holidays from now on. What is due already stays as it was promised."""
    _check_calendar(calendar)
    changed = await conn.execute(queries.SET_CALENDAR, {"slug": slug, "calendar": calendar})
    if changed.rowcount == 0:
        raise AuthorityRefused(f"There is no authority {slug}.")
    await bump(conn)


def _check(new: NewAuthority) -> None:
    if not SLUG.fullmatch(new.slug):
        raise AuthorityRefused(
            f"A slug is lower-case letters, digits and hyphens, like west-mere; not {new.slug!r}."
        )
    if new.fallback_team is not None and not SLUG.fullmatch(new.fallback_team):
        raise AuthorityRefused(
            f"A team's slug is lower-case letters, digits and hyphens; not {new.fallback_team!r}."
        )
    if not new.name.strip():
        raise AuthorityRefused("An authority needs a name.")
    if new.tier not in TIERS:
        raise AuthorityRefused(f"There is no tier {new.tier}; it is one of {', '.join(TIERS)}.")
    if new.members and new.tier != UPPER_TIER:
        raise AuthorityRefused(f"Only a {UPPER_TIER} has members; {new.slug} is {new.tier}.")
    if new.timezone not in zoneinfo.available_timezones():
        raise AuthorityRefused(f"There is no time zone {new.timezone}; say it like Europe/London.")
    if new.calendar is not None:
        _check_calendar(new.calendar)


def _check_calendar(calendar: str) -> None:
    if not calendars.is_known(calendar):
        raise AuthorityRefused(
            f"There is no calendar {calendar}; say it like GB-SCT (or GB-ENG, GB-WLS, GB-NIR)."
        )


def _check_member(slug: str, tier: str | None, upper: str | None) -> None:
    if tier is None:
        raise AuthorityRefused(f"There is no authority {slug}; add a {UPPER_TIER}'s members first.")
    if tier != LOWER_TIER:
        raise AuthorityRefused(f"{slug} is {tier}; a {UPPER_TIER}'s members are districts.")
    if upper is not None:
        raise AuthorityRefused(f"{slug} is a member of {upper} already.")


def _title(slug: str) -> str:
    """``oxford-triage`` as people read it: ``Oxford triage``."""
    return slug.replace("-", " ").capitalize()
