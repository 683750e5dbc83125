"""What a place is to a resident: whose it is, and what can be reported there."""

from datetime import datetime
from typing import Any, cast

from psycopg.rows import scalar_row

from geo.points import Point
from reporting.language import Language
from reporting.runtime import Connection
from routing.assign import Assignment, Router, find
from routing.categories import Category, Within
from routing.errors import UnknownCategory
from routing.rulebook import AreaRow, AuthorityRow

#: Flags that speak of one category's rules, not of the place.
_OF_THE_RULES = {"needs_triage", "rules_tie"}
#: Members of a category that people read.
_WORDS = {"name", "label", "emergency_notice"}


async def where(
    conn: Connection, router: Router, place: Point, category: str | None
) -> dict[str, Any]:
    """Authorities (lowest tier first), ward and division of a place; whose a category is there.

    Raises OutsideCoverage, LooksSwapped or UnknownCategory.
    """
    rules = await router.current(conn)
    asked = category or next((code for code, kind in rules.categories.items() if kind.active), None)
    if asked is None:
        raise UnknownCategory
    now = await _now(conn)
    found = await router.assign(conn, place, asked, now)
    flags = [flag for flag in found.flags if category or flag not in _OF_THE_RULES]
    answer: dict[str, Any] = {
        "authorities": [_authority(authority) for authority in found.authorities],
        "ward": _area(found.ward),
        "flags": flags,
    }
    if found.division:
        answer["division"] = _area(found.division)
    if category:
        answer["authority"] = _authority(found.authority)
        answer["team"] = {"slug": found.team.slug, "name": found.team.name}
    return answer


async def categories(
    conn: Connection, router: Router, place: Point | None, spoken: Language
) -> list[dict[str, Any]]:
    """What can be reported, in the council's order; at a place, with who would answer for it.

    In the reader's language, as far as its catalogues know the council's own words.
    """
    rules = await router.current(conn)
    active = [category for category in rules.categories.values() if category.active]
    if place is None:
        return [in_words(category, spoken) for category in active]
    now = await _now(conn)
    found = await find(conn, place, now)
    return [
        in_words(category, spoken)
        | _whose(await router.decide(conn, place, category.code, now, found))
        for category in active
    ]


def in_words(category: Category, spoken: Language) -> dict[str, Any]:
    """A category as the API shows it, in this language."""
    shown = category.public()
    asked = shown["questions"]
    for part in (shown, *asked, *(choice for each in asked for choice in each["choices"])):
        for member in _WORDS & part.keys():
            part[member] = spoken.say(part[member])
    shown["response"] = {
        f"P{n}": promised(way, spoken) for n, way in enumerate(category.response.ladder, 1)
    }
    return shown


def promised(way: Within, spoken: Language) -> str:
    """A response time as a resident reads it."""
    if way.hours is not None:
        return spoken.count("within {n} hour", "within {n} hours", way.hours)
    if way.working_days == 1:
        return spoken.say("by the end of the next working day")
    if way.working_days is not None:
        return spoken.count("within {n} working day", "within {n} working days", way.working_days)
    return spoken.count("within {n} day", "within {n} days", way.days or 0)


def _whose(assignment: Assignment) -> dict[str, Any]:
    team = {"slug": assignment.team.slug, "name": assignment.team.name}
    return {"authority": _authority(assignment.authority), "team": team}


def _authority(authority: AuthorityRow) -> dict[str, str]:
    return {"slug": authority.slug, "name": authority.name}


def _area(area: AreaRow | None) -> dict[str, str] | None:
    return None if area is None else {"code": area.code, "name": area.name}


async def _now(conn: Connection) -> datetime:
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute("select now()")
        return cast("datetime", await cursor.fetchone())
