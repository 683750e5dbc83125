"""`GET /v1/tiles/…`: what maps draw, as vector tiles."""

from hashlib import blake2b
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from psycopg.rows import tuple_row

from geo.tiles import NoSuchTile, Tile
from reporting.queries import tiles as queries
from reporting.web.body import StrictRoute
from reporting.web.deps import RuntimeDep
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/tiles", tags=["places"], route_class=StrictRoute)

MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
#: Wards move once in years, and a map may show the old ones for ten minutes more.
CACHE = "public, max-age=600, stale-while-revalidate=86400"
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}

Number = Annotated[int, Path(ge=0, le=2**22)]


@router.get(
    "/wards/{z}/{x}/{y}.mvt",
    operation_id="getWardTile",
    summary="Wards, zones and councils as a map draws them",
    description="Layer `areas` (kind, zone_type, code, name, authority, tint), layer `names`.",
    response_class=Response,
    responses={
        200: {"description": "A Mapbox Vector Tile.", "content": {MEDIA_TYPE: _BYTES}},
        204: {"description": "Nothing is there."},
        **responses(NoSuchTile),
    },
)
async def get_ward_tile(
    request: Request, runtime: RuntimeDep, z: Number, x: Number, y: Number
) -> Response:
    tile = Tile.checked(z, x, y)
    async with runtime.reading() as conn, conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.WARDS, tile.parameters())
        [(body,)] = await cursor.fetchall()
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": CACHE, "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if not body:
        return Response(status_code=204, headers=headers)
    return Response(bytes(body), headers=headers, media_type=MEDIA_TYPE)
