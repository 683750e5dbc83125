"""App installs: make one, say where it hears back, forget it. No account is needed."""

from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints, field_validator

from reporting import reporters
from reporting.errors import NotAllowed, NotFound, NotSignedIn, TooManyRequests
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, PrincipalDep, RuntimeDep
from reporting.web.limits import limited
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictRoute)

NO_STORE = {"Cache-Control": "no-store"}
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class DeviceIn(Wire):
    """What an app says of itself. All of it may be left out."""

    platform: Literal["android", "ios", "web"] | None = None
    language: Language | None = Field(None, examples=["en", "cy"])


class DeviceOut(Wire):
    """A device and its bearer. The bearer is shown this once: keep it on the phone."""

    id: UUID
    device_token: str = Field(examples=["kbd_…"])


class FcmIn(Wire):
    """A registration token of Firebase Cloud Messaging."""

    token: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,4096}$")]


class PushIn(Wire):
    """Where the device hears back. A new address takes the old one's place."""

    fcm: FcmIn
    webpush: Any = Field(None, description="Not offered yet")

    @field_validator("webpush")
    @classmethod
    def _not_yet(cls, _: object) -> object:
        message = "web push is not offered yet; send fcm"
        raise ValueError(message)


@router.post(
    "",
    operation_id="createDevice",
    summary="Register an app install",
    description="Send its bearer with reports, and they are this device's: it hears back.",
    status_code=201,
    response_model=DeviceOut,
    dependencies=[limited("devices")],
    responses=responses(BodyUnreadable, BodyTooLarge, TooManyRequests),
)
async def create_device(runtime: RuntimeDep, body: DeviceIn | None = None) -> Response:
    body = body or DeviceIn()
    async with runtime.unit() as conn:
        device, token = await reporters.add_device(
            conn, platform=body.platform, language=body.language
        )
    answer = orjson.dumps({"id": device, "device_token": token})
    return Response(answer, 201, NO_STORE, media_type="application/json")


@router.put(
    "/{id}/push",
    operation_id="setPush",
    summary="Say where this device hears back",
    status_code=204,
    dependencies=TAKES_BEARER,
    responses=responses(NotSignedIn, NotAllowed, NotFound, BodyUnreadable, BodyTooLarge),
)
async def set_push(
    runtime: RuntimeDep,
    principal: PrincipalDep,
    id: UUID,  # noqa: A002 - the contract's name
    body: PushIn,
) -> Response:
    device = reporters.own_device(principal, id)
    async with runtime.unit() as conn:
        await reporters.set_push(conn, device, address=body.fcm.token)
    return Response(status_code=204, headers=NO_STORE)


@router.delete(
    "/{id}",
    operation_id="deleteDevice",
    summary="Forget this device",
    description="Its bearer ends, and it hears nothing more. Its reports stay.",
    status_code=204,
    dependencies=TAKES_BEARER,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def delete_device(
    runtime: RuntimeDep,
    principal: PrincipalDep,
    id: UUID,  # noqa: A002 - the contract's name
) -> Response:
    device = reporters.own_device(principal, id)
    async with runtime.unit() as conn:
        await reporters.forget_device(conn, device)
    return Response(status_code=204, headers=NO_STORE)
