"""Staff log in and out. Residents need no account."""

from typing import Annotated, Literal

import orjson
from fastapi import APIRouter, Form, Request, Response
from pydantic import Field

from reporting import staff
from reporting.errors import (
    NotAllowed,
    NotSignedIn,
    OtpNeeded,
    TooManyRequests,
    TooManyTries,
    WrongPassword,
)
from reporting.web import browsers
from reporting.web.body import BodyTooLarge, CleanText, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, RuntimeDep, StaffDep, bearer
from reporting.web.problems import responses
from reporting.web.wire import Id

router = APIRouter(prefix="/v1/auth", tags=["staff"], route_class=StrictRoute)


class LogIn(Wire):
    """OAuth2's password form (RFC 6749 section 4.3)."""

    grant_type: Literal["password"]
    username: Annotated[CleanText, Field(min_length=1, max_length=254)] = Field(
        description="The e-mail address", examples=["crew@west.example"]
    )
    password: Annotated[CleanText, Field(min_length=1, max_length=1000)]
    otp: Annotated[CleanText, Field(max_length=20)] | None = Field(
        None, description="The code of the second factor, where the account has one"
    )
    tablet: Id | None = Field(
        None, description="What a tablet calls itself, once and for all: its session lasts 30 days"
    )
    scope: Literal[""] = ""
    client_id: Literal[""] | None = None
    client_secret: Literal[""] | None = None


class Token(Wire):
    """A bearer for staff calls."""

    access_token: str = Field(examples=["kbs_…"])
    token_type: Literal["bearer"]
    expires_in: int = Field(description="Seconds", examples=[staff.SESSION_S])


@router.post(
    "/token",
    operation_id="logIn",
    summary="Log in",
    description=(
        "After five wrong tries for one account in half an hour strangers have to wait; whoever"
        " signed in from there before has five of their own."
    ),
    response_model=Token,
    responses=responses(WrongPassword, OtpNeeded, TooManyTries, TooManyRequests, BodyTooLarge),
)
async def log_in(runtime: RuntimeDep, request: Request, form: Annotated[LogIn, Form()]) -> Response:
    session = await staff.log_in(
        runtime.unit,
        runtime.keys,
        runtime.passwords,
        email=form.username,
        password=form.password,
        address=request.client.host if request.client else "",
        otp=form.otp,
        tablet=form.tablet,
        name=browsers.named(request.headers.get("user-agent")),
        seconds=staff.LASTING_S if form.tablet else staff.SESSION_S,
    )
    answer = {
        "access_token": session.access_token,
        "token_type": "bearer",
        "expires_in": session.expires_in,
    }
    # RFC 6749 section 5.1 asks for both headers.
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(orjson.dumps(answer), headers=headers, media_type="application/json")


@router.delete(
    "/token",
    operation_id="logOut",
    summary="Log out",
    description="This bearer is of no use from now on.",
    status_code=204,
    dependencies=TAKES_BEARER,
    responses=responses(NotSignedIn, NotAllowed),
)
async def log_out(runtime: RuntimeDep, _: StaffDep, request: Request) -> Response:
    async with runtime.unit() as conn:
        await staff.log_out(conn, bearer(request) or "")
    return Response(status_code=204, headers={"Cache-Control": "no-store"})
