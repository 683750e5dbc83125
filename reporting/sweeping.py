"""What is deleted of pictures: those nobody sent, originals past their time, objects of no row.

First the bytes, then the row: interrupted in between, it is done again.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from reporting.photo_store import PhotoStore
from reporting.photos import CLEAR, ORIGINAL, SIZES, key_of, keys_of
from reporting.queries import photos as queries

Connection = AsyncConnection[Any]

#: A phone that was offline may send its report days after its pictures.
LOOSE_FOR: Final = timedelta(days=7)
#: Longer than any upload takes.
ORPHAN_FOR: Final = timedelta(days=1)
_BATCH: Final = 500


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
    for _, key, made in rows:
        await delete_bytes(store, key, made)
    await conn.execute(queries.FORGET, {"ids": [photo for photo, _, _ in rows]})
    return len(rows)


async def delete_bytes(store: PhotoStore, object_key: str, made: str | None) -> None:
    """Delete a picture and its copies from the store."""
    for key in keys_of(object_key, made):
        await store.delete(key)


async def delete_originals(
    conn: Connection, store: PhotoStore, older_than: timedelta, *, limit: int = _BATCH
) -> int:
    """Delete what shows faces of jobs closed so long ago: the originals and the clear copies.

    First the bytes, then the word of it; interrupted in between, it is done again. The redacted
    copies stay. A job that was reopened is not closed.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(
            queries.ORIGINALS, {"older_than_s": older_than.total_seconds(), "limit": limit}
        )
        rows = await cursor.fetchall()
    for _, key in rows:
        for which in (ORIGINAL, CLEAR):
            await store.delete(key_of(key, which, None))
    await conn.execute(queries.ORIGINALS_GONE, {"ids": [photo for photo, _ in rows]})
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
            if key not in named:
                await store.delete(key)
                deleted += 1
    return deleted


async def _named(conn: Connection, keys: Sequence[str]) -> set[str]:
    """All that rows name, of the photos that these keys belong to."""
    ids = set()
    for key in keys:
        with suppress(ValueError, IndexError):  # not of our making: it has no row
            ids.add(UUID(key.split("/")[1]))
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.NAMED, {"ids": list(ids)})
        rows = await cursor.fetchall()
        await cursor.execute(queries.PARTS, {"ids": list(ids)})
        parts = {part for (part,) in await cursor.fetchall()}
    return parts | {
        key_of(object_key, which, made)
        for object_key, made, original_gone in rows
        for which in (*(() if original_gone else (ORIGINAL, CLEAR)), *(SIZES if made else ()))
    }
