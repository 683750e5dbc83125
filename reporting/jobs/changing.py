"""What staff do to a job, and what new boundaries do to many.

A change names the version it was made on. A field that somebody set to another value since is a
conflict, shown with both values and who made them; all else merges. The job's row lock serialises
its updates, so a version is given once and the chain has no forks. Closing needs no more than that
lock: a report that is about to join locks the same row, and looks again whether the job is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from geo.kinds import LOCK_ROUTING
from geo.points import Point
from reporting import chain, events, notices, status
from reporting.auth import Action, Staff, authorize
from reporting.chain import Words
from reporting.errors import (
    Conflict,
    Invalid,
    MadeAtRefused,
    NotFound,
    PhotoUnknown,
    UpdateIdReused,
)
from reporting.events import priority_code
from reporting.jobs import reading, views
from reporting.jobs.rows import KnownUpdate, LockedJob, LoosePhoto, UpdateRow
from reporting.queries import jobs as queries
from routing import triage
from routing.assign import Assignment, Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

MADE_AHEAD: Final = timedelta(minutes=5)
MADE_AGO: Final = timedelta(days=40)
#: Flags that a person's decision about the team answers.
DECIDED: Final = frozenset({"needs_triage", "rules_tie"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody did to a job, as their device tells it. None: not touched."""

    id: UUID
    base_version: int
    made_at: datetime
    status: str | None = None
    reason: str | None = None
    scheduled_for: datetime | None = None
    note: str | None = None
    public_message: str | None = None
    photos: tuple[UUID, ...] = ()
    team: str | None = None
    priority: int | None = None
    category: str | None = None
    location: Point | None = None

    def fields(self) -> dict[str, Any]:
        """The fields asked for, in the forms of ``events``."""
        asked = {
            "status": self.status,
            "reason": self.reason,
            "scheduled_for": self.scheduled_for and chain.utc(self.scheduled_for),
            "team": self.team,
            "priority": self.priority and priority_code(self.priority),
            "category": self.category,
            "location": self.location and {"lat": self.location.lat, "lng": self.location.lng},
        }
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def reassigns(self) -> bool:
        """Whether it asks for more than a crew may change."""
        return any((self.team, self.priority, self.category, self.location))

    @property
    def reroutes(self) -> bool:
        """Whether the rules must be asked again whose job it is."""
        return self.category is not None or self.location is not None


