"""`/`: a report, from the photo to the reference, with JavaScript or without.

The page is one form. Without JavaScript it is filled in and posted here as it stands; with it,
``flow.mjs`` asks one question at a time and sends the report by the API.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import LooksSwapped, NotAPlace, OutsideCoverage, Refusal
from reporting.auth import Device, Principal, Staff
from reporting.errors import ConfirmByEmail, IdempotencyKeyReused, NotAllowed, PhotoUnknown
from reporting.language import Language
from reporting.outlines import Plan
from reporting.reports import taking
from reporting.reports.values import Claim
from reporting.runtime import Runtime
from reporting.web import cookies, problems, showing
from reporting.web.admitting import admit, take_in
from reporting.web.deps import PrincipalDep, RuntimeDep
from reporting.web.pages import form, pictures, plans, tracking
from reporting.web.pages.form import Fault, Filled
from reporting.web.pages.rendering import HEADERS, page, remember_language, spoken_to
from reporting.web.pages.route import PageRoute
from routing.errors import AnswersRefused
from routing.rulebook import Rules

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: Nobody reports to these: they answer for roads that cross a county.
_NOT_ASKED: Final = "national"


@dataclass(frozen=True, slots=True)
class Desk:
    """What is other where staff fill the form in for a caller."""

    template: str
    #: What its frame shows besides.
    shown: Mapping[str, Any]
    #: The page of the report, once it is taken, by its reference.
    then: str


@router.api_route("/", methods=["GET", "HEAD"])
async def get_home(
    request: Request,
    runtime: RuntimeDep,
    principal: PrincipalDep,
    ward: Annotated[str, Query(max_length=200)] = "",
    category: Annotated[str, Query(max_length=50)] = "",
    lat: Annotated[str, Query(max_length=30)] = "",
    lng: Annotated[str, Query(max_length=30)] = "",
) -> Response:
    """The form; with what a link to it says already."""
    said = form.blank(ward=ward, category=category, lat=lat, lng=lng)
    answer = await begin(request, runtime, principal, said)
    remember_language(request, answer)
    return answer


@router.post("/")
async def send_report(request: Request, runtime: RuntimeDep, principal: PrincipalDep) -> Response:
    return await send(request, runtime, principal)


@router.api_route("/plan", methods=["GET", "HEAD"])
async def get_plan(request: Request, runtime: RuntimeDep) -> Response:
    """The wards as a picture whose parts are links, for whoever has no map."""
    _, plan = await _in_force(request, runtime)
    return page("plan_page.html", spoken=spoken_to(request), plan=plan)


@router.api_route("/sent/{reference}", methods=["GET", "HEAD"])
async def get_sent(request: Request, runtime: RuntimeDep, reference: str) -> Response:
    """What a reporter is told first; what comes later is told at `/r/{reference}`."""
    reference = reference.upper()
    spoken = spoken_to(request)
    async with runtime.reading() as conn:
        principal = await tracking.who(conn, request, reference)
        report = await showing.report(runtime, conn, reference, principal)
        rules = await runtime.router.current(conn)
    timezone = rules.by_slug[report["authority"]["slug"]].timezone
    due = datetime.fromisoformat(report["due_at"])
    urgent = report["priority"] == "P1"
    return page(
        "sent.html",
        spoken=spoken,
        report=report,
        due=spoken.instant(due, timezone) if urgent else spoken.day(due, timezone),
        mails=runtime.settings.mail_configured,
    )


async def begin(
    request: Request,
    runtime: Runtime,
    principal: Principal,
    filled: Filled,
    *,
    desk: Desk | None = None,
) -> Response:
    """The form as it is first seen."""
    rules, plan = await _in_force(request, runtime)
    return show(request, runtime, rules, plan, filled, [], principal=principal, desk=desk)


async def send(
    request: Request, runtime: Runtime, principal: Principal, *, desk: Desk | None = None
) -> Response:
    """Take the form in, or show it again with what is wrong."""
    spoken = spoken_to(request)
    if not cookies.is_ours(request):
        raise NotAllowed(
            spoken.say("This form was sent from another site; open this page and send it here.")
        )
    filled = await form.read(request)
    device = principal.id if isinstance(principal, Device) else None
    filled, unread = await pictures.take_in(request, runtime, filled, principal, spoken)
    rules, plan = await _in_force(request, runtime)
    mails = runtime.settings.mail_configured
    new, faults = form.report(filled, rules, plan, spoken, mails=mails)
    if new is None or filled.key is None or unread:
        again = filled if filled.key else filled.again()
        wrong = [*unread, *faults]
        return show(
            request, runtime, rules, plan, again, wrong, 422, principal=principal, desk=desk
        )
    claim = Claim(filled.key, device, runtime.keys.body_hash(filled.content()))
    try:
        trapped = filled.is_trapped
        if await admit(request, runtime, principal, claim, new, spoken, trapped=trapped):
            return page("asked.html", 202, spoken=spoken)
        answered = await take_in(runtime, claim, taking.sender(principal), new)
        answer = orjson.loads(answered.body)
    except Refusal as refusal:
        reused = isinstance(refusal, IdempotencyKeyReused)
        fault = Fault(*_told(refusal, spoken))
        status = problems.status_of(refusal)
        again = filled.again() if reused else filled
        return show(
            request, runtime, rules, plan, again, [fault], status, principal=principal, desk=desk
        )
    if desk is not None:
        contact = new.contact
        told = {"in": contact and contact.language, "mailed": bool(contact and contact.updates)}
        address = f"{desk.then}/{answer['reference']}?{urlencode(told)}"
        return RedirectResponse(address, 303, HEADERS)
    done = RedirectResponse(f"/sent/{answer['reference']}", 303, HEADERS)
    if not isinstance(principal, Staff):
        tracking.remember(request, done, answer["reference"], answer["tracking_token"])
    return done


def show(
    request: Request,
    runtime: Runtime,
    rules: Rules,
    plan: Plan | None,
    filled: Filled,
    faults: list[Fault],
    status: int = 200,
    *,
    principal: Principal,
    desk: Desk | None = None,
) -> Response:
    """The form. For staff who take a caller's report, the contact comes first."""
    spoken = spoken_to(request)
    shown = {} if desk is None else dict(desk.shown)
    councils = sorted(rules.authorities.values(), key=lambda each: each.name)
    return page(
        "home.html" if desk is None else desk.template,
        status,
        spoken=spoken,
        map_hosts=runtime.settings.map_hosts,
        authorities=councils,
        asked=[each for each in councils if each.tier != _NOT_ASKED] or councils,
        categories=[each for each in rules.categories.values() if each.active],
        plan=plan,
        bounds=plans.bounds(request),
        style_url=runtime.settings.map_style_url,
        mails=runtime.settings.mail_configured,
        caller=desk is not None,
        filled=filled,
        faults=faults,
        faulty={fault.field: fault.sentence for fault in faults},
        **({"staff": principal if isinstance(principal, Staff) else None} | shown),
    )


async def _in_force(request: Request, runtime: Runtime) -> tuple[Rules, Plan | None]:
    async with runtime.reading() as conn:
        return await plans.in_force(request, runtime, conn)


def _told(refusal: Refusal, spoken: Language) -> tuple[str, str]:
    """The field to look at, and the sentence."""
    detail = problems.said(refusal, spoken)
    if isinstance(refusal, IdempotencyKeyReused):
        return "send", spoken.say(
            "This form was sent before, with other words. Send it again as a new report."
        )
    if isinstance(refusal, OutsideCoverage):
        nearest = refusal.facts.get("nearest")
        if isinstance(nearest, dict):
            also = spoken.say("The nearest is {name}.", name=nearest["name"])
            return "lat", f"{detail} {also}"
    if isinstance(refusal, NotAPlace | LooksSwapped | OutsideCoverage):
        return "lat", detail
    if isinstance(refusal, PhotoUnknown):
        return "photo", detail
    if isinstance(refusal, ConfirmByEmail):
        return "contact.email", detail
    return ("category" if isinstance(refusal, AnswersRefused) else "send"), detail
