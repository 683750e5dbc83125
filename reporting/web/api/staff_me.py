"""Who I am: the account behind a staff bearer."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from reporting import staff as accounts
from reporting.accounts import administering, own, reading
from reporting.errors import (
    NotAllowed,
    NotFound,
    NotSignedIn,
    OtpRefused,
    PasswordRefused,
    SessionRevoked,
    TooManyRequests,
    TooManyTries,
    WrongPassword,
)
from reporting.runtime import Runtime
from reporting.web.answers import fresh
from reporting.web.api.admin_staff import NO_STORE, SessionOut, answer, session_out
from reporting.web.body import CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep
from reporting.web.problems import responses
from reporting.web.wire import AuthorityOut, TeamOut

router = APIRouter(prefix="/v1", tags=["staff"], route_class=StrictRoute, dependencies=TAKES_BEARER)


class Me(Wire):
    """An account and what it answers for."""

    id: UUID
    email: str
    name: str
    role: Literal["crew", "supervisor", "admin", "auditor"]
    authority: AuthorityOut
    teams: list[TeamOut]
    wards: list[str]


class OwnSession(SessionOut):
    """Where you are signed in."""

    this: bool = Field(description="The one that asks")


class OwnSessions(Wire):
    """Where you are signed in, the latest used first."""

    items: list[OwnSession]


_Password = Annotated[CleanText, Field(min_length=1, max_length=1000)]


class NewPassword(Wire):
    """The password as it is, and as it shall be: 12 to 128 characters, none that many had."""

    old: _Password
    new: _Password


class Proof(Wire):
    """Your password, once more."""

    password: _Password


class Code(Wire):
    """What your authenticator app shows."""

    code: Annotated[CleanText, Field(min_length=6, max_length=20)]


class Enrolment(Wire):
    """For an authenticator app: the secret, and the same as the address that a QR code holds."""

    secret: str
    address: str


_WHO = (NotSignedIn, SessionRevoked, NotAllowed)
_PROVING = (WrongPassword, TooManyTries, TooManyRequests, *_WHO)


@router.get(
    "/me",
    operation_id="getMe",
    summary="Who am I?",
    response_model=Me,
    responses=responses(*_WHO),
)
async def get_me(runtime: RuntimeDep, staff: StaffDep, request: Request) -> Response:
    async with runtime.reading() as conn:
        teams = await accounts.teams_of(conn, staff.teams)
    found = {
        "id": staff.id,
        "email": staff.email,
        "name": staff.name,
        "role": staff.role,
        "authority": {"slug": staff.authority_slug, "name": staff.authority_name},
        "teams": [{"slug": slug, "name": name} for slug, name in teams],
        "wards": list(staff.wards),
    }
    return fresh(request, found)


@router.get(
    "/me/sessions",
    operation_id="listMySessions",
    summary="Where am I signed in?",
    response_model=OwnSessions,
    responses=responses(*_WHO),
)
async def list_sessions(runtime: RuntimeDep, staff: StaffDep) -> Response:
    async with runtime.reading() as conn:
        found = await reading.sessions(conn, staff.id)
    items = [{**session_out(one), "this": one.id == staff.session} for one in found]
    return answer({"items": items})


@router.delete(
    "/me/sessions/{session_id}",
    operation_id="revokeMySession",
    summary="Revoke one of my sessions",
    description="For a lost device: what it keeps goes when it next calls.",
    status_code=204,
    responses=responses(NotFound, *_WHO),
)
async def revoke_session(runtime: RuntimeDep, staff: StaffDep, session_id: UUID) -> Response:
    async with runtime.unit() as conn:
        await administering.end_session(conn, staff.id, session_id, staff)
    return Response(status_code=204, headers=NO_STORE)


@router.put(
    "/me/password",
    operation_id="setMyPassword",
    summary="Set another password",
    description="Everywhere else you have to sign in again; nothing is lost there.",
    status_code=204,
    responses=responses(PasswordRefused, *_PROVING),
)
async def set_password(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: NewPassword
) -> Response:
    await own.change_password(desk(runtime, request), staff, body.old, body.new)
    return Response(status_code=204, headers=NO_STORE)


@router.post(
    "/me/totp",
    operation_id="beginMySecondFactor",
    summary="Begin a second factor",
    description="It counts once you sent a code of it; until then you may begin anew.",
    response_model=Enrolment,
    responses=responses(OtpRefused, *_PROVING),
)
async def begin_totp(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: Proof
) -> Response:
    found = await own.begin_totp(desk(runtime, request), staff, body.password)
    return answer({"secret": found.secret, "address": found.address})


@router.put(
    "/me/totp",
    operation_id="confirmMySecondFactor",
    summary="Use a second factor from now on",
    status_code=204,
    responses=responses(OtpRefused, TooManyTries, *_WHO),
)
async def confirm_totp(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: Code
) -> Response:
    await own.confirm_totp(desk(runtime, request), staff, body.code)
    return Response(status_code=204, headers=NO_STORE)


@router.delete(
    "/me/totp",
    operation_id="removeMySecondFactor",
    summary="Do without a second factor",
    status_code=204,
    responses=responses(*_PROVING),
)
async def remove_totp(
    runtime: RuntimeDep, staff: StaffDep, request: Request, body: Proof
) -> Response:
    await own.remove_totp(desk(runtime, request), staff, body.password)
    return Response(status_code=204, headers=NO_STORE)


def desk(runtime: Runtime, request: Request) -> own.Desk:
    """Where somebody proves their password."""
    device = accounts.Device(request.client.host if request.client else "")
    return own.Desk(runtime.unit, runtime.keys, runtime.passwords, device)
