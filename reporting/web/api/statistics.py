"""Figures of wards, teams, categories and times, with how sure each is."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from reporting.asked import Days
from reporting.auth import Action, scope
from reporting.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from reporting.statistics import figures, tables
from reporting.statistics.figures import Counted, Row, Share
from reporting.statistics.intervals import Interval
from reporting.statistics.tables import Table
from reporting.web.answers import fresh
from reporting.web.api.filters import Day, Filters
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Instant

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)

DEFINITIONS = (
    "Everything is counted under the job's authority, team, category and ward as they are now; the"
    " ward is the authority's own (a county's division; a district's ward where it has none). Days"
    " are calendar days in the authority's time zone. Without `from` and `to`: the 13 weeks to"
    " yesterday; days that have not been are left out. Shares and times are told from"
    f" {figures.FEWEST_JOBS} jobs on, rates and changes from {figures.FEWEST_REPORTS} reports on;"
    " else they are null. `low` and `high` are a 95 % interval. Those of counts allow for reports"
    " that come in clusters, so they are wider than chance alone would make them."
)


class Periods(Filters):
    """Days to compare with, beside the filters. Status, priority, place and `overdue` are refused:
    the counts do not hold them.
    """

    compare_from: Day | None = Field(None, description="The first day of a period to compare with")
    compare_to: Day | None = Field(None, description="Its last day")

    def compared(self) -> Days | None:
        """The period to compare with. Raises Invalid for half a period."""
        if self.compare_from is None and self.compare_to is None:
            return None
        if (
            self.compare_from is None
            or self.compare_to is None
            or self.compare_from > self.compare_to
        ):
            raise Invalid("compare_from and compare_to go together, from before to.")
        return Days(self.compare_from, self.compare_to)


class Question(Periods):
    """What the rows are about, and the filters."""

    group_by: Literal["ward", "team", "category", "day", "week", "month", "none"] = Field(
        "ward", description="What a row is about; `none`: the total alone"
    )


class KeyOut(Wire):
    """A ward, team or category. Code null: jobs in no ward."""

    code: str | None
    name: str


class ShareOut(Wire):
    """A share with Wilson's 95 % interval."""

    value: float
    low: float
    high: float
    n: int = Field(description="Of how many jobs")


class HoursOut(Wire):
    """How long fixing took, from making the job, by the clock, waiting included."""

    median: float
    p90: float = Field(description="Nine of ten took no longer")
    n: int


class RateOut(Wire):
    """Reports of the period for each, with a 95 % interval."""

    value: float
    low: float
    high: float


class ChangeOut(Wire):
    """So many times as many reports a day as before, with a 95 % interval that allows for clusters:
    while it holds 1, the change may be chance.
    """

    ratio: float
    low: float
    high: float


