"""`/r/{reference}`: one report: how it was routed, and what has happened since.

Anyone sees the public view. Its reporter also sees why it went where it went, and their words.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from geo.points import Point
from reporting import explanations, notices
from reporting.web import showing
from reporting.web.deps import RuntimeDep
from reporting.web.pages import plans, tracking
from reporting.web.pages.rendering import HEADERS, page
from reporting.web.pages.route import PageRoute
from routing.reasons import sentence
from routing.rulebook import Rules
from routing.triage import Triage, triage

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.api_route("/r/{reference}", methods=["GET", "HEAD"])
async def get_report_page(
    request: Request,
    runtime: RuntimeDep,
    reference: str,
    t: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    reference = reference.upper()  # as people type what they were read out
    if t is not None:
        # The token goes into a cookie and out of the address, where histories would keep it.
        away = RedirectResponse(f"/r/{reference}", 303, HEADERS)
        tracking.remember(request, away, reference, t)
        return away
    async with runtime.reading() as conn:
        principal = await tracking.who(conn, request, reference)
        report = await showing.report(runtime, conn, reference, principal)
        rules, plan = await plans.in_force(request, runtime, conn)
        is_own = "answers" in report
        reasons = await explanations.why(conn, principal, report["id"]) if is_own else None
    timezone = rules.by_slug[report["authority"]["slug"]].timezone
    token = runtime.keys.tracking_token(report["id"]) if is_own else None
    public_url = runtime.settings.public_url.rstrip("/")
    return page(
        "report.html",
        report=report,
        category=rules.categories[report["category"]],
        routed=reasons and _routed(reasons, rules),
        plan=plan,
        pin=plan and report["location"] and plan.position(Point(**report["location"])),
        judged=_judged(report, rules, timezone) if is_own else None,
        due=notices.instant(datetime.fromisoformat(report["due_at"]), timezone),
        timeline=_told(report["timeline"], timezone),
        tracking_url=token and f"{public_url}/r/{reference}?t={token}",
    )


def _routed(reasons: Mapping[str, Any], rules: Rules) -> Mapping[str, Any]:
    """The reasons with the sentence a supervisor reads, and what to show of them on the plan."""
    if reasons["why"] == "by_hand":
        return {"by_hand": True}
    wards = (area for area in reasons["areas"] if area["code"] == reasons["ward"])
    return {
        **reasons,
        "by_hand": False,
        "sentence": sentence(reasons),
        "ward_key": next((f"{ward['authority']}/{ward['code']}" for ward in wards), None),
        "names": {slug: authority.name for slug, authority in rules.by_slug.items()},
    }


def _judged(report: Mapping[str, Any], rules: Rules, timezone: str) -> Triage:
    """The risk that the answers came to, worked out again as it was when they came."""
    category = rules.categories[report["category"]]
    at = datetime.fromisoformat(report["created_at"])
    return triage(category, report["answers"], at, timezone)


def _told(timeline: list[dict[str, Any]], timezone: str) -> list[dict[str, Any]]:
    """The timeline in words."""
    return [
        {
            **entry,
            "when": notices.instant(datetime.fromisoformat(entry["at"]), timezone),
            "sentence": notices.sentence(entry["status"], notices.Facts()),
        }
        for entry in timeline
    ]
