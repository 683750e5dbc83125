"""`/handover/{token}`: one job, for somebody without an account who is to do it.

GET changes nothing but when it was first opened: programs open every link in a mail. POST says that
it is done, with a photo, or why it cannot be; once. What is revoked, over, used for another job or
guessed looks the same. The token stands in the address and nowhere else: nothing on this page is
fetched from others, who learn no address of ours either, and our log holds none.
"""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from geo.errors import Refusal
from geo.points import Point
from reporting import handovers
from reporting.auth import Anyone
from reporting.errors import NotAllowed, NotFound
from reporting.handovers import CANNOT, Handover, Told
from reporting.language import language
from reporting.runtime import Runtime
from reporting.web import cookies, problems
from reporting.web.body import CleanText
from reporting.web.deps import RuntimeDep
from reporting.web.limits import guarding
from reporting.web.pages import form, pictures, plans
from reporting.web.pages.form import Fault, Filled
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute
from reporting.web.photo_links import photo_view

router = APIRouter(include_in_schema=False, route_class=PageRoute)

LONGEST_NOTE: Final = 2000
_TEXT: Final = TypeAdapter(CleanText)


@router.api_route("/handover/{token}", methods=["GET", "HEAD"])
async def get_handover(request: Request, runtime: RuntimeDep, token: str) -> Response:
    try:
        async with guarding(request):
            found = await _find(runtime, token)
    except NotFound:
        return _gone()
    if request.method == "GET" and found.opened_at is None and found.state == "live":
        async with runtime.unit() as conn:
            await handovers.opened(conn, found)
    return await _show(request, runtime, found)


@router.post("/handover/{token}")
async def tell(request: Request, runtime: RuntimeDep, token: str) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed("This form was sent from another site; open the link and send it there.")
    try:
        async with guarding(request):
            found = await _find(runtime, token)
        filled = await form.read(request)
        faults: list[Fault] = []
        if found.state == "live":
            filled, faults = await _tell(request, runtime, token, filled)
    except NotFound:  # revoked or over while it was being written
        return _gone()
    if faults:
        return await _show(request, runtime, found, filled, faults)
    return RedirectResponse(f"/handover/{token}", 303, HEADERS)


async def _tell(
    request: Request, runtime: Runtime, token: str, filled: Filled
) -> tuple[Filled, list[Fault]]:
    """Write down what the form says; the form with the pictures that are here, and its faults."""
    spoken = language(None)
    is_done = filled["said"] != "cannot"
    filled, faults = await pictures.take_in(request, runtime, filled, Anyone(), spoken)
    note = _note(filled)
    where = "note" if is_done else "why"
    if note is None:
        faults.append(Fault(where, "Write less, and without odd characters."))
    if not faults:
        told = Told(None if is_done else filled["reason"], note or None, filled.photos)
        try:
            async with runtime.unit() as conn:
                await handovers.tell(conn, runtime.router, token, told)
        except NotFound:
            raise
        except Refusal as refusal:
            field = "photo" if is_done else "reason-not_found"
            faults.append(Fault(field, problems.said(refusal, spoken)))
    return filled, faults


def _note(filled: Filled) -> str | None:
    """What was written; None where it cannot be taken."""
    try:
        words = _TEXT.validate_python(filled["note"].replace("\r\n", "\n"))
    except ValidationError:
        return None
    return words if len(words) <= LONGEST_NOTE else None


async def _find(runtime: Runtime, token: str) -> Handover:
    async with runtime.reading() as conn:
        return await handovers.find(conn, token)


def _gone() -> Response:
    return page("handover/gone.html", 404)


async def _show(
    request: Request,
    runtime: Runtime,
    found: Handover,
    filled: Filled | None = None,
    faults: list[Fault] | None = None,
) -> Response:
    spoken = language(None)
    async with runtime.reading() as conn:
        job = await handovers.shown(conn, runtime.router, found)
        said = await handovers.said(conn, found) if found.state == "done" else None
        _, plan = await plans.in_force(request, runtime, conn)
    place = None if job.lat is None or job.lng is None else Point(job.lat, job.lng)
    photos = [
        photo_view(runtime.keys, UUID(photo["id"]), photo["state"], photo["review"])
        for photo in job.photos
    ]
    return page(
        "handover/said.html" if said else "handover/job.html",
        422 if faults else 200,
        job=job,
        handover=found,
        said=said,
        said_at=said and spoken.instant(said.at, job.timezone),
        due=spoken.instant(job.due_at, job.timezone),
        until=spoken.date(found.expires_at, job.timezone),
        plan=plan,
        pin=plan.position(place) if plan and place else None,
        photos=photos,
        reasons=CANNOT,
        form=filled or form.blank(),
        faults=faults or [],
        most=pictures.MOST,
    )