async def update(
    conn: Connection,
    router: Router,
    principal: Staff,
    job: UUID,
    wanted: Wanted,
    *,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Add what somebody did to the job, and return the whole job as ``reading.one`` does.

    The same update again changes nothing and gets the same answer. Raises NotFound, NotAllowed,
    Conflict, MoveNotAllowed, or the refusal of a value. ``at`` stands for the clock where a history
    is written down afterwards (the demo's year).
    """
    if wanted.reroutes:
        await conn.execute(queries.LOCK_ROUTING_SHARED, {"lock": LOCK_ROUTING})
    row = await _lock(conn, job)
    if at is not None:
        row = replace(row, now=at)
    rules = await router.current(conn)
    known = await _known(conn, wanted.id)
    if known is not None and _came_before(known, principal, job, wanted):
        if known.seq != row.version:  # more happened, and it may have gone to others
            authorize(principal, Action.SEE_JOB, row)
        return await reading.whole(conn, rules, row)
    authorize(principal, Action.UPDATE_JOB, row)
    if wanted.reassigns:
        authorize(principal, Action.REASSIGN_JOB, row)
    if known is not None:
        raise UpdateIdReused
    _check(row, wanted)
    wanted = await _without_what_is_done(conn, row, wanted)
    photos = await _photos(conn, wanted.photos)
    change = Change(row)
    if change.correct(wanted):
        change.give_to(await _route(conn, router, rules, row, wanted))
    change.hand_over(wanted.team, rules, principal.actor)
    change.move(wanted, rules)
    change.prioritise(wanted, rules)
    await _append(conn, change, wanted, photos, principal.actor)
    return await reading.whole(conn, rules, await reading.fetch(conn, job))


async def reassign(
    conn: Connection, moves: Mapping[UUID, Assignment], *, actor: str = "system"
) -> int:
    """Give open jobs to whom the new boundaries or rules give them; returns how many changed.

    Each gets an assignment and an update, so its history says when and why it moved. Jobs that were
    closed since, or that nothing changes for, are passed over. The caller holds LOCK_ROUTING.
    """
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(queries.LOCK, {"jobs": list(moves)})
        rows = await cursor.fetchall()
    batch = []
    for row in rows:
        change = Change(row)
        change.give_to(moves[row.id])
        if row.status not in status.OPEN or not change.columns_differ:
            continue
        entry = events.entry(
            events.Reassigned(change.fields),
            job_id=row.id,
            version=row.version,
            head=row.chain_head,
            id=uuid4(),
            actor=actor,
            made_at=row.now,
            recorded_at=row.now,
        )
        batch.append({**change.columns, "reasons": change.reasons, **entry.params()})
    async with conn.cursor() as cursor:
        await cursor.executemany(queries.append(frozenset({"fields", "assignment"})), batch)
    return len(batch)


async def _lock(conn: Connection, job: UUID) -> LockedJob:
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(queries.LOCK, {"jobs": [job]})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


def _check(row: LockedJob, wanted: Wanted) -> None:
    if not (wanted.fields() or wanted.note or wanted.public_message or wanted.photos):
        raise Invalid("Say what you did: a status, a note, a photo, or another field.")
    if not row.now - MADE_AGO <= wanted.made_at <= row.now + MADE_AHEAD:
        raise MadeAtRefused
    if wanted.base_version > row.version:
        raise Invalid("base_version is newer than the job.")


async def _known(conn: Connection, update: UUID) -> KnownUpdate | None:
    async with conn.cursor(row_factory=class_row(KnownUpdate)) as cursor:
        await cursor.execute(queries.KNOWN_UPDATE, {"id": update})
        return await cursor.fetchone()


def _came_before(known: KnownUpdate, principal: Staff, job: UUID, wanted: Wanted) -> bool:
    """Whether it is this very update, and not another under its id."""
    words = (known.note, known.public_message)
    return (
        known.job_id == job
        and known.actor == principal.actor
        and (known.erased or words == (wanted.note, wanted.public_message))
    )


async def _without_what_is_done(conn: Connection, row: LockedJob, wanted: Wanted) -> Wanted:
    """What is left to do: a field that somebody set to the same value since is done already.

    Raises Conflict for a field that somebody set to another value since.
    """
    asked = wanted.fields()
    if wanted.base_version == row.version or not asked:
        return wanted
    theirs: dict[str, tuple[Any, UpdateRow]] = {}
    for each in await reading.updates_since(conn, row.id, wanted.base_version):
        changes = views.changes(each)
        if "status" in changes:  # the reason belongs to the status, and went with it
            changes.setdefault("reason", None)
        theirs |= {name: (value, each) for name, value in changes.items()}
    clashes = [
        {
            "field": name,
            "yours": yours,
            "theirs": theirs[name][0],
            "by": views.by(theirs[name][1]),
            "at": chain.utc(theirs[name][1].made_at),
        }
        for name, yours in asked.items()
        if name in theirs and theirs[name][0] != yours
    ]
    if clashes:
        raise Conflict(conflicts=clashes, version=row.version)
    done: dict[str, Any] = dict.fromkeys(asked.keys() & theirs.keys())
    return replace(wanted, **done)


async def _photos(conn: Connection, asked: tuple[UUID, ...]) -> dict[str, str]:
    """SHA-256 by id of photos that were uploaded and belong to nothing yet."""
    if not asked:
        return {}
    async with conn.cursor(row_factory=class_row(LoosePhoto)) as cursor:
        await cursor.execute(queries.LOOSE_PHOTOS, {"photos": list(asked)})
        found = {str(photo.id): photo.sha256 for photo in await cursor.fetchall()}
    if len(found) != len(set(asked)):
        raise PhotoUnknown
    return found


class Change:
    """A job's columns as they will be, and the fields that come to differ, for its update."""

    def __init__(self, row: LockedJob) -> None:
        self.row = row
        #: What the update says; see ``events``.
        self.fields: dict[str, Any] = {}
        #: Parameters of ``queries.append`` with "fields".
        self.columns: dict[str, Any] = {
            "authority": row.authority_id,
            "team": row.team_id,
            "category": row.category,
            "ward": row.ward_area_id,
            "division": row.division_area_id,
            "lat": row.lat,
            "lng": row.lng,
            "status": row.status,
            "waiting_for": row.waiting_for,
            "closed_reason": row.closed_reason,
            "scheduled_for": row.scheduled_for,
            "priority": row.priority,
            "due_at": row.due_at,
            "clock_stopped_at": row.clock_stopped_at,
            "reopened": row.reopened,
            "flags": row.flags,
            "closed_at": row.closed_at,
        }
        self._before = dict(self.columns)
        #: Why it is whose it will be, as JSON text; None when nobody asked.
        self.reasons: str | None = None
        #: A new reason for waiting, which is free text and goes with the words.
        self.waiting_for: str | None = None

    @property
    def columns_differ(self) -> bool:
        """Whether there is anything to store in the job but its version."""
        return self.columns != self._before

    def move(self, wanted: Wanted, rules: Rules) -> None:
        """Status, its reason and its date; a job that is reopened is due anew."""
        row, columns = self.row, self.columns
        at = min(max(wanted.made_at, row.created_at), row.now)
        before = status.State(
            status=row.status,
            due_at=row.due_at,
            reason=row.closed_reason or row.waiting_for,
            scheduled_for=row.scheduled_for,
            clock_stopped_at=row.clock_stopped_at,
            reopened=row.reopened,
            closed_at=row.closed_at,
        )
        after = status.move(
            before,
            at=at,
            status=wanted.status,
            reason=wanted.reason,
            scheduled_for=wanted.scheduled_for,
        )
        columns |= {
            "status": after.status,
            "closed_reason": after.reason if after.status == "closed" else None,
            "waiting_for": after.reason if after.status == "waiting" else None,
            "scheduled_for": after.scheduled_for,
            "clock_stopped_at": after.clock_stopped_at,
            "reopened": after.reopened,
            "closed_at": after.closed_at,
        }
        if after.status != row.status:
            self.fields["status"] = after.status
        if after.reason != before.reason and after.status == "closed":
            self.fields["reason"] = after.reason
        if after.reason != before.reason and after.status == "waiting":
            self.waiting_for = after.reason
        if after.scheduled_for != before.scheduled_for:
            scheduled = after.scheduled_for
            self.fields["scheduled_for"] = scheduled and chain.utc(scheduled)
        self._due(after.due_at if after.reopened == row.reopened else self._anew(at, rules))

    def prioritise(self, wanted: Wanted, rules: Rules) -> None:
        """Another priority is another judgement: its time counts from when it was made."""
        if wanted.priority in {None, self.row.priority}:
            return
        self.columns["priority"] = wanted.priority
        self.fields["priority"] = priority_code(self.columns["priority"])
        at = min(max(wanted.made_at, self.row.created_at), self.row.now)
        self._due(self._anew(at, rules))
        if self.columns["clock_stopped_at"] is not None:
            self.columns["clock_stopped_at"] = at

    def _anew(self, at: datetime, rules: Rules) -> datetime:
        category = rules.categories[self.columns["category"]]
        timezone = rules.authorities[self.columns["authority"]].timezone
        return triage.due_at(category, self.columns["priority"], at, timezone)

    def _due(self, due_at: datetime) -> None:
        if due_at != self.columns["due_at"]:
            self.columns["due_at"] = due_at
            self.fields["due_at"] = chain.utc(due_at)

    def correct(self, wanted: Wanted) -> bool:
        """The category and place as corrected; whether that may make it another's job."""
        if wanted.category not in {None, self.row.category}:
            self.columns["category"] = self.fields["category"] = wanted.category
        if wanted.location is not None:
            place = {"lat": wanted.location.lat, "lng": wanted.location.lng}
            if place != {"lat": self.row.lat, "lng": self.row.lng}:
                self.columns |= place
                self.fields["location"] = place
        return bool(self.fields)

    def give_to(self, assignment: Assignment) -> None:
        """To whom the rules give it, with the ward and the flags that go with that."""
        ward, division = assignment.ward, assignment.division
        self._set("authority", assignment.authority.id, assignment.authority.slug)
        self._set("team", assignment.team.id, assignment.team.slug)
        self._set("ward", *((ward.id, ward.code) if ward else (None, None)))
        self._set("division", *((division.id, division.code) if division else (None, None)))
        self._flag(list(assignment.flags))
        self.reasons = assignment.reasons_json

    def hand_over(self, slug: str | None, rules: Rules, actor: str) -> None:
        """To a team that a person named, of the authority whose job it is."""
        authority = self.columns["authority"]
        if slug is None or slug == rules.teams[self.columns["team"]].slug:
            return
        teams = rules.teams.values()
        team = next((t for t in teams if t.authority_id == authority and t.slug == slug), None)
        if team is None:
            raise Invalid("This authority has no such team.")
        self._set("team", team.id, team.slug)
        self._flag([flag for flag in self.columns["flags"] if flag not in DECIDED])
        self.reasons = orjson.dumps(
            {"why": "by_hand", "by": actor, "team": slug, "flags": self.columns["flags"]}
        ).decode()

    def _set(self, name: str, number: int | None, code: str | None) -> None:
        if self.columns[name] != number:
            self.columns[name] = number
            self.fields[name] = code

    def _flag(self, flags: list[str]) -> None:
        if self.columns["flags"] != flags:
            self.columns["flags"] = self.fields["flags"] = flags


async def _route(
    conn: Connection, router: Router, rules: Rules, row: LockedJob, wanted: Wanted
) -> Assignment:
    """Whose job it is as corrected. Raises UnknownCategory, OutsideCoverage, or Invalid."""
    category = wanted.category or row.category
    rules.category(category)
    if wanted.location is not None:
        place = wanted.location
    elif row.lat is not None and row.lng is not None:
        place = Point(row.lat, row.lng)
    else:
        raise Invalid("Give the place first: it is only in words.")
    return await router.assign(conn, place, category, row.now)


async def _append(
    conn: Connection, change: Change, wanted: Wanted, photos: dict[str, str], actor: str
) -> None:
    row = change.row
    words = Words(wanted.note, wanted.public_message, change.waiting_for)
    fields = {**change.fields, **({"photos": photos} if photos else {})}
    event = events.Changed(fields) if change.fields or change.waiting_for else events.Noted(photos)
    entry = events.entry(
        event,
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=wanted.id,
        actor=actor,
        made_at=wanted.made_at,
        recorded_at=row.now,
        words=words,
    )
    told = notices.is_public(
        entry.kind, entry.changes, has_message=wanted.public_message is not None
    )
    has: dict[queries.Part, bool] = {
        "fields": change.columns_differ,
        "words": entry.salt is not None,
        "photos": bool(photos),
        "assignment": change.reasons is not None,
        "outbox": told,
    }
    parts = frozenset(part for part, there in has.items() if there)
    params = {
        **change.columns,
        **entry.params(),
        "photos": list(photos),
        "reasons": change.reasons,
    }
    try:
        await conn.execute(queries.append(parts), params)
    except UniqueViolation as error:  # the same id on another job, in this very moment
        raise UpdateIdReused from error
