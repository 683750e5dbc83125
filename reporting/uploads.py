"""Pictures that arrive in parts: how much is here, and who may go on.

No lock is held while a phone sends. A request that goes on with a picture writes its own name on
the row (``holder``), and a part counts only while the row still bears that name and stands where
the part begins. So a connection that everybody took for dead can add nothing once another went on.

A part is in the photo store before the row that names it. What no row names is swept away there.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.rows import class_row, scalar_row, tuple_row

from reporting.errors import UploadTakenOver
from reporting.photo_store import PhotoStore
from reporting.queries import uploads as queries
from reporting.runtime import Connection

#: Nothing came for so long: it is given up.
KEPT_FOR: Final = timedelta(hours=48)
_BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class Arriving:
    """What is here of a picture, and the name of the request that may add to it."""

    photo_id: UUID
    length: int
    received: int
    #: Keys in the photo store, in order.
    parts: list[str]
    holder: UUID


async def find(conn: Connection, photo: UUID, device: UUID | None) -> Arriving | None:
    """What is here of the picture; None for nothing, and for what another device began."""
    async with conn.cursor(row_factory=class_row(Arriving)) as cursor:
        await cursor.execute(queries.FIND, {"photo": photo, "device": device})
        return await cursor.fetchone()


async def take(
    conn: Connection, photo: UUID, *, offset: int, length: int, device: UUID | None
) -> Arriving | None:
    """Go on from the offset, or begin at 0; None if the picture does not stand there."""
    values: dict[str, Any] = {
        "photo": photo,
        "offset": offset,
        "length": length,
        "device": device,
        "holder": uuid4(),
    }
    async with conn.cursor(row_factory=class_row(Arriving)) as cursor:
        await cursor.execute(queries.TAKE, values)
        return await cursor.fetchone()


def new_part(photo: UUID, offset: int) -> str:
    """Where the store is to have a part: another place for every part, below the picture's id."""
    return f"{photo.hex[-2:]}/{photo}/part-{offset:08d}-{secrets.token_hex(8)}"


async def append(conn: Connection, held: Arriving, part: str, size: int) -> Arriving:
    """Count a part that is in the store. Raises UploadTakenOver when another request goes on."""
    cursor = await conn.execute(
        queries.APPEND,
        {
            "photo": held.photo_id,
            "holder": held.holder,
            "offset": held.received,
            "part": part,
            "size": size,
        },
    )
    if not cursor.rowcount:
        raise UploadTakenOver
    received, parts = held.received + size, [*held.parts, part]
    return Arriving(held.photo_id, held.length, received, parts, held.holder)


async def drop(conn: Connection, photo: UUID) -> list[str]:
    """It is whole now: forget that it came in parts. The keys of what the store need not keep."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.DROP, {"photo": photo})
        return await cursor.fetchone() or []


async def drop_held(conn: Connection, held: Arriving) -> list[str]:
    """It is no picture we take: begin anew; unless another request goes on with it."""
    async with conn.cursor(row_factory=scalar_row) as cursor:
        values = {"photo": held.photo_id, "holder": held.holder}
        await cursor.execute(queries.DROP_HELD, values)
        return await cursor.fetchone() or []


async def expire(
    conn: Connection, store: PhotoStore, older_than: timedelta = KEPT_FOR, *, limit: int = _BATCH
) -> int:
    """Forget what nobody went on with: first the bytes, then the rows, as for whole pictures."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            queries.EXPIRED, {"older_than_s": older_than.total_seconds(), "limit": limit}
        )
        rows = await cursor.fetchall()
    for _, parts in rows:
        for part in parts:
            await store.delete(part)
    await conn.execute(queries.FORGET, {"ids": [photo for photo, _ in rows]})
    return len(rows)
