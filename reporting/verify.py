"""Proof of the update log: take checkpoints, and find what was tampered with.

``verify`` reads the whole log in one snapshot and finds a row that was edited, removed, put in
another order or cut off the end, a job that went with all its rows, words or photos that were
changed (erased ones are as they should be), a status that is not what the log says, and checkpoints
that were changed, removed or not made by us. Whoever can write every table and also holds the
checkpoint key can forge a past; nobody else can. For each job or checkpoint the first thing that is
wrong is named.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidSignature
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import tuple_row

from reporting import chain
from reporting.chain import GENESIS, Words
from reporting.keys import Keys
from reporting.queries import proof as queries

Connection = AsyncConnection[Any]
Progress = Callable[[int, int], None]

#: Findings of each sort that are named; more would tell no more.
NAMED: Final = 20
#: Rows fetched at once, and heads of one checkpoint.
FETCHED: Final = 5_000
CHECKPOINT_HEADS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it was written."""

    #: What happened, as far as can be told.
    what: str
    job: UUID | None = None
    seq: int | None = None
    checkpoint: int | None = None


@dataclass(slots=True)
class Proof:
    """What was looked at, and what was wrong with it."""

    updates: int = 0
    jobs: int = 0
    checkpoints: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing was wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as stored."""

    id: int
    at: datetime
    heads: int
    digest: bytes
    previous_hash: bytes
    hash: bytes
    signature: bytes


async def take_checkpoint(conn: Connection, keys: Keys) -> int | None:
    """Sign the heads of the jobs that changed since the last one; None when none did.

    It takes a bounded number of jobs; a caller that finds many waiting calls again.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.LOCK_CHECKPOINTS)
        await cursor.execute(queries.NEW_HEADS, {"limit": CHECKPOINT_HEADS})
        heads = await cursor.fetchall()
        if not heads:
            return None
        jobs, seqs, hashes = map(list, zip(*heads, strict=True))
        seen = {"jobs": jobs, "seqs": seqs, "hashes": hashes}
        signed = await _signed(cursor, keys, len(heads), chain.heads_digest(heads))
        await cursor.execute(queries.ADD_CHECKPOINT, {**signed, **seen})
        [(number,)] = await cursor.fetchall()
    return int(number)


async def checkpoint_new(conn: Connection, keys: Keys, *, heads: int, digest: bytes) -> int:
    """Sign the digest of jobs that this transaction has stored as seen; its heads are to follow.

    Others who take checkpoints wait for its end, so it comes last in it.
    """
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.LOCK_CHECKPOINTS)
        signed = await _signed(cursor, keys, heads, digest)
        await cursor.execute(queries.ADD_CHECKPOINT_OF_NEW, signed)
        [(number,)] = await cursor.fetchall()
    return int(number)


async def _signed(
    cursor: AsyncCursor[Any], keys: Keys, heads: int, digest: bytes
) -> dict[str, Any]:
    """The columns of the next checkpoint, on top of the last one."""
    await cursor.execute(queries.LAST_CHECKPOINT)
    last = await cursor.fetchone()
    [(at,)] = await (await cursor.execute(queries.NOW)).fetchall()
    previous = last[0] if last else GENESIS
    found = chain.checkpoint_hash(previous, at=at, heads=heads, digest=digest)
    return {
        "at": at,
        "heads": heads,
        "digest": digest,
        "previous_hash": previous,
        "hash": found,
        "signature": keys.checkpoints.sign(found),
    }


async def verify(conn: Connection, keys: Keys, progress: Progress | None = None) -> Proof:
    """Look at everything, in one snapshot, while others go on writing."""
    proof = Proof()
    async with conn.transaction():
        await conn.execute("set transaction isolation level repeatable read, read only")
        await _log(conn, proof, progress)
        await _words(conn, proof)
        await _heads(conn, proof)
        await _checkpoints(conn, keys, proof)
    return proof


