"""A reporter's own: my reports, all you hold on me, forget me."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from reporting import reporters
from reporting.errors import CursorRefused, NotAllowed, NotSignedIn
from reporting.web.answers import fresh
from reporting.web.api.reports import ReportOut, ReportSummary
from reporting.web.body import StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, PrincipalDep, RuntimeDep
from reporting.web.photo_links import photo_view
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
    """An address that the device heard back at."""

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
    """A push message about a report."""

    update: UUID = Field(description="The entry of the timeline it told of")
    state: str = Field(description="pending, sent, dropped or dead")
    created_at: Instant
    sent_at: Instant | None


class MyWholeReport(ReportOut):
    """A report with all that was sent with it, and all that was said about it."""

    messages: list[MessageOut]


class MyExport(Wire):
    """All we hold on a reporter."""

    device: MyDevice | None
    reports: list[MyWholeReport]


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
        found = await reporters.export(conn, runtime.router, who)
    for report in found["reports"]:
        report["photos"] = [
            photo_view(runtime.keys, photo["id"], photo["state"], photo["review"]).model_dump(mode="json")
            for photo in report["photos"]
        ]
    return fresh(request, found, cache="no-store")


@router.delete(
    "",
    operation_id="forgetMe",
    summary="Forget me",
    description=(
        "Erases the words and contact details of my reports, my device and its messages. The"
        " reports stay, as nobody's: the street still needs mending. A tracking token speaks for"
        " its one report."
    ),
    status_code=204,
    responses=responses(NotSignedIn, NotAllowed),
)
async def forget_me(runtime: RuntimeDep, principal: PrincipalDep) -> Response:
    who = reporters.reporter(principal)
    async with runtime.unit() as conn:
        await reporters.forget(conn, who)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
