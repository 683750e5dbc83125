"""The accounts of a council's own people, for those who administer them."""

from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Response
from pydantic import Field

from reporting.accounts import administering, journal, reading
from reporting.accounts.inviting import Inviting
from reporting.accounts.reading import Account
from reporting.auth import Action, Staff, may_account
from reporting.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    SessionRevoked,
    StaffRefused,
)
from reporting.runtime import Connection, Runtime
from reporting.web.body import CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import Instant, TeamOut

router = APIRouter(
    prefix="/v1/admin", tags=["accounts"], route_class=StrictRoute, dependencies=TAKES_BEARER
)

Role = Literal["crew", "supervisor", "admin", "auditor"]
Name = Annotated[CleanText, Field(min_length=1, max_length=100)]
Email = Annotated[CleanText, Field(min_length=3, max_length=254)]
Slugs = Annotated[list[Annotated[CleanText, Field(max_length=100)]], Field(max_length=100)]
_WHO = (NotSignedIn, SessionRevoked, NotAllowed)
NO_STORE = {"Cache-Control": "no-store"}


class AccountOut(Wire):
    """An account."""

    id: UUID
    email: str
    name: str
    role: Role
    teams: list[TeamOut]
    wards: list[str]
    second_factor: bool
    #: False while nobody took up the invitation.
    has_password: bool
    disabled_at: Instant | None
    created_at: Instant
    last_seen_at: Instant | None
    invited_until: Instant | None


class EntryOut(Wire):
    """One thing that was done to an account."""

    at: Instant
    by: str | None = Field(description="null: the command line, or the system itself")
    what: str
    details: dict[str, Any] = Field(description="What changed: of each field, before and after")


class AccountWhole(AccountOut):
    """An account and what was done to it."""

    may_change: bool
    entries: list[EntryOut]


class AccountsOut(Wire):
    """The accounts that you may see."""

    items: list[AccountOut]


class SessionOut(Wire):
    """Where an account is signed in."""

    id: UUID
    name: str | None = Field(examples=["Chrome on Android"])
    tablet: bool
    created_at: Instant
    last_seen_at: Instant | None
    expires_at: Instant


class SessionsOut(Wire):
    """Where an account is signed in, the latest used first."""

    items: list[SessionOut]


class AccountIn(Wire):
    """A new account. Its person sets the password."""

    email: Email
    name: Name
    role: Role
    teams: Slugs = Field([], description="Slugs of a crew's teams")
    wards: Slugs = Field([], description="Ward or division codes of a supervisor; none: all")


class AccountChange(Wire):
    """What is to be another; what is left out stays."""

    email: Email | None = None
    name: Name | None = None
    role: Role | None = None
    teams: Slugs | None = None
    wards: Slugs | None = None
    disabled: bool | None = None


class Invited(Wire):
    """A link for one person, shown this once. It is good for a week."""

    id: UUID
    invitation_url: str


@router.get(
    "/staff",
    operation_id="listStaff",
    summary="Accounts",
    description="A supervisor sees the crews of their authority; admins and auditors everybody.",
    response_model=AccountsOut,
    responses=responses(*_WHO),
)
async def list_staff(runtime: RuntimeDep, staff: StaffDep) -> Response:
    async with runtime.reading() as conn:
        found = await reading.accounts(conn, staff)
    return answer({"items": [account_out(account) for account in found]})


@router.post(
    "/staff",
    operation_id="createStaff",
    summary="Make an account",
    description=(
        "It is made without a password: send its person the link. Where there is a mail server, it"
        " is mailed to them too."
    ),
    status_code=201,
    response_model=Invited,
    responses=responses(Invalid, StaffRefused, *_WHO),
)
async def create_staff(runtime: RuntimeDep, staff: StaffDep, body: AccountIn) -> Response:
    wanted = administering.Wanted(role=body.role, teams=_once(body.teams), wards=_once(body.wards))
    async with runtime.unit() as conn:
        found, token = await administering.make(
            conn,
            runtime.passwords,
            inviting(runtime),
            staff,
            email=body.email,
            name=body.name,
            wanted=wanted,
        )
    return answer({"id": found, "invitation_url": invitation_url(runtime, token)}, 201)


@router.get(
    "/staff/{staff_id}",
    operation_id="getStaff",
    summary="One account, and what was done to it",
    response_model=AccountWhole,
    responses=responses(NotFound, *_WHO),
)
async def get_staff(runtime: RuntimeDep, staff: StaffDep, staff_id: UUID) -> Response:
    async with runtime.reading() as conn:
        return answer(await _whole(conn, staff, staff_id))


