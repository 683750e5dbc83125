"""Places: whose they are, and what is open near them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from geo.errors import LooksLikeGridReference, LooksSwapped, NotAPlace, NullIsland, OutsideCoverage
from geo.points import check_point
from reporting import places
from reporting.reports import reading
from reporting.web.answers import fresh
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import RuntimeDep
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, Instant, Location, TeamOut, WardOut
from routing.errors import UnknownCategory

router = APIRouter(prefix="/v1", tags=["places"], route_class=StrictRoute)

Degrees = Annotated[float, Query(allow_inf_nan=False)]
CategoryCode = Annotated[str, Query(max_length=50)]
NotPlaces = (NotAPlace, NullIsland, LooksLikeGridReference)


class WhereOut(Wire):
    """Whose place it is. `authority` and `team` only when a category is asked for."""

    authorities: list[AuthorityOut]
    ward: WardOut | None
    division: WardOut | None = None
    authority: AuthorityOut | None = None
    team: TeamOut | None = None
    flags: list[str]


class NearbyItem(Wire):
    """An open job, as anyone may see it."""

    id: UUID
    reference: str
    category: str
    status: str
    reports: int
    location: Location
    distance_m: float
    created_at: Instant


class NearbyOut(Wire):
    """Open jobs near a place, nearest first."""

    items: list[NearbyItem]
    next: str | None = None


@router.get(
    "/where",
    operation_id="getWhere",
    summary="Whose place is this?",
    response_model=WhereOut,
    response_model_exclude_unset=True,
    responses=responses(*NotPlaces, LooksSwapped, OutsideCoverage, UnknownCategory),
)
async def get_where(
    runtime: RuntimeDep,
    request: Request,
    lat: Degrees,
    lng: Degrees,
    category: CategoryCode | None = None,
    accuracy_m: Annotated[float | None, Query(ge=0, allow_inf_nan=False)] = None,
) -> Response:
    place = check_point(lat, lng, accuracy_m)
    async with runtime.reading() as conn:
        found = await places.where(conn, runtime.router, place, category)
    return fresh(request, found, cache="public, max-age=60")


@router.get(
    "/reports/nearby",
    operation_id="listNearby",
    summary="Is it this one?",
    description=(
        "Open jobs of the category near a place, nearest first, at most 20; as near as the category"
        " says where no `radius_m` is given."
    ),
    tags=["reports"],
    response_model=NearbyOut,
    responses=responses(*NotPlaces, UnknownCategory),
)
async def list_nearby(
    runtime: RuntimeDep,
    request: Request,
    lat: Degrees,
    lng: Degrees,
    category: CategoryCode,
    radius_m: Annotated[float | None, Query(gt=0, le=1000, allow_inf_nan=False)] = None,
) -> Response:
    place = check_point(lat, lng)
    known = await runtime.category(category)
    async with runtime.reading() as conn:
        items = await reading.nearby(conn, place, known, radius_m)
    return fresh(request, {"items": items, "next": None}, cache="public, max-age=10")
