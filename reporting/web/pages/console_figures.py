"""`/console/figures`: how much, how soon, how often on time, by ward, team, kind or time.

All of it is made here, so the page works without a script: sorting is a link, the charts are SVG,
and the address is the whole state of the page.
"""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from reporting import charts
from reporting.auth import Action, Staff, may, scope
from reporting.errors import NotAllowed
from reporting.language import language
from reporting.runtime import Runtime
from reporting.statistics import tables
from reporting.statistics.tables import Table
from reporting.web.deps import RuntimeDep
from reporting.web.pages import figures_asked, figures_table, map_asked
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.figures_asked import Look
from reporting.web.pages.rendering import HEADERS
from routing.rulebook import Rules

router = APIRouter(prefix="/console/figures", include_in_schema=False, route_class=ConsoleRoute)

NAMES: Final = {
    "ward": "Ward",
    "team": "Team",
    "category": "Category",
    "week": "Week",
    "month": "Month",
}
BOUNDS: Final = (
    "The thin line is where the true share lies in 95 of 100 such cases. Where fewer were fixed"
    " than tell anything, nothing is drawn."
)
#: What a spreadsheet takes for a formula; a council names its wards and teams itself.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001 - the wide forms


@router.api_route("", methods=["GET", "HEAD"])
async def get_figures(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    look, wrong, rules, table = await _found(request, runtime, who)
    shown = figures_table.columns(table, look)
    authority = rules.authorities[who.authority_id]
    rows = figures_table.ordered(table.rows, shown, look)
    return await console_page(
        "figures.html",
        runtime,
        who,
        200 if wrong is None else 422,
        here="figures",
        look=look,
        wrong=wrong,
        words=_words(look, rules, authority.id),
        as_of=language(None).instant(table.as_of, authority.timezone),
        columns=shown,
        rows=[(row, figures_table.named(row, look)) for row in rows],
        total=table.total,
        head=NAMES[look.by],
        charts=_charts(table, look),
        few=sum(1 for row in rows if not row.now.enough),
        names=NAMES,
        **_choices(rules, authority.id, table, look),
    )


@router.api_route("/table.csv", methods=["GET", "HEAD"])
async def get_file(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    look, _, _, table = await _found(request, runtime, who)
    out = io.StringIO()
    # Spreadsheets take UTF-8 for what it is only by its mark.
    out.write("\ufeff")
    writer = csv.writer(out)
    for line in figures_table.written(table, figures_table.columns(table, look), look):
        writer.writerow(
            [
                f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
                for cell in line
            ]
        )
    name = f"{who.authority_slug}-{look.by}-{look.days.first}-{look.days.last}.csv"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(out.getvalue(), headers=headers, media_type="text/csv; charset=utf-8")


async def _found(
    request: Request, runtime: Runtime, who: Staff
) -> tuple[Look, str | None, Rules, Table]:
    if not may(who, Action.SEE_FIGURES):
        raise NotAllowed
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        zone = ZoneInfo(rules.authorities[who.authority_id].timezone)
        look, wrong = figures_asked.read(
            request.query_params, datetime.now(UTC).astimezone(zone).date()
        )
        seen = scope(who, Action.SEE_FIGURES)
        table = await tables.table(conn, rules, seen, look.asked, look.by, compared=look.compared)
    return look, wrong, rules, table


def _words(look: Look, rules: Rules, authority: int) -> str:
    """What the table shows, as a sentence."""
    kinds = {code: each.name for code, each in rules.categories.items()}
    teams = {t.slug: t.name for t in rules.teams.values() if t.authority_id == authority}
    said = [f"Reports that came {map_asked.span((look.days.first, look.days.last))}"]
    if look.compared and not look.by_time:
        days = map_asked.span((look.compared.first, look.compared.last))
        said[0] += f", compared with those {days}"
    for before, key, names in (
        ("", "category", kinds),
        ("team ", "team", teams),
        ("in ward ", "ward", {}),
    ):
        given = [names.get(code, code) for code in look.params.get(key, ())]
        if given:
            said.append(before + " or ".join(given))
    return "; ".join(said) + "."


def _charts(table: Table, look: Look) -> list[Any]:
    """Each with its heading."""
    rows = figures_table.in_time(table.rows) if look.by_time else table.rows
    if not look.by_time:
        rows = sorted(rows, key=lambda row: -row.now.reports)
    make = charts.columns if look.by_time else charts.bars
    by = NAMES[look.by].lower()
    beside = "The same numbers are in the table below."
    outline = " An outline is the days compared with." if look.compared and not look.by_time else ""
    part = " A pale one is a part of its time." if look.by_time else ""
    return [
        (
            "Reports",
            f"One {'column' if look.by_time else 'bar'} for each {by}.{outline}{part}",
            make(
                figures_table.reports_chart(rows, look),
                name="reports-chart",
                title=f"Reports by {by}",
                words=beside,
            ),
        ),
        (
            "Fixed on time, in per cent",
            BOUNDS,
            make(
                figures_table.on_time_chart(rows, look),
                name="on-time-chart",
                title=f"Share fixed on time by {by}, with its bounds",
                words=beside,
            ),
        ),
    ]


def _choices(rules: Rules, authority: int, table: Table, look: Look) -> dict[str, Any]:
    """What the form offers."""
    found = {row.key.code: row.key.name for row in table.rows if look.by == "ward" and row.key.code}
    found |= {code: found.get(code, code) for code in look.params.get("ward", ())}
    return {
        "wards": sorted(found.items(), key=lambda pair: pair[1]),
        "teams": sorted(
            (t.slug, t.name) for t in rules.teams.values() if t.authority_id == authority
        ),
        "categories": [(code, each.name) for code, each in rules.categories.items()],
    }
