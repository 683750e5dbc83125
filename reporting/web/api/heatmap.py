"""`GET /v1/heatmap`: heat as GeoJSON, for who draws no tiles."""

from typing import Annotated, Final, Literal

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from geo.tiles import CLOSEST
from reporting.asked import rules_for
from reporting.auth import Action, scope
from reporting.errors import Invalid, NotAllowed, NotSignedIn
from reporting.tiling import heat
from reporting.tiling.heat import Place
from reporting.web.answers import kept
from reporting.web.api.filters import box
from reporting.web.api.tiles import CACHE, HeatFilters
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Instant

router = APIRouter(
    prefix="/v1/heatmap", tags=["places"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

MEDIA_TYPE: Final = "application/geo+json"


class GridFilters(HeatFilters):
    """What is counted, where, and in cells of what size."""

    bbox: str = Field(
        max_length=200,
        description="west,south,east,north in degrees",
        examples=["-1.0,52.0,-0.96,52.02"],
    )
    zoom: int = Field(
        12,
        ge=0,
        le=CLOSEST,
        strict=False,
        description="A cell is a 64th of a tile of that zoom wide; wider where the box is large",
    )


class PointGeometry(Wire):
    """A place."""

    type: Literal["Point"]
    coordinates: tuple[float, float] = Field(description="Longitude and latitude in degrees")


class CellProperties(Wire):
    """How many."""

    n: int


class CellFeature(Wire):
    """The middle of a cell, or a shared point."""

    type: Literal["Feature"]
    geometry: PointGeometry
    properties: CellProperties


class HeatmapOut(Wire):
    """The cells of a box that have any."""

    type: Literal["FeatureCollection"]
    features: list[CellFeature]
    shared: list[CellFeature] = Field(
        description="Points that very many reports share; they are in no cell"
    )
    zoom: int = Field(description="The zoom of the tiles whose cells these are")
    measure: Literal["reports", "open", "overdue"]
    cut: bool = Field(description="There was more than could be read")
    as_of: Instant | None = Field(description="When it was counted last")


@router.get(
    "",
    operation_id="getHeatmap",
    summary="Heat as GeoJSON",
    description="The same as the heat tiles, with the same filters, for a box of at most 6 tiles.",
    response_model=HeatmapOut,
    responses=responses(NotSignedIn, NotAllowed, Invalid),
)
async def get_heatmap(
    request: Request,
    runtime: RuntimeDep,
    staff: StaffDep,
    filters: Annotated[GridFilters, Query()],
) -> Response:
    seen, asked, where = scope(staff, Action.SEE_FIGURES), filters.asked(), box(filters.bbox)
    async with runtime.reading() as conn:
        rules = await rules_for(runtime.router, conn, seen, asked)
        found = await heat.grid(conn, rules, seen, asked, filters.measure, where, filters.zoom)
    answer = {
        "type": "FeatureCollection",
        "features": [_feature(place) for place in found.cells],
        "shared": [_feature(place) for place in found.shared],
        "zoom": found.zoom,
        "measure": filters.measure,
        "cut": found.is_cut,
        "as_of": found.as_of,
    }
    body = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
    return kept(
        request,
        body,
        media_type=MEDIA_TYPE,
        cache=CACHE,
        as_of=found.as_of,
        private=True,
        small=True,
    )


def _feature(place: Place) -> dict[str, object]:
    lng, lat, n = place
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": (lng, lat)},
        "properties": {"n": n},
    }
