"""Jobs that need a supervisor's eye: an emergency not begun, due soon, late. Said once each.

A run looks for what came to need it since the one before, writes that down, and one mail to each
supervisor who answers for some of it, all in one transaction: what is told once is told once, also
with two workers, and after a kill. While a job waits, is referred or closed nothing is said; what
was said is said again only of a job that was opened again.

On the console what was told stands until somebody acts on the job. Nothing there needs mail.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.rows import class_row, dict_row, scalar_row, tuple_row

from reporting import chain
from reporting.auth import Action, Principal, scope
from reporting.jobs import views
from reporting.jobs.rows import JobRow
from reporting.keys import Keys
from reporting.queries import escalating as queries
from routing import triage
from routing.assign import Router
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: Jobs of one run; the others are the next one's.
AT_ONCE: Final = 5_000
#: Jobs that a mail names; of the others it says how many they are.
NAMED: Final = 20
LONGEST_PAGE: Final = 200
KINDS: Final = ("overdue", "not_started", "due_soon")
EMERGENCY: Final = triage.EMERGENCY


@dataclass(frozen=True, slots=True)
class Found:
    """A job that somebody must hear of, and what of it."""

    id: UUID
    kind: str
    authority_id: int
    ward_area_id: int | None
    division_area_id: int | None
    priority: int
    due_at: datetime

    @property
    def seriousness(self) -> tuple[int, int, datetime]:
        """Emergencies first, then what is late, then what was due first."""
        not_emergency = int(self.priority != EMERGENCY)
        return not_emergency, KINDS.index(self.kind), self.due_at


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may be warned."""

    id: UUID
    authority_id: int
    role: str
    has_wards: bool
    areas: list[int]

    def answers_for(self, found: Found) -> bool:
        """Whether it lies in one of their wards."""
        return found.ward_area_id in self.areas or found.division_area_id in self.areas


@dataclass(frozen=True, slots=True)
class Line:
    """A job as a mail names it."""

    id: UUID
    reference: str
    priority: int
    due_at: datetime
    category: str
    category_name: str
    team: str
    ward: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to one supervisor, with what still stands of it."""

    id: UUID
    email: str
    authority: str
    timezone: str
    lines: tuple[Line, ...]
    more: int


@dataclass(slots=True)
class WarnedJob(JobRow):
    """A job with the most serious of what was told of it."""

    kind: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some warnings, and the cursor of those after."""

    items: list[dict[str, Any]]
    next: str | None


