"""Links that open a photo for a few minutes, for whoever was shown it.

A link says for itself what it opens, until when and whom it was made for, and is signed; it opens
nothing else. It is made each time a report or a job is shown to somebody who may see its photos.
One that was made for everyone opens only while everyone may see the photo.
"""

import hmac
import time
from enum import StrEnum
from typing import Final
from uuid import UUID

from pydantic import Field

from reporting.errors import NotFound
from reporting.keys import Keys
from reporting.photos import HIDDEN, LARGE, SMALL
from reporting.web.body import Wire

#: A link lives between ten and fifteen minutes: equal for five, so that what holds it is too.
STEP_S: Final = 300
STEPS: Final = 3


class Audience(StrEnum):
    """Whom a link was made for."""

    #: Everyone: it may be passed on, and kept by caches for a while.
    PUBLIC = "public"
    #: Somebody who may see the report or the job.
    PRIVATE = "private"


class PhotoView(Wire):
    """A photo in a report or an update, with links that open for ten to fifteen minutes."""

    id: UUID
    state: str = Field(
        description="`stored`: being made ready, its links answer 404 `photo-pending` until then."
        " `ready`. `unreadable`: it could not be opened, and there are no links.",
        json_schema_extra={"enum": ["stored", "ready", "unreadable"]},
    )
    review: str = Field(
        description="Whether everyone may see it. `auto_ok`: faces were looked for, and filled."
        " `needs_check`: staff are to look at it. `human_ok`: they did. `hidden`: nobody may, and"
        " there are no links.",
        json_schema_extra={"enum": ["auto_ok", "needs_check", "human_ok", "hidden"]},
    )
    large: str | None = Field(
        description="JPEG, faces filled, long edge at most 1920; relative to this API"
    )
    small: str | None = Field(
        description="JPEG, faces filled, long edge at most 400; relative to this API"
    )


def photo_view(
    keys: Keys, photo: UUID, state: str, review: str, *, public: bool = False
) -> PhotoView:
    """The photo with its links, for the reporter and staff, or (``public``) for everyone.

    Whoever shows a photo to everyone asks ``photos.is_public`` first.
    """
    if state == "unreadable" or review == HIDDEN:
        return PhotoView(id=photo, state=state, review=review, large=None, small=None)
    audience = Audience.PUBLIC if public else Audience.PRIVATE
    return PhotoView(
        id=photo,
        state=state,
        review=review,
        large=link(keys, photo, LARGE, audience),
        small=link(keys, photo, SMALL, audience),
    )


def link(keys: Keys, photo: UUID, size: str, audience: Audience = Audience.PRIVATE) -> str:
    """The path and query that open one derivative."""
    expires = str((int(time.time()) // STEP_S + STEPS) * STEP_S)
    signature = keys.link_signature(_says(photo, size, audience, expires))
    return f"/v1/photos/{photo}/{size}?audience={audience}&expires={expires}&signature={signature}"


def check_link(
    keys: Keys, photo: UUID, size: str, audience: str, expires: str, signature: str
) -> Audience:
    """Whom a link was made for.

    One that we did not make, or whose time is over, is refused as if nothing were there.
    """
    expected = keys.link_signature(_says(photo, size, audience, expires))
    # The signature first: what it covers is ours and can be read without care.
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise NotFound
    if int(expires) < time.time():
        raise NotFound
    return Audience(audience)


def _says(photo: UUID, size: str, audience: str, expires: str) -> str:
    return f"photo {photo} {size} {audience} {expires}"
