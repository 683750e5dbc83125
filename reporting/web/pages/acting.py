"""The forms of a report's page: whether it is fixed, how to hear of news, taking it back.

They work without scripts; the same as the API's calls, sent by a browser that is known by a cookie.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from reporting import feedback
from reporting.auth import Principal
from reporting.errors import (
    NotAllowed,
    PhotoUnknown,
    ReportWithdrawn,
    TooLateToReopen,
    TooManyRequests,
)
from reporting.feedback import Said
from reporting.repeats import Once
from reporting.reports import reading
from reporting.reports.values import Contact
from reporting.runtime import Runtime
from reporting.web import cookies, problems, showing
from reporting.web.api.following import LONGEST_FEEDBACK
from reporting.web.body import BodyUnreadable, CleanText
from reporting.web.deps import RuntimeDep, device_of
from reporting.web.pages import follow, form, pictures, tracking
from reporting.web.pages.form import Fault, Filled
from reporting.web.pages.rendering import HEADERS, page, remember_language, spoken_to
from reporting.web.pages.route import PageRoute
from reporting.web.wire import Email

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_TEXT: TypeAdapter[str] = TypeAdapter(CleanText)
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


@router.post("/r/{reference}/feedback")
async def give_feedback(request: Request, runtime: RuntimeDep, reference: str) -> Response:
    reference = reference.upper()
    principal, report = await _own(request, runtime, reference)
    spoken = spoken_to(request)
    filled = await form.read(request)
    async with runtime.reading() as conn:
        device = await device_of(request, conn)
    sender = device or principal
    filled, faults = await pictures.take_in(request, runtime, filled, sender, spoken)
    said = _said(filled)
    if filled["fixed"] not in {"yes", "no"}:
        faults.append(Fault("fixed-no", spoken.say("Say whether it is fixed.")))
    if said is None:
        faults.append(Fault("description", spoken.say("Write less, and without odd characters.")))
    if not faults and said is not None:
        body_hash = runtime.keys.body_hash(filled.content())
        once = Once("feedback", report, _key(filled), body_hash)
        try:
            async with runtime.unit(claim=once.lock) as conn:
                await feedback.feedback(conn, runtime.router, device, once, said)
        except (TooLateToReopen, PhotoUnknown, ReportWithdrawn, TooManyRequests) as refusal:
            faults.append(Fault("fixed-no", problems.said(refusal, spoken)))
        else:
            return _back(reference, "fixed" if said.fixed else "not-fixed")
    return await follow.show(request, runtime, reference, filled=filled, faults=faults)


@router.api_route("/r/{reference}/withdraw", methods=["GET", "HEAD"])
async def ask_to_withdraw(request: Request, runtime: RuntimeDep, reference: str) -> Response:
    reference = reference.upper()
    async with runtime.reading() as conn:
        principal = await tracking.who(conn, request, reference)
        await reading.find(conn, reference, principal)
        report = await showing.report(runtime, conn, reference, principal)
    if report["withdrawn_at"]:
        return _back(reference, "withdrawn")
    key = form.blank().key
    answer = page("withdraw.html", spoken=spoken_to(request), report=report, key=key)
    remember_language(request, answer)
    return answer


@router.post("/r/{reference}/withdraw")
async def withdraw(request: Request, runtime: RuntimeDep, reference: str) -> Response:
    reference = reference.upper()
    _, report = await _own(request, runtime, reference)
    once = Once("withdraw", report, _key(await form.read(request)), runtime.keys.body_hash(b""))
    async with runtime.unit(claim=once.lock) as conn:
        await feedback.withdraw(conn, runtime.router, once)
    return _back(reference, "withdrawn")


@router.post("/r/{reference}/contact")
async def set_contact(request: Request, runtime: RuntimeDep, reference: str) -> Response:
    """Begin, change or stop e-mail; name and telephone number stay as they are."""
    reference = reference.upper()
    principal, report = await _own(request, runtime, reference)
    filled = await form.read(request)
    spoken = spoken_to(request)
    stops = bool(filled["stop"])
    try:
        email = None if stops else _EMAIL.validate_python(filled["email"])
    except ValidationError:
        fault = spoken.say("Write an e-mail address, like name@example.org.")
        return await follow.show(request, runtime, reference, email=(filled["email"], fault))
    async with runtime.unit() as conn:
        row = await reading.find(conn, reference, principal)
        contact = Contact(
            name=row.name,
            email=email or row.email,
            phone=row.phone,
            language=row.language if stops else spoken.code,
            updates=() if stops else ("email",),
        )
        await feedback.set_contact(conn, report, contact)
    return _back(reference, "stopped" if stops else "updates")


async def _own(request: Request, runtime: Runtime, reference: str) -> tuple[Principal, UUID]:
    """Its reporter, who asks from a page of ours, and the report's id.

    Raises NotAllowed for a page of others, and NotFound or NotSignedIn for others.
    """
    if not cookies.is_ours(request):
        raise NotAllowed
    async with runtime.reading() as conn:
        principal = await tracking.who(conn, request, reference)
        row = await reading.find(conn, reference, principal)
    return principal, row.id


def _said(filled: Filled) -> Said | None:
    """What the form says; None where its words cannot be taken."""
    try:
        words = _TEXT.validate_python(filled["description"])
    except ValidationError:
        return None
    if len(words) > LONGEST_FEEDBACK:
        return None
    return Said(filled["fixed"] == "yes", words or None, filled.photos)


def _key(filled: Filled) -> UUID:
    if filled.key is None:
        raise BodyUnreadable
    return filled.key


def _back(reference: str, done: str) -> Response:
    return RedirectResponse(f"/r/{reference}?done={done}", 303, HEADERS)