async def escalate(
    conn: Connection, rules: Rules, *, by_mail: bool, now: datetime | None = None
) -> dict[str, int]:
    """Warn of what came to need it; how many of each kind. Another run goes on: nothing."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.TRY_LOCK)
        [(mine, clock)] = await cursor.fetchall()
    if not mine:
        return {}
    now = now or clock
    async with conn.cursor(row_factory=class_row(Found)) as cursor:
        await cursor.execute(queries.WARN, {**_horizons(rules, now), "now": now, "limit": AT_ONCE})
        found = await cursor.fetchall()
    if found and by_mail:
        await _write_to(conn, found, now)
    return {kind: sum(each.kind == kind for each in found) for kind in KINDS}


def whom(found: Found, people: Sequence[Person]) -> list[UUID]:
    """Who answers for it: supervisors of its ward, else those of all, else the admins."""
    of_it = [each for each in people if each.authority_id == found.authority_id]
    supervisors = [each for each in of_it if each.role == "supervisor"]
    nearest = (
        [each for each in supervisors if each.answers_for(found)],
        [each for each in supervisors if not each.has_wards],
        [each for each in of_it if each.role == "admin"],
    )
    return [each.id for each in next(filter(None, nearest), [])]


async def letter(conn: Connection, mail: UUID) -> Letter | None:
    """What is to be sent; None when it was, when its reader left, or nothing of it stands."""
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.LETTER, {"id": mail})
        row = await cursor.fetchone()
        if row is None:
            return None
        kinds = {UUID(job): kind for job, kind in row["warnings"]}
        await cursor.execute(queries.LINES, {"jobs": list(kinds)})
        jobs = {each["id"]: each for each in await cursor.fetchall()}
    # In the order of seriousness, as they were written down.
    lines = tuple(Line(**jobs[job], kind=kind) for job, kind in kinds.items() if job in jobs)
    if not lines:
        return None
    return Letter(row["id"], row["email"], row["authority"], row["timezone"], lines, row["more"])


async def settle(conn: Connection, mail: UUID, outcome: str) -> None:
    """What became of a mail."""
    await conn.execute(queries.SETTLED, {"id": mail, "outcome": outcome})


async def standing(
    conn: Connection,
    router: Router,
    keys: Keys,
    principal: Principal,
    *,
    cursor: str | None = None,
    limit: int = LONGEST_PAGE,
) -> Page:
    """The warnings that stand, of what one answers for. Raises NotSignedIn or NotAllowed."""
    rules = await router.current(conn)
    values = _of(rules, principal, limit + 1)
    if cursor:
        due, _, job = keys.read_cursor("escalations", cursor).partition("/")
        values |= {"after_due": due, "after_id": job}
    async with conn.cursor(row_factory=class_row(WarnedJob)) as rows:
        await rows.execute(queries.STANDING, values)
        found = await rows.fetchall()
    items = [
        {"kind": row.kind, "since": row.at, "job": views.job(row, rules)} for row in found[:limit]
    ]
    more = None
    if len(found) > limit:
        last = found[limit - 1]
        more = keys.cursor("escalations", f"{chain.utc(last.due_at)}/{last.id}")
    return Page(items, more)


async def how_many(conn: Connection, router: Router, principal: Principal, most: int) -> int:
    """How many stand, counted no further than that."""
    values = _of(await router.current(conn), principal, most)
    async with conn.cursor(row_factory=scalar_row) as cursor:
        await cursor.execute(queries.HOW_MANY, values)
        found: int | None = await cursor.fetchone()
    return found or 0


def _of(rules: Rules, principal: Principal, limit: int) -> dict[str, Any]:
    """What they answer for. Raises NotSignedIn or NotAllowed."""
    seen = scope(principal, Action.SEE_WARNINGS)
    return {
        "authority": seen.authority,
        "areas": None if seen.areas is None else sorted(seen.areas),
        "until": _latest(rules, seen.authority, datetime.now(UTC)),
        "after_due": None,
        "after_id": None,
        "limit": limit,
    }


def _horizons(rules: Rules, now: datetime) -> dict[str, list[Any]]:
    """Until when each kind of job may be due to be warned of now, as columns."""
    rows = [
        (
            authority.id,
            category.code,
            priority,
            triage.start_by(category, authority.calendar, now) if priority == EMERGENCY else None,
            triage.near(category, priority, authority.calendar, now),
        )
        for authority in rules.authorities.values()
        for category in rules.categories.values()
        for priority in triage.NEAR
    ]
    names = ("authorities", "categories", "priorities", "start_by", "near")
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def _latest(rules: Rules, authority: int, now: datetime) -> datetime:
    calendar = rules.authorities[authority].calendar
    return max(
        (
            horizon
            for category in rules.categories.values()
            for horizon in (
                triage.start_by(category, calendar, now),
                *(triage.near(category, priority, calendar, now) for priority in triage.NEAR),
            )
        ),
        default=now,
    )


async def _write_to(conn: Connection, found: Iterable[Found], now: datetime) -> None:
    """One mail to each who answers for some of it, most serious first."""
    serious_first = sorted(found, key=lambda each: each.seriousness)
    authorities = sorted({each.authority_id for each in serious_first})
    async with conn.cursor(row_factory=class_row(Person)) as cursor:
        await cursor.execute(queries.PEOPLE, {"authorities": authorities})
        people = await cursor.fetchall()
        theirs: dict[UUID, list[Found]] = defaultdict(list)
        for each in serious_first:
            for person in whom(each, people):
                theirs[person].append(each)
        for person, warnings in theirs.items():
            named = [[str(each.id), each.kind] for each in warnings[:NAMED]]
            await cursor.execute(
                queries.MAIL,
                {
                    "id": uuid4(),
                    "staff": person,
                    "warnings": orjson.dumps(named).decode(),
                    "more": len(warnings) - len(named),
                    "now": now,
                },
            )
