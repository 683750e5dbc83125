"""Pictures: received, made ready by the worker, reviewed and shown. See also ``sweeping``.

The bytes are in the store before the row that names them, and the row before anybody is told that
the picture arrived. An object belongs to one upload and is never written again, so what no row
names is rubbish once it is a day old.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row
from psycopg.types.json import Jsonb

from reporting.auth import Action, Anyone, Principal, ReportFacts, Staff, authorize, may
from reporting.errors import (
    NotAllowed,
    NotFound,
    PhotoGone,
    PhotoPending,
    PhotoTaken,
    PhotoUnreadable,
)
from reporting.images.facts import Facts
from reporting.images.headers import Header
from reporting.images.regions import Region
from reporting.queries import photos as queries
from routing.categories import Category

Connection = AsyncConnection[Any]

#: As it arrived; upright and clean, with every face still to be seen; the redacted copies.
ORIGINAL, CLEAR, LARGE, SMALL = "original", "clear", "large", "small"
#: The copies that are redacted, for everyone who may see the picture.
SIZES: Final = (LARGE, SMALL)
AUTO_OK, NEEDS_CHECK, HUMAN_OK, HIDDEN = "auto_ok", "needs_check", "human_ok", "hidden"


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as it arrived, and what became of it."""

    id: UUID
    object_key: str
    sha256: bytes
    bytes: int
    media_type: str
    width: int
    height: int
    #: ``stored``, ``ready`` or ``unreadable``.
    state: str
    device_id: UUID | None
    #: Whether the public may see it (``is_public``): see the names above.
    review: str
    reviewed_at: datetime | None
    reviewed_by: UUID | None
    #: What is filled in its copies: rows of ``Region``.
    regions: list[dict[str, Any]]
    #: The set of copies to show. None: none was made yet, or nobody could look for faces.
    made: str | None
    #: 64 bits, signed. Alike pictures differ in few: count the ones of ``(a ^ b) & (2**64 - 1)``.
    phash: int | None
    #: What the camera says. For staff only, and never trusted.
    taken_at: datetime | None
    taken_lat: float | None
    taken_lng: float | None
    original_gone_at: datetime | None

    def key(self, which: str) -> str:
        """Where the store has the original, the clear copy, or one of the copies to show."""
        return key_of(self.object_key, which, self.made)

    @property
    def filled(self) -> tuple[Region, ...]:
        """What is filled in its copies."""
        return tuple(Region.of_row(row) for row in self.regions)


def key_of(object_key: str, which: str, made: str | None) -> str:
    """A key in the store. Each set of redacted copies has keys of its own."""
    return f"{object_key}/{made}-{which}" if which in SIZES else f"{object_key}/{which}"


def keys_of(object_key: str, made: str | None) -> list[str]:
    """Where the store has a picture and its copies."""
    return [key_of(object_key, which, made) for which in (ORIGINAL, CLEAR, *SIZES)]


def is_public(review: str, category: Category) -> bool:
    """Whether everyone may see a photo with a report or job of this category.

    ``human_ok``: staff looked at it. ``auto_ok``: only the finder did, which is enough where the
    category says ``auto``. Under ``never`` no picture is public.
    """
    match category.public_photos:
        case "auto":
            return review in {AUTO_OK, HUMAN_OK}
        case "checked":
            return review == HUMAN_OK
        case "never":
            return False


@dataclass(frozen=True, slots=True)
class _Job:
    """What decides who may see it."""

    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


@dataclass(frozen=True, slots=True)
class Upload:
    """What was received, before there is a row for it."""

    id: UUID
    sha256: bytes
    bytes: int
    header: Header
    object_key: str

    @property
    def original(self) -> str:
        """Where the store is to have it."""
        return f"{self.object_key}/{ORIGINAL}"


def new_upload(photo: UUID, *, sha256: bytes, length: int, header: Header) -> Upload:
    """An upload with an object key of its own."""
    key = f"{photo.hex[-2:]}/{photo}/{secrets.token_hex(8)}"
    return Upload(photo, sha256, length, header, key)


async def find(conn: Connection, photo: UUID) -> Photo | None:
    """The photo of this id."""
    async with conn.cursor(row_factory=class_row(Photo)) as cursor:
        await cursor.execute(queries.FIND, {"id": photo})
        return await cursor.fetchone()


async def known(conn: Connection, photo: UUID, sha256: bytes) -> Photo | None:
    """The photo of this id, if these are its bytes; PhotoTaken if it has others."""
    found = await find(conn, photo)
    if found is not None and found.sha256 != sha256:
        raise PhotoTaken
    return found


async def record(conn: Connection, upload: Upload, device: UUID | None) -> Photo | None:
    """Write down what is in the store, and wake the worker; None if another upload was first."""
    async with conn.cursor(row_factory=class_row(Photo)) as cursor:
        await cursor.execute(
            queries.RECORD,
            {
                "id": upload.id,
                "object_key": upload.object_key,
                "sha256": upload.sha256,
                "bytes": upload.bytes,
                "media_type": upload.header.media_type,
                "width": upload.header.width,
                "height": upload.header.height,
                "device": device,
            },
        )
        return await cursor.fetchone()


