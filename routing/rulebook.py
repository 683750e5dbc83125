"""The rules as a process keeps them in memory: authorities, areas without shapes, teams, rules.

They are read in one statement, so that they fit together, and carry the version they were read at.
Whatever changes authorities, areas, categories, teams or responsibilities calls ``bump`` in the
same transaction; a look-up reads the version beside the areas it finds, and a process whose rules
are of another version reads them anew.

A transaction that has bumped must decide with a Router of its own: were it rolled back, a shared
one would keep rules that never came into force under a version that another change takes next.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from routing.calendars import Calendar
from routing.categories import Category
from routing.errors import UnknownCategory
from routing.rules import AreaKey, Index, Rule, index
from routing.triage import Zone

BUMP = "update rulebook set version = version + 1 where id = 1 returning version"

#: One row of JSON arrays. Drafts are left out: no look-up finds them.
LOAD = """
select
  (select version from rulebook where id = 1),
  (select coalesce(json_agg(json_build_array(a.id, a.slug, a.name, a.code, a.tier, a.timezone,
            (select team.id from team
             where team.authority_id = a.id and team.slug = a.fallback_team), a.calendar)
          order by a.id), '[]')
   from authority a),
  (select coalesce(json_agg(json_build_array(authority_id, member_id)
            order by authority_id, member_id), '[]')
   from authority_member),
  (select coalesce(json_agg(json_build_array(area.id, area.authority_id, area.kind, area.zone_type,
            area.code, area.name, v.id, lower(v.valid), upper(v.valid))), '[]')
   from area join vintage v on v.id = area.vintage_id
   where v.state = 'active'),
  (select coalesce(json_agg(json_build_array(id, authority_id, slug, name)), '[]') from team),
  (select coalesce(json_agg(json_build_array(id, authority_id, category, area_kind, area_code,
            team_id, rank)), '[]')
   from responsibility),
  (select coalesce(json_agg(definition || jsonb_build_object('active', active)
            order by position), '[]')
   from category)
"""


@dataclass(frozen=True, slots=True)
class AuthorityRow:
    """A council or highway body."""

    id: int
    slug: str
    name: str
    code: str | None
    tier: str
    timezone: str
    #: None when the fallback team has not been made: a decision that needs it cannot be had.
    fallback_team_id: int | None
    #: Whose public holidays it keeps, where the zone does not tell.
    calendar_code: str | None = None

    @property
    def calendar(self) -> Calendar:
        """When it works."""
        return Calendar(self.timezone, self.calendar_code)


@dataclass(frozen=True, slots=True)
class AreaRow:
    """An area of a vintage in force at some time; dates are ISO, the end is not part of it."""

    id: int
    authority_id: int
    kind: str
    zone_type: str | None
    code: str
    name: str
    vintage_id: int
    valid_from: str | None
    valid_to: str | None

    @property
    def key(self) -> AreaKey:
        """The area as rules name it."""
        return AreaKey(self.authority_id, self.kind, self.code, self.zone_type)


@dataclass(frozen=True, slots=True)
class TeamRow:
    """The people who do the work for one authority."""

    id: int
    authority_id: int
    slug: str
    name: str


@dataclass(frozen=True)
class Rules:
    """Everything a decision needs but the place."""

    version: int
    authorities: Mapping[int, AuthorityRow]
    by_slug: Mapping[str, AuthorityRow]
    #: Lower-tier authority → the upper tiers it is a member of; and the other way round.
    uppers: Mapping[int, tuple[int, ...]]
    members: Mapping[int, tuple[int, ...]]
    areas: Mapping[int, AreaRow]
    #: The authorities that have wards or divisions at all.
    with_wards: frozenset[int]
    #: The authorities whose own area is more than their zones.
    with_ground: frozenset[int]
    teams: Mapping[int, TeamRow]
    responsibilities: Index
    #: Retired ones too: jobs of a retired category still move when boundaries do.
    categories: Mapping[str, Category]

    @classmethod
    def from_row(cls, row: tuple[Any, ...]) -> Self:
        """From what LOAD selects."""
        version, authorities, memberships, areas, teams, responsibilities, categories = row
        uppers, members = defaultdict(list), defaultdict(list)
        for upper, member in memberships:
            uppers[member].append(upper)
            members[upper].append(member)
        area_rows = [AreaRow(*fields) for fields in areas]
        authority_rows = [AuthorityRow(*fields) for fields in authorities]
        shaped = {area.authority_id for area in area_rows if area.kind != "zone"}
        return cls(
            version=version,
            authorities={authority.id: authority for authority in authority_rows},
            by_slug={authority.slug: authority for authority in authority_rows},
            uppers={member: tuple(above) for member, above in uppers.items()},
            members={upper: tuple(below) for upper, below in members.items()},
            areas={area.id: area for area in area_rows},
            with_wards=frozenset(
                area.authority_id for area in area_rows if area.kind in {"ward", "division"}
            ),
            with_ground=frozenset(shaped | members.keys()),
            teams={team.id: team for team in (TeamRow(*fields) for fields in teams)},
            responsibilities=index(Rule(*fields) for fields in responsibilities),
            categories={
                category.code: category for category in map(Category.model_validate, categories)
            },
        )

    def zones(self, areas: Iterable[int], near: Iterable[tuple[int, float]] = ()) -> list[Zone]:
        """The zones among areas that hold a place, and those near it, each once."""
        found: dict[int, float] = {}
        for number, distance_m in (*((area, 0.0) for area in areas), *near):
            area = self.areas.get(number)
            if area is not None and area.zone_type is not None:
                found[number] = min(distance_m, found.get(number, distance_m))
        return [
            Zone(
                str(self.areas[number].zone_type),
                self.areas[number].code,
                self.areas[number].name,
                distance_m,
            )
            for number, distance_m in found.items()
        ]

    def category(self, code: str) -> Category:
        """The category a report may be made in. Raises UnknownCategory."""
        category = self.categories.get(code)
        if category is None or not category.active:
            raise UnknownCategory
        return category


async def load(conn: AsyncConnection[Any]) -> Rules:
    """The rules as they stand now."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(LOAD)
        row = await cursor.fetchone()
    if row is None or row[0] is None:
        raise LookupError("the table rulebook has no row: the schema is not migrated")
    return Rules.from_row(row)


async def bump(conn: AsyncConnection[Any]) -> int:
    """Tell every process that the rules have changed, from this transaction's commit on."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(BUMP)
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("the table rulebook has no row: the schema is not migrated")
    version: int = row[0]
    return version
