"""Storing the lines of a chunk: all of it in one transaction, or nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg.rows import tuple_row

from reporting import verify
from reporting.importing.building import Lines
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


async def numbers(conn: Connection, count: int) -> Iterator[int]:
    """Fresh numbers behind references."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.NUMBERS, {"count": count})
        return iter([number for (number,) in await cursor.fetchall()])


async def store(conn: Connection, keys: Keys, lines: Lines) -> None:
    """Write them. A checkpoint comes with them: changing each job for it later costs as much again.

    The caller has a transaction, which this ends.
    """
    async with conn.cursor() as cursor:
        for table, rows in (
            ("reporter", lines.reporters),
            ("report", lines.reports),
            ("report_words", lines.words),
            ("job", lines.jobs),
            ("job_report", lines.links),
            ("job_update", lines.updates),
            ("imported", lines.imported),
        ):
            await _copy(cursor, queries.COPY[table], rows)
        await cursor.execute(queries.STAGE_ASSIGNMENTS)
        reasons = [f"{n}\t{_escaped(text)}" for text, n in lines.reasons.items()]
        await _copy(cursor, queries.COPY_REASONS, reasons)
        await _copy(cursor, queries.COPY_ASSIGNMENTS, lines.assignments)
        await cursor.execute(queries.ASSIGN)
    if lines.heads:
        await verify.checkpoint_new(conn, keys, lines.heads)


async def _copy(cursor: Any, statement: str, rows: Sequence[str]) -> None:
    if not rows:
        return
    async with cursor.copy(statement) as copy:
        await copy.write("\n".join((*rows, "")))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")
