"""Which responsibility wins at a place, and which could tie somewhere. Pure: no database.

The most specific rule wins: one that names the category before one that does not; then one for a
zone, for a ward or division, for the whole authority; then the lower ``rank``. Two rules that are
alike in all three and can meet at one place are a configuration error, found when rules or
boundaries are loaded (``conflicts``). Should one be met nevertheless, the answer is still one and
the same whatever the order of the rules, and says that it was a tie.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

#: How a zone rule names every zone of a type: ``type:trunk_road``.
TYPE_PREFIX = "type:"

#: What a rule covers: authority, kind, code. Kind and code None: the whole authority; code None:
#: every area of the kind.
Extent = tuple[int, str | None, str | None]
#: Authority, category (None: any), kind, code: everything but team and rank.
RuleKey = tuple[int, str | None, str | None, str | None]
#: Why the winner won: against the rule that came second.
Why = Literal["only", "category", "area", "rank", "tie", "fallback"]


@dataclass(frozen=True, slots=True)
class Rule:
    """A responsibility: this authority, this category, these areas → this team."""

    id: int
    authority_id: int
    category: str | None
    area_kind: str | None
    area_code: str | None
    team_id: int
    rank: int = 0

    @property
    def extent(self) -> Extent:
        """What it covers."""
        return (self.authority_id, self.area_kind, self.area_code)

    @property
    def key(self) -> RuleKey:
        """Where an index finds it."""
        return (self.authority_id, self.category, self.area_kind, self.area_code)

    @property
    def specificity(self) -> tuple[bool, int, int]:
        """Less wins. Equal means a tie."""
        return (self.category is None, area_class(self.area_kind), self.rank)


@dataclass(frozen=True, slots=True)
class AreaKey:
    """An area as rules name it; it stays the same from vintage to vintage."""

    authority_id: int
    kind: str
    code: str
    zone_type: str | None = None

    def extents(self) -> Iterator[Extent]:
        """The extents that hold it, but for the whole authority's."""
        yield (self.authority_id, self.kind, self.code)
        yield (self.authority_id, self.kind, None)
        if self.zone_type is not None:
            yield (self.authority_id, self.kind, TYPE_PREFIX + self.zone_type)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a place is to the rules."""

    #: The authorities in whose own area it lies.
    whole: frozenset[int]
    areas: frozenset[AreaKey]

    def extents(self) -> set[Extent]:
        """Every extent that holds the place."""
        held: set[Extent] = {(authority, None, None) for authority in self.whole}
        for area in self.areas:
            held.update(area.extents())
        return held


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that won (None: no rule applies), why, and all that applied, the winner first."""

    won: Rule | None
    why: Why
    considered: tuple[Rule, ...]


Index = Mapping[RuleKey, tuple[Rule, ...]]


def index(rules: Iterable[Rule]) -> Index:
    """The rules by what they name, so that a verdict costs the same for 10 rules and 10,000."""
    shelves: dict[RuleKey, list[Rule]] = defaultdict(list)
    for rule in rules:
        shelves[rule.key].append(rule)
    return {key: tuple(shelf) for key, shelf in shelves.items()}


def area_class(kind: str | None) -> int:
    """The order of DESIGN section 4: zone, ward or division, whole authority."""
    match kind:
        case "zone":
            return 0
        case "ward" | "division":
            return 1
        case None:
            return 2
        case _:
            raise ValueError(f"no rule is for an area of kind {kind}")


def decide(rules: Index, category: str, ground: Ground) -> Verdict:
    """The verdict at a place."""
    applying = [
        rule
        for authority, kind, code in ground.extents()
        for named in (category, None)
        for rule in rules.get((authority, named, kind, code), ())
    ]
    if not applying:
        return Verdict(None, "fallback", ())
    applying.sort(key=lambda rule: (rule.specificity, rule.authority_id, rule.id))
    return Verdict(applying[0], _why(applying), tuple(applying))


def conflicts(
    rules: Iterable[Rule],
    areas: Collection[AreaKey],
    meeting: Collection[tuple[Extent, Extent]],
) -> list[tuple[Rule, Rule]]:
    """The pairs of rules that could tie, each pair once, in the order of their ids.

    ``areas`` are the areas there are; ``meeting`` the pairs of extents that share ground: two areas
    that overlap, or two whole authorities (a county and its district).
    """
    found: dict[tuple[int, int], tuple[Rule, Rule]] = {}
    peers: dict[tuple[str | None, int, int], list[Rule]] = defaultdict(list)
    for rule in rules:
        peers[rule.category, area_class(rule.area_kind), rule.rank].append(rule)
    for group in peers.values():
        on = _rules_by_place(group, areas)
        for here in on.values():
            for pair in combinations(here, 2):
                _note(found, *pair)
        for one, other in meeting:
            for rule in on.get(one, ()):
                for rival in on.get(other, ()):
                    if rule.id != rival.id:
                        _note(found, rule, rival)
    return [found[key] for key in sorted(found)]


def _rules_by_place(
    group: Collection[Rule], areas: Collection[AreaKey]
) -> Mapping[Extent, list[Rule]]:
    """Each single area (or whole authority) with the rules of the group that cover it."""
    by_extent: dict[Extent, list[Rule]] = defaultdict(list)
    for rule in group:
        by_extent[rule.extent].append(rule)
    on: dict[Extent, list[Rule]] = {
        # Rules for a code that no area has, and for whole authorities, still meet their equals.
        extent: list(here)
        for extent, here in by_extent.items()
    }
    for area in areas:
        here = [rule for extent in area.extents() for rule in by_extent.get(extent, ())]
        if here:
            on[area.authority_id, area.kind, area.code] = here
    return on


def _note(found: dict[tuple[int, int], tuple[Rule, Rule]], one: Rule, other: Rule) -> None:
    first, second = sorted((one, other), key=lambda rule: rule.id)
    found[first.id, second.id] = (first, second)


def _why(applying: list[Rule]) -> Why:
    if len(applying) == 1:
        return "only"
    won, second = applying[0].specificity, applying[1].specificity
    if won == second:
        return "tie"
    if won[0] != second[0]:
        return "category"
    return "area" if won[1] != second[1] else "rank"
