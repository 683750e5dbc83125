"""Tables of figures: by ward, team, category or time, with a total, perhaps beside a period before.

Everything is read from the counts that are kept (``counting``): what a table costs depends on its
rows and days, not on the reports there ever were. Counts hold no status, priority or place, so
figures are not narrowed by those.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from psycopg import AsyncConnection

from reporting.asked import Asked, Days, Narrowed, narrowed
from reporting.auth import Scope
from reporting.counting import reading
from reporting.counting.values import By, Figure
from reporting.errors import Invalid, NotFound
from reporting.statistics import figures, periods, sizes, wards
from reporting.statistics.figures import ALL, Counted, Key, Row, Size
from reporting.statistics.intervals import Spread, spread
from reporting.statistics.periods import Parts, Step
from routing.rulebook import Rules

Connection = AsyncConnection[Any]
Group = Literal["ward", "team", "category", "day", "week", "month", "none"]

_COUNTED_BY: Final[dict[Group, frozenset[By]]] = {
    "ward": frozenset({"area"}),
    "team": frozenset({"team"}),
    "category": frozenset({"category"}),
    "day": frozenset({"day"}),
    "week": frozenset({"week"}),
    "month": frozenset({"day"}),
    "none": frozenset(),
}
_STEPS: Final[dict[Group, Step]] = {"day": "day", "week": "week", "month": "month"}

#: What a figure is gathered under: a ward's (authority, kind, code), a team's id, a category's
#: code, a first day; None: in no ward; () for all.
Gathered = Any


@dataclass(frozen=True, slots=True)
class Table:
    """Figures of a period, as of when what depends on the clock was last counted."""

    as_of: datetime
    by: Group
    days: Days
    compared: Days | None
    rows: list[Row]
    total: Row


@dataclass(frozen=True, slots=True)
class _Question:
    """What is read for one table."""

    rules: Rules
    by: Group
    within: Narrowed
    days: Days
    compared: Days | None


async def table(
    conn: Connection,
    rules: Rules,
    seen: Scope,
    asked: Asked,
    by: Group,
    *,
    compared: Days | None = None,
    now: datetime | None = None,
) -> Table:
    """The figures that were asked for, as far as they may be seen.

    Raises Invalid for days that have not been, for more rows by time than can be read, and for
    filters that counts do not hold.
    """
    if asked.statuses or asked.priorities or asked.bbox or asked.overdue is not None:
        raise Invalid("Figures go by ward, team, category and days; the lists by the rest too.")
    today = today_of(rules, seen.authority, now)
    days = days_of(asked, today)
    compared = periods.clipped(compared, today) if compared else None
    within = narrowed(rules, seen, asked, now)
    as_of = await reading.as_of(conn, seen.authority)
    if within is None:
        return Table(as_of, by, days, compared, [], Row(ALL, Counted(), 0, 0))
    if by in _STEPS:
        periods.steps(days, _STEPS[by])  # refused before anything is read
    question = _Question(rules, by, within, days, compared)
    rows, total = await _answer(conn, question)
    return Table(as_of, by, days, compared, rows, total)


async def ward(
    conn: Connection,
    rules: Rules,
    seen: Scope,
    *,
    authority: str,
    code: str,
    asked: Asked,
    compared: Days | None = None,
    now: datetime | None = None,
) -> Table:
    """One ward, in its total. Raises NotFound for one that there is not, or that is not theirs."""
    own = rules.authorities[seen.authority]
    versions = [
        area
        for area in rules.areas.values()
        if area.code == code and area.id in wards.counted_by(rules, own.id)
    ]
    if own.slug != authority or not versions:
        raise NotFound
    if seen.areas is not None and not seen.areas & {area.id for area in versions}:
        raise NotFound
    only = Asked(
        authorities=asked.authorities,
        wards=frozenset({code}),
        teams=asked.teams,
        categories=asked.categories,
        first=asked.first,
        last=asked.last,
    )
    return await table(conn, rules, seen, only, "ward", compared=compared, now=now)


def today_of(rules: Rules, authority: int, now: datetime | None = None) -> date:
    """The day it is where an authority is."""
    zone = ZoneInfo(rules.authorities[authority].timezone)
    return (now or datetime.now(UTC)).astimezone(zone).date()


def days_of(asked: Asked, today: date) -> Days:
    """The days a table is about. Raises Invalid where none has been."""
    if asked.first is None and asked.last is None:
        return periods.usual(today)
    last = asked.last or today
    first = asked.first or last - timedelta(days=periods.USUAL_DAYS - 1)
    return periods.clipped(Days(first, last), today)


async def _answer(conn: Connection, question: _Question) -> tuple[list[Row], Row]:
    by_time = question.by in _STEPS
    now = await _counted(conn, question, question.days)
    standing = now if by_time else await _counted(conn, question, None)
    before = await _counted(conn, question, question.compared) if question.compared else {}
    spreads, spread_of_all = await _spreads(conn, question)
    where = wards.in_view(question.rules, question.within, question.days.last)
    known = await sizes.of(conn, where.areas)
    keys = _keys(question, where, [*now, *before, *standing])
    make = _Maker(question, spreads)
    rows = [
        make.row(
            key,
            named,
            now.get(key, []),
            standing.get(key, []),
            before.get(key, []),
            where.size(key, known) if question.by == "ward" else None,
        )
        for key, named in keys
    ]
    everything = _Maker(question, {(): spread_of_all} if spread_of_all else {})
    total = everything.row((), ALL, _all(now), _all(standing), _all(before), where.together(known))
    return rows if question.by != "none" else [], total


@dataclass(frozen=True, slots=True)
class _Maker:
    """Makes rows of what was counted."""

    question: _Question
    spreads: Mapping[Gathered, Sequence[Spread | None]]

    def row(
        self,
        key: Gathered,
        named: Key,
        now: list[Figure],
        standing: list[Figure],
        before: list[Figure],
        size: Size | None,
    ) -> Row:
        question = self.question
        counted = figures.counted(now)
        alone, both = self.spreads.get(key, (None, None))
        earlier = figures.counted(before) if question.compared and named.start is None else None
        return Row(
            key=named,
            now=counted,
            open=sum(figure.open for figure in standing),
            overdue=sum(figure.overdue for figure in standing),
            size=size,
            per_1000=figures.rate(
                counted.reports,
                size.residents / 1000 if size and size.residents else None,
                alone,
            ),
            per_km2=figures.rate(counted.reports, size.km2 if size else None, alone),
            before=earlier,
            change=figures.change(
                earlier.reports,
                periods.length(question.compared),
                counted.reports,
                periods.length(question.days),
                both,
            )
            if earlier and question.compared
            else None,
            on_time_change=figures.on_time_change(earlier, counted) if earlier else None,
        )


async def _counted(
    conn: Connection, question: _Question, days: Days | None
) -> dict[Gathered, list[Figure]]:
    """Figures by what a row is about."""
    found: dict[Gathered, list[Figure]] = defaultdict(list)
    for figure in await _figures(conn, question, _COUNTED_BY[question.by], days):
        found[_gathered(question, figure)].append(figure)
    return found


async def _figures(
    conn: Connection, question: _Question, by: frozenset[By], days: Days | None
) -> list[Figure]:
    within = question.within
    return await reading.figures(
        conn,
        authority_id=within.authority,
        by=by,
        days=days,
        areas=within.areas,
        teams=within.teams,
        categories=within.categories,
    )


def _gathered(question: _Question, figure: Figure) -> Gathered:
    match question.by:
        case "ward":
            return wards.gathered(question.rules, figure.area)
        case "team":
            return figure.team
        case "category":
            return figure.category
        case "none":
            return ()
        case by:
            return periods.begin(figure.start, _STEPS[by]) if figure.start else None


async def _spreads(
    conn: Connection, question: _Question
) -> tuple[dict[Gathered, list[Spread | None]], list[Spread | None]]:
    """How each row's reports vary, and all of them: in this period alone, and in both."""
    both = [question.days] + ([question.compared] if question.compared else [])
    by = frozenset[By]() if question.by in _STEPS else _COUNTED_BY[question.by]
    alone = await _parts(conn, question, by, periods.parts([question.days]))
    together = await _parts(conn, question, by, periods.parts(both)) if len(both) > 1 else []
    rows = {key for each in (*alone, *together) for key in each.counts}
    return (
        {key: [_spread(alone, key), _spread(together, key)] for key in rows},
        [_spread(alone, None, whole=True), _spread(together, None, whole=True)],
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """A period's reports in parts."""

    parts: Parts
    counts: Mapping[Gathered, Mapping[date, int]]

    def of(self, key: Gathered) -> list[int]:
        counted = self.counts.get(key, {})
        return [counted.get(start, 0) for start in self.parts.starts]

    def whole(self) -> list[int]:
        return [
            sum(counted.get(start, 0) for counted in self.counts.values())
            for start in self.parts.starts
        ]


async def _parts(
    conn: Connection, question: _Question, by: frozenset[By], cut: Sequence[Parts] | None
) -> list[_Cut]:
    found = []
    for parts in cut or []:
        counts: dict[Gathered, dict[date, int]] = defaultdict(lambda: defaultdict(int))
        for figure in await _figures(conn, question, by | {parts.step}, parts.days):
            if figure.start is not None:
                key = _gathered(question, figure) if by else ()
                counts[key][figure.start] += figure.reports
        found.append(_Cut(parts, counts))
    return found


def _spread(cut: Sequence[_Cut], key: Gathered, *, whole: bool = False) -> Spread | None:
    return spread([each.whole() if whole else each.of(key) for each in cut]) if cut else None


def _all(found: Mapping[Gathered, list[Figure]]) -> list[Figure]:
    return [figure for each in found.values() for figure in each]


def _keys(
    question: _Question, where: wards.View, found: Iterable[Gathered]
) -> list[tuple[Gathered, Key]]:
    """What the rows are about, by name or in order of time; every ward of the day has one."""
    rules = question.rules
    match question.by:
        case "none":
            return []
        case "ward":
            return where.keys(found)
        case "team":
            teams = {key: rules.teams[key] for key in found}
            named = [(key, Key(team.slug, team.name)) for key, team in teams.items()]
        case "category":
            names = {
                key: rules.categories[key].name if key in rules.categories else key for key in found
            }
            named = [(key, Key(key, name)) for key, name in names.items()]
        case by:
            starts = periods.steps(question.days, _STEPS[by])
            return [(start, Key(start=start)) for start in starts]
    return sorted(named, key=lambda pair: (pair[1].name.casefold(), pair[1].code))
