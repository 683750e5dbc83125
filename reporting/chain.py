"""How an update is bound to the one before it, so that a changed past can be found.

The proof needs nothing of ours. The canonical bytes of an update are one JSON object (RFC 8259)
in UTF-8 with its keys in code-point order at every depth, no white space, and exactly these
members:

    actor        string: "staff:<uuid>", "report:<uuid>" or "system"
    changes      object: field → new value, as stored
    id, job      strings: UUIDs, lower case with hyphens
    kind         string
    made_at      string: "2026-11-23T14:55:00.000000Z", always UTC and six digits
    previous     string: the hash of the job's update before, in hex; 64 zeros for the first
    recorded_at  string, as made_at
    seq          number: 1 for the first update of a job
    words        string, the commitment to the words in hex; or null when there were none

An update's hash is the SHA-256 of those bytes. The commitment to its words is the SHA-256 of a
random salt followed by the JSON array of the words; deleting salt and words leaves the chain whole
and says nothing of what they were. ``changes`` passes through PostgreSQL's ``jsonb``, so numbers in
it must come back from there as they went in: integers, and fractions between 1e-9 and 1e15.

Checkpoints bind the jobs to one another. Each names the head of every job that changed since the
one before, hashes those heads and the checkpoint before it, and is signed with Ed25519 (RFC 8032):
so a whole job cannot go, nor the end of its chain, nor can a chain be written anew. Only what came
after the last checkpoint can be cut off without a trace, which is why they are taken often.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson

#: What stands before the first update of a job.
GENESIS: Final = bytes(32)
SALT_BYTES: Final = 16
_UTC: Final = "+00:00"


class Words(NamedTuple):
    """What somebody wrote with an update: free text, which can be erased."""

    note: str | None = None
    public_message: str | None = None
    waiting_for: str | None = None


def new_salt() -> bytes:
    """Random bytes that keep short words from being guessed out of their commitment."""
    return os.urandom(SALT_BYTES)


def words_hash(salt: bytes, words: Words) -> bytes:
    """The commitment: SHA-256 of the salt and the array ``[note, public_message, waiting_for]``."""
    return hashlib.sha256(salt + orjson.dumps(list(words))).digest()


def utc(at: datetime) -> str:
    """The instant in the one form that is hashed and stored inside ``changes``."""
    text = at.isoformat(timespec="microseconds")
    if not text.endswith(_UTC):  # the database gives UTC, and lists have hundreds of these
        text = at.astimezone(UTC).isoformat(timespec="microseconds")
    return text[: -len(_UTC)] + "Z"


def canonical(
    previous_hash: bytes,
    *,
    job_id: UUID | str,
    seq: int,
    id: UUID | str,  # noqa: A002  # the column's name
    kind: str,
    actor: str,
    made_at: str,
    recorded_at: str,
    changes: Mapping[str, Any],
    words_hash: bytes | None,
) -> bytes:
    """The bytes that are hashed."""
    return orjson.dumps(
        {
            "actor": actor,
            "changes": changes,
            "id": id,
            "job": job_id,
            "kind": kind,
            "made_at": made_at,
            "previous": previous_hash.hex(),
            "recorded_at": recorded_at,
            "seq": seq,
            "words": None if words_hash is None else words_hash.hex(),
        },
        option=orjson.OPT_SORT_KEYS,
    )


def link(
    previous_hash: bytes,
    *,
    job_id: UUID,
    seq: int,
    id: UUID,  # noqa: A002  # the column's name
    kind: str,
    actor: str,
    made_at: datetime,
    recorded_at: datetime,
    changes: Mapping[str, Any],
    words_hash: bytes | None = None,
) -> bytes:
    """The hash of one update, given the hash of the job's update before it."""
    return hashlib.sha256(
        canonical(
            previous_hash,
            job_id=job_id,
            seq=seq,
            id=id,
            kind=kind,
            actor=actor,
            made_at=utc(made_at),
            recorded_at=utc(recorded_at),
            changes=changes,
            words_hash=words_hash,
        )
    ).digest()


def heads_digest(heads: Iterable[tuple[UUID, int, bytes]]) -> bytes:
    """SHA-256 over job (16 bytes), seq (4, big-endian) and hash (32) of each, in order of job."""
    found = hashlib.sha256()
    for head in heads:
        found.update(head_bytes(*head))
    return found.digest()


def head_bytes(job: UUID, seq: int, head: bytes) -> bytes:
    """One head, as it goes into the digest."""
    return job.bytes + seq.to_bytes(4) + head


def checkpoint_hash(previous_hash: bytes, *, at: datetime, heads: int, digest: bytes) -> bytes:
    """What a checkpoint signs: SHA-256 of ``{"at","digest","heads","previous"}``, as above."""
    return hashlib.sha256(
        orjson.dumps(
            {
                "at": utc(at),
                "digest": digest.hex(),
                "heads": heads,
                "previous": previous_hash.hex(),
            },
            option=orjson.OPT_SORT_KEYS,
        )
    ).digest()
