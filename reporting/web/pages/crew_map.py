"""What a tablet draws with no signal: the council's own map file, and the lines of the wards."""

from pathlib import Path
from typing import Final

import orjson
import structlog
from anyio import Path as AsyncPath
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from reporting import outlines
from reporting.errors import NotFound
from reporting.web.answers import fresh
from reporting.web.deps import RuntimeDep, StaffDep, staff

router = APIRouter(prefix="/crew", include_in_schema=False)
log = structlog.get_logger("kerbline")

#: More than this a tablet neither fetches before the day begins nor keeps beside its photos.
LARGEST_MAP: Final = 300_000_000
MEDIA_TYPE: Final = "application/vnd.pmtiles"


@router.api_route("/map.pmtiles", methods=["GET", "HEAD"], dependencies=[Depends(staff)])
async def get_map(request: Request, runtime: RuntimeDep) -> Response:
    """The file that ``KERBLINE_CREW_MAP`` names. It is kept by the page, not by a cache."""
    named = runtime.settings.crew_map
    if not named:
        raise NotFound
    path = AsyncPath(named)
    if not await path.is_file():
        log.warning("the crews' map is not there", path=named)
        raise NotFound
    about = await path.stat()
    if about.st_size > LARGEST_MAP:
        log.warning("the crews' map is too large", path=named, bytes=about.st_size)
        raise NotFound
    tag = f'"{about.st_mtime_ns:x}-{about.st_size:x}"'
    headers = {"Cache-Control": "private, no-store", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return FileResponse(Path(named), headers=headers, media_type=MEDIA_TYPE)


@router.api_route("/areas.json", methods=["GET", "HEAD"])
async def get_areas(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    """The wards in and about the authority one works for, as GeoJSON."""
    async with runtime.reading() as conn:
        found = await outlines.around(conn, who.authority_id)
    features = [
        {
            "type": "Feature",
            "properties": {"code": ward.code, "name": ward.name},
            "geometry": orjson.Fragment(ward.shape),
        }
        for ward in found
    ]
    return fresh(request, {"type": "FeatureCollection", "features": features})
