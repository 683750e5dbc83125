"""What staff look at before everyone may see it: pictures, and words that the screen held back.

Each list holds what waits, the oldest first, as far as somebody answers for it. A decision is
written down with who made it and when, may be changed by another, and never overwrites one that
its maker had not seen.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row, scalar_row

from reporting import chain, photos
from reporting.auth import Action, Scope, Staff, authorize, may, scope
from reporting.errors import NotFound, ReviewedMeanwhile
from reporting.images.regions import STAFF, Region
from reporting.keys import Keys
from reporting.queries import reviewing as queries
from reporting.runtime import Connection
from routing.assign import Router
from routing.rulebook import Rules

#: Counts stop here: more than that is "very many" to whoever has to look at them.
MOST: Final = 1000
_START: Final = ("-infinity", UUID(int=0))


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A photo with the report or update it belongs to, and what decides about the job."""

    id: UUID
    uploaded_at: datetime
    width: int
    height: int
    state: str
    is_made: bool
    review: str
    reviewed_at: datetime | None
    reviewed_by: str | None
    regions: list[dict[str, Any]]
    taken_at: datetime | None
    taken_lat: float | None
    taken_lng: float | None
    taken_away_m: float | None
    original_gone_at: datetime | None
    report_id: UUID | None
    report_reference: str | None
    told_at: datetime
    job_id: UUID
    job_reference: str
    category: str
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


@dataclass(frozen=True, slots=True)
class WordsRow:
    """The words of a report, and what decides about its job."""

    id: UUID
    reference: str
    created_at: datetime
    category: str
    description: str | None
    place_text: str | None
    held_for: list[str]
    released_at: datetime | None
    released_by: str | None
    kept_at: datetime | None
    kept_by: str | None
    job_id: UUID
    job_reference: str
    authority_id: int
    team_id: int
    ward_area_id: int | None
    division_area_id: int | None


@dataclass(frozen=True, slots=True)
class Box:
    """What somebody wants filled: a rectangle in shares of the upright picture."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Page:
    """Some of what waits, the oldest first, and the cursor of what comes after."""

    items: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits for somebody; MOST stands for that many or more."""

    photos: int
    words: int


