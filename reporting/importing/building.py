"""From placed rows to the lines of COPY: reports, jobs, links, assignments, chained updates. Pure.

A job's log tells its past in the order in which it happened, as if it had been kept here: reported,
joined by other reports, closed. ``imported`` in an update says of which row of which system it was
made, and the checkpoint that is taken with it says since when Kerbline vouches for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from reporting import events, screen
from reporting.chain import GENESIS, canonical, head_bytes
from reporting.chain import utc as in_utc
from reporting.importing.copying import NULL, array_of, bytes_of, new_ids, point_of, text_of
from reporting.importing.given import Given
from reporting.importing.grouping import Group, Outcome, outcome
from reporting.importing.reading import Past
from reporting.importing.stencils import Stencil, cut, inner, mark
from reporting.keys import Keys, token_hash
from reporting.references import reference
from reporting.status import STANDS_STILL
from routing.categories import Category
from routing.triage import due_at, triage

#: What the log sets apart two updates of one instant by.
TICK: Final = timedelta(microseconds=1)
#: Places that share nothing with others are not kept in mind for ever.
KEPT: Final = 20_000

utc: Final = lru_cache(10_000)(in_utc)


class Built(NamedTuple):
    """All that is to be stored of a chunk: the lines of COPY by table, and what is signed."""

    copies: Mapping[str, str]
    #: Reasons that assignments name by number.
    reasons: Sequence[str]
    heads: int
    digest: bytes
    updates: int


@dataclass
class Lines:
    """Lines as they are made, by table."""

    reports: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    reporters: list[str] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    updates: list[str] = field(default_factory=list)
    imported: list[str] = field(default_factory=list)
    #: Assignments name their reasons, which many share, by number.
    assignments: list[str] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)
    #: The ends of the chains, for the checkpoint: they come in order of job.
    heads: list[str] = field(default_factory=list)
    digest: Any = field(default_factory=sha256)

    def built(self) -> Built:
        """All of them, table by table."""
        copies = {
            "reporter": self.reporters,
            "report": self.reports,
            "report_words": self.words,
            "job": self.jobs,
            "job_report": self.links,
            "job_update": self.updates,
            "imported": self.imported,
            "import_assignment": self.assignments,
            "checkpoint_head": self.heads,
        }
        return Built(
            copies={table: "\n".join((*rows, "")) for table, rows in copies.items() if rows},
            reasons=tuple(self.reasons),
            heads=len(self.heads),
            digest=self.digest.digest(),
            updates=len(self.updates),
        )


@dataclass(frozen=True, slots=True)
class Kind:
    """What jobs share that begin at one kind of place, as the lines of COPY hold it."""

    #: It is known by its identity, which lasts as long as it does.
    whose: Given
    authority: str
    ward: str
    division: str
    team: str
    flags: str
    priority: int
    begin: Stencil


@dataclass
class Builder:
    """Builds the lines of a run, chunk after chunk."""

    keys: Keys
    categories: Mapping[str, Category]
    source: str
    source_id: int
    lone_duplicate: str
    _closes: dict[tuple[Any, ...], datetime | None] = field(default_factory=dict)
    _kinds: dict[tuple[int, bool], Kind] = field(default_factory=dict)
    _ends: dict[tuple[str, str | None], Stencil] = field(default_factory=dict)

    def build(
        self, groups: Iterable[tuple[Group, Sequence[Given]]], numbers: Sequence[int]
    ) -> Built:
        """The lines of some groups; ``numbers`` are fresh ones behind references, in plenty."""
        lines, ids, fresh = Lines(), new_ids(), iter(numbers)
        if len(self._kinds) > KEPT:
            self._kinds.clear()
        for group, given in groups:
            self._group(lines, group, given, fresh, ids)
        return lines.built()

    def _group(
        self,
        lines: Lines,
        group: Group,
        given: Sequence[Given],
        numbers: Iterator[int],
        ids: Iterator[str],
    ) -> None:
        """A job with its reports. The first to come made it, and says whose it is."""
        first, whose = group.rows[0], given[0]
        log = _Log(next(ids), lines, ids)
        kind = self._kind(whose, first)
        priority = kind.priority
        due = self._begin(log, next(ids), first, kind, group)
        self._report(lines, first, whose, log, next(numbers))
        for number, (row, own) in enumerate(zip(group.rows[1:], given[1:], strict=True), start=2):
            priority, due = self._join(
                log, next(ids), row, whose, (number, priority, due, group.head.due is not None)
            )
            self._report(lines, row, own, log, next(numbers))
        ended = outcome(group, self.lone_duplicate)
        closed = self._end(log, ended)
        stopped = log.last if ended.status in STANDS_STILL else NULL
        head = bytes_of(log.head)
        lines.jobs.append(
            f"{log.job}\t{reference(next(numbers))}\t{kind.authority}\t{kind.team}"
            f"\t{first.category}\t{kind.ward}\t{kind.division}\t{point_of(first.place)}"
            f"\t{ended.status}\t{ended.reason or NULL}\t{priority}\t{utc(due)}\t{stopped}"
            f"\t{len(group.rows)}\t{kind.flags}\t{log.seq}\t{head}\t{log.seq}\t{log.first}"
            f"\t{log.last}\t{closed}\t0"
        )
        lines.heads.append(f"{log.job}\t{log.seq}\t{head}")
        lines.digest.update(head_bytes(UUID(log.job), log.seq, log.head))
        _assign(lines, log.job, log.first, whose)

    def _kind(self, whose: Given, row: Past) -> Kind:
        """What the job shares with others, and the stencil of the update that it begins with."""
        key = id(whose), row.place is None
        known = self._kinds.get(key)
        if known is None:
            known = self._kinds[key] = self._new_kind(whose, is_placed=row.place is not None)
        return known

    def _new_kind(self, whose: Given, *, is_placed: bool) -> Kind:
        assignment = whose.assignment
        priority, why = self._triage(whose, whose.category, 1)
        changes: dict[str, Any] = events.Reported(
            report=UUID(int=0),
            category=whose.category,
            lat=0.0 if is_placed else None,
            lng=0.0 if is_placed else None,
            authority=assignment.authority.slug,
            team=whose.holder.slug,
            ward=assignment.ward.code if assignment.ward else None,
            priority=priority,
            due_at=_ANY_DAY,
            flags=assignment.flags,
            imported={"source": self.source, "id": mark("key")},
        ).changes()
        marked = {"report": mark("report"), "due_at": mark("due"), "triage": why}
        if is_placed:
            marked["location"] = {"lat": mark("lat"), "lng": mark("lng")}
        return Kind(
            whose=whose,
            authority=str(assignment.authority.id),
            ward=str(assignment.ward.id) if assignment.ward else NULL,
            division=str(assignment.division.id) if assignment.division else NULL,
            team=str(whose.holder.id),
            flags=array_of(assignment.flags),
            priority=priority,
            begin=cut("reported", f"report:{mark('report')}", {**changes, **marked}),
        )

    def _begin(self, log: "_Log", report: str, row: Past, kind: Kind, group: Group) -> datetime:
        """The update that a job begins with; when it is due."""
        due = group.head.due or self._due(row, kind.priority, kind.whose)
        lng, lat = row.place or (0.0, 0.0)
        values = {
            "report": report,
            "lat": orjson.dumps(lat).decode(),
            "lng": orjson.dumps(lng).decode(),
            "due": utc(due),
            "key": inner(row.key),
        }
        log.fill("reported", report, row.created, kind.begin, values)
        return due

    def _join(
        self,
        log: "_Log",
        report: str,
        row: Past,
        whose: Given,
        before: tuple[int, int, datetime, bool],
    ) -> tuple[int, datetime]:
        """One more report: it may raise the priority, never lower it."""
        number, priority, due, due_is_told = before
        judged, why = self._triage(whose, whose.category, number)
        raised = judged < priority
        sooner = raised and not due_is_told
        if sooner:
            due = min(due, self._due(row, judged, whose))
        changes = events.Attached(
            report=UUID(report),
            priority=judged if raised else None,
            due_at=due if sooner else None,
            imported={"source": self.source, "id": row.key},
        ).changes()
        log.add("attached", report, row.created, {**changes, "triage": why})
        return min(priority, judged), due

    def _end(self, log: "_Log", ended: Outcome) -> str:
        """The update that it ends with, if it is not as it began; when it was closed."""
        if ended.closed is not None:
            key = ended.status, ended.reason
            if key not in self._ends:
                reason = {} if ended.reason is None else {"reason": ended.reason}
                self._ends[key] = cut("changed", "system", {"status": ended.status, **reason})
            log.fill("changed", None, ended.closed, self._ends[key], {})
            return log.last
        if ended.status != "received":
            log.add("changed", None, log.at, {"status": ended.status})
        return NULL

    def _report(self, lines: Lines, row: Past, own: Given, log: "_Log", number: int) -> None:
        report, at, kind = log.report, log.last, self._kind(own, row)
        reporter = NULL
        if row.contact is not None:
            reporter = next(log.ids)
            lines.reporters.append("\t".join((reporter, *map(text_of, row.contact), "{}", at)))
        tracking = bytes_of(token_hash(self.keys.tracking_token(UUID(report))))
        lines.reports.append(
            f"{report}\t{reference(number)}\t{row.category}\t{point_of(row.place)}"
            f"\t{kind.authority}\t{kind.ward}\t{{}}\t{kind.flags}\t{reporter}\t{tracking}\t{at}"
        )
        lines.links.append(f"{report}\t{log.job}\t{at}")
        key = text_of(row.key)
        lines.imported.append(f"{self.source_id}\t{key}\t{report}\t{bytes_of(row.row_hash)}")
        if row.description is not None or row.place_text is not None:
            held = {*screen.held(row.description), *_place_held(row.place_text)}
            words = (text_of(row.description), text_of(row.place_text), array_of(sorted(held)))
            lines.words.append("\t".join((report, *words)))

    def _triage(self, whose: Given, category: str, reports: int) -> tuple[int, Any]:
        """How urgent it is with so many reports, and why as JSON; the due time is another's."""
        calendar = whose.assignment.authority.calendar
        zones, kind = whose.zones, self.categories[category]
        judged = triage(kind, {}, _ANY_DAY, calendar, zones=zones, reports=reports)
        return judged.priority, judged.as_json()

    def _due(self, row: Past, priority: int, whose: Given) -> datetime:
        """When it was due. Most are due at the end of a day, whatever the hour they came at."""
        authority = whose.assignment.authority
        calendar, category = authority.calendar, self.categories[row.category]
        day = row.created.astimezone(_zone(authority.timezone)).date()
        key = (row.category, priority, authority.id, day)
        if key not in self._closes:
            ends = [
                due_at(category, priority, at.astimezone(UTC), calendar)
                for at in (
                    datetime.combine(day, clock.min, _zone(authority.timezone)),
                    datetime.combine(day, clock.max, _zone(authority.timezone)),
                )
            ]
            self._closes[key] = ends[0] if ends[0] == ends[1] else None
        return self._closes[key] or due_at(category, priority, row.created, calendar)


