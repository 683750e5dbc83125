"""`GET /v1/tiles/…`: what maps draw, as vector tiles."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from geo.tiles import NoSuchTile, Tile
from reporting.asked import rules_for
from reporting.auth import Action, scope
from reporting.errors import Invalid, NotAllowed, NotSignedIn
from reporting.tiling import heat, jobs, wards
from reporting.web.answers import kept
from reporting.web.api.filters import Day, Filters
from reporting.web.body import StrictRoute
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.memory import memory
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/tiles", tags=["places"], route_class=StrictRoute)

MEDIA_TYPE: Final = "application/vnd.mapbox-vector-tile"
#: Wards move once in years, and a map may show the old ones for ten minutes more.
WARDS_CACHE: Final = "public, max-age=600, stale-while-revalidate=86400"
#: Tiles of wards that a process keeps; of each a few kilobytes, some 30 at most.
KEPT: Final = 500
#: Counts follow what happens within seconds; a map that is moved to and fro asks once.
CACHE: Final = "private, max-age=30"
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_DRAWN: dict[int | str, dict[str, Any]] = {
    200: {"description": "A Mapbox Vector Tile.", "content": {MEDIA_TYPE: _BYTES}},
    204: {"description": "Nothing is there."},
}

Number = Annotated[int, Path(ge=0, le=2**22)]
Measure = Literal["reports", "open", "overdue"]


class HeatFilters(Filters):
    """What is counted, and which of it."""

    measure: Measure = Field(
        "reports", description="Reports at their own places; open or overdue jobs at theirs"
    )


@router.get(
    "/wards/{z}/{x}/{y}.mvt",
    operation_id="getWardTile",
    summary="Wards, zones and councils as a map draws them",
    description=(
        "Layer `areas` (kind, zone_type, code, name, authority, tint), layer `names`. As they are"
        " in force today, or were `at` a day."
    ),
    response_class=Response,
    responses={**_DRAWN, **responses(NoSuchTile, Invalid)},
)
async def get_ward_tile(
    request: Request,
    runtime: RuntimeDep,
    z: Number,
    x: Number,
    y: Number,
    at: Annotated[Day | None, Query()] = None,
) -> Response:
    tile = Tile.checked(z, x, y)
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
        drawn = memory(request, "ward_tiles", rules, most=KEPT)
        # What is in force changes with the day, where each authority is.
        key = (tile, at or datetime.now(UTC).replace(minute=0, second=0, microsecond=0))
        body = drawn.get(key)
        if body is None:
            body = await wards.tile(conn, tile, at)
    drawn.put(key, body)
    return kept(request, body, media_type=MEDIA_TYPE, cache=WARDS_CACHE)


@router.get(
    "/heat/{z}/{x}/{y}.mvt",
    operation_id="getHeatTile",
    summary="How much there is in each of a tile's 64 × 64 cells",
    description=(
        "Layer `cells` (n, at the middle of each cell that has any) and layer `shared` (n): points"
        " that very many reports share, because a geocoder puts there what it cannot place; they"
        " are in no cell. By authority, days, and category or ward all is counted. By team,"
        " status, priority, and by category and ward together at most 8,000 points of a tile are,"
        " without shared ones; a layer `cut` says that there are more. `Last-Modified` says as of"
        " when."
    ),
    dependencies=TAKES_BEARER,
    response_class=Response,
    responses={**_DRAWN, **responses(NoSuchTile, NotSignedIn, NotAllowed, Invalid)},
)
async def get_heat_tile(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    z: Number,
    x: Number,
    y: Number,
    filters: Annotated[HeatFilters, Query()],
) -> Response:
    tile, seen, asked = Tile.checked(z, x, y), scope(staff, Action.SEE_FIGURES), filters.asked()
    async with runtime.reading() as conn:
        rules = await rules_for(runtime.router, conn, seen, asked)
        drawn = await heat.tile(conn, rules, seen, asked, filters.measure, tile)
    return kept(
        request, drawn.body, media_type=MEDIA_TYPE, cache=CACHE, as_of=drawn.as_of, private=True
    )


@router.get(
    "/jobs/{z}/{x}/{y}.mvt",
    operation_id="getJobTile",
    summary="Single jobs",
    description=(
        "Layer `jobs` (id, reference, category, status, priority, overdue), at most 1,000 of them:"
        " the most overdue first. A layer `cut` says that there are more. Unless `status` says"
        " otherwise, those that are open."
    ),
    dependencies=TAKES_BEARER,
    response_class=Response,
    responses={**_DRAWN, **responses(NoSuchTile, NotSignedIn, NotAllowed, Invalid)},
)
async def get_job_tile(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    z: Number,
    x: Number,
    y: Number,
    filters: Annotated[Filters, Query()],
) -> Response:
    tile, seen, asked = Tile.checked(z, x, y), scope(staff, Action.SEE_FIGURES), filters.asked()
    async with runtime.reading() as conn:
        rules = await rules_for(runtime.router, conn, seen, asked)
        body = await jobs.tile(conn, rules, seen, asked, tile)
    return kept(request, body, media_type=MEDIA_TYPE, cache=CACHE, private=True)
