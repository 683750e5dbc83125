"""`PUT` and `HEAD /v1/photos/…`: one picture in."""

import re
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from reporting import photos
from reporting.auth import Device, Principal, Staff
from reporting.errors import (
    DigestDiffers,
    ImageBroken,
    ImageRefused,
    ImageTooLarge,
    NotFound,
    NotSignedIn,
    PhotoTaken,
    TooManyRequests,
    Unavailable,
    UploadPartial,
)
from reporting.images.headers import inspect
from reporting.photos import Photo
from reporting.runtime import Runtime
from reporting.web.body import BodyTooLarge, Wire
from reporting.web.deps import PrincipalDep, RuntimeDep
from reporting.web.limits import limited
from reporting.web.problems import responses

#: Pictures that this process holds while they arrive, in bytes. Beyond it, uploads wait outside.
IN_HAND_LIMIT: Final = 400_000_000

router = APIRouter(prefix="/v1/photos", tags=["photos"])

_BINARY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            media: {"schema": {"type": "string", "format": "binary"}}
            for media in ("image/jpeg", "image/png", "image/webp", "image/heic")
        },
    }
}
_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:$|[,;])")


class Received(Wire):
    """A picture that arrived, whole, and is in our hands."""

    id: UUID
    state: str = Field(examples=["stored"])
    media_type: str = Field(examples=["image/jpeg"])
    bytes: int
    width: int = Field(description="As coded; upright once it is ready")
    height: int


@dataclass(frozen=True, slots=True)
class _Body:
    """The bytes, held once, and their digest."""

    data: bytearray
    sha256: bytes


class _Hands:
    """How much of the pictures on their way in this process holds."""

    def __init__(self) -> None:
        self.full = 0

    @asynccontextmanager
    async def holding(self, request: Request) -> AsyncIterator[_Body]:
        """Read it as it comes. Raises Unavailable when there is too much in hand already."""
        data, digest = bytearray(), sha256()
        try:
            async for chunk in request.stream():
                self.full += len(chunk)
                data += chunk
                if self.full > IN_HAND_LIMIT:
                    raise Unavailable
                digest.update(chunk)
            yield _Body(data, digest.digest())
        except ClientDisconnect as error:
            raise UploadPartial from error
        finally:
            self.full -= len(data)


_hands = _Hands()


@router.put(
    "/{photo}",
    operation_id="putPhoto",
    status_code=201,
    response_model=Received,
    dependencies=[limited("photos")],
    openapi_extra=_BINARY,
    responses={
        200: {"model": Received, "description": "The same picture was already here."},
        **responses(
            BodyTooLarge,
            DigestDiffers,
            ImageBroken,
            ImageRefused,
            ImageTooLarge,
            NotSignedIn,
            PhotoTaken,
            TooManyRequests,
            UploadPartial,
        ),
    },
)
async def put_photo(
    photo: UUID,
    request: Request,
    runtime: RuntimeDep,
    principal: PrincipalDep,
    repr_digest: Annotated[
        str | None, Header(description="RFC 9530; `sha-256` is compared, others are passed over")
    ] = None,
    upload_offset: Annotated[str | None, Header(description="0, if sent")] = None,
    upload_length: Annotated[str | None, Header(description="The length, if sent")] = None,
    upload_complete: Annotated[str | None, Header(description="`?1`, if sent")] = None,
) -> Response:
    """Send one picture, as it is: at most 20 MB, JPEG, PNG, WebP or HEIC.

    Choose a new UUID for each picture. Sending the same picture again under its id is answered in
    the same way, so repeat it until it is answered. Then name the id in a report.
    """
    if (upload_offset or "0") != "0" or (upload_complete or "?1") != "?1":
        raise UploadPartial
    async with _hands.holding(request) as body:
        if (upload_length or str(len(body.data))) != str(len(body.data)):
            raise UploadPartial
        _compare(repr_digest, body.sha256)
        found, new = await _keep(runtime, photo, body, _device(principal))
    content = Received(
        id=found.id,
        state=found.state,
        media_type=found.media_type,
        bytes=found.bytes,
        width=found.width,
        height=found.height,
    )
    return Response(
        content.model_dump_json(),
        201 if new else 200,
        {"Cache-Control": "no-store", "Location": f"/v1/photos/{photo}"},
        media_type="application/json",
    )


async def _keep(
    runtime: Runtime, photo: UUID, body: _Body, device: UUID | None
) -> tuple[Photo, bool]:
    header = await run_in_threadpool(inspect, body.data)
    async with runtime.reading() as conn:
        found = await photos.known(conn, photo, body.sha256)
    if found:
        return found, False
    upload = photos.new_upload(photo, sha256=body.sha256, length=len(body.data), header=header)
    await runtime.photos.put(upload.original, body.data)
    async with runtime.unit() as conn:
        found = await photos.record(conn, upload, device)
    if found:
        return found, True
    # Another upload of the same id was first. Its object is another, so ours can go.
    await runtime.photos.delete(upload.original)
    async with runtime.reading() as conn:
        found = await photos.known(conn, photo, body.sha256)
    if found is None:  # and was forgotten again within a moment
        raise Unavailable
    return found, False


def _compare(repr_digest: str | None, found: bytes) -> None:
    if repr_digest is None or "sha-256" not in repr_digest:
        return
    told = _SHA256.search(repr_digest)
    if told is None or b64decode(told[1]) != found:
        raise DigestDiffers


def _device(principal: Principal) -> UUID | None:
    return principal.id if isinstance(principal, Device) else None


@router.head(
    "/{photo}",
    operation_id="headPhoto",
    status_code=200,
    response_class=Response,
    responses={
        200: {
            "description": "The picture is here, whole.",
            "headers": {
                "Upload-Offset": {"schema": {"type": "integer"}},
                "Upload-Length": {"schema": {"type": "integer"}},
                "Content-Length": {"schema": {"type": "integer"}},
            },
        },
        404: {"description": "Nothing is here under this id. Send it."},
    },
)
async def head_photo(photo: UUID, runtime: RuntimeDep, principal: PrincipalDep) -> Response:
    """Whether a picture arrived, and how long it is."""
    async with runtime.reading() as conn:
        found = await photos.find(conn, photo)
    theirs = found and found.device_id not in {None, _device(principal)}
    if found is None or (theirs and not isinstance(principal, Staff)):
        raise NotFound
    return Response(
        headers={
            "Cache-Control": "no-store",
            "Upload-Offset": str(found.bytes),
            "Upload-Length": str(found.bytes),
            "Upload-Complete": "?1",
            "Content-Length": str(found.bytes),
        }
    )
