"""Boundaries change: a file becomes a vintage, is previewed, takes effect, and jobs move with it.

A preview is the change itself, made in a transaction that is rolled back, so that it can promise
nothing else than what ``activate`` does. Rules and staff that name a ward by a code that goes are
carried over to its new code where the ward did not move (or where the operator says so); the old
code keeps its rule beside it, for a place is also looked up in the past. Everybody else who names
a ward that goes stops the change.

Only an activation moves open jobs, those alone for which the change gives another ward, division
or team than before; where staff had given a job to another team by hand, it stays there unless the
rules' own answer changed. An activation for a later day sets the dates at once; the jobs move on
that day, by ``reroute_due``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.boundaries import storing
from geo.boundaries.comparing import Comparison, compare
from geo.boundaries.storing import NewVintage, Progress, Vintage
from geo.errors import LooksSwapped, OutsideCoverage, VintageRefused
from geo.kinds import LOCK_ROUTING
from geo.points import Point
from reporting.jobs import reassign
from reporting.jobs.change import DECIDED
from reporting.queries import vintages as queries
from routing.assign import Assignment, Found, Router
from routing.errors import NoFallbackTeam, RulesRefused
from routing.rulebook import AreaRow, Rules, bump
from routing.ties import refuse_ties

Connection = AsyncConnection[Any]

#: How many of the things in the way a refusal names.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft beside the vintage it would follow, compared area by area."""

    draft: Vintage
    #: None when nothing is in force the day before.
    before: Vintage | None
    timezone: str
    first: date
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Named:
    """A rule or an account that names an area by a code that goes."""

    code: str
    #: ``pothole → highways`` or ``account sam@example.org``.
    by: str


@dataclass(frozen=True, slots=True)
class Move:
    """An open job that the change gives another ward, division or team."""

    job: UUID
    reference: str
    team_before: str
    ward_before: str | None
    assignment: Assignment


@dataclass(frozen=True, slots=True)
class Change:
    """What the activation does, or would do."""

    proposal: Proposal
    #: Whether the day has come; later, the jobs move on the day.
    now: bool
    moves: tuple[Move, ...]
    #: References of open jobs that would lie outside every authority; they stay as they are.
    stranded: tuple[str, ...]
    carried: tuple[Named, ...]
    #: Rules and accounts that name an area that goes, with nowhere to go themselves.
    in_the_way: tuple[Named, ...]
    #: Two rules that could both win at one place then, as a sentence.
    tie: str | None

    def by_team(self) -> dict[tuple[str, str], int]:
        """How many jobs go from which team to which (the same: only the ward changes)."""
        found: dict[tuple[str, str], int] = {}
        for move in self.moves:
            pair = (move.team_before, move.assignment.team.slug)
            found[pair] = found.get(pair, 0) + 1
        return dict(sorted(found.items()))


async def load(conn: Connection, new: NewVintage, progress: Progress | None = None) -> Vintage:
    """Store a vintage: in force where its days touch no other's, a draft behind one without end."""
    stored = await storing.store(conn, new, progress)
    await storing.refuse_to_take_over(conn, stored)
    await bump(conn)
    await refuse_ties(conn)
    return stored


async def propose(conn: Connection, vintage: int, first: date | None = None) -> Proposal:
    """Compare a draft with what it would follow. Reads only, and may take a while: no transaction.

    ``first`` is the day it would begin, its own if not given.
    """
    draft = await storing.find_vintage(conn, vintage)
    if draft.state != "draft":
        raise VintageRefused(f"Vintage {draft.id}, {draft.what}, is in force {draft.when} already.")
    first = first or draft.first
    eve = first - timedelta(days=1)
    siblings = await storing.siblings(conn, draft)
    before = next((v for v in siblings if v.state == "active" and v.meets(eve, eve)), None)
    owner = await storing.find_authority(conn, draft.authority)
    old = await storing.shapes(conn, before.id) if before else []
    new = await storing.shapes(conn, draft.id)
    return Proposal(draft, before, owner.timezone, first, compare(old, new))


async def preview(conn: Connection, proposal: Proposal, mapping: Mapping[str, str]) -> Change:
    """What ``activate`` would do. Leaves nothing behind."""
    async with conn.transaction(force_rollback=True):
        return await _put_in_force(conn, proposal, mapping)


async def activate(conn: Connection, proposal: Proposal, mapping: Mapping[str, str]) -> Change:
    """Put the draft in force, end the one before it, and move the open jobs the change concerns.

    Holds back intake meanwhile, so that no report is routed by the old areas after the jobs were
    looked at. Raises VintageRefused, naming rules and staff that are in the way.
    """
    await conn.execute(queries.LOCK_ROUTING_EXCLUSIVE, {"lock": LOCK_ROUTING})
    change = await _put_in_force(conn, proposal, mapping)
    if change.in_the_way:
        raise VintageRefused(_obstacle(proposal, change.in_the_way))
    if change.tie:
        raise VintageRefused(change.tie)
    if change.now:
        await _move(conn, proposal.draft, change.moves)
    return change


