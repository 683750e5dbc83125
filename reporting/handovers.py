"""Handing a job over: a link by which somebody without an account sees it and says it is done.

A link is for one job and is used once. Its token is derived from its id, so that it can be shown
again to whoever made it, and only its hash is stored. What was revoked, is over, or went to another
authority with its job looks like what never was. Programs open links in mails, so opening one
changes nothing but when it was first opened.

What cannot be done comes back to those who gave it: it is ``received`` again, with a flag for
whoever decides how it goes on. A contractor closes nothing unseen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.rows import class_row, namedtuple_row, scalar_row

from reporting import events, notices, screen, status
from reporting.auth import Action, Staff, authorize
from reporting.chain import Words
from reporting.errors import Invalid, NotFound, PhotoUnknown, UpdateIdReused
from reporting.jobs.change import HANDED_BACK, Change, Wanted
from reporting.jobs.rows import LockedJob, LoosePhoto
from reporting.keys import Keys, token_hash
from reporting.language import language
from reporting.queries import handovers as queries
from reporting.queries import jobs as job_queries
from reporting.queries import outbox as outbox_queries
from reporting.reports import views as report_views
from reporting.runtime import Connection
from routing.assign import Router
from routing.categories import Category
from routing.rulebook import Rules

#: Links of one job that work at one time.
MOST: Final = 10
#: Why somebody could not do it; ``other`` needs words.
CANNOT: Final[Mapping[str, str]] = {
    "not_found": "We could not find it",
    "no_access": "We could not get to it",
    "more_needed": "It needs more people or plant than we have",
    "not_our_work": "It is not work that we do",
    "done_before": "It was done already when we came",
    "other": "Something else",
}


@dataclass(frozen=True, slots=True)
class Handover:
    """A link, and what became of it: ``live``, ``done``, ``revoked`` or ``expired``."""

    id: UUID
    job_id: UUID
    reference: str
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None
    made_by: str
    made_at: datetime
    expires_at: datetime
    name: str
    email: str | None
    message: str | None
    opened_at: datetime | None
    done_at: datetime | None
    revoked_at: datetime | None
    state: str

    @property
    def actor(self) -> str:
        """As the update log names whoever has the link."""
        return f"handover:{self.id}"


@dataclass(frozen=True, slots=True)
class NewHandover:
    """To whom a job is handed over."""

    #: Its maker's: the same again is the same link.
    id: UUID
    name: str
    days: int
    email: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody says by a link. ``reason`` is a key of CANNOT; None: it is done."""

    reason: str | None
    note: str | None
    photos: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What was said by a link that is used up."""

    at: datetime
    reason: str | None
    note: str | None
    photos: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A job as whoever has a link sees it."""

    reference: str
    category: Category
    authority: str
    timezone: str
    ward: str | None
    lat: float | None
    lng: float | None
    #: What residents wrote, of the place and of what is there, as far as everybody may read it.
    place_texts: tuple[str, ...]
    words: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    #: ``{id, state, review}``; all are redacted.
    photos: tuple[dict[str, Any], ...]
    due_at: datetime
    is_open: bool


async def make(
    conn: Connection,
    router: Router,
    keys: Keys,
    staff: Staff,
    job: UUID,
    new: NewHandover,
    *,
    mails: bool,
) -> Handover:
    """Make a link, and have it sent where there is an address and a mail server (``mails``).

    Raises NotFound, NotAllowed, and Invalid for a job that is closed or has very many links.
    """
    row = await _lock(conn, job)
    authorize(staff, Action.REASSIGN_JOB, row)
    known = await _one(conn, new.id)
    if known is not None:
        if (known.job_id, known.name) != (job, new.name):
            raise UpdateIdReused
        return known
    if row.status not in status.OPEN:
        raise Invalid("The job is closed. Open it again before you hand it over.")
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.LIVE, {"job": job})
        if (await cursor.fetchone() or 0) >= MOST:
            raise Invalid(f"{MOST} links to this job work already; revoke one first.")
    await conn.execute(
        queries.MAKE,
        {
            "id": new.id,
            "job": job,
            "token_hash": token_hash(keys.handover_token(new.id)),
            "made_by": staff.id,
            "at": row.now,
            "days": new.days,
            "name": new.name,
            "email": new.email,
            "message": new.message,
        },
    )
    found = await _one(conn, new.id)
    if found is None:
        raise UpdateIdReused
    until = language(None).date(found.expires_at, _timezone(await router.current(conn), row))
    note = f"Handed over to {new.name}, by a link that works until {until}."
    await _append(conn, Change(row), found, "made", Words(note=note), actor=staff.actor)
    if new.email and mails:
        await conn.execute(outbox_queries.RECORD, {"topic": "handover", "subject": new.id})
    return found


