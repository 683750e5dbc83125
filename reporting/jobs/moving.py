"""Moving reports between jobs: all of one into another (merge), some into a new one, and back.

Every report stands on exactly one job, by a dated link, and keeps its own words, photos, timeline
and tracking. Both jobs get an update. Nobody is told "closed": a job that was merged away is closed
as ``merged``, which no resident reads, and its reporters hear of the job they now stand on. They
are told of the move itself only when what they know is no longer so.

A merge takes the locks on the cells of both places that intake takes, so that a report which is on
its way to one of the jobs finds the other; then the rows of both jobs, in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import class_row, namedtuple_row

from geo.kinds import LOCK_ROUTING
from geo.points import Point
from reporting import events, notices, repeats, status
from reporting.auth import Action, Staff, authorize
from reporting.errors import CannotUndo, Invalid, JobMerged, JobsNotOpen, NotFound
from reporting.jobs import judging, splitting, undoing
from reporting.jobs.change import Change
from reporting.jobs.combining import Urgency, combined
from reporting.jobs.rows import LockedJob, StandingReport
from reporting.queries import jobs as job_queries
from reporting.queries import moving as queries
from reporting.repeats import Answered, Once
from reporting.runtime import Connection
from routing import duplicates
from routing.assign import Router
from routing.rulebook import Rules


@dataclass(frozen=True, slots=True)
class Move:
    """Reports on their way from one job to another, at an instant, and why."""

    source: LockedJob
    target: LockedJob
    reports: Sequence[UUID]
    because: str
    at: datetime
    actor: str

    @property
    def told(self) -> dict[str, Any]:
        """The status, where their reporters know another one or another date for the work."""
        before, after = self.source, self.target
        known = (before.status, before.scheduled_for)
        return {} if known == (after.status, after.scheduled_for) else {"status": after.status}


async def merge(conn: Connection, router: Router, who: Staff, once: Once, into: UUID) -> Answered:
    """Put all reports of a job (``once.subject``) on another. The first is closed as merged.

    Runs inside a unit that holds ``once.lock``. Raises NotFound, NotAllowed, JobsNotOpen or
    Invalid. What was split from the other goes back to it as if it had not been.
    """
    known = await repeats.known(conn, once)
    if known is not None:
        return known
    if into == once.subject:
        await _locked(conn, who, [into])
        raise Invalid("A job cannot be merged into itself.")
    rules = await router.current(conn)
    source, target = await _pair(conn, rules, who, once.subject, into)
    if not {source.status, target.status} <= status.OPEN:
        raise JobsNotOpen
    at = max(source.now, target.now)
    standing = await splitting.standing(conn, source.id)
    move = Move(source, target, [each.id for each in standing], "merge", at, who.actor)
    links = await _move(conn, move, source.id, target.id)
    urgency, judged = Urgency.of(target), {}
    if not await _was_split_from(conn, source, target):
        whole = replace(target, reports=target.reports + source.reports, now=at)
        triage = await judging.judge(conn, rules, Change(whole))
        urgency = combined(source, target, triage, rules, at)
        judged = {"triage": triage.as_json()}
    left = events.MovedOut(target.reference, tuple(move.reports), "merge")
    out = await _append(conn, move, source, left, queries.MERGED_AWAY, into=target.id)
    fields = {**judged, **urgency.changes(Urgency.of(target)), **move.told}
    came = await _arrive(conn, move, urgency, fields)
    before = {"status": source.status, "handovers": links}
    await undoing.keep(conn, out, before)
    await undoing.keep(conn, came, undoing.urgency(target))
    return await repeats.keep(conn, once, answer(move))


async def unmerge(conn: Connection, router: Router, who: Staff, once: Once) -> Answered:
    """Undo the merge of a job (``once.subject``): exactly the reports that went with it come back.

    The job is what it was, and the other's urgency too unless it changed since. Raises NotFound,
    NotAllowed, or CannotUndo with the reason.
    """
    known = await repeats.known(conn, once)
    if known is not None:
        return known
    rules = await router.current(conn)
    into = await _merged_into(conn, who, once.subject)
    home, source = await _pair(conn, rules, who, once.subject, into)
    if home.merged_into != into:
        raise CannotUndo("It is not merged any more.")
    merged = await undoing.merge_of(conn, home.id)
    back = [UUID(each) for each in merged.changes["reports"]]
    standing = await splitting.standing(conn, source.id)
    _check_back(source, back, standing)
    at = max(home.now, source.now)
    before = merged.before
    home = replace(home, status=before["status"], closed_reason=None, closed_at=None)
    move = Move(source, home, back, "undo", at, who.actor)
    await conn.execute(queries.MOVE, _values(move, source.id, home.id))
    links = {"from": source.id, "to": home.id, "ids": before["handovers"]}
    await conn.execute(queries.BRING_HANDOVERS, links)
    urgency = Urgency.of(source)
    if not await undoing.changed_since(conn, source.id, merged.seq):
        urgency = undoing.urgency_of(merged.before_there)
    left = events.MovedOut(home.reference, tuple(back), "undo", urgency.changes(Urgency.of(source)))
    await _append(conn, move, source, left, queries.MOVED, **_columns(urgency))
    came = events.MovedIn(source.reference, tuple(back), "undo", move.told)
    await _append(conn, move, home, came, queries.BROUGHT_BACK, status=home.status)
    return await repeats.keep(conn, once, answer(move))


async def split(
    conn: Connection, router: Router, who: Staff, once: Once, reports: Sequence[UUID]
) -> Answered:
    """Take reports off a job (``once.subject``) into a new one, due as if it had always been one.

    Raises NotFound, NotAllowed, JobMerged or Invalid. It is undone by merging the new job back.
    """
    known = await repeats.known(conn, once)
    if known is not None:
        return known
    await conn.execute(job_queries.LOCK_ROUTING_SHARED, {"lock": LOCK_ROUTING})
    [source] = await _locked(conn, who, [once.subject])
    if source.merged_into is not None:
        raise JobMerged(source.merged_reference)
    standing = await splitting.standing(conn, source.id)
    leaving = splitting.leaving(standing, reports)
    rules = await router.current(conn)
    made = await splitting.plan(conn, router, rules, source, leaving, who.actor)
    target = replace(
        source,
        id=made.id,
        reference=made.reference,
        status="received",
        scheduled_for=None,
        version=0,
        chain_head=made.head,
    )
    move = Move(source, target, [each.id for each in leaving], "split", source.now, who.actor)
    came = events.MovedIn(source.reference, tuple(move.reports), "split", made.fields)
    entry = _entry(move, target, came)
    await conn.execute(queries.NEW_JOB, {**made.columns, **entry.params()})
    await conn.execute(queries.MOVE, _values(move, source.id, target.id))
    left = events.MovedOut(target.reference, tuple(move.reports), "split")
    await _append(conn, move, source, left, queries.MOVED, **_columns(Urgency.of(source)))
    return await repeats.keep(conn, once, answer(replace(move, target=replace(target, version=0))))


def answer(move: Move) -> dict[str, Any]:
    """What went from where to where. It holds no words."""
    return {
        "from": _job(move.source),
        "into": _job(move.target),
        "reports": [str(each) for each in move.reports],
    }


def _job(row: LockedJob) -> dict[str, Any]:
    return {"id": str(row.id), "reference": row.reference, "version": row.version + 1}


async def _pair(
    conn: Connection, rules: Rules, who: Staff, one: UUID, other: UUID
) -> tuple[LockedJob, LockedJob]:
    """Two jobs and the cells of their places, nobody else's until the unit ends."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.PLACES, {"jobs": [one, other]})
        places: list[Any] = await cursor.fetchall()
    for place in places:
        authorize(who, Action.REASSIGN_JOB, place)
    cells = {
        lock
        for place in places
        if place.lat is not None and place.category in rules.categories
        for lock in duplicates.locks(rules.categories[place.category], Point(place.lat, place.lng))
    }
    await conn.execute(queries.LOCKS, {"routing": LOCK_ROUTING, "locks": sorted(cells)})
    rows = {row.id: row for row in await _locked(conn, who, [one, other])}
    return rows[one], rows[other]