@dataclass(frozen=True, slots=True)
class Attached:
    """A photo and what it is attached to, which decides who may see it."""

    photo: Photo
    #: The job, or the report on it, that it shows; None while it is nobody's.
    shows: _Job | ReportFacts | None
    #: The job's category.
    category: str | None
    #: The report was taken back: of its pictures the public sees none.
    withdrawn: bool = False

    def overseen_by(self, principal: Principal) -> bool:
        """Whether they are staff who may see it as it was taken."""
        return (
            isinstance(principal, Staff)
            and self.shows is not None
            and may(principal, Action.SEE_ORIGINAL, self.shows)
        )


async def attached(conn: Connection, photo: UUID) -> Attached:
    """The photo and what it is attached to, or NotFound."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.WITH_JOB, {"id": photo})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    *columns, report, device, authority, team, ward, division, category, withdrawn = row
    found = Photo(*columns)
    if authority is None:
        return Attached(found, None, None)
    job = _Job(authority, team, ward, division)
    shows = ReportFacts(report, device, job) if report else job
    return Attached(found, shows, category, withdrawn)


def check_sight(found: Attached, principal: Principal) -> None:
    """Refuse whoever may not see the report or the job's update it belongs to. NotFound."""
    if found.shows is None or not may(principal, Action.SEE_JOB, found.shows):
        raise NotFound


def check_hidden(found: Attached, principal: Principal) -> None:
    """Refuse a hidden photo to all but the staff who oversee it. PhotoGone."""
    if found.photo.review == HIDDEN and not found.overseen_by(principal):
        raise PhotoGone


def derivative(photo: Photo, size: str) -> str:
    """The key of a redacted copy that is there; PhotoPending or PhotoUnreadable if it is not."""
    if photo.state == "unreadable":
        raise PhotoUnreadable
    if photo.state != "ready" or photo.made is None:
        raise PhotoPending
    return photo.key(size)


def clear(found: Attached, principal: Principal) -> str:
    """The key of the copy with nothing filled, for staff who may see the original.

    Raises NotFound, NotAllowed, PhotoGone, PhotoPending or PhotoUnreadable.
    """
    photo = found.photo
    if found.shows is None or isinstance(principal, Anyone):
        raise NotFound
    authorize(principal, Action.SEE_ORIGINAL, found.shows)
    if not isinstance(principal, Staff):
        raise NotAllowed
    if photo.original_gone_at is not None:
        raise PhotoGone
    if photo.state == "unreadable":
        raise PhotoUnreadable
    if photo.state == "stored" and photo.reviewed_at is None:
        raise PhotoPending
    return photo.key(CLEAR)


async def review(
    conn: Connection,
    photo: UUID,
    *,
    review: str,
    regions: Sequence[Region] | None = None,
    by: UUID,
) -> Photo:
    """Write down what a member of staff (``by``) decided after looking at a photo.

    ``review`` is ``human_ok``, ``needs_check`` or ``hidden``. ``regions`` is all that is to be
    filled from now on; None leaves it as it is. Where that differs from what is filled, and where
    there are none yet, the photo is ``stored`` again until the worker has made its copies: the old
    ones open for nobody from the moment this is committed.

    Asks for no right: the caller has seen to that. Raises NotFound, PhotoPending for a picture the
    worker has not come to, PhotoUnreadable for one that could not be opened, and PhotoGone for one
    of which no copy was ever made and of which the original is gone.
    """
    async with conn.cursor(row_factory=class_row(Photo)) as cursor:
        await cursor.execute(queries.LOCK, {"id": photo})
        before = await cursor.fetchone()
        if before is None:
            raise NotFound
        if before.state == "unreadable":
            raise PhotoUnreadable
        if before.state == "stored" and before.reviewed_at is None:
            raise PhotoPending
        if before.made is None and before.original_gone_at is not None:
            raise PhotoGone
        rows = before.regions if regions is None else [region.row() for region in regions]
        await cursor.execute(
            queries.REVIEW,
            {
                "id": photo,
                "review": review,
                "by": by,
                "regions": Jsonb(rows),
                "again": rows != before.regions or before.made is None,
            },
        )
        after = await cursor.fetchone()
    if after is None:
        raise NotFound
    return after


@dataclass(frozen=True, slots=True)
class Made:
    """What the worker made of a photo. The copies are in the store."""

    width: int
    height: int
    review: str
    regions: Sequence[Region]
    #: The name of the new set of copies; None if nobody could look for faces.
    made: str | None
    phash: int | None
    facts: Facts


def again(photo: Photo, made: str) -> Made:
    """Another set of copies of a photo about which nothing else is new."""
    facts = Facts(photo.taken_at, photo.taken_lat, photo.taken_lng)
    return Made(photo.width, photo.height, photo.review, photo.filled, made, photo.phash, facts)


async def settle(conn: Connection, photo: Photo, made: Made | None) -> bool:
    """The photo is ``ready``, or (None) cannot be opened: ``unreadable``.

    False if something else has happened to it since: then what was made is of no use.
    """
    values = {"id": photo.id, "object_key": photo.object_key, "reviewed_at": photo.reviewed_at}
    if made is None:
        made = Made(photo.width, photo.height, photo.review, (), None, None, Facts())
        values["state"] = "unreadable"
    else:
        values["state"] = "ready"
    cursor = await conn.execute(
        queries.SETTLE,
        {
            **values,
            "width": made.width,
            "height": made.height,
            "review": made.review,
            "regions": Jsonb([region.row() for region in made.regions]),
            "made": made.made,
            "phash": made.phash,
            "taken_at": made.facts.taken_at,
            "taken_lat": made.facts.lat,
            "taken_lng": made.facts.lng,
        },
    )
    return cursor.rowcount == 1
