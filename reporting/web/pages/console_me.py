"""`/console/me`: one's own account: where it is signed in, its password, its second factor."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from geo.errors import Refusal
from reporting import totp
from reporting.accounts import administering, own, reading
from reporting.auth import Staff
from reporting.errors import (
    NotFound,
    OtpRefused,
    PasswordRefused,
    TooManyRequests,
    TooManyTries,
    WrongPassword,
)
from reporting.runtime import Runtime
from reporting.staff import Device
from reporting.web import cookies, problems
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, clean, console_page
from reporting.web.pages.rendering import HEADERS

router = APIRouter(prefix="/console/me", include_in_schema=False, route_class=ConsoleRoute)

_LONGEST: Final = 1000
_REFUSED: Final = (OtpRefused, PasswordRefused, TooManyRequests, TooManyTries, WrongPassword)
_DONE: Final = {
    "password": "Your password is another now. Everywhere else you have to sign in again.",
    "confirm": "From now on you are asked for a code when you sign in.",
    "remove": "You are not asked for a code any more.",
    "revoke": "That session is revoked.",
}


@router.api_route("", methods=["GET", "HEAD"])
async def get_me(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    return await _page(runtime, who, done=_DONE.get(request.query_params.get("done", "")))


@router.post("")
async def change(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    async with request.form() as form:
        action, password, new, code, session = (
            clean(str(form.get(name, ""))[:_LONGEST])
            for name in ("action", "password", "new", "code", "session")
        )
    device = Device(request.client.host if request.client else "", cookies.desk(request))
    desk = own.Desk(runtime.unit, runtime.keys, runtime.passwords, device)
    try:
        match action:
            case "password":
                await own.change_password(desk, who, password, new)
            case "begin":
                await own.begin_totp(desk, who, password)
            case "confirm":
                await own.confirm_totp(desk, who, code)
            case "remove":
                await own.remove_totp(desk, who, password)
            case "revoke":
                async with runtime.unit() as conn:
                    await administering.end_session(conn, who.id, _uuid(session), who)
            case _:
                raise NotFound
    except _REFUSED as refusal:
        return await _page(runtime, who, refusal=refusal, action=action)
    return RedirectResponse(f"/console/me?done={action}#{action}", 303, HEADERS)


async def _page(
    runtime: Runtime,
    who: Staff,
    *,
    done: str | None = None,
    refusal: Refusal | None = None,
    action: str = "",
) -> Response:
    async with runtime.reading() as conn:
        account = await reading.one(conn, who.id)
        sessions = await reading.sessions(conn, who.id)
        enrolment = await own.pending_totp(conn, runtime.keys, who)
    values: dict[str, Any] = {
        "account": account,
        "sessions": sessions,
        "enrolment": enrolment,
        "picture": enrolment and totp.qr_code(enrolment.address),
        "done": done,
        "refusal": refusal and refusal.detail,
        "action": action,
    }
    # This page's reader is signed in: a wrong password does not make it a 401.
    status = 422 if isinstance(refusal, WrongPassword) else refusal and problems.status_of(refusal)
    return await console_page("me.html", runtime, who, status or 200, here="me", **values)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error
