"""Storing the lines of a chunk: all of it in one transaction, or nothing."""

from collections.abc import Sequence
from typing import Any

from psycopg.rows import tuple_row

from reporting import verify
from reporting.importing.building import Built
from reporting.keys import Keys
from reporting.queries import importing as queries
from reporting.runtime import Connection


async def source(conn: Connection, authority: int, name: str, *, add: bool) -> int | None:
    """The number of a source; None where it is not known and not to be added."""
    statement = queries.ADD_SOURCE if add else queries.FIND_SOURCE
    cursor = await conn.execute(statement, {"authority": authority, "name": name})
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def known(conn: Connection, source_id: int, keys: Sequence[str]) -> dict[str, bytes]:
    """Of these ids those that were taken over before, with what they were then."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.KNOWN, {"source": source_id, "keys": list(keys)})
        return dict(await cursor.fetchall())


async def numbers(conn: Connection, count: int) -> list[int]:
    """Fresh numbers behind references."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.NUMBERS, {"count": count})
        return [number for (number,) in await cursor.fetchall()]


async def store(conn: Connection, keys: Keys, built: Built) -> None:
    """Write them. A checkpoint comes with them: changing each job for it later costs as much again.

    The caller has a transaction, which this ends.
    """
    copies = built.copies
    async with conn.cursor(row_factory=tuple_row) as cursor:
        for table, statement in queries.COPY.items():
            await _copy(cursor, statement, copies.get(table, ""))
        await cursor.execute(queries.STAGE_ASSIGNMENTS)
        reasons = [f"{n}\t{_escaped(text)}\n" for n, text in enumerate(built.reasons)]
        await _copy(cursor, queries.COPY_REASONS, "".join(reasons))
        await _copy(cursor, queries.COPY_ASSIGNMENTS, copies.get("import_assignment", ""))
        await cursor.execute(queries.ASSIGN)
        await cursor.execute(queries.STAGE_HEADS)
        await _copy(cursor, queries.COPY_HEADS, copies.get("checkpoint_head", ""))
    number = await verify.checkpoint_new(conn, keys, heads=built.heads, digest=built.digest)
    await conn.execute(queries.ADD_HEADS, {"checkpoint": number})


async def _copy(cursor: Any, statement: str, lines: str) -> None:
    if not lines:
        return
    async with cursor.copy(statement) as copy:
        await copy.write(lines)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")