async def _locked(conn: Connection, who: Staff, jobs: Sequence[UUID]) -> list[LockedJob]:
    async with conn.cursor(row_factory=class_row(LockedJob)) as cursor:
        await cursor.execute(job_queries.LOCK, {"jobs": list(jobs)})
        rows = await cursor.fetchall()
    if len(rows) != len(jobs):
        raise NotFound
    for row in rows:
        authorize(who, Action.REASSIGN_JOB, row)
    return rows


async def _merged_into(conn: Connection, who: Staff, job: UUID) -> UUID:
    """The job that another was merged into."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(job_queries.ONE, {"job": job})
        row: Any = await cursor.fetchone()
    if row is None:
        raise NotFound
    authorize(who, Action.REASSIGN_JOB, row)
    if row.merged_into is None:
        raise CannotUndo("It is not merged any more.")
    into: UUID = row.merged_into
    return into


def _check_back(
    source: LockedJob, back: Sequence[UUID], standing: Sequence[StandingReport]
) -> None:
    """Whether nothing contradicts that these reports go back. Raises CannotUndo with the reason."""
    there = {each.id for each in standing}
    if source.status not in status.OPEN:
        raise CannotUndo(
            f"{source.reference} was closed since, and its reporters were told."
            " Open it again, or split the reports off."
        )
    if not there.issuperset(back):
        raise CannotUndo(
            f"Some of its reports were moved on since, and stand on {source.reference} no more."
        )
    if there == set(back):
        raise CannotUndo(f"{source.reference} has no other report left.")
    if all(each.withdrawn_at for each in standing if each.id in set(back)):
        raise CannotUndo("Its reports were all taken back since.")


async def _was_split_from(conn: Connection, source: LockedJob, target: LockedJob) -> bool:
    """Whether it is a part of the other, and says nothing new of it."""
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.FIRST, {"job": source.id})
        first: Any = await cursor.fetchone()
    return (
        first is not None
        and first.changes.get("because") == "split"
        and first.changes.get("from") == target.reference
        and not await undoing.changed_since(conn, source.id, 1)
    )


async def _move(conn: Connection, move: Move, source: UUID, target: UUID) -> list[str]:
    """The reports, and with them the links by which somebody does the job; gives those."""
    values = _values(move, source, target)
    await conn.execute(queries.MOVE, values)
    async with conn.cursor(row_factory=namedtuple_row) as cursor:
        await cursor.execute(queries.MOVE_HANDOVERS, values)
        links: list[Any] = await cursor.fetchall()
    return [str(link.id) for link in links]


def _values(move: Move, source: UUID, target: UUID) -> dict[str, Any]:
    return {"from": source, "to": target, "reports": list(move.reports), "at": move.at}


async def _arrive(conn: Connection, move: Move, urgency: Urgency, fields: dict[str, Any]) -> UUID:
    came = events.MovedIn(move.source.reference, tuple(move.reports), move.because, fields)
    return await _append(conn, move, move.target, came, queries.MOVED, **_columns(urgency))


def _columns(urgency: Urgency) -> dict[str, Any]:
    return {
        "priority": urgency.priority,
        "priority_by_hand": urgency.priority_by_hand,
        "due_at": urgency.due_at,
        "clock_stopped_at": urgency.clock_stopped_at,
    }


def _entry(move: Move, row: LockedJob, event: events.Event) -> events.Entry:
    return events.entry(
        event,
        job_id=row.id,
        version=row.version,
        head=row.chain_head,
        id=uuid4(),
        actor=move.actor,
        made_at=move.at,
        recorded_at=move.at,
    )


async def _append(
    conn: Connection,
    move: Move,
    row: LockedJob,
    event: events.Event,
    statement: str,
    **columns: Any,
) -> UUID:
    entry = _entry(move, row, event)
    told = notices.is_public(entry.kind, entry.changes)
    await conn.execute(statement, {**columns, **entry.params(), "told": told})
    return entry.id