async def of_job(conn: Connection, staff: Staff, job: UUID) -> list[Handover]:
    """The links to a job, the latest first. Raises NotFound and NotAllowed."""
    async with conn.cursor(row_factory=namedtuple_row) as found:
        await found.execute(job_queries.ONE, {"job": job})
        row: Any = await found.fetchone()
    if row is None:
        raise NotFound
    authorize(staff, Action.REASSIGN_JOB, row)
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.OF_JOB, {"job": job})
        return await cursor.fetchall()


async def revoke(conn: Connection, staff: Staff, handover: UUID) -> Handover:
    """A link works no more. Once more changes nothing, nor does it where the job is done.

    Raises NotFound and NotAllowed.
    """
    found = await _one(conn, handover)
    if found is None:
        raise NotFound
    row = await _lock(conn, found.job_id)
    authorize(staff, Action.REASSIGN_JOB, row)
    cursor = await conn.execute(queries.REVOKE, {"id": handover, "at": row.now})
    if cursor.rowcount:
        note = f"The link of {found.name} was revoked."
        await _append(conn, Change(row), found, "revoked", Words(note=note), actor=staff.actor)
    return await _one(conn, handover) or found


async def find(conn: Connection, token: str) -> Handover:
    """The link of a token: one that works, or that was used. Raises NotFound for every other."""
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.BY_TOKEN, {"token_hash": token_hash(token)})
        found = await cursor.fetchone()
    if found is None or found.state not in {"live", "done"}:
        raise NotFound
    return found


async def to_send(conn: Connection, handover: UUID) -> Handover | None:
    """The link that a mail is to bring; None where none is to be sent any more."""
    found = await _one(conn, handover)
    return found if found and found.state == "live" and found.email else None


async def opened(conn: Connection, handover: Handover) -> None:
    """Somebody, or some program, looked at it."""
    await conn.execute(queries.OPENED, {"id": handover.id})


async def shown(conn: Connection, router: Router, handover: Handover) -> Shown:
    """The job as whoever has the link sees it: what everybody may read, and redacted pictures."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.JOB, {"job": handover.job_id})
        job: Any = await cursor.fetchone()
        await cursor.execute(queries.REPORTS, {"job": handover.job_id})
        reports: list[Any] = await cursor.fetchall()
    if job is None:
        raise NotFound
    rules = await router.current(conn)
    authority = rules.authorities[job.authority_id]
    ward = rules.areas.get(job.ward_area_id) if job.ward_area_id else None
    category = rules.categories[job.category]
    words = [report_views.words(report) for report in reports]
    return Shown(
        reference=job.reference,
        category=category,
        authority=authority.name,
        timezone=authority.timezone,
        ward=ward.name if ward else None,
        lat=job.lat,
        lng=job.lng,
        place_texts=_distinct(each["place_text"] for each in words),
        words=_distinct(each["description"] for each in words),
        answers=_answers(category, [report.answers for report in reports]),
        photos=tuple(photo for report in reports for photo in report.photos),
        due_at=job.due_at,
        is_open=job.status in status.OPEN,
    )


async def said(conn: Connection, handover: Handover) -> Said | None:
    """What was said by it."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        values = {"job": handover.job_id, "actor": handover.actor}
        await cursor.execute(queries.SAID, values)
        row: Any = await cursor.fetchone()
    if row is None:
        return None
    return Said(row.recorded_at, row.changes["handover"].get("reason"), row.note, row.photos)


