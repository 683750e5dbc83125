"""What can happen to a job, and the one way it becomes an update.

Every kind says in ``changes()`` which fields it set, in the words and forms of the API: priorities
as ``P2``, instants as UTC text, teams and authorities by slug, wards by code, staff by id. A field
that is not there did not change. Free text never stands in ``changes``: it goes with ``Words``,
which can be erased. Who is told of what is decided in ``notices``.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson

from reporting import chain
from reporting.chain import Words

Changes = dict[str, Any]
#: ``duplicates.Score`` as JSON, with the reference of the job that was weighed.
Match = dict[str, object]


@dataclass(frozen=True, slots=True)
class Reported:
    """A report made a new job; everything the job began with."""

    kind: ClassVar[str] = "reported"

    report: UUID
    category: str
    #: None where the place was given in words only.
    lat: float | None
    lng: float | None
    authority: str
    team: str
    ward: str | None
    priority: int
    due_at: datetime
    flags: tuple[str, ...] = ()
    #: The open job that was likeliest to be meant, and why it was not joined.
    match: Match | None = None
    #: Why it is so urgent: ``Triage.as_json``.
    triage: Changes | None = None
    #: Of which row of another system's it was made: ``{source, id}``.
    imported: Changes | None = None

    def changes(self) -> Changes:
        found: Changes = {
            "status": "received",
            "report": str(self.report),
            "category": self.category,
            "location": None if self.lat is None else {"lat": self.lat, "lng": self.lng},
            "authority": self.authority,
            "team": self.team,
            "ward": self.ward,
            "priority": priority_code(self.priority),
            "due_at": chain.utc(self.due_at),
            "flags": list(self.flags),
        }
        if self.match is not None:
            found["match"] = self.match
        if self.imported is not None:
            found["imported"] = self.imported
        return found if self.triage is None else {**found, "triage": self.triage}


@dataclass(frozen=True, slots=True)
class Attached:
    """One more report told of the same defect. It may raise the priority, never lower it."""

    kind: ClassVar[str] = "attached"

    report: UUID
    priority: int | None = None
    due_at: datetime | None = None
    #: Why it was taken for the same; None where its reporter said so.
    match: Match | None = None
    #: The risk with this report among the others: ``Triage.as_json``.
    triage: Changes | None = None
    #: Of which row of another system's it was made: ``{source, id}``.
    imported: Changes | None = None

    def changes(self) -> Changes:
        found: Changes = {"report": str(self.report)}
        if self.imported is not None:
            found["imported"] = self.imported
        if self.match is not None:
            found["match"] = self.match
        if self.triage is not None:
            found["triage"] = self.triage
        if self.priority is not None:
            found["priority"] = priority_code(self.priority)
        if self.due_at is not None:
            found["due_at"] = chain.utc(self.due_at)
        return found


@dataclass(frozen=True, slots=True)
class Changed:
    """Somebody changed fields of the job: its status, priority, category, place, team."""

    kind: ClassVar[str] = "changed"

    fields: Changes

    def changes(self) -> Changes:
        return self.fields


@dataclass(frozen=True, slots=True)
class Reassigned:
    """The rules or boundaries changed, and with them whose job it is, or its ward."""

    kind: ClassVar[str] = "reassigned"

    #: Of authority, team, ward, division and flags, those that differ.
    fields: Changes

    def changes(self) -> Changes:
        return self.fields


@dataclass(frozen=True, slots=True)
class Noted:
    """A note, photos or a message to the reporters; no field changed.

    ``photos`` gives each photo's SHA-256 in hex, so that the chain vouches for the picture too.
    """

    kind: ClassVar[str] = "noted"

    photos: dict[str, str] = field(default_factory=dict)
    #: What they show of the work: ``before`` it or ``after``.
    photos_show: str | None = None

    def changes(self) -> Changes:
        found: Changes = {"photos": self.photos} if self.photos else {}
        return found if self.photos_show is None else {**found, "photos_show": self.photos_show}


@dataclass(frozen=True, slots=True)
class Feedback:
    """A reporter said whether it is fixed. Where it was not, ``fields`` are those of reopening."""

    kind: ClassVar[str] = "feedback"

    report: UUID
    fixed: bool
    fields: Changes = field(default_factory=dict)
    photos: dict[str, str] = field(default_factory=dict)

    def changes(self) -> Changes:
        found = {"report": str(self.report), "fixed": self.fixed, **self.fields}
        return {**found, "photos": self.photos} if self.photos else found


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A reporter took their report back. The last one on a job closes it, by ``fields``."""

    kind: ClassVar[str] = "withdrawn"

    report: UUID
    fields: Changes = field(default_factory=dict)

    def changes(self) -> Changes:
        return {"report": str(self.report), **self.fields}


