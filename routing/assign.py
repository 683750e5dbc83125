"""From a place and a category to a team, with the reasons: the assignment.

The areas come from one SQL look-up, read in one statement together with the version of the rules;
the choice is made in memory by ``place`` and ``rules`` and remembered by the set of areas, so that
an ordinary place costs microseconds and no further statement. Only a place on a border whose
accuracy is known, or in no ward, asks the database again.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.errors import LooksSwapped, OutsideCoverage
from geo.lookup import (
    AREA_IDS,
    NEAR_IDS,
    NEAREST_WARD_M,
    covering,
    nearest_authority,
    share_of_circle,
    within,
)
from geo.points import Point
from geo.spatial import place_parameters
from routing.errors import NoFallbackTeam, NotTheirGround, UnknownCategory
from routing.place import Standing, stand
from routing.reasons import (
    REFERRED_HERE,
    REFERRED_OFTEN,
    explain,
    explain_referral,
    explain_words,
)
from routing.rulebook import AreaRow, AuthorityRow, Rules, TeamRow, load
from routing.rules import Ground, Verdict, decide

#: A place's areas and the version of the rules, in one snapshot. Larger statements that read the
#: same three things (intake's) make their own Found.
FIND = f"""
select {AREA_IDS}, {NEAR_IDS}, (select version from rulebook where id = 1)
"""

#: Answers remembered before all are forgotten: sets of areas are as many as there are wards, times
#: the zones and neighbours seen beside them.
MEMO_LIMIT = 100_000

GREATEST_LATITUDE = 90

#: A job that was referred so often goes to no crew any more: somebody must decide whose it is.
OFTEN: Final = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up found at a place, and the version of the rules beside it."""

    areas: frozenset[int]
    #: Areas within the accuracy; empty when it is unknown.
    near: frozenset[int]
    version: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose job it is, before it is explained: all that a dry run over millions asks."""

    authority: AuthorityRow
    team: TeamRow
    ward: AreaRow | None
    flags: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Assignment:
    """Whose job it is, and why."""

    authority: AuthorityRow
    #: All that answer for the place in some way, lowest tier first.
    authorities: tuple[AuthorityRow, ...]
    team: TeamRow
    ward: AreaRow | None
    division: AreaRow | None
    flags: tuple[str, ...]
    #: JSON: areas with their vintages, rules considered, which won and why, flags.
    reasons: Mapping[str, Any]
    #: ``reasons`` as text, written once for all the places that share it.
    reasons_json: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Referral:
    """A job that one authority passes on to another."""

    sender: AuthorityRow
    to: AuthorityRow
    #: Whoever decided it, as the update log names them.
    by: str
    #: How often the job was referred, this time included.
    times: int


class Router:
    """Decides with rules kept in memory. One for each process; tasks of one loop may share it."""

    def __init__(self) -> None:
        self._rules: Rules | None = None
        self._memo: dict[tuple[str, frozenset[int], frozenset[int]], Assignment] = {}
        self._loading = asyncio.Lock()

    @property
    def rules(self) -> Rules | None:
        """The rules in memory, of whatever version; None before the first look-up."""
        return self._rules

    async def decide(
        self,
        conn: AsyncConnection[Any],
        place: Point,
        category: str,
        at: datetime,
        found: Found,
    ) -> Assignment:
        """The assignment for what was found at the place.

        Raises UnknownCategory, OutsideCoverage (with ``nearest`` if one is near) or LooksSwapped.
        """
        rules = self._rules
        if rules is None or rules.version != found.version:
            rules = await self._load(conn, found.version)
        memo = self._memo
        key = (category, found.areas, found.near)
        known = memo.get(key)
        if known is not None:
            return known
        if category not in rules.categories:
            raise UnknownCategory
        standing = stand(rules, found.areas, found.near)
        if standing is not None and _is_clear(standing, found):
            assignment = assign(rules, category, standing)
            if len(memo) >= MEMO_LIMIT:
                memo.clear()
            memo[key] = assignment
            return assignment
        standing = await _look_closer(conn, place, at, rules, found, standing)
        return assign(rules, category, standing)

    async def assign(
        self, conn: AsyncConnection[Any], place: Point, category: str, at: datetime
    ) -> Assignment:
        """Look the place up, then decide."""
        return await self.decide(conn, place, category, at, await find(conn, place, at))

    async def refer(
        self,
        conn: AsyncConnection[Any],
        referral: Referral,
        place: Point | None,
        category: str,
        at: datetime,
    ) -> Assignment:
        """To the authority that it is referred to, by that authority's own rules.

        Raises NotTheirGround for a place that it does not answer for, and what ``decide`` raises.
        """
        rules = await self.current(conn)
        if place is None:
            return _referred(in_words(rules, referral.to), rules, referral)
        found = await find(conn, place, at)
        standing = stand(rules, found.areas, found.near)
        if standing is None or not _is_clear(standing, found):
            standing = await _look_closer(conn, place, at, rules, found, standing)
        return refer(rules, category, standing, referral)

    async def current(self, conn: AsyncConnection[Any]) -> Rules:
        """The rules at the database's version."""
        cursor = await conn.execute("select version from rulebook where id = 1")
        row = await cursor.fetchone()
        version = next(iter(row.values() if isinstance(row, dict) else row or (0,)))
        if self._rules is not None and self._rules.version == version:
            return self._rules
        return await self._load(conn, version)

    async def _load(self, conn: AsyncConnection[Any], version: int) -> Rules:
        """Read the rules, once for all tasks that found them changed."""
        async with self._loading:
            if self._rules is None or self._rules.version != version:
                self._rules = await load(conn)
                self._memo = {}
            return self._rules