async def reroute_due(conn: Connection) -> int:
    """Move the jobs of activations whose day has come since; how many jobs moved.

    A worker calls it daily, after midnight where the authorities are, or as often as it likes.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.DUE)
        due = [vintage for (vintage,) in await cursor.fetchall()]
    if not due:
        return 0
    await conn.execute(queries.LOCK_ROUTING_EXCLUSIVE, {"lock": LOCK_ROUTING})
    moved = 0
    for number in due:
        vintage = await storing.find_vintage(conn, number)
        siblings = await storing.siblings(conn, vintage)
        eve = vintage.first - timedelta(days=1)
        touched = [v.id for v in siblings if v.id == number or v.meets(eve, eve)]
        owner = await storing.find_authority(conn, vintage.authority)
        begun, _, at = await _instants(conn, vintage.first, owner.timezone)
        router = Router()
        before = await _decided(conn, router, touched, begun - timedelta(microseconds=1))
        after = await _decided(conn, router, touched, at)
        moves, _ = _moves(before, after, await router.current(conn))
        await _move(conn, vintage, moves)
        moved += len(moves)
    return moved


async def _put_in_force(conn: Connection, proposal: Proposal, mapping: Mapping[str, str]) -> Change:
    draft = proposal.draft
    _refuse_strange_codes(proposal.comparison, mapping)
    heirs = {each.old.code: each.new.code for each in proposal.comparison.recoded} | dict(mapping)
    touched = [draft.id] + ([proposal.before.id] if proposal.before else [])
    _, come, at = await _instants(conn, proposal.first, proposal.timezone)
    before = await _decided(conn, Router(), touched, at)
    ended = await storing.begin(conn, draft, proposal.first)
    if (ended and ended.id) != (proposal.before and proposal.before.id):
        raise VintageRefused("The boundaries changed while they were compared; try again.")
    gone = [each.area.code for each in proposal.comparison.gone]
    carried, in_the_way = await _carry_over(conn, draft, heirs, gone)
    await bump(conn)
    router = Router()
    after = await _decided(conn, router, touched, at)
    moves, stranded = _moves(before, after, await router.current(conn))
    return Change(proposal, come, moves, stranded, carried, in_the_way, await _tie(conn))


async def _tie(conn: Connection) -> str | None:
    try:
        await refuse_ties(conn)
    except RulesRefused as refusal:
        return refusal.detail
    return None


async def _instants(conn: Connection, day: date, timezone: str) -> tuple[datetime, bool, datetime]:
    """When that day begins there, whether it has, and the later of that instant and now."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.FROM_INSTANT, {"day": day, "timezone": timezone})
        ((begun, come, at),) = await cursor.fetchall()
    return begun, come, at


def _refuse_strange_codes(comparison: Comparison, mapping: Mapping[str, str]) -> None:
    olds = {each.area.code for each in comparison.gone} | {
        each.old.code for each in comparison.recoded
    }
    news = {
        area.code
        for area in (
            *comparison.same,
            *comparison.added,
            *(each.new for each in comparison.recoded),
            *(each.area for each in comparison.moved),
        )
    }
    for old, new in mapping.items():
        if old not in olds:
            raise VintageRefused(f"--map {old}={new}: {old} is not a code that goes.")
        if new not in news:
            raise VintageRefused(f"--map {old}={new}: the new vintage has no {new}.")


# Rules and staff


async def _carry_over(
    conn: Connection, draft: Vintage, heirs: Mapping[str, str], gone: Sequence[str]
) -> tuple[tuple[Named, ...], tuple[Named, ...]]:
    """Give those who name an old code its heir's; who they are, and who names one that goes."""
    values: dict[str, Any] = {
        "authority": draft.authority_id,
        "kind": draft.kind,
        "codes": [*heirs, *(code for code in gone if code not in heirs)],
    }
    carried: list[Named] = []
    in_the_way: list[Named] = []
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.RULES_NAMING, values)
        rules = await cursor.fetchall()
        _refuse_rules_that_would_tie(rules, heirs)
        for rule, category, code, _, team, _ in rules:
            named = Named(code, f"{category or 'any category'} → {team}")
            if code in heirs:
                await cursor.execute(queries.CARRY_RULE, {"rule": rule, "code": heirs[code]})
                carried.append(named)
            else:
                in_the_way.append(named)
        await cursor.execute(queries.STAFF_NAMING, values)
        for account, email, wards, works in await cursor.fetchall():
            added = [heirs[code] for code in wards if code in heirs]
            if added:
                wards_now = list(dict.fromkeys([*wards, *added]))
                await cursor.execute(queries.SET_WARDS, {"staff": account, "wards": wards_now})
            for code in wards:
                named = Named(code, f"account {email}")
                if code in heirs:
                    carried.append(named)
                elif code in gone and works:
                    in_the_way.append(named)
    return tuple(carried), tuple(in_the_way)