async def tell(conn: Connection, router: Router, token: str, told: Told) -> None:
    """Whoever has the link says that the job is done, or why it is not. Uses the link up.

    Said twice it counts once. Raises NotFound, Invalid and PhotoUnknown.
    """
    _check(told)
    handover = await find(conn, token)
    row = await _lock(conn, handover.job_id)
    await conn.execute(queries.LOCK, {"id": handover.id})
    handover = await find(conn, token)
    if handover.state == "done":
        return
    photos = await _photos(conn, told.photos)
    change = Change(row)
    to = _status(row, told)
    if to is not None:
        wanted = Wanted(id=uuid4(), base_version=row.version, made_at=row.now, status=to)
        change.move(wanted, await router.current(conn))
    if told.reason is not None:
        change.mark(HANDED_BACK)
    await conn.execute(queries.DONE, {"id": handover.id, "at": row.now})
    await _append(
        conn,
        change,
        handover,
        "done" if told.reason is None else "cannot",
        Words(note=told.note),
        actor=handover.actor,
        reason=told.reason,
        photos=photos,
    )


def _check(told: Told) -> None:
    if told.reason is None and not told.photos:
        raise Invalid("Add a photo that shows it is done.")
    if told.reason is not None and told.reason not in CANNOT:
        raise Invalid("Choose why it cannot be done.")
    if told.reason == "other" and not told.note:
        raise Invalid("Say what keeps you from doing it.")


def _status(row: LockedJob, told: Told) -> str | None:
    """What the job becomes by it; None: it stays as it is, whatever others did meanwhile."""
    if told.reason is None:
        return "fixed" if row.status in status.OPEN else None
    outside = row.status == "referred" and row.referred_to is not None
    return "received" if outside or row.status in {"scheduled", "in_progress", "waiting"} else None


async def _one(conn: Connection, handover: UUID) -> Handover | None:
    async with conn.cursor(row_factory=class_row(Handover)) as cursor:
        await cursor.execute(queries.ONE, {"id": handover})
        return await cursor.fetchone()


async def _lock(conn: Connection, job: UUID) -> LockedJob:
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(job_queries.LOCK, {"jobs": [job]})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def _photos(conn: Connection, asked: tuple[UUID, ...]) -> dict[str, str]:
    """SHA-256 by id of pictures that were uploaded and belong to nothing yet."""
    if not asked:
        return {}
    async with conn.cursor(row_factory=class_row(LoosePhoto)) as cursor:
        await cursor.execute(job_queries.LOOSE_PHOTOS, {"photos": list(asked)})
        found = {str(photo.id): photo.sha256 for photo in await cursor.fetchall()}
    if len(found) != len(set(asked)):
        raise PhotoUnknown
    return found


async def _append(
    conn: Connection,
    change: Change,
    handover: Handover,
    state: str,
    words: Words,
    *,
    actor: str,
    reason: str | None = None,
    photos: Mapping[str, str] | None = None,
) -> None:
    """Write it into the job's log."""
    row = change.row
    link = {"id": str(handover.id), "state": state, **({"reason": reason} if reason else {})}
    fields: dict[str, Any] = {**change.fields, "handover": link}
    if photos:
        fields |= {"photos": dict(photos), "photos_show": "after"}
    entry = events.entry(
        events.Changed(fields),
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=uuid4(),
        actor=actor,
        made_at=row.now,
        recorded_at=row.now,
        words=words,
    )
    has: dict[job_queries.Part, bool] = {
        "fields": change.columns_differ,
        "words": entry.salt is not None,
        "photos": bool(photos),
        "outbox": notices.is_public(entry.kind, entry.changes),
    }
    parts = frozenset(part for part, there in has.items() if there)
    params = {**change.columns, **entry.params(), "photos": list(photos or ())}
    await conn.execute(job_queries.append(parts), params)


def _timezone(rules: Rules, row: LockedJob) -> str:
    return rules.authorities[row.authority_id].timezone


def _distinct(texts: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def _answers(category: Category, given: list[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    """What was answered to each question, in words; free text as the screen lets it through."""
    found = []
    for question in category.questions:
        labels = {choice.code: choice.label for choice in question.choices}
        said = [answers[question.code] for answers in given if question.code in answers]
        if question.kind == "text":
            said = [text for text in said if not screen.held(text)]
        words = [_word(value, labels) for value in said]
        if words:
            found.append((question.label, "; ".join(dict.fromkeys(words))))
    return tuple(found)


def _word(value: Any, labels: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return labels.get(str(value), str(value))
