"""A reporter's own: my reports, all you hold on me, forget me."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting import reporters
from reporting.errors import CursorRefused, NotAllowed, NotSignedIn
from reporting.reporters import Reporter
from reporting.runtime import Connection, Runtime
from reporting.web import showing
from reporting.web.answers import fresh
from reporting.web.api.reports import ReportOut, ReportSummary
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, PrincipalDep, RuntimeDep
from reporting.web.photo_links import PhotoView, photo_view
from reporting.web.problems import responses
from reporting.web.wire import Instant

router = APIRouter(
    prefix="/v1/me", tags=["reporters"], route_class=StrictRoute, dependencies=TAKES_BEARER
)


class MyReports(Wire):
    """Newest first. `next` is the cursor of the page after, if there is one."""

    items: list[ReportSummary]
    next: str | None


class PushOut(Wire):
    """An address that they heard back at."""

    channel: str
    address: str
    created_at: Instant
    ended_at: Instant | None
    ended_because: str | None


class MyDevice(Wire):
    """The device whose bearer asks."""

    id: UUID
    platform: str | None
    language: str | None
    created_at: Instant
    push: list[PushOut]


class MessageOut(Wire):
    """A message about a report."""

    update: UUID = Field(description="The entry of the timeline it told of")
    channel: str = Field(description="fcm, webpush or email")
    state: str = Field(description="pending, sent, dropped or dead")
    created_at: Instant
    sent_at: Instant | None


class MyWholeReport(ReportOut):
    """A report with all that was sent with it, and all that was said about it."""

    messages: list[MessageOut]
    subscriptions: list[PushOut] = Field(description="Where its reporter hears by e-mail")


class UnconfirmedOut(Wire):
    """A report that waits for a word by e-mail."""

    body: dict[str, Any] = Field(description="As it was sent")
    created_at: Instant
    expires_at: Instant
    confirmed_at: Instant | None


class MyExport(Wire):
    """All we hold on a reporter."""

    device: MyDevice | None
    reports: list[MyWholeReport]
    photos: list[PhotoView] = Field(description="Uploaded, and not sent with a report")
    unconfirmed: list[UnconfirmedOut]


@router.get(
    "/reports",
    operation_id="listMyReports",
    summary="My reports",
    description="Those of this device; with a tracking token, the one it belongs to.",
    response_model=MyReports,
    responses=responses(NotSignedIn, NotAllowed, CursorRefused),
)
async def list_my_reports(
    runtime: RuntimeDep,
    principal: PrincipalDep,
    request: Request,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = reporters.PAGE,
) -> Response:
    who = reporters.reporter(principal)
    async with runtime.reading() as conn:
        page = await reporters.my_reports(conn, runtime.router, who, cursor=cursor, limit=limit)
    return fresh(request, {"items": page.items, "next": page.next})


@router.get(
    "/export",
    operation_id="exportMe",
    summary="All you hold on me",
    response_model=MyExport,
    responses=responses(NotSignedIn, NotAllowed),
)
async def export_me(runtime: RuntimeDep, principal: PrincipalDep, request: Request) -> Response:
    who = reporters.reporter(principal)
    async with runtime.reading() as conn:
        value = await exported(runtime, conn, who)
    return fresh(request, value, cache="no-store")


async def exported(runtime: Runtime, conn: Connection, who: Reporter) -> dict[str, Any]:
    """All we hold on a reporter, with links to their pictures."""
    found = await reporters.export(conn, runtime.router, who)
    rules = await runtime.router.current(conn)
    keys = runtime.keys
    return {
        "device": found.device,
        "reports": [
            showing.with_links(keys, each.shown, rules.categories[each.shown.category]) | each.more
            for each in found.reports
        ],
        "photos": [
            photo_view(keys, photo["id"], photo["state"], photo["review"]).model_dump()
            for photo in found.photos
        ],
        "unconfirmed": found.unconfirmed,
    }


@router.delete(
    "",
    operation_id="forgetMe",
    summary="Forget me",
    description=(
        "Erases the words, photos and contact details of my reports, my device and its messages."
        " The reports stay, as nobody's: the street still needs mending. A tracking token speaks"
        " for its one report."
    ),
    status_code=204,
    responses=responses(NotSignedIn, NotAllowed),
)
async def forget_me(runtime: RuntimeDep, principal: PrincipalDep) -> Response:
    who = reporters.reporter(principal)
    async with runtime.unit() as conn:
        gone = await reporters.forget(conn, who)
    for key in gone:
        await runtime.photos.delete(key)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
