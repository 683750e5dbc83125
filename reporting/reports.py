"""Taking a report in, and showing it.

``create`` decides on what one statement read and writes everything that follows in another: the
report, its job or the job it joins, the assignment, the first or next update, the outbox and the
stored answer. It runs inside a unit that holds ``locks`` and the claim on its Idempotency-Key.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncCursor
from psycopg.rows import namedtuple_row

from geo.points import Point, degrees_around
from reporting import chain, events, views
from reporting.auth import Action, Device, Principal, ReportFacts, Staff, authorize, may
from reporting.errors import (
    IdempotencyKeyReused,
    NotFound,
    ObservedAtRefused,
    PhotoUnknown,
    SameAsRefused,
    UnknownAuthority,
)
from reporting.keys import Keys, token_hash
from reporting.queries import reports as queries
from reporting.references import PATTERN, reference
from reporting.runtime import Connection
from routing.assign import Assignment, Found, Router, in_words
from routing.categories import Category, check_answers
from routing.triage import triage

#: An inaccurate position widens the search for the same defect, but not to the whole street.
ACCURACY_COUNTED_M = 50.0
#: A position less sure than this is worth a second look before a crew drives there.
ACCURACY_TRUSTED_M = 200.0
OBSERVED_AHEAD = timedelta(minutes=5)
OBSERVED_AGO = timedelta(days=40)
#: Cells of the advisory locks, in degrees: about 550 m, more than most radii, so one or two locks.
CELL_LAT, CELL_LNG = 0.005, 0.008


@dataclass(frozen=True, slots=True)
class Contact:
    """How a reporter wishes to be reached."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    updates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewReport:
    """What a resident sends: a place, or a place in words and the authority meant."""

    category: str
    place: Point | None
    place_text: str | None = None
    authority: str | None = None
    description: str | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    photos: tuple[UUID, ...] = ()
    contact: Contact | None = None
    same_as: str | None = None
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it: an app's device, or staff for a caller; neither for anyone else."""

    device: UUID | None = None
    staff: UUID | None = None


