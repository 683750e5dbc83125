"""`/console/returns`: the quarterly fly-tipping return, to copy over or to take away."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from reporting import returns
from reporting.auth import Staff
from reporting.language import language
from reporting.returns import Quarter
from reporting.returns.making import Return
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.rendering import HEADERS

router = APIRouter(prefix="/console/returns", include_in_schema=False, route_class=ConsoleRoute)

Asked = Annotated[str, Query(max_length=20)]
#: Quarters to choose from, the one that runs among them.
LISTED: Final = 12
HEAD: Final = ("authority", "quarter", "from", "to", "table", "line", "incidents")
#: What a spreadsheet takes for a formula; answers may come from another system.
_FORMULA: Final = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")  # noqa: RUF001 - the wide forms


@router.api_route("", methods=["GET", "HEAD"])
async def get_return(runtime: RuntimeDep, who: StaffDep, quarter: Asked = "") -> Response:
    found = await returns.fly_tipping(runtime, who, _read(quarter))
    rules = runtime.router.rules
    timezone = rules.authorities[who.authority_id].timezone if rules else "UTC"
    running = Quarter.holding(datetime.now(UTC).astimezone(ZoneInfo(timezone)).date())
    choices = [running]
    while len(choices) < LISTED:
        choices.append(choices[-1].before)
    if found.quarter not in choices:
        choices.append(found.quarter)
    return await console_page(
        "returns.html",
        runtime,
        who,
        here="returns",
        found=found,
        made=language(None).instant(found.as_of, timezone),
        choices=choices,
    )


@router.api_route("/fly-tipping.csv", methods=["GET", "HEAD"])
async def get_return_file(runtime: RuntimeDep, who: StaffDep, quarter: Asked = "") -> Response:
    found = await returns.fly_tipping(runtime, who, _read(quarter))
    name = f"{who.authority_slug}-fly-tipping-{found.quarter}{'-part' if found.wards else ''}.csv"
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return Response(written(found, who), headers=headers, media_type="text/csv; charset=utf-8")


def _read(quarter: str) -> Quarter | None:
    return Quarter.read(quarter) if quarter else None


def written(found: Return, who: Staff) -> str:
    """The return as CSV, a line for each number of the page."""
    days = found.quarter.days
    every = (who.authority_slug, str(found.quarter), days.first, days.last)
    out = io.StringIO()
    # Spreadsheets take UTF-8 for what it is only by its mark.
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for table, line, n in _lines(found):
        writer.writerow((*every, table, f"'{line}" if _FORMULA.match(line) else line, n))
    return out.getvalue()


def _lines(found: Return) -> Iterator[tuple[str, str, int | str]]:
    part = f"Wards {', '.join(found.wards)} alone" if found.wards else "All"
    yield "Incidents", part if found.over else f"{part}, so far", found.incidents
    for filled in found.tables:
        yield from ((filled.table.name, band.name, n) for band, n in filled.bands)
        yield from (
            (filled.table.name, f"Unknown: answered {said}", n) for said, n in filled.strange
        )
        yield filled.table.name, "Unknown: not answered", filled.unanswered
    yield from (("What became of them", words, n) for words, n in found.outcomes)
    yield from (("Left out", words, n) for words, n in found.left_out)
    yield from (("Not kept by Kerbline", words, "") for words in found.form.not_kept)