async def find(conn: AsyncConnection[Any], place: Point, at: datetime) -> Found:
    """The areas of a place and the version of the rules, in one statement."""
    values = {**place_parameters(place), "at": at, "accuracy_m": place.accuracy_m}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(FIND, values)
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("a SELECT without FROM gave no row")
    areas, near, version = row
    return Found(frozenset(areas), frozenset(near), version)


def choose(rules: Rules, category: str, standing: Standing) -> Choice:
    """The most specific responsibility's team, or the fallback of the lowest tier. Pure."""
    verdict = decide(rules.responsibilities, category, standing.ground)
    flags = standing.flags
    if verdict.won is not None:
        authority = rules.authorities[verdict.won.authority_id]
        team = rules.teams[verdict.won.team_id]
        if verdict.why == "tie":
            flags = (*flags, "rules_tie")
    else:
        authority = standing.authorities[0][0]
        team = fallback_team(rules, authority)
        if not standing.far_from_wards:  # that has a flag of its own
            flags = (*flags, "needs_triage")
    return Choice(authority, team, standing.ward, flags, verdict)


def assign(rules: Rules, category: str, standing: Standing) -> Assignment:
    """The choice with its reasons. Pure."""
    chosen = choose(rules, category, standing)
    reasons = explain(
        rules,
        category,
        standing,
        chosen.verdict,
        chosen.authority,
        chosen.team,
        chosen.flags,
    )
    return Assignment(
        authority=chosen.authority,
        authorities=tuple(each for each, _ in standing.authorities),
        team=chosen.team,
        ward=standing.ward,
        division=standing.division,
        flags=chosen.flags,
        reasons=reasons,
        reasons_json=json.dumps(reasons, ensure_ascii=False),
    )


