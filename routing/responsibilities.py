"""An authority's rules from a file: checked line by line, then put in the place of the old ones.

The file is CSV with the columns ``authority, category, area_kind, area_code, team, rank``. An empty
category means any, an empty area the whole authority, a kind without a code every area of that
kind; ``zone`` with ``type:trunk_road`` means every zone of that type. ``team`` is a slug within
the authority, and is made if it is new. Rules that could tie somewhere are refused, here and
wherever boundaries change (see ``ties``).
"""

import csv
import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from routing.errors import RulesRefused
from routing.rulebook import Rules, bump, load
from routing.rules import TYPE_PREFIX, AreaKey, Extent
from routing.ties import refuse_ties

COLUMNS = ("authority", "category", "area_kind", "area_code", "team", "rank")
KINDS = ("ward", "division", "zone")

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

#: Drafts too: a rule may be loaded before the vintage that it is for comes into force.
AREA_KEYS = """
select distinct authority_id, kind, code, zone_type from area where authority_id = any(%(owners)s)
"""

TEAM = """
insert into team (authority_id, slug, name) values (%(authority)s, %(slug)s, %(name)s)
returning id
"""

FALLBACK_TEAMS = """
insert into team (authority_id, slug, name)
select id, fallback_team, initcap(replace(replace(fallback_team, '-', ' '), '_', ' '))
from authority
on conflict (authority_id, slug) do nothing
"""

DELETE = "delete from responsibility where authority_id = any(%(owners)s)"

INSERT = """
insert into responsibility (authority_id, category, area_kind, area_code, team_id, rank)
values (%(authority)s, %(category)s, %(kind)s, %(code)s, %(team)s, %(rank)s)
returning id
"""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file, in the file's words."""

    number: int
    authority: str
    category: str | None
    area_kind: str | None
    area_code: str | None
    team: str
    rank: int


@dataclass(frozen=True, slots=True)
class Replaced:
    """What loading did."""

    authorities: tuple[str, ...]
    rules: int
    before: int
    teams_made: tuple[str, ...]
    #: Area codes that the rules name and that are in force no more: they count for the past only.
    ended: tuple[str, ...] = ()


def read(text: str) -> list[Line]:
    """The lines of a file. Raises RulesRefused, naming the first that is wrong."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    problems = _Problems()
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header and name != "rank"]
        if missing:
            raise RulesRefused(
                f"The file has no column {missing[0]}; it needs {', '.join(COLUMNS)}."
            )
        lines = []
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            number = reader.line_num
            if len(cells) > len(header):
                problems.note(number, f"has {len(cells)} cells, the header {len(header)}")
                continue
            named = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            try:
                lines.append(_line(number, named))
            except ValueError as error:
                problems.note(number, str(error))
    except csv.Error as error:
        raise RulesRefused(f"Line {reader.line_num}: not CSV: {error}.") from error
    problems.refuse_any()
    if not lines:
        raise RulesRefused("The file holds no rule.")
    return lines


async def replace(conn: AsyncConnection[Any], lines: Sequence[Line]) -> Replaced:
    """Put these rules in the place of all rules of the authorities they name.

    Raises RulesRefused when a line names what does not exist, repeats another, or could tie.
    """
    await bump(conn)  # first, so that whoever else changes rules or boundaries waits for this
    await make_fallback_teams(conn)
    rules = await load(conn)
    owners = sorted(
        {rules.by_slug[line.authority].id for line in lines if line.authority in rules.by_slug}
    )
    _check(lines, rules, await _area_keys(conn, owners))
    before = sum(len(shelf) for key, shelf in rules.responsibilities.items() if key[0] in owners)
    teams, made = await _teams(conn, lines, rules)
    number_of: dict[int, int] = {}
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(DELETE, {"owners": owners})
        rows = [
            {
                "authority": rules.by_slug[line.authority].id,
                "category": line.category,
                "kind": line.area_kind,
                "code": line.area_code,
                "team": teams[line.authority, line.team],
                "rank": line.rank,
            }
            for line in lines
        ]
        await cursor.executemany(INSERT, rows, returning=True)
        for line in lines:
            inserted = await cursor.fetchone()
            number_of[inserted[0] if inserted else 0] = line.number
            cursor.nextset()
    await refuse_ties(conn, number_of)
    slugs = tuple(sorted({line.authority for line in lines}))
    return Replaced(slugs, len(lines), before, made, _ended(lines, rules))


def _ended(lines: Sequence[Line], rules: Rules) -> tuple[str, ...]:
    today = datetime.now(UTC).date().isoformat()
    named = {(rules.by_slug[line.authority].id, line.area_kind, line.area_code) for line in lines}
    last: dict[str, bool] = {}
    for area in rules.areas.values():
        if (area.authority_id, area.kind, area.code) in named:
            over = area.valid_to is not None and area.valid_to <= today
            last[area.code] = last.get(area.code, True) and over
    return tuple(sorted(code for code, over in last.items() if over))


async def make_fallback_teams(conn: AsyncConnection[Any]) -> None:
    """Make the fallback team of every authority that has none yet. The caller bumps."""
    await conn.execute(FALLBACK_TEAMS)


async def _teams(
    conn: AsyncConnection[Any], lines: Sequence[Line], rules: Rules
) -> tuple[dict[tuple[str, str], int], tuple[str, ...]]:
    """The teams the lines name, by authority and slug; and those made for them."""
    known = {(team.authority_id, team.slug): team.id for team in rules.teams.values()}
    teams: dict[tuple[str, str], int] = {}
    made = []
    async with conn.cursor(row_factory=tuple_row) as cursor:
        for slug, team in dict.fromkeys((line.authority, line.team) for line in lines):
            authority = rules.by_slug[slug].id
            if (authority, team) in known:
                teams[slug, team] = known[authority, team]
                continue
            values = {"authority": authority, "slug": team, "name": _team_name(team)}
            await cursor.execute(TEAM, values)
            row = await cursor.fetchone()
            teams[slug, team] = row[0] if row else 0
            made.append(f"{slug}/{team}")
    return teams, tuple(made)


async def _area_keys(conn: AsyncConnection[Any], owners: Sequence[int]) -> frozenset[Extent]:
    """Everything a rule of these authorities can name, as extents."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(AREA_KEYS, {"owners": owners})
        keys = [AreaKey(*fields) for fields in await cursor.fetchall()]
    return frozenset(extent for key in keys for extent in key.extents())


