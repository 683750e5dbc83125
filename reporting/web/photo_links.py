"""Links that open a photo for a few minutes, for whoever was shown it.

A link says for itself what it opens and until when, and is signed; it opens nothing else. It is
made each time a report or a job is shown to somebody who may see its photos.
"""

import hmac
import time
from typing import Final
from uuid import UUID

from pydantic import Field

from reporting.errors import NotFound
from reporting.keys import Keys
from reporting.photos import LARGE, SMALL
from reporting.web.body import Wire

#: A link lives between ten and fifteen minutes: equal for five, so that what holds it is too.
STEP_S: Final = 300
STEPS: Final = 3


class PhotoView(Wire):
    """A photo in a report or an update, with links that open for ten to fifteen minutes."""

    id: UUID
    state: str = Field(
        description="`stored`: being made ready, its links answer 404 `photo-pending` until then."
        " `ready`. `unreadable`: it could not be opened, and there are no links.",
        json_schema_extra={"enum": ["stored", "ready", "unreadable"]},
    )
    large: str | None = Field(description="JPEG, long edge at most 1920; relative to this API")
    small: str | None = Field(description="JPEG, long edge at most 400; relative to this API")


def photo_view(keys: Keys, photo: UUID, state: str) -> PhotoView:
    """The photo as the reporter or staff see it."""
    if state == "unreadable":
        return PhotoView(id=photo, state=state, large=None, small=None)
    return PhotoView(
        id=photo, state=state, large=link(keys, photo, LARGE), small=link(keys, photo, SMALL)
    )


def link(keys: Keys, photo: UUID, size: str) -> str:
    """The path and query that open one derivative."""
    expires = str((int(time.time()) // STEP_S + STEPS) * STEP_S)
    signature = keys.link_signature(_says(photo, size, expires))
    return f"/v1/photos/{photo}/{size}?expires={expires}&signature={signature}"


def check_link(keys: Keys, photo: UUID, size: str, expires: str, signature: str) -> None:
    """Refuse a link that we did not make, or whose time is over, as if nothing were there."""
    expected = keys.link_signature(_says(photo, size, expires))
    # The signature first: what it covers is ours and can be read without care.
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise NotFound
    if int(expires) < time.time():
        raise NotFound


def _says(photo: UUID, size: str, expires: str) -> str:
    return f"photo {photo} {size} {expires}"
