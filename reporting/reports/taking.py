"""Taking a report in.

``create`` decides on what one statement read and writes everything that follows in another: the
report, its job or the job it joins, the assignment, the first or next update, the outbox and the
stored answer. It runs inside a unit that holds ``duplicates.locks`` and the claim on its
Idempotency-Key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson

from geo.points import Point
from reporting import chain, events, screen
from reporting.auth import Action, Device, Principal, Staff, authorize
from reporting.errors import (
    IdempotencyKeyReused,
    ObservedAtRefused,
    PhotoUnknown,
    UnknownAuthority,
)
from reporting.keys import Keys, token_hash
from reporting.queries import reports as queries
from reporting.references import reference
from reporting.repeats import Answered
from reporting.reports import joining, raising
from reporting.reports.values import (
    Claim,
    Contact,
    Look,
    NewReport,
    Placed,
    Sender,
)
from reporting.runtime import Connection
from routing.answers import check_answers
from routing.assign import Assignment, Found, Router, in_words
from routing.categories import Category
from routing.duplicates import reach_m
from routing.rulebook import Rules
from routing.triage import Triage, Zone, triage

#: A position less sure than this is worth a second look before a crew drives there.
ACCURACY_TRUSTED_M = 200.0
OBSERVED_AHEAD = timedelta(minutes=5)
OBSERVED_AGO = timedelta(days=40)


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
        return _replayed(look.answer, keys, public_url)
    if router.rules is None or router.rules.version != look.version:
        category = (await router.current(conn)).category(category.code)
    _check(new, category, look.now, photos_found=len(look.hashes))
    assignment = await _assignment(conn, router, new, look)
    rules = router.rules or await router.current(conn)
    zones = rules.zones(look.areas, look.zones or ())
    report_id = uuid4()
    flags = _flags(new, assignment, look)
    nearby = joining.weighed(new, category, look)
    known = await joining.job_to_join(conn, new, nearby, assignment)
    if known is None:
        judged = triage(category, new.answers, look.now, assignment.authority.calendar, zones=zones)
        placed = _new_job(report_id, new, assignment, judged, flags, look, joining.match(nearby))
    else:
        why = (
            None if new.same_as else joining.match([near for near in nearby if near.id == known.id])
        )
        rules = await router.current(conn)
        placed = _joined(report_id, known, new, rules, zones, at or known.now, why)
    entry = events.entry(
        placed.event,
        job_id=placed.id,
        version=placed.version,
        head=placed.chain_head,
        id=uuid4(),
        actor=f"staff:{sender.staff}" if sender.staff else f"report:{report_id}",
        made_at=new.observed_at or placed.now,
        recorded_at=placed.now,
    )
    own_reference = reference(look.first_number)
    answer = orjson.dumps(_answer(report_id, own_reference, new, assignment, placed, flags))
    token = keys.tracking_token(report_id)
    statement = queries.store(
        new_job=not placed.matched,
        reporter=new.contact is not None,
        words=new.description is not None or new.place_text is not None,
        photos=bool(new.photos),
    )
    cursor = await conn.execute(
        statement,
        {
            **entry.params(),
            **_report_values(new, sender, assignment, flags),
            **_contact_values(new.contact),
            "report": report_id,
            "reference": own_reference,
            "tracking_hash": token_hash(token),
            "job_reference": placed.reference,
            "priority": placed.priority,
            "due_at": placed.due_at,
            "clock_stopped_at": placed.clock_stopped_at,
            "scope": claim.scope,
            "key": claim.key,
            "body_hash": claim.body_hash,
            "answer": answer,
        },
    )
    row = await cursor.fetchone()
    if row is None or row[0] != len(new.photos):
        raise PhotoUnknown  # taken by another report since the look
    return Answered(_with_token(answer, token, own_reference, public_url), replayed=False)


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
            "zones_m": category.risk.reach_m,
        }
    cursor = await conn.execute(queries.LOOK if new.place else queries.LOOK_WORDS, values)
    row: Any = await cursor.fetchone()
    return Look(*row)


def _check(new: NewReport, category: Category, now: datetime, *, photos_found: int) -> None:
    """What can only be told with the clock, the category and the photos at hand."""
    check_answers(category, new.answers, waive_required=new.same_as is not None)
    if new.observed_at and not now - OBSERVED_AGO <= new.observed_at <= now + OBSERVED_AHEAD:
        raise ObservedAtRefused
    if photos_found != len(new.photos):
        raise PhotoUnknown


async def _assignment(conn: Connection, router: Router, new: NewReport, look: Look) -> Assignment:
    if new.place is not None:
        found = Found(frozenset(look.areas), frozenset(look.near), look.version)
        return await router.decide(conn, new.place, new.category, look.now, found)
    rules = await router.current(conn)
    authority = rules.by_slug.get(new.authority or "")
    if authority is None:
        raise UnknownAuthority
    return in_words(rules, authority)


def _replayed(answer: bytes, keys: Keys, public_url: str) -> Answered:
    known = orjson.loads(answer)
    token = keys.tracking_token(UUID(known["id"]))
    return Answered(_with_token(answer, token, known["reference"], public_url), replayed=True)


def _new_job(
    report_id: UUID,
    new: NewReport,
    assignment: Assignment,
    judged: Triage,
    flags: tuple[str, ...],
    look: Look,
    match: events.Match | None,
) -> Placed:
    event = events.Reported(
        report=report_id,
        category=new.category,
        lat=None if new.place is None else new.place.lat,
        lng=None if new.place is None else new.place.lng,
        authority=assignment.authority.slug,
        team=assignment.team.slug,
        ward=assignment.ward.code if assignment.ward else None,
        priority=judged.priority,
        due_at=judged.due_at,
        flags=flags,
        match=match,
        triage=judged.as_json(),
    )
    return Placed(
        id=uuid4(),
        reference=reference(look.second_number),
        authority=assignment.authority,
        team=assignment.team,
        status="received",
        reports=1,
        priority=judged.priority,
        due_at=judged.due_at,
        clock_stopped_at=None,
        event=event,
        version=0,
        chain_head=chain.GENESIS,
        now=look.now,
    )


def _joined(
    report_id: UUID,
    job: Any,
    new: NewReport,
    rules: Rules,
    zones: Sequence[Zone],
    now: datetime,
    match: events.Match | None,
) -> Placed:
    raised = raising.raise_(job, new, rules, zones, now)
    return Placed(
        id=job.id,
        reference=job.reference,
        authority=rules.authorities[job.authority_id],
        team=rules.teams[job.team_id],
        status=job.status,
        reports=job.reports + 1,
        priority=raised.priority,
        due_at=raised.due_at,
        clock_stopped_at=raised.clock_stopped_at,
        event=events.Attached(
            report=report_id,
            priority=raised.priority if raised.priority != job.priority else None,
            due_at=raised.due_at if raised.due_at != job.due_at else None,
            match=match,
            triage=raised.triage,
        ),
        version=job.version,
        chain_head=job.chain_head,
        now=now,
    )


def _answer(
    report_id: UUID,
    own_reference: str,
    new: NewReport,
    assignment: Assignment,
    placed: Placed,
    flags: tuple[str, ...],
) -> dict[str, Any]:
    """The 201 but for its token."""
    ward = assignment.ward
    return {
        "id": report_id,
        "reference": own_reference,
        "status": placed.status,
        "category": new.category,
        "authority": {"slug": placed.authority.slug, "name": placed.authority.name},
        "ward": ward and {"code": ward.code, "name": ward.name},
        "team": {"slug": placed.team.slug, "name": placed.team.name},
        "job": {
            "id": placed.id,
            "reference": placed.reference,
            "reports": placed.reports,
            "matched": placed.matched,
        },
        "priority": events.priority_code(placed.priority),
        "due_at": chain.utc(placed.due_at),
        "location": _location(new.place),
        "photos": new.photos,
        "flags": flags,
        "created_at": chain.utc(placed.now),
    }


def _report_values(
    new: NewReport, sender: Sender, assignment: Assignment, flags: tuple[str, ...]
) -> dict[str, Any]:
    place = new.place
    return {
        "category": new.category,
        "authority": assignment.authority.id,
        "team": assignment.team.id,
        "ward": assignment.ward and assignment.ward.id,
        "division": assignment.division and assignment.division.id,
        "reasons": assignment.reasons_json,
        "lat": place and place.lat,
        "lng": place and place.lng,
        "accuracy_m": place and place.accuracy_m,
        "flags": list(flags),
        "answers": orjson.dumps(dict(new.answers)).decode(),
        "device": sender.device,
        "taken_by": sender.staff,
        "observed_at": new.observed_at,
        "description": new.description,
        "place_text": new.place_text,
        "held_for": _held_for(new),
        "photos": list(new.photos),
    }


def _contact_values(contact: Contact | None) -> dict[str, Any]:
    if contact is None:
        return {"reporter": None}
    return {
        "reporter": uuid4(),
        "name": contact.name,
        "email": contact.email,
        "phone": contact.phone,
        "language": contact.language,
        "updates": list(contact.updates),
    }


def _held_for(new: NewReport) -> list[str]:
    """Why its words wait for a reader before they are public."""
    words = (new.description, new.place_text)
    return sorted({reason for text in words for reason in screen.held(text)})


def _flags(new: NewReport, assignment: Assignment, look: Look) -> tuple[str, ...]:
    unsure = new.place is not None and (new.place.accuracy_m or 0) > ACCURACY_TRUSTED_M
    return (
        *assignment.flags,
        *(["check_location"] if unsure else []),
        *(["shared_point"] if look.shared_point else []),
    )


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
