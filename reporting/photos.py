"""Pictures: received, made ready by the worker, shown, and forgotten when nobody sent them.

The bytes are in the store before the row that names them, and the row before anybody is told that
the picture arrived. An object belongs to one upload and is never written again, so what no row
names is rubbish once it is a day old.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import class_row, tuple_row

from reporting.auth import Action, Principal, ReportFacts, may
from reporting.errors import NotFound, PhotoPending, PhotoTaken, PhotoUnreadable
from reporting.images.headers import Header
from reporting.photo_store import PhotoStore
from reporting.queries import photos as queries

Connection = AsyncConnection[Any]

ORIGINAL, LARGE, SMALL = "original", "large", "small"
SIZES: Final = (LARGE, SMALL)
#: A phone that was offline may send its report days after its pictures.
LOOSE_FOR: Final = timedelta(days=7)
#: Longer than any upload takes.
ORPHAN_FOR: Final = timedelta(days=1)
_BATCH: Final = 500


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
    state: str
    device_id: UUID | None

    def key(self, which: str) -> str:
        """Where the store has the original or a derivative."""
        return f"{self.object_key}/{which}"


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


async def visible(conn: Connection, principal: Principal, photo: UUID) -> Photo:
    """The photo, for those who may see the report or the job's update it belongs to."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.WITH_JOB, {"id": photo})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    *columns, report, device, authority, team, ward, division = row
    if authority is None:  # nobody's yet
        raise NotFound
    job = _Job(authority, team, ward, division)
    if not may(principal, Action.SEE_JOB, ReportFacts(report, device, job) if report else job):
        raise NotFound
    return Photo(*columns)


def derivative(photo: Photo, size: str) -> str:
    """The key of a derivative that is there; PhotoPending or PhotoUnreadable if it is not."""
    if photo.state == "unreadable":
        raise PhotoUnreadable
    if photo.state != "ready":
        raise PhotoPending
    return photo.key(size)


async def settle(
    conn: Connection,
    photo: Photo,
    *,
    state: str,
    width: int | None = None,
    height: int | None = None,
) -> None:
    """Its derivatives are in the store (``ready``), or it cannot be opened (``unreadable``)."""
    await conn.execute(
        queries.SETTLE,
        {
            "id": photo.id,
            "object_key": photo.object_key,
            "state": state,
            "width": width or photo.width,
            "height": height or photo.height,
        },
    )


async def delete_loose(
    conn: Connection, store: PhotoStore, older_than: timedelta = LOOSE_FOR, *, limit: int = _BATCH
) -> int:
    """Forget pictures that no report or update came for: first the bytes, then the rows.

    Interrupted in between, the rows are still there for the next time.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            queries.LOOSE, {"older_than_s": older_than.total_seconds(), "limit": limit}
        )
        rows = await cursor.fetchall()
    for _, key in rows:
        for which in (ORIGINAL, *SIZES):
            await store.delete(f"{key}/{which}")
    await conn.execute(queries.FORGET, {"ids": [photo for photo, _ in rows]})
    return len(rows)


async def delete_orphans(
    conn: Connection, store: PhotoStore, older_than: timedelta = ORPHAN_FOR
) -> int:
    """Delete what lies in the store and has no row: uploads that were cut off, or came second."""
    before = datetime.now(UTC) - older_than
    old = [key async for key, written in store.listing() if written < before]
    deleted = 0
    for first in range(0, len(old), _BATCH):
        keys = old[first : first + _BATCH]
        named = await _named(conn, keys)
        for key in keys:
            if key.rpartition("/")[0] not in named:
                await store.delete(key)
                deleted += 1
    return deleted


async def _named(conn: Connection, keys: Sequence[str]) -> set[str]:
    ids = set()
    for key in keys:
        with suppress(ValueError, IndexError):  # not of our making: it has no row
            ids.add(UUID(key.split("/")[1]))
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.NAMED, {"ids": list(ids)})
        return {key for (key,) in await cursor.fetchall()}
