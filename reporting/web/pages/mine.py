"""`/me`: the reports this browser is known by, all we hold on its reporter, and forgetting them.

A browser may be a device, and may hold the tokens of reports that were sent elsewhere. Each of
these speaks for what is its own; together they are who is at the browser.
"""

from datetime import datetime
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from reporting import reporters
from reporting.auth import Device, Tracking
from reporting.errors import NotAllowed, NotSignedIn, TooManyRequests
from reporting.language import Language
from reporting.reporters import Reporter
from reporting.runtime import Connection
from reporting.web import cookies
from reporting.web.api.me import exported
from reporting.web.deps import RuntimeDep, known
from reporting.web.pages import standing
from reporting.web.pages.rendering import page, remember_language, spoken_to
from reporting.web.pages.route import PageRoute

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: The newest of a list; the file holds all.
SHOWN: Final = 50


@router.api_route("/me", methods=["GET", "HEAD"])
async def get_me(request: Request, runtime: RuntimeDep) -> Response:
    spoken = spoken_to(request)
    found: list[dict[str, Any]] = []
    more = False
    async with runtime.reading() as conn:
        everybody = await _who(request, conn)
        for each in everybody:
            listed = await reporters.my_reports(
                conn, runtime.router, each, cursor=None, limit=SHOWN
            )
            found += listed.items
            more = more or listed.next is not None
        rules = await runtime.router.current(conn)
    found.sort(key=lambda report: report["created_at"], reverse=True)
    names = {code: category.name for code, category in rules.categories.items()}
    reports = [
        {
            "reference": report["reference"],
            "category": _in(spoken, names[report["category"]]),
            "status": report["status"],
            "tag": standing.tag(report, spoken),
            "ward": report["ward"] and report["ward"]["name"],
            "sent": spoken.date(
                datetime.fromisoformat(report["created_at"]),
                rules.by_slug[report["authority"]["slug"]].timezone,
            ),
        }
        for report in found[:SHOWN]
    ]
    more = more or len(found) > SHOWN
    answer = page(
        "me.html", spoken=spoken, reports=reports, more=more, known=bool(everybody), gone=False
    )
    remember_language(request, answer)
    return answer


@router.get("/me/data")
async def get_data(request: Request, runtime: RuntimeDep) -> Response:
    """Everything, as a file."""
    async with runtime.reading() as conn:
        found = [await exported(runtime, conn, who) for who in _some(await _who(request, conn))]
    body = orjson.dumps({"held": found}, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": 'attachment; filename="kerbline-my-data.json"',
    }
    return Response(body, headers=headers, media_type="application/json")


@router.api_route("/me/forget", methods=["GET", "HEAD"])
async def ask_to_forget(request: Request, runtime: RuntimeDep) -> Response:
    async with runtime.reading() as conn:
        count = 0
        for who in _some(await _who(request, conn)):
            count += await reporters.count(conn, who)
    answer = page("me_forget.html", spoken=spoken_to(request), count=count)
    remember_language(request, answer)
    return answer


@router.post("/me/forget")
async def forget(request: Request, runtime: RuntimeDep) -> Response:
    if not cookies.is_ours(request):
        raise NotAllowed
    async with runtime.unit() as conn:
        everybody = _some(await _who(request, conn))
        gone = [each for who in everybody for each in await reporters.forget(conn, who)]
    for key in gone:
        await runtime.photos.delete(key)
    answer = page(
        "me.html", spoken=spoken_to(request), reports=[], more=False, known=False, gone=True
    )
    # What the pages keep in the browser: drafts, reports that wait, the list of those sent.
    answer.headers["Clear-Site-Data"] = '"storage"'
    for name in (cookies.DEVICE, *map(cookies.report, cookies.references(request))):
        cookies.take(request, answer, name)
    return answer


def _in(spoken: Language, sentence: str) -> str:
    return spoken.say(sentence)


def _some(everybody: list[Reporter]) -> list[Reporter]:
    if not everybody:
        raise NotSignedIn
    return everybody


async def _who(request: Request, conn: Connection) -> list[Reporter]:
    """Who is at this browser: a device, and the reports that are not the device's own."""
    names = [cookies.DEVICE, *map(cookies.report, cookies.references(request))]
    found: list[Reporter] = []
    device: Device | None = None
    for token in (cookies.held(request, name) for name in names):
        if token is None:
            continue
        try:
            who = await known(request, conn, token)
        except (NotSignedIn, TooManyRequests):
            continue
        if isinstance(who, Device):
            device = who
            found.append(who)
        elif isinstance(who, Tracking) and not (
            device and await reporters.is_of_device(conn, who, device)
        ):
            found.append(who)
    return found
