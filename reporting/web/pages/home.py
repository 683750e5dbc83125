"""`/`: what this is, and a report to try it with, from the map to the team."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import LooksSwapped, NotAPlace, OutsideCoverage, Refusal
from reporting import metrics
from reporting.errors import IdempotencyKeyReused, NotAllowed
from reporting.outlines import Plan
from reporting.reports import taking
from reporting.reports.values import Claim, NewReport, Sender
from reporting.runtime import Runtime
from reporting.web import problems
from reporting.web.deps import RuntimeDep
from reporting.web.limits import limited
from reporting.web.pages import form, plans, tracking
from reporting.web.pages.form import Fault, Filled
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute
from routing import duplicates
from routing.errors import AnswersRefused
from routing.rulebook import Rules

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.api_route("/", methods=["GET", "HEAD"])
async def get_home(
    request: Request, runtime: RuntimeDep, ward: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    rules, plan = await _in_force(request, runtime)
    return _home(rules, plan, form.blank(ward=ward), [])


@router.post("/", dependencies=[limited("reports")])
async def send_report(request: Request, runtime: RuntimeDep) -> Response:
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise NotAllowed("This form was sent from another site; open this page and send it here.")
    body = await request.body()
    filled = form.read(body)
    rules, plan = await _in_force(request, runtime)
    new, faults = form.report(filled, rules, plan)
    if new is None or filled.key is None:
        return _home(rules, plan, filled if filled.key else _again(filled), faults, 422)
    try:
        answer = await _create(runtime, new, Claim(filled.key, None, runtime.keys.body_hash(body)))
    except Refusal as refusal:
        reused = isinstance(refusal, IdempotencyKeyReused)
        fault = Fault(*_told(refusal))
        status = problems.status_of(refusal)
        return _home(rules, plan, _again(filled) if reused else filled, [fault], status)
    done = RedirectResponse(f"/r/{answer['reference']}", 303, HEADERS)
    tracking.remember(request, done, answer["reference"], answer["tracking_token"])
    return done


async def _create(runtime: Runtime, new: NewReport, claim: Claim) -> Any:
    category = await runtime.category(new.category)
    async with runtime.unit(claim=claim.lock, locks=duplicates.locks(category, new.place)) as conn:
        answered = await taking.create(
            conn,
            router=runtime.router,
            keys=runtime.keys,
            public_url=runtime.settings.public_url,
            claim=claim,
            sender=Sender(),
            new=new,
            category=category,
        )
    if not answered.replayed:
        metrics.report_accepted(category.code)
    return orjson.loads(answered.body)


async def _in_force(request: Request, runtime: Runtime) -> tuple[Rules, Plan | None]:
    async with runtime.reading() as conn:
        return await plans.in_force(request, runtime, conn)


def _home(
    rules: Rules, plan: Plan | None, filled: Filled, faults: list[Fault], status: int = 200
) -> Response:
    place = form.place_of(filled, plan)
    return page(
        "home.html",
        status,
        authorities=sorted(rules.authorities.values(), key=lambda each: each.name),
        categories=[each for each in rules.categories.values() if each.active],
        plan=plan,
        filled=filled,
        faults=faults,
        faulty={fault.field: fault.sentence for fault in faults},
        pin=plan.position(place) if plan and place else None,
    )


def _again(filled: Filled) -> Filled:
    """The same form under a new key."""
    return Filled({**filled.values, **form.blank().values})


def _told(refusal: Refusal) -> tuple[str, str]:
    """The field to look at, and the sentence."""
    if isinstance(refusal, IdempotencyKeyReused):
        return "send", "This form was sent before, with other words. Send it again as a new report."
    if isinstance(refusal, OutsideCoverage):
        nearest = refusal.facts.get("nearest")
        if isinstance(nearest, dict):
            return "lat", f"{refusal.detail} The nearest is {nearest['name']}."
    if isinstance(refusal, (NotAPlace, LooksSwapped, OutsideCoverage)):
        return "lat", refusal.detail
    return ("category" if isinstance(refusal, AnswersRefused) else "send"), refusal.detail