def sender(principal: Principal) -> Sender:
    """Who sends, from who is calling. A tracking token speaks for its own report only: anyone."""
    authorize(principal, Action.CREATE_REPORT)
    match principal:
        case Device(id=device):
            return Sender(device=device)
        case Staff(id=staff):
            return Sender(staff=staff)
        case _:
            return Sender()


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that may be repeated: its key, bound to the device, and a hash of its body."""

    key: UUID
    device: UUID | None
    body_hash: bytes

    @property
    def scope(self) -> str:
        """What the key is unique in."""
        return f"createReport:{self.device or '-'}"

    @property
    def lock(self) -> int:
        """The advisory lock that is held while the request runs."""
        return _lock(f"{self.scope}/{self.key}")


@dataclass(frozen=True, slots=True)
class Answered:
    """The JSON of a 201, new or given before."""

    body: bytes
    replayed: bool


def locks(category: Category, place: Point | None) -> list[int]:
    """The cells that the search for the same defect touches, in the order they must be taken.

    Two reports that could find each other's job share a cell, so the second waits for the first.
    """
    if place is None:
        return []
    width, height = degrees_around(place.lat, reach_m(category, place))
    south, north = (math.floor((place.lat + d) / CELL_LAT) for d in (-height, height))
    west, east = (math.floor((place.lng + d) / CELL_LNG) for d in (-width, width))
    return sorted(
        _lock(f"{category.code}/{y}/{x}")
        for y in range(south, north + 1)
        for x in range(west, east + 1)
    )


def reach_m(category: Category, place: Point) -> float:
    """How far away another report of this category is about the same defect."""
    return category.radius_m + min(place.accuracy_m or 0.0, ACCURACY_COUNTED_M)


async def create(
    conn: Connection,
    *,
    router: Router,
    keys: Keys,
    public_url: str,
    claim: Claim,
    sender: Sender,
    new: NewReport,
    category: Category,
    at: datetime | None = None,
) -> Answered:
    """Store a report, or give the answer that this claim got before.

    ``at`` is when it came, for a report of the past (the demo county); now, by the database's
    clock, for all others.
    """
    look = await _look(conn, claim, sender, new, category, at)
    if look.body_hash is not None:
        if look.body_hash != claim.body_hash:
            raise IdempotencyKeyReused
        known = orjson.loads(look.answer)
        token = keys.tracking_token(UUID(known["id"]))
        body = _with_token(look.answer, token, known["reference"], public_url)
        return Answered(body, replayed=True)
    now: datetime = look.now
    if router.rules is None or router.rules.version != look.version:
        category = (await router.current(conn)).category(category.code)
    _check(new, category, now, photos_found=look.photos)
    found = Found(frozenset(look.areas), frozenset(look.near), look.version)
    assignment = await _assignment(conn, router, new, now, found)
    judged = triage(category, new.answers, now, assignment.authority.timezone)
    priority, due_at = judged.priority, judged.due_at
    job = await _job_to_join(conn, new, look.jobs, assignment)
    report_id, update_id = uuid4(), uuid4()
    own_reference = reference(look.first_number)
    flags = _flags(new, assignment)
    if job is None:
        job_id, job_reference, reports = uuid4(), reference(look.second_number), 1
        event: events.Event = events.Reported(
            report=report_id,
            category=category.code,
            lat=None if new.place is None else new.place.lat,
            lng=None if new.place is None else new.place.lng,
            authority=assignment.authority.slug,
            team=assignment.team.slug,
            ward=assignment.ward.code if assignment.ward else None,
            priority=priority,
            due_at=due_at,
            flags=flags,
        )
        version, head, status = 0, chain.GENESIS, "received"
        authority, team = assignment.authority, assignment.team
    else:
        now = at or job.now
        job_id, job_reference, reports = job.id, job.reference, job.reports + 1
        raised = priority < job.priority
        priority = min(priority, job.priority)
        due_at = min(due_at, job.due_at) if raised else job.due_at
        event = events.Attached(
            report=report_id,
            priority=priority if raised else None,
            due_at=due_at if raised else None,
        )
        version, head, status = job.version, job.chain_head, job.status
        rules = await router.current(conn)
        authority, team = rules.authorities[job.authority_id], rules.teams[job.team_id]
    entry = events.entry(
        event,
        job_id=job_id,
        version=version,
        head=head,
        id=update_id,
        actor=f"staff:{sender.staff}" if sender.staff else f"report:{report_id}",
        made_at=new.observed_at or now,
        recorded_at=now,
    )
    answer = {
        "id": report_id,
        "reference": own_reference,
        "status": status,
        "category": category.code,
        "authority": {"slug": authority.slug, "name": authority.name},
        "ward": assignment.ward and {"code": assignment.ward.code, "name": assignment.ward.name},
        "team": {"slug": team.slug, "name": team.name},
        "job": {
            "id": job_id,
            "reference": job_reference,
            "reports": reports,
            "matched": job is not None,
        },
        "priority": events.priority_code(priority),
        "due_at": chain.utc(due_at),
        "location": _location(new.place),
        "photos": new.photos,
        "flags": flags,
        "created_at": chain.utc(now),
    }
    stored_answer = orjson.dumps(answer)
    contact = new.contact
    token = keys.tracking_token(report_id)
    statement = queries.store(
        new_job=job is None,
        reporter=contact is not None,
        words=new.description is not None or new.place_text is not None,
        photos=bool(new.photos),
    )
    cursor = await conn.execute(
        statement,
        {
            **entry.params(),
            "report": report_id,
            "reference": own_reference,
            "job_reference": job_reference,
            "authority": assignment.authority.id,
            "team": assignment.team.id,
            "category": category.code,
            "ward": assignment.ward and assignment.ward.id,
            "division": assignment.division and assignment.division.id,
            "lat": new.place and new.place.lat,
            "lng": new.place and new.place.lng,
            "accuracy_m": new.place and new.place.accuracy_m,
            "priority": priority,
            "due_at": due_at,
            "flags": list(flags),
            "reasons": assignment.reasons_json,
            "answers": orjson.dumps(dict(new.answers)).decode(),
            "device": sender.device,
            "taken_by": sender.staff,
            "tracking_hash": token_hash(token),
            "observed_at": new.observed_at,
            "description": new.description,
            "place_text": new.place_text,
            "photos": list(new.photos),
            "reporter": uuid4() if contact else None,
            "name": contact and contact.name,
            "email": contact and contact.email,
            "phone": contact and contact.phone,
            "language": contact and contact.language,
            "updates": list(contact.updates) if contact else [],
            "scope": claim.scope,
            "key": claim.key,
            "body_hash": claim.body_hash,
            "answer": stored_answer,
        },
    )
    row = await cursor.fetchone()
    if row is None or row[0] != len(new.photos):
        raise PhotoUnknown  # taken by another report since the look
    body = _with_token(stored_answer, token, own_reference, public_url)
    return Answered(body, replayed=False)


async def one(conn: Connection, router: Router, name: str, principal: Principal) -> dict[str, Any]:
    """A report by id or reference: the public view, or its reporter's own.

    Raises NotFound.
    """
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        row = await _row(cursor, name)
        job = JobFacts(row.job_authority_id, row.team_id, row.ward_area_id, None)
        is_own = principal.role == "reporter" and may(
            principal, Action.SEE_JOB, ReportFacts(row.id, row.device_id, job)
        )
        await cursor.execute(queries.TIMELINE, {"job": row.job_id})
        entries = await cursor.fetchall()
        photos: list[Any] = []
        if is_own:
            await cursor.execute(queries.PHOTOS, {"report": row.id})
            photos = await cursor.fetchall()
    rules = await router.current(conn)
    timeline = views.timeline(row.id, row.since, entries, with_words=is_own)
    public = views.report(row, rules, timeline)
    if not is_own:
        return public
    return {
        **public,
        **views.own(row, [{"id": photo.id, "state": photo.state} for photo in photos]),
    }


async def _row(cursor: AsyncCursor[Any], name: str) -> Any:
    if PATTERN.fullmatch(name):
        await cursor.execute(queries.ONE_BY_REFERENCE, {"reference": name})
    else:
        try:
            await cursor.execute(queries.ONE_BY_ID, {"id": UUID(name)})
        except ValueError as error:
            raise NotFound from error
    row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def nearby(
    conn: Connection, place: Point, category: Category, radius_m: float
) -> list[dict[str, Any]]:
    """Open jobs of the category near a place, nearest first, at most 20, as anyone may see them."""
    values = {
        "lat": place.lat,
        "lng": place.lng,
        "category": category.code,
        "radius_m": radius_m,
    }
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.NEARBY, values)
        rows: list[Any] = await cursor.fetchall()
    return [
        {
            "id": row.id,
            "reference": row.reference,
            "category": row.category,
            "status": row.status,
            "reports": row.reports,
            "location": views.location(row),
            "distance_m": round(row.distance_m, 1),
            "created_at": chain.utc(row.created_at),
        }
        for row in rows
    ]


async def _look(
    conn: Connection,
    claim: Claim,
    sender: Sender,
    new: NewReport,
    category: Category,
    at: datetime | None,
) -> Any:
    values: dict[str, Any] = {
        "at": at,
        "scope": claim.scope,
        "key": claim.key,
        "photos": list(new.photos),
        "device": sender.device,
    }
    if new.place is not None:
        values |= {
            "lat": new.place.lat,
            "lng": new.place.lng,
            "accuracy_m": new.place.accuracy_m,
            "category": category.code,
            "reach_m": reach_m(category, new.place),
        }
    cursor = await conn.execute(queries.LOOK if new.place else queries.LOOK_WORDS, values)
    row: Any = await cursor.fetchone()
    return Look(*row)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What decides about a job, as ``auth`` asks for it."""

    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """The row of ``queries.LOOK``."""

    now: datetime
    version: int
    areas: list[int]
    near: list[int]
    first_number: int
    second_number: int
    photos: int
    body_hash: bytes | None
    status: int | None
    answer: bytes
    jobs: list[UUID]