class PeriodOut(Wire):
    """Days, both ends in it."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")


class CountedOut(Wire):
    """What one period counted."""

    reports: int = Field(description="Reports that came in the period")
    jobs: int = Field(description="Jobs made in the period")
    fixed: int = Field(description="Jobs fixed in the period, and still so")
    closed: dict[str, int] = Field(
        description="Jobs closed without work in the period, and still so, by reason"
    )
    on_time: ShareOut | None = Field(description="Of the fixed: those fixed by when they were due")
    reopened: ShareOut | None = Field(
        description="Of the jobs made in the period: those opened again since"
    )
    hours_to_fix: HoursOut | None
    enough: bool = Field(description="Whether so many were fixed that a share says something")


class FigureOut(CountedOut):
    """A row of figures."""

    key: KeyOut | date
    open: int = Field(
        description="Open now, whenever made; in a row of a day, week or month: made in it"
    )
    overdue: int = Field(description="Of the open: late as of `as_of`, ours, its clock not stopped")
    residents: int | None = Field(description="As the council loaded them")
    km2: float | None
    per_1000: RateOut | None = Field(description="Reports for each 1,000 residents")
    per_km2: RateOut | None = Field(description="Reports for each km²")
    before: CountedOut | None = Field(description="The period compared with")
    change: ChangeOut | None
    on_time_change: RateOut | None = Field(description="How much the share on time grew")


class Minimum(Wire):
    """From how many on something is told."""

    jobs: int = Field(description="A share or a time")
    reports: int = Field(description="A rate or a change")


class StatisticsOut(Wire):
    """Figures of a period. `total` is of everything asked for, whatever the rows."""

    as_of: Instant
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    compare: PeriodOut | None
    minimum: Minimum
    items: list[FigureOut]
    total: FigureOut


class SummaryOut(Wire):
    """Figures of one ward."""

    as_of: Instant
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    compare: PeriodOut | None
    minimum: Minimum
    ward: FigureOut


@router.get(
    "/statistics",
    operation_id="getStatistics",
    summary="Figures by ward, team, category or time",
    description=DEFINITIONS,
    response_model=StatisticsOut,
    responses=responses(NotSignedIn, NotAllowed, Invalid),
)
async def get_statistics(
    runtime: RuntimeDep, staff: StaffDep, request: Request, question: Annotated[Question, Query()]
) -> Response:
    seen = scope(staff, Action.SEE_FIGURES)
    asked, compared = question.asked(), question.compared()
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        found = await tables.table(conn, rules, seen, asked, question.group_by, compared=compared)
    return fresh(request, view(found), small=True)


@router.get(
    "/wards/{authority}/{code}/summary",
    operation_id="getWardSummary",
    summary="Figures of one ward",
    description=DEFINITIONS,
    response_model=SummaryOut,
    responses=responses(NotSignedIn, NotAllowed, NotFound, Invalid),
)
async def get_ward_summary(
    runtime: RuntimeDep,
    staff: StaffDep,
    request: Request,
    authority: Annotated[str, Path(max_length=100)],
    code: Annotated[str, Path(max_length=100)],
    periods: Annotated[Periods, Query()],
) -> Response:
    seen = scope(staff, Action.SEE_FIGURES)
    asked, compared = periods.asked(), periods.compared()
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        found = await tables.ward(
            conn, rules, seen, authority=authority, code=code, asked=asked, compared=compared
        )
    answer = view(found)
    items = answer.pop("items")
    del answer["total"]
    return fresh(request, {**answer, "ward": items[0]}, small=True)


def view(found: Table) -> dict[str, Any]:
    """A table as it goes out."""
    return {
        "as_of": found.as_of,
        "from": found.days.first,
        "to": found.days.last,
        "compare": found.compared and {"from": found.compared.first, "to": found.compared.last},
        "minimum": {"jobs": figures.FEWEST_JOBS, "reports": figures.FEWEST_REPORTS},
        "items": [_row(row) for row in found.rows],
        "total": _row(found.total),
    }


def _row(row: Row) -> dict[str, Any]:
    key = row.key
    return {
        "key": key.start or {"code": key.code, "name": key.name},
        **_counted(row.now),
        "open": row.open,
        "overdue": row.overdue,
        "residents": row.size and row.size.residents,
        "km2": row.size and row.size.km2,
        "per_1000": _rate(row.per_1000),
        "per_km2": _rate(row.per_km2),
        "before": row.before and _counted(row.before),
        "change": row.change
        and {"ratio": row.change.value, "low": row.change.low, "high": row.change.high},
        "on_time_change": _rate(row.on_time_change),
    }


def _counted(counted: Counted) -> dict[str, Any]:
    hours = counted.hours
    return {
        "reports": counted.reports,
        "jobs": counted.jobs,
        "fixed": counted.fixed,
        "closed": counted.closed,
        "on_time": _share(counted.on_time),
        "reopened": _share(counted.reopened),
        "hours_to_fix": hours and {"median": hours.median, "p90": hours.p90, "n": hours.n},
        "enough": counted.enough,
    }


def _share(share: Share | None) -> dict[str, Any] | None:
    return {**_interval(share.interval), "n": share.n} if share else None


def _rate(rate: Interval | None) -> dict[str, Any] | None:
    return _interval(rate) if rate else None


def _interval(found: Interval) -> dict[str, Any]:
    return {"value": found.value, "low": found.low, "high": found.high}