async def _log(conn: Connection, proof: Proof, progress: Progress | None) -> None:
    """Follow each chain from its first update."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        [(total,)] = await (await cursor.execute(queries.COUNT)).fetchall()
    job, seq, head, broken = "", 0, GENESIS, False
    loads, sha256, canonical = orjson.loads, hashlib.sha256, chain.canonical
    async for rows in _stream(conn, queries.LOG):
        for row in rows:
            if row[0] != job:
                job, seq, head, broken = row[0], 0, GENESIS, False
                proof.jobs += 1
            elif broken:
                continue
            seq += 1
            said = canonical(
                row[9],
                job_id=row[0],
                seq=row[1],
                id=row[2],
                kind=row[3],
                actor=row[4],
                made_at=row[5],
                recorded_at=row[6],
                changes=loads(row[7]),
                words_hash=row[8],
            )
            if row[1] != seq or row[9] != head or row[10] != sha256(said).digest():
                broken = True
                if len(proof.findings) < NAMED:
                    what = _break(row, seq, sha256(said).digest())
                    proof.findings.append(Finding(what, UUID(job), seq))
            head = row[10]
        proof.updates += len(rows)
        if progress:
            progress(proof.updates, total)


def _break(row: Any, expected: int, computed: bytes) -> str:
    if row[1] != expected:
        return "an update was removed here"
    if row[10] != computed:
        return "this update was edited"
    return "this update does not follow the one before it: one was edited, removed or moved"


async def _words(conn: Connection, proof: Proof) -> None:
    async for rows in _stream(conn, queries.WORDS):
        for job, seq, promised, salt, *words in rows:
            if promised is None or chain.words_hash(salt, Words(*words)) != promised:
                proof.findings.append(Finding("the words of this update were edited", job, seq))


async def _heads(conn: Connection, proof: Proof) -> None:
    """What one statement can find: ends that were cut off, and jobs that are gone."""
    for statement, what in (
        (queries.HEADS_ASTRAY, "the end of this job's log was cut off, or its head was changed"),
        (queries.ORPHANS, "this job was removed"),
        (queries.STATUS_ASTRAY, "the job's status is not what this update made it"),
        (queries.PHOTOS_ASTRAY, "a photo of this update is another one now"),
        (queries.UNCHECKED, "the checkpoint that saw this job at this update was removed"),
    ):
        async with conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, {"limit": NAMED})
            for job, seq in await cursor.fetchall():
                proof.findings.append(Finding(what, job, seq))
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.UNSEEN, {"limit": NAMED})
        for job, seq, checkpoint in await cursor.fetchall():
            what = "a checkpoint saw this update, and it is gone or another"
            proof.findings.append(Finding(what, job, seq, checkpoint))


async def _checkpoints(conn: Connection, keys: Keys, proof: Proof) -> None:
    digests = await _digests(conn)
    public = keys.checkpoints.public_key()
    previous = GENESIS
    async for rows in _stream(conn, queries.CHECKPOINTS):
        for each in (Checkpoint(*row) for row in rows):
            proof.checkpoints += 1
            heads, digest = digests.pop(each.id, (0, b""))
            said = chain.checkpoint_hash(
                each.previous_hash, at=each.at, heads=each.heads, digest=each.digest
            )
            what = None
            if each.previous_hash != previous:
                what = "a checkpoint before this one was removed or changed"
            elif said != each.hash or (heads, digest) != (each.heads, each.digest):
                what = "this checkpoint or what it saw was edited"
            else:
                try:
                    public.verify(each.signature, each.hash)
                except InvalidSignature:
                    what = "this checkpoint is not signed with our key"
            if what:
                proof.findings.append(Finding(what, checkpoint=each.id))
            previous = each.hash
    proof.findings.extend(
        Finding("this checkpoint was removed", checkpoint=number) for number in sorted(digests)
    )


async def _digests(conn: Connection) -> dict[int, tuple[int, bytes]]:
    """How many heads each checkpoint has, and their digest."""
    found: dict[int, tuple[int, bytes]] = {}
    number, count, running = 0, 0, hashlib.sha256()
    async for rows in _stream(conn, queries.CHECKPOINT_HEADS):
        for checkpoint, group in groupby(rows, key=lambda row: row[0]):
            if checkpoint != number:
                number, count, running = checkpoint, 0, hashlib.sha256()
            for _, job, seq, head in group:
                running.update(chain.head_bytes(job, seq, head))
                count += 1
            found[number] = (count, running.digest())
    return found


async def _stream(conn: Connection, statement: str) -> AsyncIterator[list[tuple[Any, ...]]]:
    """The rows of a statement by the thousand, without holding them all."""
    async with conn.cursor("verify", row_factory=tuple_row) as cursor:
        cursor.itersize = FETCHED
        await cursor.execute(statement)
        while rows := await cursor.fetchmany(FETCHED):
            yield rows
