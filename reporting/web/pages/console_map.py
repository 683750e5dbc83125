"""`/console/map`: where the trouble is. The map, the table of the same figures, one ward's panel.

The table, the legend and the panel are made here, from the figures that the API gives; the page's
script fetches them anew when something else is asked for, and colours the map by the table's rows.
So a number on the map is a number in the table, and all but the map works without a script.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from reporting.asked import BEGINNING, Asked, Days, Narrowed, narrowed
from reporting.auth import Action, Staff, may, scope
from reporting.counting import reading
from reporting.errors import NotAllowed
from reporting.jobs import listing
from reporting.language import language
from reporting.runtime import Connection, Runtime
from reporting.statistics import tables as statistics
from reporting.status import OPEN
from reporting.tiling import wards
from reporting.web.deps import RuntimeDep
from reporting.web.pages import map_asked, map_figures, map_plan, map_steps
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.map_asked import Look
from reporting.web.pages.map_figures import Ward
from reporting.web.pages.map_plan import Plan
from reporting.web.pages.rendering import page
from reporting.web.pages.standing import TAGS
from routing.rulebook import Rules

router = APIRouter(prefix="/console/map", include_in_schema=False, route_class=ConsoleRoute)

#: Of a ward's open jobs, those that are due first; the list has the others.
JOBS: Final = 5
#: Weeks of the panel's trend.
TREND: Final = 53


@dataclass(frozen=True, slots=True)
class Shown:
    """What one address shows."""

    look: Look
    wrong: str | None
    rules: Rules
    as_of: datetime
    wards: list[Ward]
    total: Ward
    cuts: tuple[float, ...]
    weeks: list[map_figures.Bar]
    trend: list[map_figures.Bar]
    jobs: list[dict[str, Any]]
    #: How many of what is looked at have a place that very many share.
    alone: int


@router.api_route("", methods=["GET", "HEAD"])
async def get_map(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    shown = await _shown(request, runtime, who)
    async with runtime.reading() as conn:
        plan = await _plan(request, conn, shown.rules, who.authority_id, _last(shown.look))
    return await console_page(
        "map.html",
        runtime,
        who,
        200 if shown.wrong is None else 422,
        here="map",
        map_hosts=runtime.settings.map_hosts,
        style_url=runtime.settings.map_style_url,
        plan=plan,
        **_values(shown, who),
    )


@router.api_route("/parts", methods=["GET", "HEAD"])
async def get_parts(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    """What changes on the page when something else is asked for."""
    shown = await _shown(request, runtime, who)
    return page(
        "console/map_parts.html",
        200 if shown.wrong is None else 422,
        headers={"Cache-Control": "private, max-age=30", "Vary": "Cookie"},
        timezone=shown.rules.authorities[who.authority_id].timezone,
        kinds=shown.rules.categories,
        **_values(shown, who),
    )


def _last(look: Look) -> date:
    """The day whose wards are drawn."""
    return look.days[1] if look.days else look.today


async def _plan(
    request: Request, conn: Connection, rules: Rules, authority: int, at: date
) -> Plan | None:
    """The drawing of the wards of that day, kept for as long as the rules are the same."""
    state, own = request.app.state, rules.authorities[authority]
    if getattr(state, "map_plans_for", None) != rules.version:
        state.map_plans, state.map_plans_for = {}, rules.version
    key = (authority, wards.vintages(rules, own, at))
    if key not in state.map_plans:
        state.map_plans[key] = map_plan.plan(await wards.shapes(conn, own, at))
    found: Plan | None = state.map_plans[key]
    return found


async def _shown(request: Request, runtime: Runtime, who: Staff) -> Shown:
    if not may(who, Action.SEE_FIGURES):
        raise NotAllowed
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        timezone = rules.authorities[who.authority_id].timezone
        look, wrong = map_asked.read(
            request.query_params, datetime.now(UTC).astimezone(ZoneInfo(timezone)).date()
        )
        seen = scope(who, Action.SEE_FIGURES)
        table = await statistics.table(conn, rules, seen, _held(look.asked, look), "ward")
        every = narrowed(rules, seen, _held(look.asked, None))
        bars = map_figures.weeks(await _weeks(conn, every, look), look)
        ever = await _ever(conn, rules, every) if look.dated else {}
        ever_days = 7 * len(bars)
        cuts = map_figures.cuts(table.rows, ever, ever_days, look)
        rows = map_figures.wards(table.rows, cuts, look)
        total = replace(
            map_figures.ward(table.total, cuts, look),
            name="Your wards" if who.wards else who.authority_name,
        )
        trend = bars[-TREND:]
        if look.chosen and bars:
            only = replace(_held(look.asked, None), wards=frozenset({look.chosen}))
            counted = await _weeks(conn, narrowed(rules, seen, only), look)
            trend = map_figures.between_weeks(counted, look, trend[0].start, trend[-1].start)
        jobs = await _jobs(conn, runtime, who, look)
        asked = _held(look.asked, look)
        if look.chosen:
            asked = replace(asked, wards=frozenset({look.chosen}))
        alone = await _alone(conn, narrowed(rules, seen, asked), look)
    return Shown(look, wrong, rules, table.as_of, rows, total, cuts, bars, trend, jobs, alone)


def _held(asked: Asked, look: Look | None) -> Asked:
    """What counts hold of it: no status, no priority; and no days, where no look is given."""
    days = look.days if look else None
    if look and days is None:
        days = (BEGINNING, look.today)
    return replace(
        asked,
        statuses=frozenset(),
        priorities=frozenset(),
        overdue=None,
        bbox=None,
        first=days and days[0],
        last=days and days[1],
    )


async def _weeks(conn: Connection, within: Narrowed | None, look: Look) -> dict[date, int]:
    """How many there are of what is looked at, by the week in which they came."""
    if within is None:
        return {}
    found: Counter[date] = Counter()
    for figure in await reading.figures(
        conn,
        authority_id=within.authority,
        by=frozenset({"week"}),
        areas=within.areas,
        teams=within.teams,
        categories=within.categories,
    ):
        if figure.start is not None:
            found[figure.start] += getattr(figure, look.measure)
    return dict(found)


async def _ever(conn: Connection, rules: Rules, within: Narrowed | None) -> dict[str, int]:
    """The reports there ever were, by the ward's code."""
    if within is None:
        return {}
    found: Counter[str] = Counter()
    for figure in await reading.figures(
        conn,
        authority_id=within.authority,
        by=frozenset({"area"}),
        areas=within.areas,
        teams=within.teams,
        categories=within.categories,
    ):
        if figure.area is not None and figure.area in rules.areas:
            found[rules.areas[figure.area].code] += figure.reports
    return dict(found)


