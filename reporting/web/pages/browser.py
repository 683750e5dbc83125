"""`POST /browser`: make this browser a device, like an app's install, known by a cookie."""

from fastapi import APIRouter, Request, Response

from reporting import reporters
from reporting.errors import NotAllowed
from reporting.web import cookies
from reporting.web.deps import RuntimeDep
from reporting.web.limits import limited
from reporting.web.pages.rendering import spoken_to

router = APIRouter(include_in_schema=False)


@router.post("/browser", status_code=204, dependencies=[limited("devices")])
async def become_device(request: Request, runtime: RuntimeDep) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed
    answer = Response(status_code=204)
    if cookies.held(request, cookies.DEVICE) is None:
        async with runtime.unit() as conn:
            _, token = await reporters.add_device(
                conn, platform="web", language=spoken_to(request).code
            )
        cookies.give(request, answer, cookies.DEVICE, token, cookies.REPORTER_S)
    return answer
