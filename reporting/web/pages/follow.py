"""`/r/{reference}`: one report: how it stands, what has happened, and what its reporter can do.

Anyone sees the public view. Its reporter also sees their words and why it went where it went, says
whether it is fixed, takes it back, and chooses how to hear of news.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from geo.points import Point
from reporting import explanations, reporters
from reporting.auth import Device, Principal, Tracking
from reporting.language import Language
from reporting.runtime import Connection, Runtime
from reporting.web import showing
from reporting.web.deps import RuntimeDep, device_of
from reporting.web.pages import form, plans, standing, tracking
from reporting.web.pages.form import Fault, Filled
from reporting.web.pages.rendering import HEADERS, page, remember_language, spoken_to
from reporting.web.pages.route import PageRoute
from routing import triage
from routing.reasons import sentence
from routing.rulebook import Rules

router = APIRouter(include_in_schema=False, route_class=PageRoute)

#: What the page says once, after something was done, by the name in its address.
TOLD: Final[Mapping[str, str]] = {
    "fixed": "Thank you. The team reads that it is fixed.",
    "not-fixed": "Thank you. The team reads that it is not fixed.",
    "reopened": "Thank you. It is open again, and the team reads what you wrote.",
    "withdrawn": "You took your report back.",
    "updates": "We write to that address from now on.",
    "stopped": "You get no more e-mail about this report.",
}


@router.api_route("/r/{reference}", methods=["GET", "HEAD"])
async def get_report_page(
    request: Request,
    runtime: RuntimeDep,
    reference: str,
    t: Annotated[str | None, Query(max_length=100)] = None,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    reference = reference.upper()  # as people type what they were read out
    if t is not None:
        # The token goes into a cookie and out of the address, where histories would keep it.
        asked = request.query_params.get("lang")
        away = RedirectResponse(
            f"/r/{reference}" + (f"?lang={asked}" if asked == spoken_to(request).code else ""),
            303,
            HEADERS,
        )
        async with runtime.reading() as conn:
            await tracking.opened(conn, request, away, reference, t)
        return away
    answer = await show(request, runtime, reference, told=TOLD.get(done))
    remember_language(request, answer)
    return answer


async def show(
    request: Request,
    runtime: Runtime,
    reference: str,
    *,
    told: str | None = None,
    filled: Filled | None = None,
    faults: Sequence[Fault] = (),
    email: tuple[str, str] = ("", ""),
) -> Response:
    """The page; after a form that was not taken, with what was typed and what is wrong with it.

    ``email`` is an address that was typed, and its fault.
    """
    spoken = spoken_to(request)
    async with runtime.reading() as conn:
        principal = await tracking.who(conn, request, reference)
        report = await showing.report(runtime, conn, reference, principal, language=spoken.code)
        rules, plan = await plans.in_force(request, runtime, conn)
        is_own = "answers" in report
        reasons = await _why(conn, principal, report, rules) if is_own else {}
        is_device = is_own and await _is_device(request, conn, principal)
    timezone = rules.by_slug[report["authority"]["slug"]].timezone
    category = rules.categories[report["category"]]
    public_url = runtime.settings.public_url.rstrip("/")
    token = runtime.keys.tracking_token(report["id"]) if is_own else None
    contact = (report.get("contact") or {}) if is_own else {}
    mailed = contact.get("email") if "email" in contact.get("updates", ()) else None
    due = datetime.fromisoformat(report["due_at"])
    return page(
        "report.html",
        422 if faults or email[1] else 200,
        spoken=spoken,
        report=report,
        category=spoken.say(category.name),
        is_own=is_own,
        is_device=is_device,
        shown=standing.standing(report, spoken, timezone),
        timeline=standing.timeline(report, spoken, timezone),
        told=told and spoken.say(told),
        form=filled or form.blank(),
        faults=faults,
        mails=runtime.settings.mail_configured,
        mailed=mailed,
        email_typed=email[0] or ("" if mailed else contact.get("email") or ""),
        email_fault=email[1],
        plan=plan,
        pin=plan and report["location"] and plan.position(Point(**report["location"])),
        promised=category.response.ladder[int(report["priority"][1:]) - 1].words,
        due=spoken.instant(due, timezone),
        tracking_url=token and f"{public_url}/r/{reference}?t={token}",
        public_page=f"{public_url}/r/{reference}",
        words=_words(spoken),
        **{"routed": None, "judged": None, **reasons},
    )


async def _is_device(request: Request, conn: Connection, principal: Principal) -> bool:
    """Whether this browser is the device that sent it, also where it holds the report's token."""
    if isinstance(principal, Tracking):
        device = await device_of(request, conn)
        return device is not None and await reporters.is_of_device(conn, principal, device)
    return isinstance(principal, Device)


async def _why(
    conn: Connection, principal: Principal, report: Mapping[str, Any], rules: Rules
) -> dict[str, Any]:
    """The reasons with the sentence a supervisor reads, and the risk the answers came to."""
    found = await explanations.why(conn, principal, report["id"])
    reasons = found.reasons
    if reasons["why"] == "by_hand":
        return {"routed": {"by_hand": True}}
    names = {slug: authority.name for slug, authority in rules.by_slug.items()}
    routed = {**reasons, "by_hand": False, "sentence": sentence(reasons), "names": names}
    judged = found.triage and {
        **found.triage,
        "priority": triage.priority_of(found.triage["impact"], found.triage["likelihood"]),
    }
    return {"routed": routed, "judged": judged}


def _words(spoken: Language) -> dict[str, str]:
    """What the page's script says."""
    return {
        "live": spoken.say("News comes to this page by itself."),
        "away": spoken.say("No connection. This page shows how it stood a while ago."),
        "look": spoken.say("Look for news"),
        "sending": spoken.say("Sending…"),
        "photo": spoken.say("Sending photo {n} of {of}…"),
        "unreadable": spoken.say("This is no photo that we can open: {name}"),
        "many": spoken.say("Three photos are the most; send those."),
        "failed": spoken.say("That did not go through. Nothing is lost: try again in a moment."),
        "copied": spoken.say("Copied"),
        "pushNo": spoken.say(
            "This browser cannot show messages. On an iPhone, put this page on the home screen"
            " first."
        ),
        "pushDenied": spoken.say(
            "Messages are blocked in this browser’s settings. Allow them there, then come back."
        ),
        "pushFailed": spoken.say("This browser could not be signed up for messages."),
        "pushAsk": spoken.say("A short message on this device each time something happens."),
        "pushOn": spoken.say("This device shows a message each time something happens."),
        "pushOff": spoken.say("This device shows no more messages."),
    }
