"""App installs and browsers: make one, say where it hears back, forget it. No account is needed."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from reporting import auth, endpoints, reporters
from reporting.errors import EndpointRefused, NotAllowed, NotFound, NotSignedIn, TooManyRequests
from reporting.web.answers import fresh
from reporting.web.body import BodyTooLarge, BodyUnreadable, StrictRoute, Wire
from reporting.web.deps import TAKES_BEARER, ReporterDep, RuntimeDep
from reporting.web.limits import limited
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/devices", tags=["devices"], route_class=StrictRoute)
push_key = APIRouter(tags=["devices"], route_class=StrictRoute)

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


def _key(text: str, length: int) -> str:
    """Base64url of so many bytes, without padding. Raises ValueError."""
    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(raw) != length:
        message = f"this key has {length} bytes, in base64url"
        raise ValueError(message)
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _point(text: str) -> str:
    found = _key(text, 65)
    ec.EllipticCurvePublicKey.from_encoded_point(
        ec.SECP256R1(), urlsafe_b64decode(found + "=" * (-len(found) % 4))
    )
    return found


def _secret(text: str) -> str:
    return _key(text, 16)


KeyText = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}={0,2}$")]


class WebPushKeys(Wire):
    """The browser's keys: only it can read what is sent."""

    p256dh: Annotated[KeyText, AfterValidator(_point)] = Field(description="65 bytes, base64url")
    auth: Annotated[KeyText, AfterValidator(_secret)] = Field(description="16 bytes, base64url")


class WebPushIn(Wire):
    """What a browser's `PushSubscription.toJSON()` gives."""

    endpoint: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,2000}$")] = Field(
        description="https, on the public internet"
    )
    keys: WebPushKeys
    expirationTime: float | None = Field(None, description="Not used")  # noqa: N815 - its name

    @property
    def address(self) -> str:
        """As it is kept."""
        keys = {"p256dh": self.keys.p256dh, "auth": self.keys.auth}
        return orjson.dumps({"endpoint": self.endpoint, "keys": keys}).decode()


class PushIn(Wire):
    """Where the device hears back, by one way or both. A new address takes the old one's place."""

    fcm: FcmIn | None = None
    webpush: WebPushIn | None = None

    @model_validator(mode="after")
    def _at_least_one(self) -> "PushIn":
        if self.fcm is None and self.webpush is None:
            message = "fcm or webpush is required"
            raise ValueError(message)
        return self


class PushKeyOut(Wire):
    """The public key that our push messages are signed with (RFC 8292)."""

    vapid_public_key: str = Field(description="65 bytes, base64url: `applicationServerKey`")


#: The calling device; a browser, whose token is in a cookie, need not know its id.
Me = Literal["me"]


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
    description="`me` in place of an id is the calling device.",
    status_code=204,
    dependencies=TAKES_BEARER,
    responses=responses(
        NotSignedIn, NotAllowed, NotFound, EndpointRefused, BodyUnreadable, BodyTooLarge
    ),
)
async def set_push(
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: UUID | Me,  # noqa: A002 - the contract's name
    body: PushIn,
) -> Response:
    device = _own(principal, id)
    if body.webpush is not None:
        trial = runtime.settings.environment == "development"
        endpoints.check(body.webpush.endpoint, trial=trial)
    async with runtime.unit() as conn:
        if body.fcm is not None:
            await reporters.set_push(conn, device, channel="fcm", address=body.fcm.token)
        if body.webpush is not None:
            await reporters.set_push(conn, device, channel="webpush", address=body.webpush.address)
    return Response(status_code=204, headers=NO_STORE)


@router.delete(
    "/{id}/push",
    operation_id="stopPush",
    summary="Send this device nothing more",
    description="Its reports stay its own. `me` in place of an id is the calling device.",
    status_code=204,
    dependencies=TAKES_BEARER,
    responses=responses(NotSignedIn, NotAllowed, NotFound),
)
async def stop_push(
    runtime: RuntimeDep,
    principal: ReporterDep,
    id: UUID | Me,  # noqa: A002 - the contract's name
) -> Response:
    device = _own(principal, id)
    async with runtime.unit() as conn:
        await reporters.stop_push(conn, device)
    return Response(status_code=204, headers=NO_STORE)


@push_key.get(
    "/v1/push-key",
    operation_id="getPushKey",
    summary="What a browser subscribes to push messages with",
    response_model=PushKeyOut,
)
async def get_push_key(runtime: RuntimeDep, request: Request) -> Response:
    value = {"vapid_public_key": runtime.keys.vapid_public_key}
    return fresh(request, value, cache="public, max-age=3600")


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
    principal: ReporterDep,
    id: UUID,  # noqa: A002 - the contract's name
) -> Response:
    device = reporters.own_device(principal, id)
    async with runtime.unit() as conn:
        await reporters.forget_device(conn, device)
    return Response(status_code=204, headers=NO_STORE)


def _own(principal: auth.Principal, named: UUID | Me) -> auth.Device:
    """The calling device by its id or as ``me``; raises as ``own_device`` does."""
    if named == "me":
        named = principal.id if isinstance(principal, auth.Device) else UUID(int=0)
    return reporters.own_device(principal, named)
