"""`/console/staff`: the accounts of a council's own people. Forms only, no script needed."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.datastructures import FormData

from geo.errors import Refusal
from reporting.accounts import administering, journal, reading
from reporting.accounts.administering import Wanted
from reporting.auth import Action, Staff, may, may_account
from reporting.errors import NotFound, StaffRefused
from reporting.roles import ROLES
from reporting.runtime import Runtime
from reporting.web import problems
from reporting.web.api.admin_staff import invitation_url, inviting
from reporting.web.deps import RuntimeDep
from reporting.web.pages.console import ConsoleRoute, StaffDep, clean, console_page
from reporting.web.pages.rendering import HEADERS

router = APIRouter(prefix="/console/staff", include_in_schema=False, route_class=ConsoleRoute)

_LONGEST: Final = 254
#: What the journal's words say on a page.
_SAID: Final = {
    "made": "Account made",
    "invited": "Invitation made",
    "changed": "Changed",
    "disabled": "Disabled",
    "enabled": "Enabled",
    "session_revoked": "Session revoked",
    "password_set": "Password set by the invitation",
    "password_changed": "Password changed",
    "second_factor_added": "Second factor added",
    "second_factor_removed": "Second factor removed",
    "second_factor_reset": "Second factor taken away",
}


@router.api_route("", methods=["GET", "HEAD"])
async def get_list(runtime: RuntimeDep, who: StaffDep) -> Response:
    return await _list(runtime, who)


@router.post("")
async def make(request: Request, runtime: RuntimeDep, who: StaffDep) -> Response:
    async with request.form() as form:
        wanted = _wanted(form)
        email, name = _field(form, "email"), _field(form, "name")
    try:
        _check_name(name)
        async with runtime.unit() as conn:
            staff, token = await administering.make(
                conn,
                runtime.passwords,
                inviting(runtime),
                who,
                email=email,
                name=name,
                wanted=wanted,
            )
    except StaffRefused as refusal:
        return await _list(runtime, who, refusal=refusal, email=email, name=name, wanted=wanted)
    return await _account(runtime, who, staff, link=invitation_url(runtime, token))


@router.api_route("/{staff}", methods=["GET", "HEAD"])
async def get_account(
    request: Request, runtime: RuntimeDep, who: StaffDep, staff: UUID
) -> Response:
    return await _account(runtime, who, staff, done=request.query_params.get("done", ""))


@router.post("/{staff}")
async def change(request: Request, runtime: RuntimeDep, who: StaffDep, staff: UUID) -> Response:
    async with request.form() as form:
        action, session = _field(form, "action"), _field(form, "session")
        wanted = _wanted(form)
        name, email = _field(form, "name"), _field(form, "email")
    try:
        async with runtime.unit() as conn:
            match action:
                case "invite":
                    token = await administering.invite(conn, inviting(runtime), who, staff)
                case "change":
                    _check_name(name)
                    wanted = Wanted(email, name, wanted.role, wanted.teams, wanted.wards)
                    await administering.change(conn, who, staff, wanted)
                case "disable" | "enable":
                    wanted = Wanted(disabled=action == "disable")
                    await administering.change(conn, who, staff, wanted)
                case "totp":
                    await administering.reset_totp(conn, who, staff)
                case "revoke":
                    await administering.revoke(conn, who, _uuid(session))
                case _:
                    raise NotFound
    except StaffRefused as refusal:
        return await _account(runtime, who, staff, refusal=refusal)
    if action == "invite":
        return await _account(runtime, who, staff, link=invitation_url(runtime, token))
    return RedirectResponse(f"/console/staff/{staff}?done={action}", 303, HEADERS)


async def _list(
    runtime: Runtime, who: Staff, refusal: Refusal | None = None, **typed: Any
) -> Response:
    async with runtime.reading() as conn:
        found = await reading.accounts(conn, who)
        teams = await reading.teams(conn, who.authority_id)
    typed = {"email": "", "name": "", "wanted": Wanted(), **typed}
    return await console_page(
        "staff.html",
        runtime,
        who,
        200 if refusal is None else problems.status_of(refusal),
        here="staff",
        accounts=found,
        may_make=may(who, Action.CHANGE_STAFF),
        roles=_roles(who),
        all_teams=teams,
        refusal=refusal and refusal.detail,
        typed=typed,
    )


async def _account(
    runtime: Runtime,
    who: Staff,
    staff: UUID,
    *,
    link: str | None = None,
    done: str = "",
    refusal: Refusal | None = None,
) -> Response:
    async with runtime.reading() as conn:
        found = await reading.account(conn, who, staff)
        sessions = await reading.sessions(conn, staff)
        entries = await journal.entries(conn, staff)
        teams = await reading.teams(conn, who.authority_id)
    return await console_page(
        "account.html",
        runtime,
        who,
        200 if refusal is None else problems.status_of(refusal),
        here="staff",
        account=found,
        sessions=sessions,
        entries=[(entry, _SAID.get(entry.what, entry.what), _told(entry)) for entry in entries],
        may_change=may_account(who, Action.CHANGE_STAFF, found),
        is_self=who.id == found.id,
        roles=_roles(who),
        all_teams=teams,
        link=link,
        is_mailed=inviting(runtime).is_mailed,
        done={
            "change": "Saved",
            "totp": "Second factor taken away",
            "revoke": "Session revoked",
            "disable": "Disabled",
            "enable": "Enabled",
        }.get(done),
        refusal=refusal and refusal.detail,
    )


def _told(entry: journal.Entry) -> list[str]:
    """The details of what was done, one short line each."""
    if entry.what == "changed":
        return [
            f"{name}: {_text(was)} → {_text(now)}" for name, (was, now) in entry.details.items()
        ]
    return [f"{name}: {_text(value)}" for name, value in entry.details.items() if value]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def _roles(who: Staff) -> tuple[str, ...]:
    return ROLES if who.role == "admin" else ("crew",)


def _wanted(form: FormData) -> Wanted:
    role = _field(form, "role") or "crew"
    teams = [str(team)[:100] for team in form.getlist("teams")] if role == "crew" else []
    codes = _field(form, "wards").split(",") if role == "supervisor" else []
    wards = [code.strip() for code in codes if code.strip()]
    return Wanted(role=role, teams=tuple(dict.fromkeys(teams)), wards=tuple(dict.fromkeys(wards)))


def _field(form: FormData, name: str) -> str:
    return clean(str(form.get(name, ""))[:_LONGEST]).strip()


def _check_name(name: str) -> None:
    if not name:
        raise StaffRefused("Give the name that colleagues know them by.")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound from error