def _check(new: NewReport, category: Category, now: datetime, *, photos_found: int) -> None:
    """What can only be told with the clock, the category and the photos at hand."""
    check_answers(category, new.answers, waive_required=new.same_as is not None)
    if new.observed_at and not now - OBSERVED_AGO <= new.observed_at <= now + OBSERVED_AHEAD:
        raise ObservedAtRefused
    if photos_found != len(new.photos):
        raise PhotoUnknown


async def _assignment(
    conn: Connection, router: Router, new: NewReport, now: datetime, found: Found
) -> Assignment:
    if new.place is not None:
        return await router.decide(conn, new.place, new.category, now, found)
    rules = await router.current(conn)
    authority = rules.by_slug.get(new.authority or "")
    if authority is None:
        raise UnknownAuthority
    return in_words(rules, authority)


async def _job_to_join(
    conn: Connection, new: NewReport, nearby: list[UUID], assignment: Assignment
) -> Any:
    """The open job that this report is about, locked; None if it needs a new one."""
    if new.same_as is not None:
        place = new.place
        values: dict[str, Any] = {
            "reference": new.same_as,
            "lat": place and place.lat,
            "lng": place and place.lng,
        }
        async with conn.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(queries.JOIN_NAMED, values)
            named = await cursor.fetchone()
        if named is None:
            raise SameAsRefused
        return named
    if not nearby:
        return None
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(
            queries.JOIN_NEAREST, {"jobs": nearby, "authority": assignment.authority.id}
        )
        return await cursor.fetchone()


def _flags(new: NewReport, assignment: Assignment) -> tuple[str, ...]:
    unsure = new.place is not None and (new.place.accuracy_m or 0) > ACCURACY_TRUSTED_M
    return (*assignment.flags, *(["check_location"] if unsure else []))


def _location(place: Point | None) -> dict[str, float] | None:
    if place is None:
        return None
    found = {"lat": place.lat, "lng": place.lng}
    return found if place.accuracy_m is None else {**found, "accuracy_m": place.accuracy_m}


def _with_token(answer: bytes, token: str, reference: str, public_url: str) -> bytes:
    """The stored answer with the token put back, which is never stored in clear."""
    url = f"{public_url.rstrip('/')}/r/{reference}?t={token}"
    tail = orjson.dumps({"tracking_token": token, "tracking_url": url})
    return answer[:-1] + b"," + tail[1:]


def _lock(name: str) -> int:
    """A signed 64-bit number for a name, as pg_advisory_lock takes them."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