def _line(number: int, named: Mapping[str, str]) -> Line:
    """The line. Raises ValueError saying what is wrong with it."""
    kind = named.get("area_kind", "").lower() or None
    code = named.get("area_code", "") or None
    rank = named.get("rank", "") or "0"
    if kind == "authority":  # said in full: the whole authority
        kind = code = None
    if not named.get("authority"):
        raise ValueError("names no authority")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"area_kind is one of {', '.join(KINDS)}, or empty")
    if kind is None and code is not None:
        raise ValueError("has an area_code but no area_kind")
    team = named.get("team", "")
    if not _SLUG.fullmatch(team):
        raise ValueError(
            "team must be a slug: small letters, digits and hyphens, such as highways-north"
        )
    if not re.fullmatch(r"-?[0-9]{1,6}", rank):
        raise ValueError("rank must be a whole number")
    return Line(
        number, named["authority"], named.get("category") or None, kind, code, team, int(rank)
    )


def _check(lines: Sequence[Line], rules: Rules, known: Collection[Extent]) -> None:
    """Whether everything the lines name exists, and none says the same as another."""
    problems = _Problems()
    seen: dict[tuple[object, ...], int] = {}
    for line in lines:
        _check_line(line, rules, known, seen, problems)
    problems.refuse_any()


def _check_line(
    line: Line,
    rules: Rules,
    known: Collection[Extent],
    seen: dict[tuple[object, ...], int],
    problems: "_Problems",
) -> None:
    authority = rules.by_slug.get(line.authority)
    if authority is None:
        problems.note(line.number, f"there is no authority {line.authority}")
        return
    if line.category is not None and line.category not in rules.categories:
        problems.note(line.number, f"there is no category {line.category}")
    if line.area_code is not None and (authority.id, line.area_kind, line.area_code) not in known:
        what = line.area_code.removeprefix(TYPE_PREFIX)
        kind = "zone of type" if line.area_code != what else line.area_kind
        problems.note(line.number, f"{line.authority} has no {kind} {what}")
    key = (line.authority, line.category, line.area_kind, line.area_code, line.rank)
    first = seen.setdefault(key, line.number)
    if first != line.number:
        problems.note(line.number, f"is for the same as line {first}, at the same rank")


def _team_name(slug: str) -> str:
    return re.sub(r"[-_]+", " ", slug).title()


class _Problems:
    """What is wrong with a file, by line; told at once, so that one edit can mend it."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def note(self, number: int, what: str) -> None:
        self._found.append((number, what))

    def refuse_any(self) -> None:
        if not self._found:
            return
        (number, what), *others = self._found
        lines = ", ".join(str(line) for line in dict.fromkeys(line for line, _ in others[:20]))
        more = f" Also wrong: line {lines}." if others else ""
        raise RulesRefused(f"Line {number}: {what}.{more}", lines=[line for line, _ in self._found])
