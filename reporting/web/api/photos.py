"""`GET /v1/photos/…`: a picture's copies, out."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from reporting import photos
from reporting.auth import Anyone, Principal
from reporting.errors import (
    NotAllowed,
    NotFound,
    NotSignedIn,
    PhotoGone,
    PhotoPending,
    PhotoUnreadable,
)
from reporting.photos import CLEAR, SIZES, Attached
from reporting.runtime import Runtime
from reporting.web.deps import PrincipalDep, RuntimeDep
from reporting.web.photo_links import Audience, check_link
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/photos", tags=["photos"])

#: What is hidden is gone within a minute, caches between here and there included.
PUBLIC_MAX_AGE_S: Final = 30
_CACHE: Final = {
    Audience.PUBLIC: f"public, max-age={PUBLIC_MAX_AGE_S}",
    Audience.PRIVATE: "private, no-store",
}


@router.get(
    "/{photo}/{size}",
    operation_id="getPhoto",
    response_class=Response,
    responses={
        200: {
            "description": "A JPEG made from the picture's pixels, upright, without metadata.",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        **responses(NotAllowed, NotFound, NotSignedIn, PhotoGone, PhotoPending, PhotoUnreadable),
    },
)
async def get_photo(
    photo: UUID,
    size: Annotated[str, Path(json_schema_extra={"enum": [*SIZES, CLEAR]})],
    runtime: RuntimeDep,
    principal: PrincipalDep,
    audience: Annotated[str, Query(description="From a link that we made")] = "",
    expires: Annotated[str, Query(description="From a link that we made")] = "",
    signature: Annotated[str, Query(description="From a link that we made")] = "",
) -> Response:
    """A copy, by a link from a report or job, or for who may see that; never the original.

    `large` and `small` have faces filled. `clear` has nothing filled, and is for staff who may see
    the original. A hidden picture is gone for all but them.
    """
    if size not in {*SIZES, CLEAR}:
        raise NotFound
    made_for = None
    if signature and size != CLEAR:
        made_for = check_link(runtime.keys, photo, size, audience, expires, signature)
    elif isinstance(principal, Anyone):
        raise NotFound
    key = await _allowed(runtime, principal, photo, size, made_for)
    try:
        content = await runtime.photos.get(key)
    except PhotoGone:
        # Other copies may have taken its place since we looked.
        again = await _allowed(runtime, principal, photo, size, made_for)
        if again == key:
            raise
        content = await runtime.photos.get(again)
    return Response(
        content,
        media_type="image/jpeg",
        headers={
            "Cache-Control": _CACHE[made_for or Audience.PRIVATE],
            "Content-Disposition": "inline",
        },
    )


async def _allowed(
    runtime: Runtime, principal: Principal, photo: UUID, size: str, made_for: Audience | None
) -> str:
    """The key of what they may see, as things are now."""
    async with runtime.reading() as conn:
        found = await photos.attached(conn, photo)
    if size == CLEAR:
        return photos.clear(found, principal)
    if made_for is None:
        photos.check_sight(found, principal)
    photos.check_hidden(found, principal)
    if made_for is Audience.PUBLIC and not await _is_public(runtime, found):
        raise PhotoGone
    return photos.derivative(found.photo, size)


async def _is_public(runtime: Runtime, found: Attached) -> bool:
    if found.category is None or found.withdrawn:
        return False
    return photos.is_public(found.photo.review, await runtime.category(found.category))
