"""Requests that may be sent again: the first answer is stored under their key, and given again.

Whoever runs one holds ``Once.lock`` from the beginning of its unit. A stored answer holds no words.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from psycopg.rows import namedtuple_row

from reporting.errors import IdempotencyKeyReused
from reporting.queries import tracking as queries
from reporting.runtime import Connection


@dataclass(frozen=True, slots=True)
class Answered:
    """The JSON of an answer, new or given before."""

    body: bytes
    replayed: bool


@dataclass(frozen=True, slots=True)
class Once:
    """A request about a report or job that may be repeated: its key, and a hash of its body."""

    operation: str
    subject: UUID
    key: UUID
    body_hash: bytes

    @property
    def scope(self) -> str:
        """What the key is unique in."""
        return f"{self.operation}:{self.subject}"

    @property
    def lock(self) -> int:
        """The advisory lock that is held while the request runs."""
        return lock_number(f"{self.scope}/{self.key}")


def lock_number(name: str) -> int:
    """A signed 64-bit number for a name, as pg_advisory_lock takes them."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


async def known(conn: Connection, once: Once) -> Answered | None:
    """The answer that this request got before. Raises IdempotencyKeyReused for another body."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.KNOWN, {"scope": once.scope, "key": once.key})
        row: Any = await cursor.fetchone()
    if row is None:
        return None
    if row.body_hash != once.body_hash:
        raise IdempotencyKeyReused
    return Answered(row.answer, replayed=True)


async def keep(conn: Connection, once: Once, answer: dict[str, Any], status: int = 200) -> Answered:
    """The answer, stored for a repeat."""
    body = orjson.dumps(answer)
    await conn.execute(
        queries.KEEP,
        {
            "scope": once.scope,
            "key": once.key,
            "body_hash": once.body_hash,
            "status": status,
            "answer": body,
        },
    )
    return Answered(body, replayed=False)
