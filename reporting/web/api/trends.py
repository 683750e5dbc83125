"""Where it is getting worse: growing places, spots fixed again and again, next month's reports.

The worker finds them at night; these calls read what it found.
"""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting.errors import Invalid, NotAllowed, NotSignedIn
from reporting.forecasting import reading as forecasting
from reporting.growing import reading as growing
from reporting.web.answers import fresh
from reporting.web.api.filters import values
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Id, Instant, Location, WardOut

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)


class Chosen(Wire):
    """Which forecasts; several values: any of them."""

    category: list[str] = Field([], max_length=200)
    ward: list[str] = Field([], max_length=200, description="Codes of wards or divisions")


class Named(Wire):
    """A category."""

    code: str
    name: str


class GrowingPlace(Wire):
    """A place where clearly more came in than is usual there."""

    category: Named | None = Field(description="Null: all categories together")
    ward: WardOut | None
    location: Location
    radius_m: int
    jobs: int = Field(description="Jobs made there in the days `from` to `to`")
    reports: int = Field(description="Reports on these jobs")
    usual: float = Field(description="Jobs that were usual there, the season allowed for")
    times: float | None = Field(description="`jobs` for each that was usual; null where none was")
    year_before: int | None = Field(
        description="Jobs there in the same days a year before; null: not known"
    )
    score: float = Field(description="Getis-Ord G*, against what chance gives there")
    q: float = Field(description="Its p-value, false discoveries allowed for")


class Growing(Wire):
    """Growing places, the worst first. `as_of` is null until the worker has looked."""

    as_of: Instant | None
    first: date | None = Field(alias="from")
    last: date | None = Field(alias="to")
    compared_from: date | None = Field(description="The first of the days it is compared with")
    tested: int | None = Field(description="How many places were looked at, in each category")
    why_none: Literal["too_short", "too_few"] | None = Field(
        description="Why nothing could be found, where that is so"
    )
    items: list[GrowingPlace]


class FixedJob(Wire):
    """One of the times it was fixed."""

    id: Id
    reference: str
    closed_at: Instant


class RepeatSpot(Wire):
    """A spot where the same kind of defect was fixed at least three times within a year."""

    category: Named
    ward: WardOut | None
    location: Location
    radius_m: int
    fixed: int
    first_fixed_at: Instant
    last_fixed_at: Instant
    jobs: list[FixedJob]


class Repeats(Wire):
    """Spots that were fixed again and again, most often first."""

    as_of: Instant | None
    first: date | None = Field(alias="from")
    last: date | None = Field(alias="to")
    items: list[RepeatSpot]


class Refused(Wire):
    """Why there is no forecast."""

    code: Literal["too_short", "too_few", "stopped"]
    detail: str


class Backtest(Wire):
    """How forecasts of the past turned out, each made from what was known before its month.

    Errors are shares of what came: 0.2 is two in ten. The baseline is the same month a year before
    (or, with less than two years of history, the last month).
    """

    months: int
    error: float
    baseline: Literal["year_before", "month_before"]
    baseline_error: float
    inside: float = Field(description="The share of these months between their `low` and `high`")


class Month(Wire):
    """How many reports came in a month."""

    month: date
    reports: int


class Expected(Wire):
    """What is expected in a month."""

    month: date = Field(description="Its first day")
    expected: float
    low: int = Field(description="Four months in five lie between this and `high`")
    high: int
    year_before: int | None = Field(description="Reports in the same month a year before")


class Forecast(Wire):
    """How many reports are expected, or why that cannot be said."""

    category: Named
    ward: WardOut | None = Field(description="Null: the whole authority")
    months: list[Expected] = Field(description="The month that runs, and the next")
    refused: Refused | None
    method: Literal["season", "level", "share"] | None = Field(
        description="`season`: a level and a season. `level`: no season is known yet. `share`: a"
        " ward's share of the authority's"
    )
    backtest: Backtest | None
    history: list[Month] = Field(description="The months before, the oldest first")


class Forecasts(Wire):
    """Forecasts by category and ward."""

    as_of: Instant | None
    level: float = Field(description="The share of months that `low` and `high` are to hold")
    backtest: Backtest | None = Field(description="Of all the authority's forecasts together")
    items: list[Forecast]


@router.get(
    "/growing",
    operation_id="listGrowing",
    summary="Places where more comes in than is usual",
    description=(
        "The last 28 days beside the year before them, in squares of some hundred metres and their"
        " neighbours. A place is named when chance, the season and the crowd of reports there"
        " anyway do not explain it: Getis-Ord G* of the change, against the same jobs at dates"
        " dealt anew within each category; one in twenty of the places named may be by chance."
        " Points that very many reports share are left out."
    ),
    response_model=Growing,
    responses=responses(NotSignedIn, NotAllowed),
)
async def list_growing(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    async with runtime.reading() as conn:
        found = await growing.growing(conn, await runtime.router.current(conn), who)
    return fresh(request, found)


@router.get(
    "/repeats",
    operation_id="listRepeats",
    summary="Spots that were fixed again and again",
    description=(
        "Jobs of one category within its duplicate radius of each other, fixed at least three"
        " times within a year."
    ),
    response_model=Repeats,
    responses=responses(NotSignedIn, NotAllowed),
)
async def list_repeats(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    async with runtime.reading() as conn:
        found = await growing.repeats(conn, await runtime.router.current(conn), who)
    return fresh(request, found)


@router.get(
    "/forecasts",
    operation_id="listForecasts",
    summary="What is expected next month",
    description=(
        "By category, for the whole authority and for its wards, with the range that four months in"
        " five fall into and how such forecasts turned out before. A supervisor of wards sees"
        " those. Where history is too short or too sparse there is a reason and no number."
    ),
    response_model=Forecasts,
    responses=responses(NotSignedIn, NotAllowed, Invalid),
)
async def list_forecasts(
    request: Request, runtime: RuntimeDep, who: StaffDep, chosen: Annotated[Chosen, Query()]
) -> Response:
    async with runtime.reading() as conn:
        found = await forecasting.forecasts(
            conn,
            await runtime.router.current(conn),
            who,
            categories=values(chosen.category),
            wards=values(chosen.ward),
        )
    return fresh(request, found)