@dataclass(frozen=True, slots=True)
class MovedOut:
    """Reports went to another job: all (a merge), some (a split), or back (the undo of a merge)."""

    kind: ClassVar[str] = "moved_out"

    to: str
    reports: tuple[UUID, ...]
    #: ``merge``, ``split`` or ``undo``.
    because: str
    #: Of priority and due_at, those that go back to what they were.
    fields: Changes = field(default_factory=dict)

    def changes(self) -> Changes:
        moved = {"to": self.to, "reports": [str(each) for each in self.reports]}
        return {**moved, "because": self.because, **self.fields}


@dataclass(frozen=True, slots=True)
class MovedIn:
    """Reports of another job came here. Of a job that a split made, it is the first update.

    ``fields`` holds the status if it is another than they knew: then their reporters are told.
    """

    kind: ClassVar[str] = "moved_in"

    origin: str
    reports: tuple[UUID, ...]
    because: str
    fields: Changes = field(default_factory=dict)

    def changes(self) -> Changes:
        moved = {"from": self.origin, "reports": [str(each) for each in self.reports]}
        return {**moved, "because": self.because, **self.fields}


Event = (
    Reported | Attached | Changed | Reassigned | Noted | Feedback | Withdrawn | MovedOut | MovedIn
)

#: What stands in ``job_update.kind``.
KINDS = tuple(
    event.kind
    for event in (
        Reported,
        Attached,
        Changed,
        Reassigned,
        Noted,
        Feedback,
        Withdrawn,
        MovedOut,
        MovedIn,
    )
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the update log, chained and ready to insert, and the words that go with it."""

    job_id: UUID
    seq: int
    id: UUID
    kind: str
    actor: str
    made_at: datetime
    recorded_at: datetime
    changes: Changes
    words_hash: bytes | None
    previous_hash: bytes
    hash: bytes
    salt: bytes | None
    words: Words

    def params(self) -> dict[str, Any]:
        """Values by name for ``queries.jobs.APPEND`` (``changes`` as JSON text)."""
        return {
            "update_job": self.job_id,
            "update_seq": self.seq,
            "update_id": self.id,
            "update_kind": self.kind,
            "update_actor": self.actor,
            "update_made_at": self.made_at,
            "update_recorded_at": self.recorded_at,
            "update_changes": orjson.dumps(self.changes).decode(),
            "update_words_hash": self.words_hash,
            "update_previous_hash": self.previous_hash,
            "update_hash": self.hash,
            "update_salt": self.salt,
            "update_note": self.words.note,
            "update_public_message": self.words.public_message,
            "update_waiting_for": self.words.waiting_for,
        }


def entry(
    event: Event,
    *,
    job_id: UUID,
    version: int,
    head: bytes,
    id: UUID,  # noqa: A002  # the column's name
    actor: str,
    made_at: datetime,
    recorded_at: datetime,
    words: Words | None = None,
) -> Entry:
    """The next update of a job that stands at this version and chain head (0, GENESIS: none yet).

    The caller holds the job's row lock, and stores ``seq`` and ``hash`` in it with the entry.
    """
    words = words or Words()
    salt = chain.new_salt() if any(words) else None
    commitment = None if salt is None else chain.words_hash(salt, words)
    changes = event.changes()
    return Entry(
        job_id=job_id,
        seq=version + 1,
        id=id,
        kind=event.kind,
        actor=actor,
        made_at=made_at,
        recorded_at=recorded_at,
        changes=changes,
        words_hash=commitment,
        previous_hash=head,
        hash=chain.link(
            head,
            job_id=job_id,
            seq=version + 1,
            id=id,
            kind=event.kind,
            actor=actor,
            made_at=made_at,
            recorded_at=recorded_at,
            changes=changes,
            words_hash=commitment,
        ),
        salt=salt,
        words=words,
    )


def priority_code(number: int) -> str:
    """``P2`` for 2."""
    return f"P{number}"