_ANY_DAY: Final = datetime(2000, 1, 3, tzinfo=UTC)
_zone = lru_cache(ZoneInfo)


class _Log:
    """The chain of one job, as it grows."""

    def __init__(self, job: str, lines: Lines, ids: Iterator[str]) -> None:
        self.job = job
        self.ids = ids
        self.seq = 0
        self.head = GENESIS
        #: When the last update was recorded, and the first; as an instant and as text.
        self.at = datetime.min.replace(tzinfo=UTC)
        self.first = self.last = ""
        #: The report that the last update told of.
        self.report = ""
        self._lines = lines.updates

    def add(self, kind: str, report: str | None, at: datetime, changes: Mapping[str, Any]) -> None:
        """One more update, a moment after the last one at the soonest."""
        made = self._next(at, report)
        actor = f"report:{report}" if report else "system"
        update = next(self.ids)
        said = canonical(
            self.head,
            job_id=self.job,
            seq=self.seq,
            id=update,
            kind=kind,
            actor=actor,
            made_at=made,
            recorded_at=self.last,
            changes=changes,
            words_hash=None,
        )
        stored = orjson.dumps(changes).decode().replace("\\", "\\\\")
        self._put(kind, actor, update, made, said, stored)

    def fill(
        self, kind: str, report: str | None, at: datetime, stencil: Stencil, values: dict[str, Any]
    ) -> None:
        """The same by a stencil."""
        made = self._next(at, report)
        actor = f"report:{report}" if report else "system"
        update = next(self.ids)
        more = {
            "id": update,
            "job": self.job,
            "made": made,
            "previous": self.head.hex(),
            "recorded": self.last,
            "seq": self.seq,
        }
        said = (stencil.hashed % {**values, **more}).encode()
        if "\\" in values.get("key", ""):
            values["key"] = values["key"].replace("\\", "\\\\")
        self._put(kind, actor, update, made, said, stencil.stored % values)

    def _next(self, at: datetime, report: str | None) -> str:
        """Go on to an update of this time; when it was made, as text."""
        made = recorded = utc(at)
        if at <= self.at:
            at = self.at + TICK
            recorded = utc(at)
        self.seq += 1
        self.at, self.last = at, recorded
        self.first = self.first or recorded
        if report is not None:
            self.report = report
        return made

    def _put(self, kind: str, actor: str, update: str, made: str, said: bytes, stored: str) -> None:
        previous, self.head = self.head, sha256(said).digest()
        self._lines.append(
            f"{self.job}\t{self.seq}\t{update}\t{kind}\t{actor}\t{made}\t{self.last}\t{stored}"
            f"\t{bytes_of(previous)}\t{bytes_of(self.head)}"
        )


def _assign(lines: Lines, job: str, at: str, whose: Given) -> None:
    assignment = whose.assignment
    authority = assignment.authority.id
    answers = [(assignment.team.id, assignment.reasons_json)]
    if whose.team is not None and whose.team_reasons is not None:
        answers.append((whose.team.id, whose.team_reasons))
    for team, reasons in answers:
        number = lines.reasons.setdefault(reasons, len(lines.reasons))
        lines.assignments.append(f"{job}\t{at}\t{authority}\t{team}\t{number}")


#: Addresses come again and again; the screen looks long.
_place_held = lru_cache(100_000)(screen.held)
