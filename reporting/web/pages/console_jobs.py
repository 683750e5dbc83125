"""`/console/jobs/{job}`: one job at a desk: what is known of it, and whose it is to be.

The forms pass it on, take it back and hand it over, merge it, split it and decide anew; what a crew
does is done on the crew's page.
"""

from collections.abc import Mapping
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from geo.errors import Refusal
from geo.points import Point
from reporting import handovers, jobs
from reporting.auth import Action, Staff, authorize, may
from reporting.errors import Invalid, NotAllowed, NotFound, NotSignedIn
from reporting.handovers import NewHandover
from reporting.jobs import desk, reading
from reporting.language import language
from reporting.repeats import lock_number
from reporting.runtime import Connection, Runtime
from reporting.status import OPEN
from reporting.web import problems
from reporting.web.api.handovers import DAYS, MESSAGE_LENGTH, NAME_LENGTH
from reporting.web.api.handovers import view as link_view
from reporting.web.deps import RuntimeDep
from reporting.web.pages import form, job_acts, job_words, plans, sketches
from reporting.web.pages.console import ConsoleRoute, StaffDep, console_page
from reporting.web.pages.form import Filled
from reporting.web.pages.job_acts import HERE, Act, text, wanted
from reporting.web.pages.rendering import HEADERS
from reporting.web.pages.standing import TAGS
from reporting.web.photo_links import photo_view
from reporting.web.wire import Email

router = APIRouter(prefix="/console/jobs", include_in_schema=False, route_class=ConsoleRoute)

#: What a page says once, by the name in its address.
DONE: Final[Mapping[str, str]] = {
    "outside": "It was passed on. Take it back when they have not done it.",
    "mailed": "It was passed on, and a link is on its way to them.",
    "back": "It is yours: the crew has it again.",
    "handed": "The link is made. It stands below: copy it, and send it to them.",
    "handed-mailed": "The link is made, and on its way to them by e-mail.",
    "revoked": "The link works no more.",
}
_EMAIL: Final = TypeAdapter(Email)


@router.api_route("/{job}", methods=["GET", "HEAD"])
async def get_job(
    request: Request,
    runtime: RuntimeDep,
    who: StaffDep,
    job: UUID,
    done: Annotated[str, Query(max_length=20)] = "",
    of: Annotated[UUID | None, Query()] = None,
) -> Response:
    return await _show(request, runtime, who, job, done=done, of=of)


@router.post("/{job}")
async def act(request: Request, runtime: RuntimeDep, who: StaffDep, job: UUID) -> Response:
    """One of the page's forms; what cannot be done is told on the page, with what was typed."""
    filled = await form.read(request)
    do = ACTS.get(filled["action"])
    if do is None:
        raise Invalid("Choose what to do with the job.")
    claim = lock_number(f"{job}/{filled.key or uuid4()}")
    try:
        async with runtime.unit(claim=claim) as conn:
            way = await do(conn, runtime, who, job, filled)
    except (NotFound, NotSignedIn, NotAllowed):
        raise
    except Refusal as refusal:
        return await _show(request, runtime, who, job, filled=filled, refusal=refusal)
    return RedirectResponse(way, 303, HEADERS)


