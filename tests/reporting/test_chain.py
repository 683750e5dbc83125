"""The chain's bytes, checked against a reading of its format that shares no code with it."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting import chain, events
from reporting.chain import GENESIS, Words
from reporting.runtime import Connection

JOB = UUID("0b0e7a40-0000-4000-8000-000000000001")
UPDATE = UUID("0b0e7a40-0000-4000-8000-000000000002")
AT = datetime(2026, 11, 23, 14, 55, tzinfo=UTC)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
#: What ``changes`` may hold: see chain's docstring.
numbers = st.integers(-(2**53), 2**53) | st.floats(1e-9, 180) | st.floats(-180, -1e-9)
values = st.recursive(
    st.none() | st.booleans() | texts | numbers,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def link(previous: bytes = GENESIS, **more: object) -> bytes:
    facts = {
        "job_id": JOB,
        "seq": 1,
        "id": UPDATE,
        "kind": "changed",
        "actor": "system",
        "made_at": AT,
        "recorded_at": AT,
        "changes": {"status": "fixed"},
        "words_hash": None,
    }
    return chain.link(previous, **{**facts, **more})


def test_a_third_party_gets_the_same_hash_with_the_standard_library_alone() -> None:
    words = hashlib.sha256(b"salt" + b'["Caf\xc3\xa9 closed",null,null]').digest()
    said = {
        "actor": "staff:0b0e7a40-0000-4000-8000-000000000003",
        "changes": {
            "team": "highways",
            "status": "in_progress",
            "location": {"lng": -1.5, "lat": 52},
        },
        "id": str(UPDATE),
        "job": str(JOB),
        "kind": "changed",
        "made_at": "2026-11-23T14:55:00.000000Z",
        "previous": "ab" * 32,
        "recorded_at": "2026-11-23T14:55:01.250000Z",
        "seq": 7,
        "words": words.hex(),
    }
    theirs = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    ours = link(
        bytes.fromhex("ab" * 32),
        actor=said["actor"],
        changes=said["changes"],
        seq=7,
        recorded_at=AT + timedelta(seconds=1.25),
        words_hash=chain.words_hash(b"salt", Words(note="Café closed")),
    )
    assert ours == hashlib.sha256(theirs.encode()).digest()


def test_every_member_counts() -> None:
    base = link()
    others = [
        link(b"\x01" * 32),
        link(job_id=UPDATE),
        link(seq=2),
        link(id=JOB),
        link(kind="noted"),
        link(actor="staff:x"),
        link(made_at=AT + timedelta(microseconds=1)),
        link(recorded_at=AT + timedelta(microseconds=1)),
        link(changes={"status": "closed"}),
        link(changes={}),
        link(words_hash=b"\x00" * 32),
    ]
    assert len({base, *others}) == len(others) + 1


def test_an_instant_is_hashed_the_same_in_every_zone() -> None:
    there = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert link(made_at=there) == link()


def test_words_cannot_be_told_from_their_commitment_without_the_salt() -> None:
    one, other = chain.new_salt(), chain.new_salt()
    assert one != other
    assert len(one) >= 16
    words = Words(note="yes")
    assert chain.words_hash(one, words) != chain.words_hash(other, words)
    moved = Words(public_message="yes")
    assert chain.words_hash(one, words) != chain.words_hash(one, moved)


@given(st.dictionaries(texts, values, max_size=4))
def test_what_was_hashed_is_what_is_read_again(changes: dict[str, object]) -> None:
    again = orjson.loads(orjson.dumps(changes))
    assert link(changes=again) == link(changes=changes)


async def test_changes_come_back_from_the_database_as_they_went_in(owner: Connection) -> None:
    places = [0.1 + 0.2, 52.0105, -0.98950000000001, 1e-9, 179.99999999999997, 5.0, -2.5e-7]
    texts = ["é", "e\u0301", "\U0001f6a7", "\u2028", '"\\', "\x7f"]
    changes = {"b": places, "aa": texts, "a": {"z": None, "y": True, "x": [1, 2**53]}}
    cursor = await owner.execute(
        "select %s::jsonb, %s::jsonb::text", (json.dumps(changes), json.dumps(changes))
    )
    stored, text = await cursor.fetchone()
    assert link(changes=stored) == link(changes=changes)
    assert link(changes=orjson.loads(text)) == link(changes=changes)


@pytest.mark.parametrize(
    "event",
    [
        events.Reported(
            JOB, "pothole", 52.01, -0.99, "shire", "highways", None, 2, AT, ("no_ward",)
        ),
        events.Attached(JOB, 1, AT),
        events.Changed({"status": "fixed"}),
        events.Reassigned({"team": "east"}),
        events.Noted({str(UPDATE): "00" * 32}),
        events.Feedback(JOB, fixed=False, fields={"status": "received"}),
        events.Withdrawn(JOB),
        events.MovedOut("KB-2345-6789", (UPDATE,), "merge"),
        events.MovedIn("KB-2345-6789", (UPDATE,), "merge"),
    ],
    ids=events.KINDS,
)
def test_an_entry_follows_its_head(event: events.Event) -> None:
    entry = events.entry(
        event,
        job_id=JOB,
        version=4,
        head=b"\x05" * 32,
        id=UPDATE,
        actor="system",
        made_at=AT,
        recorded_at=AT,
        words=Words(note="seen"),
    )
    assert (entry.seq, entry.previous_hash, entry.kind) == (5, b"\x05" * 32, event.kind)
    assert entry.words_hash == chain.words_hash(entry.salt, entry.words)
    assert "seen" not in json.dumps(entry.changes)
    assert entry.hash == link(
        b"\x05" * 32,
        seq=5,
        kind=event.kind,
        changes=event.changes(),
        words_hash=entry.words_hash,
    )