def _refuse_rules_that_would_tie(
    rules: Sequence[tuple[Any, ...]], heirs: Mapping[str, str]
) -> None:
    """Two old wards with different teams cannot both hand their rule to one new ward."""
    seen: dict[tuple[str | None, str, int], tuple[str, str, int]] = {}
    for _, category, code, team_id, team, rank in rules:
        if code not in heirs:
            continue
        other = seen.setdefault((category, heirs[code], rank), (code, team, team_id))
        if other[2] != team_id:
            raise VintageRefused(
                f"{other[0]} and {code} both become {heirs[code]}, but {category or 'any category'}"
                f" there would be {other[1]}'s and {team}'s; change one of the rules first."
            )


def _obstacle(proposal: Proposal, in_the_way: Sequence[Named]) -> str:
    """One sentence: who names which ward, and what it mostly becomes."""
    by_code: dict[str, list[str]] = {}
    for named in in_the_way:
        by_code.setdefault(named.code, []).append(named.by)
    gone = {each.area.code: each for each in proposal.comparison.gone}
    parts = []
    for code in sorted(by_code)[:NAMED]:
        heirs = gone[code].successors
        hint = f", mostly {heirs[0][0]} now" if heirs else ""
        parts.append(f"{gone[code].area} ({'; '.join(by_code[code][:NAMED])}{hint})")
    more = len(by_code) - NAMED
    return (
        f"Rules or staff name {len(by_code)} of the {proposal.draft.kind}s that go: "
        + ", ".join(parts)
        + (f" and {more} more" if more > 0 else "")
        + ". Say what each becomes with --map OLD=NEW, or change them first."
    )


# Jobs


@dataclass(frozen=True, slots=True)
class _Decided:
    """An open job, and what the rules say of it at one instant; None outside every authority."""

    reference: str
    authority_id: int
    team_id: int
    assignment: Assignment | None


async def _decided(
    conn: Connection, router: Router, vintages: Sequence[int], at: datetime
) -> dict[UUID, _Decided]:
    """The answer for each open job near these vintages. One statement finds all their areas."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.OPEN_JOBS, {"vintages": list(vintages), "at": at})
        rows = await cursor.fetchall()
    found = {}
    for job, reference, category, lat, lng, authority, team, areas, version in rows:
        here = Found(frozenset(areas), frozenset(), version)
        try:
            answer = await router.decide(conn, Point(lat, lng), category, at, here)
        except (OutsideCoverage, LooksSwapped, NoFallbackTeam):
            answer = None
        found[job] = _Decided(reference, authority, team, answer)
    return found


def _moves(
    before: Mapping[UUID, _Decided], after: Mapping[UUID, _Decided], rules: Rules
) -> tuple[tuple[Move, ...], tuple[str, ...]]:
    """The jobs whose answer changed, and those that have none any more."""
    moves, stranded = [], []
    for job, now in after.items():
        # A job that was reopened between the two looks has no answer before.
        then = before[job].assignment if job in before else None
        if now.assignment is None:
            if then is not None:
                stranded.append(now.reference)
            continue
        if then is not None and _answer(then) == _answer(now.assignment):
            continue
        assignment = now.assignment
        if then is not None and then.team.id == assignment.team.id:
            assignment = _kept(assignment, now, rules)
        moves.append(
            Move(
                job=job,
                reference=now.reference,
                team_before=rules.teams[now.team_id].slug,
                ward_before=then.ward.code if then and then.ward else None,
                assignment=assignment,
            )
        )
    return tuple(moves), tuple(stranded)


def _answer(assignment: Assignment) -> tuple[Any, ...]:
    """What makes an answer another one: the team, and the ward and division by whose and code."""
    return (assignment.team.id, _identity(assignment.ward), _identity(assignment.division))


def _identity(area: AreaRow | None) -> tuple[int, str] | None:
    return (area.authority_id, area.code) if area else None


def _kept(assignment: Assignment, job: _Decided, rules: Rules) -> Assignment:
    """The new ward with the team the job has, which staff may have chosen over the rules' one."""
    if assignment.team.id == job.team_id:
        return assignment
    team = rules.teams[job.team_id]
    flags = tuple(flag for flag in assignment.flags if flag not in DECIDED)
    reasons = {"why": "by_hand", "by": "system", "team": team.slug, "flags": list(flags)}
    return replace(
        assignment,
        team=team,
        authority=rules.authorities[job.authority_id],
        flags=flags,
        reasons=reasons,
        reasons_json=json.dumps(reasons, ensure_ascii=False),
    )


async def _move(conn: Connection, vintage: Vintage, moves: Sequence[Move]) -> None:
    await reassign(conn, {move.job: move.assignment for move in moves})
    await conn.execute(queries.REROUTED, {"vintage": vintage.id})