async def _alone(conn: Connection, within: Narrowed | None, look: Look) -> int:
    """How many have a place that very many share, which says nothing of where they are."""
    if within is None or within.teams is not None:
        return 0
    if within.areas is not None and within.categories is not None:
        return 0  # as with teams: these are not counted by both
    shared = await reading.shared(
        conn,
        authority_id=within.authority,
        measure=look.measure,
        categories=within.categories,
        days=look.dated and Days(*look.dated),
        areas=within.areas,
    )
    return sum(point.n for point in shared)


async def _jobs(conn: Connection, runtime: Runtime, who: Staff, look: Look) -> list[dict[str, Any]]:
    """The open jobs of the panel, those due first; as the list gives them."""
    asked = replace(
        look.asked,
        statuses=(look.asked.statuses or OPEN) & OPEN,
        wards=frozenset({look.chosen}) if look.chosen else look.asked.wards,
        overdue=True if look.measure == "overdue" else look.asked.overdue,
        first=None,
        last=None,
    )
    found = await listing.page(conn, runtime.router, runtime.keys, who, asked, limit=JOBS)
    return found.items


def _values(shown: Shown, who: Staff) -> dict[str, Any]:
    """What the templates fill in."""
    look, rules = shown.look, shown.rules
    authority = rules.authorities[who.authority_id]
    spoken = language(None)
    names = {each.code: each.name for each in shown.wards if each.code}
    chosen = next((each for each in shown.wards if each.code == look.chosen), None)
    return {
        "look": look,
        "wrong": shown.wrong,
        "unit": map_figures.unit(look),
        "words": map_asked.said(look, rules, authority.id, names),
        "span": map_asked.span(look.days),
        "as_of": spoken.instant(shown.as_of, authority.timezone),
        "rows": shown.wards,
        "total": shown.total,
        "outlines": "-".join(map(str, sorted(wards.vintages(rules, authority, _last(look))))),
        "outlines_at": _last(look),
        "legend": map_figures.legend(shown.wards, shown.cuts),
        "weeks": shown.weeks,
        "trend": shown.trend,
        "slider": map_figures.slider(shown.weeks, look),
        "chosen": chosen,
        "jobs": shown.jobs,
        "alone": shown.alone,
        "list_address": _list_address(look),
        "tags": TAGS,
        "wards": sorted(names.items(), key=lambda each: map_figures.in_order(each[1])),
        "teams": sorted(
            (t.slug, t.name) for t in rules.teams.values() if t.authority_id == authority.id
        ),
        "categories": [(code, each.name) for code, each in rules.categories.items()],
        "shorts": {each.code: each.short for each in shown.wards},
        "steps": {each.code: each.step for each in shown.wards},
        "authority": authority.slug,
        "figures": map_figures,
        "short": map_steps.short,
        "has_residents": any(each.row.size and each.row.size.residents for each in shown.wards),
    }


def _list_address(look: Look) -> str:
    """The list of the jobs that the panel begins with."""
    given = {
        key: look.params[key] for key in ("category", "team", "priority") if key in look.params
    }
    params: dict[str, Sequence[str]] = {**given, "status": look.params.get("status", ("open",))}
    wards = (look.chosen,) if look.chosen else look.params.get("ward", ())
    if wards:
        params["ward"] = wards
    if look.measure == "overdue":
        params["overdue"] = ("true",)
    return f"/console/jobs?{urlencode(params, doseq=True)}"