async def photos_to_check(
    conn: Connection,
    router: Router,
    keys: Keys,
    staff: Staff,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """The pictures that wait for this person. Raises NotAllowed and CursorRefused."""
    seen = scope(staff, Action.REVIEW_PHOTO)
    start = _place(keys, "photos", cursor)
    rules = await router.current(conn)
    rows = await _photos(conn, rules, seen, start, limit + 1)
    after = None
    if len(rows) > limit:
        last = rows[limit - 1]
        after = keys.cursor("photos", f"{chain.utc(last.uploaded_at)}/{last.id}")
    return Page([photo_view(row, rules, staff) for row in rows[:limit]], after)


async def photo(conn: Connection, router: Router, staff: Staff, photo: UUID) -> dict[str, Any]:
    """One picture, whatever was decided about it. Raises NotFound and NotAllowed."""
    row = await _photo(conn, queries.PHOTO, photo)
    authorize(staff, Action.REVIEW_PHOTO, row)
    return photo_view(row, await router.current(conn), staff)


async def next_photo(
    conn: Connection, router: Router, staff: Staff, after: dict[str, Any] | None
) -> UUID | None:
    """The picture that waits after this one (or first of all); the first when none comes after."""
    seen = scope(staff, Action.REVIEW_PHOTO)
    rules = await router.current(conn)
    start = (chain.utc(after["uploaded_at"]), after["id"]) if after else _START
    for place in dict.fromkeys((start, _START)):
        for row in await _photos(conn, rules, seen, place, 2):
            if after is None or row.id != after["id"]:
                return row.id
    return None


async def decide_photo(
    conn: Connection,
    router: Router,
    staff: Staff,
    photo: UUID,
    review: str,
    boxes: Sequence[Box] | None = None,
    *,
    unless: Callable[[datetime | None], bool] | None = None,
) -> dict[str, Any]:
    """Say whether everyone may see a picture, and what is to be filled in it (None: as it is).

    A crew may hide a picture of its team's, and nothing else. ``unless`` is asked, with when it was
    last looked at, whether somebody decided whom this person has not seen.

    Raises NotFound, NotAllowed, ReviewedMeanwhile, and what ``photos.review`` raises.
    """
    row = await _photo(conn, queries.PHOTO_LOCKED, photo)
    only_hides = review == photos.HIDDEN and boxes is None
    authorize(staff, Action.HIDE_PHOTO if only_hides else Action.REVIEW_PHOTO, row)
    if unless is not None and unless(row.reviewed_at):
        raise ReviewedMeanwhile
    regions = None if boxes is None else _regions(boxes, row.regions)
    await photos.review(conn, photo, review=review, regions=regions, by=staff.id)
    after = await _photo(conn, queries.PHOTO, photo)
    return photo_view(after, await router.current(conn), staff)


async def words_to_read(
    conn: Connection,
    keys: Keys,
    staff: Staff,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """The held words that wait for this person. Raises NotAllowed and CursorRefused."""
    seen = scope(staff, Action.REVIEW_WORDS)
    at, after_id = _place(keys, "words", cursor)
    async with conn.cursor(row_factory=class_row(WordsRow)) as found:
        await found.execute(
            queries.TO_READ,
            {**_scoped(seen), "after_at": at, "after_id": after_id, "rows": limit + 1},
        )
        rows = await found.fetchall()
    after = None
    if len(rows) > limit:
        last = rows[limit - 1]
        after = keys.cursor("words", f"{chain.utc(last.created_at)}/{last.id}")
    return Page([words_view(row) for row in rows[:limit]], after)


async def decide_words(
    conn: Connection,
    staff: Staff,
    report: UUID,
    *,
    public: bool | None,
) -> dict[str, Any]:
    """Let a report's words be seen by everyone, keep them back, or (None) leave it open again.

    Raises NotFound, also for a report without words, and NotAllowed.
    """
    authorize(staff, Action.REVIEW_WORDS, await _words(conn, report))
    decision = {True: "released", False: "kept", None: "open"}[public]
    await conn.execute(queries.DECIDE_WORDS, {"id": report, "decision": decision, "by": staff.id})
    return words_view(await _words(conn, report))


async def waiting(conn: Connection, router: Router, staff: Staff) -> Waiting | None:
    """How much waits for this person; None for somebody who has nothing to look at."""
    if not may(staff, Action.REVIEW_PHOTO):
        return None
    rules = await router.current(conn)
    seen = scope(staff, Action.REVIEW_PHOTO)
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(
            queries.COUNT_TO_CHECK, {**_scoped(seen), **_asked(rules), "most": MOST}
        )
        pictures = await cursor.fetchone()
        seen = scope(staff, Action.REVIEW_WORDS)
        await cursor.execute(queries.COUNT_TO_READ, {**_scoped(seen), "most": MOST})
        words = await cursor.fetchone()
    return Waiting(pictures or 0, words or 0)


def photo_view(row: PhotoRow, rules: Rules, staff: Staff) -> dict[str, Any]:
    """A picture as staff see it, without its links."""
    category = rules.categories.get(row.category)
    place = None if row.taken_lat is None else {"lat": row.taken_lat, "lng": row.taken_lng}
    return {
        "id": row.id,
        "report": row.report_id and {"id": row.report_id, "reference": row.report_reference},
        "job": {"id": row.job_id, "reference": row.job_reference},
        "category": row.category,
        "uploaded_at": row.uploaded_at,
        "told_at": row.told_at,
        "taken_at": row.taken_at,
        "taken_location": place,
        "taken_away_m": None if row.taken_away_m is None else round(row.taken_away_m, 1),
        "width": row.width,
        "height": row.height,
        "state": row.state,
        "review": row.review,
        "reviewed_at": row.reviewed_at,
        "reviewed_by": row.reviewed_by,
        "regions": row.regions,
        "is_public": bool(
            category
            and row.state == "ready"
            and row.is_made
            and photos.is_public(row.review, category)
        ),
        "has_copies": row.state == "ready" and row.is_made,
        "has_clear": (
            row.original_gone_at is None
            and (row.state == "ready" or (row.state == "stored" and row.reviewed_at is not None))
            and may(staff, Action.SEE_ORIGINAL, row)
        ),
    }


def words_view(row: WordsRow) -> dict[str, Any]:
    """Words as those see them who decide about them."""
    return {
        "report": {"id": row.id, "reference": row.reference},
        "job": {"id": row.job_id, "reference": row.job_reference},
        "category": row.category,
        "created_at": row.created_at,
        "description": row.description,
        "place_text": row.place_text,
        "held_for": row.held_for,
        "is_public": not row.held_for or row.released_at is not None,
        "decided_at": row.released_at or row.kept_at,
        "decided_by": row.released_by or row.kept_by,
    }


async def _photos(
    conn: Connection, rules: Rules, seen: Scope, start: tuple[str, UUID], rows: int
) -> list[PhotoRow]:
    at, after_id = start
    values = {**_scoped(seen), **_asked(rules), "after_at": at, "after_id": after_id, "rows": rows}
    async with conn.cursor(row_factory=class_row(PhotoRow)) as cursor:
        await cursor.execute(queries.TO_CHECK, values)
        return await cursor.fetchall()


async def _photo(conn: Connection, statement: str, photo: UUID) -> PhotoRow:
    async with conn.cursor(row_factory=class_row(PhotoRow)) as cursor:
        await cursor.execute(statement, {"id": photo})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


async def _words(conn: Connection, report: UUID) -> WordsRow:
    async with conn.cursor(row_factory=class_row(WordsRow)) as cursor:
        await cursor.execute(queries.WORDS, {"id": report})
        row = await cursor.fetchone()
    if row is None:
        raise NotFound
    return row


def _scoped(seen: Scope) -> dict[str, Any]:
    return {
        "authority": seen.authority,
        "areas": None if seen.areas is None else sorted(seen.areas),
    }


def _asked(rules: Rules) -> dict[str, list[str]]:
    """The categories in which each picture is looked at, and those in which none need be."""
    found: dict[str, list[str]] = {"checked": [], "never": [], "auto": []}
    for category in rules.categories.values():
        found[category.public_photos].append(category.code)
    return {name: found[name] for name in ("checked", "never")}


def _place(keys: Keys, of: str, cursor: str | None) -> tuple[str, UUID]:
    if cursor is None:
        return _START
    at, _, found = keys.read_cursor(of, cursor).partition("/")
    return at, UUID(found)


def _regions(boxes: Sequence[Box], before: list[dict[str, Any]]) -> list[Region]:
    """What is to be filled; of what was there, who found it is kept."""
    known = {tuple(row[name] for name in Box.__slots__): row["by"] for row in before}
    return [
        Region(**asdict(box), by=known.get(tuple(asdict(box).values()), STAFF)) for box in boxes
    ]
