"""`GET /v1/exports/…`: what is filtered, as a file."""

from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response

from reporting import exporting
from reporting.auth import Staff
from reporting.errors import Invalid, NotAllowed, NotFound, NotSignedIn, TooManyExports
from reporting.exporting import LOOKS
from reporting.runtime import Runtime
from reporting.web.api.filters import Filters
from reporting.web.body import StrictRoute
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.file_stream import FileStream
from reporting.web.problems import responses

router = APIRouter(
    prefix="/v1/exports", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_SAID = (
    "of what the filters leave, as of one moment. It comes as it is made: a file that ends early is"
    " cut off, and not complete. At most two are made at once, one for each account; then 503 with"
    " `Retry-After`. No contact details, and a resident's words only where they may be public. In"
    " CSV (UTF-8 with its mark, RFC 4180) an apostrophe stands before what a spreadsheet would take"
    " for a formula."
)


@router.get(
    "/jobs.{suffix}",
    operation_id="exportJobs",
    summary="Jobs as a file",
    description=f"The jobs, by due time, {_SAID}",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": {look.media_type.partition(";")[0]: _FILE for look in LOOKS.values()},
        },
        **responses(NotSignedIn, NotAllowed, NotFound, Invalid, TooManyExports),
    },
)
async def export_jobs(
    request: Request,
    runtime: RuntimeDep,
    who: StaffDep,
    suffix: str,
    filters: Annotated[Filters, Query()],
) -> Response:
    return await _file(request, runtime, who, "jobs", suffix, filters)


@router.get(
    "/reports.{suffix}",
    operation_id="exportReports",
    summary="Reports as a file",
    description=(
        "The reports, about in the order they came, by the day they came, where they were placed,"
        f" and everything else by the job each stands on, {_SAID}"
    ),
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": {look.media_type.partition(";")[0]: _FILE for look in LOOKS.values()},
        },
        **responses(NotSignedIn, NotAllowed, NotFound, Invalid, TooManyExports),
    },
)
async def export_reports(
    request: Request,
    runtime: RuntimeDep,
    who: StaffDep,
    suffix: str,
    filters: Annotated[Filters, Query()],
) -> Response:
    return await _file(request, runtime, who, "reports", suffix, filters)


async def _file(
    request: Request, runtime: Runtime, who: Staff, dataset: str, suffix: str, filters: Filters
) -> Response:
    look = LOOKS.get(suffix)
    if look is None:
        raise NotFound
    room: exporting.Room = request.app.state.exports
    pieces = exporting.pieces(runtime, room, who, dataset, suffix, filters.asked())
    first = await anext(pieces)
    rules = runtime.router.rules
    timezone = rules.authorities[who.authority_id].timezone if rules else "UTC"
    day = datetime.now(UTC).astimezone(ZoneInfo(timezone)).date()
    name = f"{who.authority_slug}-{dataset}-{day}.{look.suffix}"
    return FileStream(first, pieces, name=name, media_type=look.media_type)
