"""Whose each row was: routed at its own day by the one look-up, with wards in force then."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from geo.errors import LooksSwapped
from reporting.errors import ImportRefused
from reporting.importing.given import Given, Placed
from reporting.importing.reading import Past, Rejected
from reporting.runtime import Connection
from routing.assign import Assignment, assign, in_words
from routing.bulk import STAGE, Standings
from routing.place import Standing
from routing.rulebook import AuthorityRow, Rules, TeamRow, load

VERSION: Final = "select version from rulebook where id = 1"


@dataclass
class Placer:
    """Places rows, chunk after chunk, by the rules at the database's version."""

    authority: str
    _standings: Standings | None = None
    _given: dict[tuple[str, str | None, int], tuple[object, Given]] = field(default_factory=dict)

    async def rules(self, conn: Connection) -> Rules:
        """The rules as this transaction sees them."""
        [(version,)] = await (await conn.execute(VERSION)).fetchall()
        if self._standings is None or self._standings.rules.version != version:
            self._standings = Standings(await load(conn))
            self._given = {}
        return self._standings.rules

    async def home(self, conn: Connection) -> AuthorityRow:
        """The council whose past it is. Raises ImportRefused where there is none of that name."""
        found = (await self.rules(conn)).by_slug.get(self.authority)
        if found is None:
            raise ImportRefused(
                f"There is no authority {self.authority}; `authority add` makes one."
            )
        return found

    async def place(self, conn: Connection, rows: Sequence[Past]) -> list[Placed | Rejected]:
        """Whose each row was, in their order. The caller has a transaction."""
        rules = await self.rules(conn)
        home = await self.home(conn)
        standings = self._standings
        if standings is None:
            raise LookupError("there are no rules")
        await conn.execute(STAGE)
        mapped = [row for row in rows if row.place is not None]
        stood = iter(
            await standings.look(
                conn, [row.place for row in mapped if row.place], [row.created for row in mapped]
            )
        )
        found: list[Placed | Rejected] = []
        for row in rows:
            where = None if row.place is None else next(stood)
            if where is not None and not isinstance(where, Standing):
                found.append(Rejected(row.cells, _refused(where, row, rules, home)))
                continue
            given = self._decide(rules, home, row, where)
            found.append(
                Rejected(row.cells, "unknown_team", row.team)
                if given is None
                else Placed(row, given)
            )
        return found

    def _decide(
        self, rules: Rules, home: AuthorityRow, row: Past, where: Standing | None
    ) -> Given | None:
        key = (row.category, row.team, id(where))
        known = self._given.get(key)
        if known is not None:
            return known[1]
        assignment = in_words(rules, home) if where is None else assign(rules, row.category, where)
        zones = () if where is None else tuple(rules.zones(area.id for area in where.areas))
        given = Given(row.category, assignment, None, None, zones)
        if row.team is not None:
            team = _team(rules, assignment.authority, row.team)
            if team is None:
                return None
            if team != assignment.team:
                given = given._replace(team=team, team_reasons=_by_map(team, assignment))
        if where is None or where.ward_distance_m is None:  # a place of its own shares nothing
            self._given[key] = (where, given)
        return given


def _refused(why: Any, row: Past, rules: Rules, home: AuthorityRow) -> str:
    if why is LooksSwapped:
        return "looks_swapped"
    first = first_day(rules, home)
    day = row.created.astimezone(ZoneInfo(home.timezone)).date()
    return "before_boundaries" if first and day < first else "outside_coverage"


def first_day(rules: Rules, home: AuthorityRow) -> date | None:
    """The first day on which an area of the council was in force; None: since ever, or never."""
    days = [
        area.valid_from
        for area in rules.areas.values()
        if area.authority_id == home.id and area.kind != "zone"
    ]
    if not days or None in days:
        return None
    return date.fromisoformat(min(day for day in days if day is not None))


def _team(rules: Rules, authority: AuthorityRow, slug: str) -> TeamRow | None:
    teams = rules.teams.values()
    return next((t for t in teams if t.authority_id == authority.id and t.slug == slug), None)


def _by_map(team: TeamRow, assignment: Assignment) -> str:
    reasons = {
        "why": "by_hand",
        "by": "system",
        "team": team.slug,
        "flags": list(assignment.flags),
        "imported": True,
    }
    return orjson.dumps(reasons).decode()
