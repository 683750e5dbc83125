"""Rules that could tie somewhere: found when rules or boundaries change, not when a resident waits.

Which rules are rivals is decided by ``rules.conflicts``; here is what it must be told: which areas
of which authorities share ground. Authorities that no place can have both of (two districts, a
district and another county) are never rivals, however their drawn borders lap over each other.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from routing.errors import RulesRefused
from routing.place import LOWER_TIERS
from routing.rulebook import AuthorityRow, Rules, load
from routing.rules import Extent, Rule, area_class, conflicts

#: Two areas overlap when they share more than this; less is how a border was digitised twice.
OVERLAP_M2 = 1.0

#: Relies on the GiST index of area_part for the parts beside each part of `these`.
OVERLAPS = """
select distinct one.area_id, other.area_id
from area_part one
join area_part other on other.geom && one.geom and other.in_force && one.in_force
where one.area_id = any(%(these)s) and other.area_id = any(%(those)s)
  and one.area_id <> other.area_id
  and st_area(st_intersection(one.geom, other.geom)::geography) > %(overlap)s
"""


async def refuse_ties(
    conn: AsyncConnection[Any], number_of: Mapping[int, int] | None = None
) -> None:
    """Raise RulesRefused if two rules could tie somewhere, on the boundaries as they stand.

    For whoever changes rules or boundaries, before committing. ``number_of`` gives the lines of a
    file that rules came from, so that the sentence can name them.
    """
    rules = await load(conn)
    loaded = [rule for shelf in rules.responsibilities.values() for rule in shelf]
    areas = {area.key for area in rules.areas.values()}
    pairs = conflicts(loaded, areas, await _meeting(conn, rules, loaded))
    if not pairs:
        return
    one, other = pairs[0]
    more = f" {len(pairs) - 1} more pairs of rules could tie." if len(pairs) > 1 else ""
    raise RulesRefused(
        f"Two rules could both win at one place: {_name(one, rules, number_of or {})}, and"
        f" {_name(other, rules, number_of or {})}. Give one a category, a narrower area or another"
        f" rank.{more}",
        ties=len(pairs),
    )


async def _meeting(
    conn: AsyncConnection[Any], rules: Rules, loaded: Sequence[Rule]
) -> list[tuple[Extent, Extent]]:
    """The pairs of extents that share ground, as far as rules could tie on them."""
    whole = area_class(None)
    meeting: list[tuple[Extent, Extent]] = []
    for one, other, kind in _rivals(rules, loaded):
        if kind == whole:
            declared = other in rules.uppers.get(one, ()) or one in rules.uppers.get(other, ())
            shared = set(rules.members.get(one, ())) & set(rules.members.get(other, ()))
            if (
                declared
                or shared
                or await _overlaps(conn, _ground(rules, one), _ground(rules, other))
            ):
                meeting.append(((one, None, None), (other, None, None)))
            continue
        for these, those in _sides(rules, loaded, one, other, kind):
            for first, second in await _overlaps(conn, these, those):
                a, b = rules.areas[first], rules.areas[second]
                meeting.append(((a.authority_id, a.kind, a.code), (b.authority_id, b.kind, b.code)))
    return meeting


async def _overlaps(
    conn: AsyncConnection[Any], these: Collection[int], those: Collection[int]
) -> list[tuple[int, int]]:
    if not these or not those:
        return []
    values = {"these": list(these), "those": list(those), "overlap": OVERLAP_M2}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(OVERLAPS, values)
        return await cursor.fetchall()


def _rivals(rules: Rules, loaded: Iterable[Rule]) -> Iterator[tuple[int, int, int]]:
    """The pairs of authorities, and the class of area, of which rules of equal rank are."""
    groups: dict[tuple[str | None, int, int], set[int]] = defaultdict(set)
    several: dict[tuple[str | None, int, int, int], int] = defaultdict(int)
    for rule in loaded:
        kind = area_class(rule.area_kind)
        groups[rule.category, kind, rule.rank].add(rule.authority_id)
        several[rule.category, kind, rule.rank, rule.authority_id] += 1
    rivals: set[tuple[int, int, int]] = set()
    for (category, kind, rank), owners in groups.items():
        for one, other in combinations(sorted(owners), 2):
            if _both_found(rules, rules.authorities[one], rules.authorities[other], kind):
                rivals.add((one, other, kind))
        for owner in owners:
            if kind != area_class(None) and several[category, kind, rank, owner] > 1:
                rivals.add((owner, owner, kind))
    yield from sorted(rivals)


def _both_found(rules: Rules, one: AuthorityRow, other: AuthorityRow, kind: int) -> bool:
    """Whether a place can have rules of that class from both (see place.stand)."""
    if kind == area_class("zone") or "national" in {one.tier, other.tier}:
        return True
    for lower, upper in ((one, other), (other, one)):
        above = rules.uppers.get(lower.id, ())
        if upper.id in above:
            return True
        if lower.tier == "district" and upper.tier == "county" and not above:
            return True
    both_upper = one.tier not in LOWER_TIERS and other.tier not in LOWER_TIERS
    return both_upper and bool(
        set(rules.members.get(one.id, ())) & set(rules.members.get(other.id, ()))
    )


def _sides(
    rules: Rules, loaded: Iterable[Rule], one: int, other: int, kind: int
) -> Iterator[tuple[list[int], list[int]]]:
    """The areas to be laid over each other: those that rules of the class name, on either side."""
    extents = {rule.extent for rule in loaded if area_class(rule.area_kind) == kind}

    def named(authority: int, area_kind: str) -> list[int]:
        return [
            area.id
            for area in rules.areas.values()
            if area.authority_id == authority
            and area.kind == area_kind
            and not extents.isdisjoint(area.key.extents())
        ]

    if kind == area_class("zone"):
        yield named(one, "zone"), named(other, "zone")
        return
    # A border leaves one ward and one division: only a ward and a division are both found.
    yield named(one, "ward"), named(other, "division")
    if one != other:
        yield named(one, "division"), named(other, "ward")


def _ground(rules: Rules, authority: int) -> list[int]:
    """The areas that make up an authority's own area."""
    owners = {authority, *rules.members.get(authority, ())}
    only_zones = authority not in rules.with_ground
    return [
        area.id
        for area in rules.areas.values()
        if area.authority_id in owners and (area.kind == "zone") == only_zones
    ]


def _name(rule: Rule, rules: Rules, number_of: Mapping[int, int]) -> str:
    where = rule.area_code or (f"any {rule.area_kind}" if rule.area_kind else "the whole authority")
    origin = f"line {number_of[rule.id]}" if rule.id in number_of else "the loaded rule"
    return (
        f"{origin} ({rules.authorities[rule.authority_id].slug}, {rule.category or 'any category'},"
        f" {where}, rank {rule.rank} → {rules.teams[rule.team_id].slug})"
    )