async def _refer(conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    """To another authority here; from then on the job is not theirs to see."""
    change = wanted(filled, status="referred", authority=filled["authority"] or "-")
    found = await jobs.update(conn, runtime.router, who, job, change)
    told = {"passed": found["reference"], "to": found["authority"]["slug"]}
    return f"{HERE}?{urlencode(told)}"


async def _refer_outside(
    conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled
) -> str:
    """To a body outside by its name, with a link to the job where there is an address."""
    new = _handover(filled)
    change = wanted(filled, status="referred", referred_to=new.name)
    await jobs.update(conn, runtime.router, who, job, change)
    if new.email is None:
        return f"{HERE}/{job}?done=outside"
    mails = runtime.settings.mail_configured
    await handovers.make(conn, runtime.router, runtime.keys, who, job, new, mails=mails)
    return f"{HERE}/{job}?done={'mailed' if mails else 'handed'}#links"


async def _take_back(
    conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled
) -> str:
    """What was passed outside, or here by others, is theirs."""
    await jobs.update(conn, runtime.router, who, job, wanted(filled, status="received"))
    return f"{HERE}/{job}?done=back"


async def _hand_over(
    conn: Connection, runtime: Runtime, who: Staff, job: UUID, filled: Filled
) -> str:
    new, mails = _handover(filled), runtime.settings.mail_configured
    await handovers.make(conn, runtime.router, runtime.keys, who, job, new, mails=mails)
    return f"{HERE}/{job}?done={'handed-mailed' if new.email and mails else 'handed'}#links"


async def _revoke(conn: Connection, _: Runtime, who: Staff, job: UUID, filled: Filled) -> str:
    try:
        link = UUID(filled["handover"])
    except ValueError as error:
        raise NotFound from error
    await handovers.revoke(conn, who, link)
    return f"{HERE}/{job}?done=revoked#links"


ACTS: Final[Mapping[str, Act]] = {
    **job_acts.ACTS,
    "refer": _refer,
    "outside": _refer_outside,
    "back": _take_back,
    "hand-over": _hand_over,
    "revoke": _revoke,
}


def _handover(filled: Filled) -> NewHandover:
    name, message = filled["name"], filled["message"]
    if not name:
        raise Invalid("Say to whom: a firm, or somebody there.")
    try:
        days = int(filled["days"] or 14)
    except ValueError:
        days = 0
    if not DAYS[0] <= days <= DAYS[1]:
        raise Invalid(f"A link works for {DAYS[0]} to {DAYS[1]} days.")
    try:
        email = _EMAIL.validate_python(filled["email"]) if filled["email"] else None
    except ValidationError as error:
        raise Invalid("Write an e-mail address, like name@example.org.") from error
    return NewHandover(
        filled.key or uuid4(),
        text(name, NAME_LENGTH),
        days,
        email,
        text(message, MESSAGE_LENGTH) or None,
    )


async def _show(
    request: Request,
    runtime: Runtime,
    who: Staff,
    job: UUID,
    *,
    done: str = "",
    of: UUID | None = None,
    filled: Filled | None = None,
    refusal: Refusal | None = None,
) -> Response:
    spoken = language(None)
    async with runtime.reading() as conn:
        row = await reading.fetch(conn, job)
        authorize(who, Action.SEE_JOB, row)
        rules, plan = await plans.in_force(request, runtime, conn)
        found = await reading.whole(conn, rules, row)
        why = await jobs.assignment(conn, runtime.router, who, job)
        decides = may(who, Action.REASSIGN_JOB, row)
        links = await handovers.of_job(conn, who, job) if decides else []
        is_open = decides and row.status in OPEN
        near = await desk.near(conn, who, row) if is_open else []
        absorbed = await desk.absorbed(conn, job)
        named = await _reference(conn, who, of) if of and done in {"merged", "split"} else ""
    for part in (*found["reports"], *found["updates"]):
        part["photos"] = [
            photo_view(runtime.keys, UUID(photo["id"]), photo["state"], photo["review"])
            for photo in part["photos"]
        ]
    timezone = rules.authorities[row.authority_id].timezone
    place = None if row.lat is None or row.lng is None else Point(row.lat, row.lng)
    category = rules.categories.get(row.category)
    return await console_page(
        "job.html",
        runtime,
        who,
        200 if refusal is None else problems.status_of(refusal),
        here="jobs",
        job=found,
        category=category.name if category else row.category,
        tag=TAGS[row.status],
        due=spoken.instant(row.due_at, timezone),
        flags=[job_words.flag(code) for code in row.flags],
        plan=plan,
        pin=plan.position(place) if plan and place else None,
        why=why,
        reports=[
            {
                **each,
                "sent": spoken.instant(each["created_at"], timezone),
                "said": job_words.answers(each, rules),
            }
            for each in found["reports"]
        ],
        timeline=[
            job_words.happened(each, rules, spoken, timezone) for each in found["updates"][::-1]
        ],
        decides=decides,
        others=sorted(
            (each for each in rules.by_slug.values() if each.id != row.authority_id),
            key=lambda each: each.name,
        ),
        links=[
            {
                **link_view(runtime, each),
                "until": spoken.instant(each.expires_at, timezone),
                "opened": each.opened_at and spoken.instant(each.opened_at, timezone),
                "done": each.done_at and spoken.instant(each.done_at, timezone),
            }
            for each in links
        ],
        mails=runtime.settings.mail_configured,
        done=DONE.get(done, "") or job_acts.DONE.get(done, "").format(of=named or "The other"),
        back=job_acts.BACK.get(done, "") if decides and of else "",
        of=of,
        near=[
            {
                "job": each,
                "category": kind.name if (kind := rules.categories.get(each.category)) else "",
                "tag": TAGS[each.status],
                "due": spoken.instant(each.due_at, timezone),
                "metres": round(each.distance_m),
            }
            for each in near
        ],
        sketch=sketches.around(row, near),
        absorbed=absorbed,
        may_split=decides and sum(not each["withdrawn_at"] for each in found["reports"]) > 1,
        teams=sorted(
            (each for each in rules.teams.values() if each.authority_id == row.authority_id),
            key=lambda each: each.name,
        ),
        categories=sorted(
            (each for each in rules.categories.values() if each.active), key=lambda each: each.name
        ),
        refusal=refusal and problems.said(refusal, spoken),
        form=filled.again() if filled else form.blank(),
        most_days=DAYS[1],
    )


async def _reference(conn: Connection, who: Staff, job: UUID) -> str:
    """Of another job, if it is theirs to see."""
    try:
        row = await reading.fetch(conn, job)
        authorize(who, Action.SEE_JOB, row)
    except NotFound:
        return ""
    return row.reference
