"""`PUT` and `HEAD /v1/photos/…`: one picture in, over a line that may be cut at any moment."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from pydantic import Field
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool

from reporting import photos, uploads
from reporting.auth import Device, Principal, Staff
from reporting.errors import (
    DigestDiffers,
    ImageBroken,
    ImageRefused,
    ImageTooLarge,
    NotFound,
    NotSignedIn,
    PhotoGone,
    PhotoTaken,
    TooManyRequests,
    Unavailable,
    UploadHeadersRefused,
    UploadLengthDiffers,
    UploadOffsetDiffers,
    UploadPartial,
    UploadTakenOver,
)
from reporting.images.headers import inspect
from reporting.photo_store import StoreAway
from reporting.photos import Photo
from reporting.runtime import Runtime
from reporting.uploads import Arriving
from reporting.web import limits
from reporting.web.arriving import Body, Told, tell
from reporting.web.body import BodyTooLarge, Wire
from reporting.web.deps import PrincipalDep, RuntimeDep
from reporting.web.problems import responses

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
_NO_STORE: Final = {"Cache-Control": "no-store"}
_HEADERS: Final = {
    "Upload-Offset": {"schema": {"type": "integer"}, "description": "How much is here"},
    "Upload-Length": {"schema": {"type": "integer"}, "description": "Of the whole picture"},
    "Upload-Complete": {"schema": {"type": "string", "enum": ["?0", "?1"]}},
}
#: Whatever follows, these bytes will be no picture of this id.
FINAL: Final = (
    DigestDiffers,
    ImageBroken,
    ImageRefused,
    ImageTooLarge,
    PhotoTaken,
)


class Received(Wire):
    """A picture that arrived, whole, and is in our hands."""

    id: UUID
    state: str = Field(examples=["stored"])
    media_type: str = Field(examples=["image/jpeg"])
    bytes: int
    width: int = Field(description="As coded; upright once it is ready")
    height: int


@router.put(
    "/{photo}",
    operation_id="putPhoto",
    status_code=201,
    response_model=Received,
    openapi_extra=_BINARY,
    responses={
        200: {"model": Received, "description": "The same picture was already here."},
        202: {
            "description": "This part is here, and more is to follow (`Upload-Complete: ?0`).",
            "headers": _HEADERS,
        },
        **responses(
            BodyTooLarge,
            DigestDiffers,
            ImageBroken,
            ImageRefused,
            ImageTooLarge,
            NotSignedIn,
            PhotoTaken,
            TooManyRequests,
            UploadHeadersRefused,
            UploadLengthDiffers,
            UploadOffsetDiffers,
            UploadPartial,
            UploadTakenOver,
        ),
    },
)
async def put_photo(
    photo: UUID,
    request: Request,
    runtime: RuntimeDep,
    principal: PrincipalDep,
    repr_digest: Annotated[
        str | None,
        Header(description="RFC 9530, of the whole picture; `sha-256` is compared, others are not"),
    ] = None,
    upload_offset: Annotated[
        str | None, Header(description="Where this body begins in the picture; 0 unless sent")
    ] = None,
    upload_length: Annotated[
        str | None, Header(description="Of the whole picture; needed to go on with one")
    ] = None,
    upload_complete: Annotated[
        str | None, Header(description="`?0`: more is to follow in another request")
    ] = None,
) -> Response:
    """Send one picture, as it is: at most 20 MB, JPEG, PNG, WebP or HEIC.

    Choose a new UUID for each picture. Sending the same picture again under its id is answered in
    the same way, so repeat it until it is answered. Then name the id in a report.

    On a bad line, go on instead of beginning again. Send `Upload-Length` and `Repr-Digest` from the
    first. When the line is cut, what arrived is kept for 48 hours; `HEAD` tells how much that is.
    Send the rest with `Upload-Offset` at that number, and the same `Upload-Length` and
    `Repr-Digest`. At any other offset but 0 the answer is 409 with the right one in
    `Upload-Offset`; at 0 the picture is taken whole, whatever is here. Of two connections the later
    one goes on, and the earlier is told. The picture is complete when `Upload-Length` bytes are
    here, also when the last of them came in a request that nobody answered: then send an empty body
    at that offset. If the whole is not what `Repr-Digest` says, it is dropped: begin at 0. What a
    device began only that device may see and go on with. (The names are those of the IETF's draft
    on resumable uploads; the protocol is this paragraph, not that one.)
    """
    told = tell(request, repr_digest, upload_offset, upload_length, upload_complete)
    device = _device(principal)
    await _count(request, principal, told)
    held = None
    if told.offset:
        found, held = await _stand(runtime, photo, told, device)
        if found:
            return _received(found, 200)
    body = Body(runtime, photo, device, told, held)
    try:
        await body.read(request)
        if told.length is not None and body.received < told.length:
            return await _partly(body)
        return await _whole(body)
    except FINAL:
        if body.held is not None:
            await _drop(body, body.held)
        raise
    finally:
        body.let_go()


async def _count(request: Request, principal: Principal, told: Told) -> None:
    """Raises TooManyRequests for who begins too many; going on with one counts for nothing."""
    if not told.offset:
        await limits.count_picture(request, principal)


async def _stand(
    runtime: Runtime, photo: UUID, told: Told, device: UUID | None
) -> tuple[Photo | None, Arriving | None]:
    """The picture if it is whole already, or what is here of it, from now on in our name.

    Raises UploadOffsetDiffers or UploadLengthDiffers when it does not stand where the body begins.
    """
    if told.length is None:
        raise UploadHeadersRefused
    async with runtime.unit() as conn:
        found = await photos.find(conn, photo)
        if found is not None and found.device_id in {None, device}:
            if found.sha256 == told.sha256:
                return found, None
            raise UploadOffsetDiffers(upload_offset=found.bytes)
        held = await uploads.take(
            conn, photo, offset=told.offset, length=told.length, device=device
        )
        if held is not None:
            return None, held
        stands = await uploads.find(conn, photo, device)
    if stands is not None and stands.length != told.length:
        raise UploadLengthDiffers(upload_offset=stands.received, upload_length=stands.length)
    raise UploadOffsetDiffers(upload_offset=stands.received if stands else 0)


async def _partly(body: Body) -> Response:
    """Not all of it is here: as it was told, or the line ended too soon in good order."""
    await body.keep()
    if body.held is None:  # more of it came another way
        async with body.runtime.reading() as conn:
            stands = await uploads.find(conn, body.photo, body.device)
        raise UploadOffsetDiffers(upload_offset=stands.received if stands else 0)
    if not body.told.more_follows:
        raise UploadPartial(upload_offset=body.held.received)
    return Response(status_code=202, headers={**_NO_STORE, **_standing(body.held)})


async def _whole(body: Body) -> Response:
    """All of it is here: it is kept as a picture, if it is one."""
    try:
        await body.join()
    except PhotoGone as error:  # another connection was done with it meanwhile
        raise UploadTakenOver from error
    digest = body.sha256.digest()
    if body.told.sha256 is not None and body.told.sha256 != digest:
        raise DigestDiffers(upload_offset=0)
    found, new, parts = await _record(body, digest)
    return _received(found, 201 if new else 200, BackgroundTask(_delete, body.runtime, parts))


async def _record(body: Body, digest: bytes) -> tuple[Photo, bool, list[str]]:
    """The picture, whether it is new, and the parts that nobody needs any more."""
    runtime, photo = body.runtime, body.photo
    header = await run_in_threadpool(inspect, body.data)
    async with runtime.reading() as conn:
        found = await photos.known(conn, photo, digest)
        if found:
            return found, False, await uploads.drop(conn, photo)
    upload = photos.new_upload(photo, sha256=digest, length=len(body.data), header=header)
    await runtime.photos.put(upload.original, body.data)
    async with runtime.unit() as conn:
        found = await photos.record(conn, upload, body.device)
        if found:
            return found, True, await uploads.drop(conn, photo)
    # Another upload of the same id was first. Its object is another, so ours can go.
    await runtime.photos.delete(upload.original)
    async with runtime.reading() as conn:
        found = await photos.known(conn, photo, digest)
    if found is None:  # and was forgotten again within a moment
        raise Unavailable
    return found, False, []


async def _drop(body: Body, held: Arriving) -> None:
    """It is no picture we take: the next one begins at 0."""
    async with body.runtime.unit() as conn:
        parts = await uploads.drop_held(conn, held)
    await _delete(body.runtime, parts)


async def _delete(runtime: Runtime, parts: Sequence[str]) -> None:
    with suppress(StoreAway):  # the hourly sweep finds what no row names
        for part in parts:
            await runtime.photos.delete(part)


def _received(found: Photo, status: int, then: BackgroundTask | None = None) -> Response:
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
        status,
        {**_NO_STORE, "Location": f"/v1/photos/{found.id}"},
        media_type="application/json",
        background=then,
    )


def _device(principal: Principal) -> UUID | None:
    return principal.id if isinstance(principal, Device) else None


def _standing(arriving: Arriving) -> dict[str, str]:
    return {
        "Upload-Offset": str(arriving.received),
        "Upload-Length": str(arriving.length),
        "Upload-Complete": "?0",
    }


@router.head(
    "/{photo}",
    operation_id="headPhoto",
    status_code=200,
    response_class=Response,
    responses={
        200: {
            "description": "How much is here; `Upload-Complete: ?1` when that is all.",
            "headers": {**_HEADERS, "Content-Length": {"schema": {"type": "integer"}}},
        },
        404: {"description": "Nothing is here under this id. Send it."},
    },
)
async def head_photo(photo: UUID, runtime: RuntimeDep, principal: PrincipalDep) -> Response:
    """How much of a picture arrived: all of it, or from where to go on."""
    device = _device(principal)
    async with runtime.reading() as conn:
        found = await photos.find(conn, photo)
        arriving = None if found else await uploads.find(conn, photo, device)
    if arriving is not None:
        return Response(headers={**_NO_STORE, **_standing(arriving)})
    theirs = found and found.device_id not in {None, device}
    if found is None or (theirs and not isinstance(principal, Staff)):
        raise NotFound
    return Response(
        headers={
            **_NO_STORE,
            "Upload-Offset": str(found.bytes),
            "Upload-Length": str(found.bytes),
            "Upload-Complete": "?1",
            "Content-Length": str(found.bytes),
        }
    )
