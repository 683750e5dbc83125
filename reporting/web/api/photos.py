"""`GET /v1/photos/…`: a picture's derivatives, out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from reporting import photos
from reporting.auth import Anyone
from reporting.errors import NotFound, NotSignedIn, PhotoGone, PhotoPending, PhotoUnreadable
from reporting.web.deps import PrincipalDep, RuntimeDep
from reporting.web.photo_links import check_link
from reporting.web.problems import responses

router = APIRouter(prefix="/v1/photos", tags=["photos"])


@router.get(
    "/{photo}/{size}",
    operation_id="getPhoto",
    response_class=Response,
    responses={
        200: {
            "description": "A JPEG made from the picture's pixels, upright, without metadata.",
            "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        },
        **responses(NotFound, NotSignedIn, PhotoGone, PhotoPending, PhotoUnreadable),
    },
)
async def get_photo(
    photo: UUID,
    size: Annotated[str, Path(json_schema_extra={"enum": list(photos.SIZES)})],
    runtime: RuntimeDep,
    principal: PrincipalDep,
    expires: Annotated[str, Query(description="From a link that we made")] = "",
    signature: Annotated[str, Query(description="From a link that we made")] = "",
) -> Response:
    """A derivative, by a link from a report or job, or for who may see that; never the original."""
    if size not in photos.SIZES:
        raise NotFound
    if signature:
        check_link(runtime.keys, photo, size, expires, signature)
    elif isinstance(principal, Anyone):
        raise NotFound
    async with runtime.reading() as conn:
        if signature:
            found = await photos.find(conn, photo)
        else:
            found = await photos.visible(conn, principal, photo)
    if found is None:
        raise NotFound
    content = await runtime.photos.get(photos.derivative(found, size))
    return Response(
        content,
        media_type="image/jpeg",
        headers={"Cache-Control": "private, no-store", "Content-Disposition": "inline"},
    )