def refer(rules: Rules, category: str, standing: Standing, referral: Referral) -> Assignment:
    """The choice among one authority's rules, with its reasons. Pure. Raises NotTheirGround.

    An authority whose area nobody has loaded may answer for any place.
    """
    to = referral.to
    if to.id in rules.with_ground and to not in {each for each, _ in standing.authorities}:
        raise NotTheirGround(authority=to.slug)
    ground = Ground(
        whole=frozenset({to.id} - (rules.with_ground - standing.ground.whole)),
        areas=frozenset(key for key in standing.ground.areas if key.authority_id == to.id),
    )
    verdict = decide(rules.responsibilities, category, ground)
    flags = standing.flags
    if verdict.won is not None:
        team = rules.teams[verdict.won.team_id]
        flags = (*flags, "rules_tie") if verdict.why == "tie" else flags
    else:
        team = fallback_team(rules, to)
        flags = (*flags, "needs_triage")
    reasons = explain(rules, category, standing, verdict, to, team, flags)
    chosen = Assignment(
        authority=to,
        authorities=tuple(each for each, _ in standing.authorities),
        team=team,
        ward=standing.ward,
        division=standing.division,
        flags=flags,
        reasons=reasons,
        reasons_json="",
    )
    return _referred(chosen, rules, referral)


def _referred(chosen: Assignment, rules: Rules, referral: Referral) -> Assignment:
    """The same, which the other authority has yet to accept; a supervisor's if it was often."""
    flags, team = [*chosen.flags, REFERRED_HERE], chosen.team
    if referral.times >= OFTEN:
        flags += [flag for flag in ("needs_triage", REFERRED_OFTEN) if flag not in flags]
        team = fallback_team(rules, referral.to)
    named = {**chosen.reasons, "team": {"slug": team.slug, "name": team.name}, "flags": flags}
    reasons = explain_referral(named, referral.sender, referral.by, referral.times)
    return replace(
        chosen,
        team=team,
        flags=tuple(flags),
        reasons=reasons,
        reasons_json=json.dumps(reasons, ensure_ascii=False),
    )


def in_words(rules: Rules, authority: AuthorityRow) -> Assignment:
    """The assignment of a report whose place is told in words: a person must find the place."""
    team = fallback_team(rules, authority)
    reasons = explain_words(rules, authority, team)
    return Assignment(
        authority=authority,
        authorities=(authority,),
        team=team,
        ward=None,
        division=None,
        flags=tuple(reasons["flags"]),
        reasons=reasons,
        reasons_json=json.dumps(reasons, ensure_ascii=False),
    )


def fallback_team(rules: Rules, authority: AuthorityRow) -> TeamRow:
    """The team that gets what no rule gives to another. Raises NoFallbackTeam."""
    if authority.fallback_team_id is None:
        raise NoFallbackTeam(authority=authority.slug)
    return rules.teams[authority.fallback_team_id]


def _is_clear(standing: Standing, found: Found) -> bool:
    """Whether nothing more need be asked of the database."""
    return not standing.wants_nearest and not (standing.ties and found.near)


async def _look_closer(
    conn: AsyncConnection[Any],
    place: Point,
    at: datetime,
    rules: Rules,
    found: Found,
    standing: Standing | None,
) -> Standing:
    """The standing of a place on a border, in no ward, or outside every authority."""
    shares = distances = None
    if standing is not None and standing.ties:
        shares = await share_of_circle(conn, place, found.areas | found.near)
    if standing is None or standing.wants_nearest:
        distances = await within(conn, place, at, NEAREST_WARD_M)
    closer = stand(rules, found.areas, found.near, shares=shares, distances=distances)
    if closer is not None:
        return closer
    nearest = await nearest_authority(conn, place, at)
    if nearest is not None:
        raise OutsideCoverage(
            nearest={
                "slug": nearest.slug,
                "name": nearest.name,
                "distance_m": round(nearest.distance_m),
            }
        )
    if await _inside_when_swapped(conn, place, at):
        raise LooksSwapped
    raise OutsideCoverage


async def _inside_when_swapped(conn: AsyncConnection[Any], place: Point, at: datetime) -> bool:
    if abs(place.lng) > GREATEST_LATITUDE:
        return False
    return bool(await covering(conn, Point(lat=place.lng, lng=place.lat), at))