@router.patch(
    "/staff/{staff_id}",
    operation_id="changeStaff",
    summary="Change, disable or enable an account",
    description="Nobody changes their own. `disabled` ends its sessions with the next request.",
    response_model=AccountWhole,
    responses=responses(Invalid, NotFound, StaffRefused, *_WHO),
)
async def change_staff(
    runtime: RuntimeDep, staff: StaffDep, staff_id: UUID, body: AccountChange
) -> Response:
    wanted = administering.Wanted(
        email=body.email,
        name=body.name,
        role=body.role,
        teams=None if body.teams is None else _once(body.teams),
        wards=None if body.wards is None else _once(body.wards),
        disabled=body.disabled,
    )
    async with runtime.unit() as conn:
        await administering.change(conn, staff, staff_id, wanted)
        return answer(await _whole(conn, staff, staff_id))


@router.post(
    "/staff/{staff_id}/invitation",
    operation_id="inviteStaff",
    summary="A new link to set a password",
    description="The one before is of no use any more.",
    status_code=201,
    response_model=Invited,
    responses=responses(NotFound, StaffRefused, *_WHO),
)
async def invite_staff(runtime: RuntimeDep, staff: StaffDep, staff_id: UUID) -> Response:
    async with runtime.unit() as conn:
        token = await administering.invite(conn, inviting(runtime), staff, staff_id)
    return answer({"id": staff_id, "invitation_url": invitation_url(runtime, token)}, 201)


@router.delete(
    "/staff/{staff_id}/totp",
    operation_id="resetSecondFactor",
    summary="Take a lost second factor away",
    status_code=204,
    responses=responses(NotFound, *_WHO),
)
async def reset_totp(runtime: RuntimeDep, staff: StaffDep, staff_id: UUID) -> Response:
    async with runtime.unit() as conn:
        await administering.reset_totp(conn, staff, staff_id)
    return Response(status_code=204, headers=NO_STORE)


@router.get(
    "/staff/{staff_id}/sessions",
    operation_id="listStaffSessions",
    summary="Where an account is signed in",
    response_model=SessionsOut,
    responses=responses(NotFound, *_WHO),
)
async def list_sessions(runtime: RuntimeDep, staff: StaffDep, staff_id: UUID) -> Response:
    async with runtime.reading() as conn:
        await reading.account(conn, staff, staff_id)
        found = await reading.sessions(conn, staff_id)
    return answer({"items": [session_out(session) for session in found]})


@router.delete(
    "/sessions/{session_id}",
    operation_id="revokeStaffSession",
    summary="Revoke a session",
    description="Its next request is answered 401 `session-revoked`: what the device keeps goes.",
    status_code=204,
    responses=responses(NotFound, *_WHO),
)
async def revoke_session(runtime: RuntimeDep, staff: StaffDep, session_id: UUID) -> Response:
    async with runtime.unit() as conn:
        await administering.revoke(conn, staff, session_id)
    return Response(status_code=204, headers=NO_STORE)


def inviting(runtime: Runtime) -> Inviting:
    """How this process invites: the link is mailed too where there is a mail server."""
    return Inviting(runtime.keys, is_mailed=runtime.settings.smtp_url is not None)


def invitation_url(runtime: Runtime, token: str) -> str:
    """Where an invitation is taken up."""
    return f"{runtime.settings.public_url.rstrip('/')}/invitation/{token}"


def account_out(account: Account) -> dict[str, Any]:
    """An account as it goes out."""
    found = asdict(account)
    del found["authority_id"], found["has_provider"]
    found["second_factor"] = found.pop("has_totp")
    return found


def session_out(session: reading.Session) -> dict[str, Any]:
    """A session as it goes out."""
    found = asdict(session)
    found["tablet"] = found.pop("is_tablet")
    return found


def answer(content: Any, status: int = 200) -> Response:
    """About people: nobody keeps a copy."""
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Response(body, status, NO_STORE, media_type="application/json")


async def _whole(conn: Connection, who: Staff, staff: UUID) -> dict[str, Any]:
    found = await reading.account(conn, who, staff)
    entries = await journal.entries(conn, staff)
    return {
        **account_out(found),
        "may_change": may_account(who, Action.CHANGE_STAFF, found),
        "entries": [
            {"at": entry.at, "by": entry.by, "what": entry.what, "details": entry.details}
            for entry in entries
        ],
    }


def _once(names: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
