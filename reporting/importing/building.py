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
from reporting.chain import GENESIS, canonical, head_bytes, utc
from reporting.importing.copying import NULL, array_of, bytes_of, new_ids, point_of, text_of
from reporting.importing.given import Given
from reporting.importing.grouping import Group, Outcome, outcome
from reporting.importing.reading import Past
from reporting.keys import Keys, token_hash
from reporting.references import reference
from reporting.status import STANDS_STILL
from routing.categories import Category
from routing.triage import Triage, due_at, triage

#: What the log sets apart two updates of one instant by.
TICK: Final = timedelta(microseconds=1)


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


@dataclass
class Builder:
    """Builds the lines of a chunk."""

    keys: Keys
    categories: Mapping[str, Category]
    source: str
    source_id: int
    lone_duplicate: str
    _closes: dict[tuple[Any, ...], datetime | None] = field(default_factory=dict)
    #: By identity, with what keeps it alive.
    _judged: dict[tuple[int, str, int], tuple[Given, Triage, Any]] = field(default_factory=dict)

    def build(
        self, groups: Iterable[tuple[Group, Sequence[Given]]], numbers: Sequence[int]
    ) -> Built:
        """The lines of some groups; ``numbers`` are fresh ones behind references, in plenty."""
        lines, ids, fresh = Lines(), new_ids(), iter(numbers)
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
        priority, due = self._begin(log, next(ids), first, whose, group)
        self._report(lines, first, whose, log, next(numbers))
        for number, (row, own) in enumerate(zip(group.rows[1:], given[1:], strict=True), start=2):
            priority, due = self._join(
                log, next(ids), row, whose, (number, priority, due, group.head.due is not None)
            )
            self._report(lines, row, own, log, next(numbers))
        ended = outcome(group, self.lone_duplicate)
        closed = self._end(log, ended)
        assignment = whose.assignment
        columns = (
            log.job,
            reference(next(numbers)),
            assignment.authority.id,
            whose.holder.id,
            first.category,
            assignment.ward.id if assignment.ward else NULL,
            assignment.division.id if assignment.division else NULL,
            point_of(first.place),
            ended.status,
            ended.reason or NULL,
            priority,
            utc(due),
            log.last if ended.status in STANDS_STILL else NULL,
            len(group.rows),
            array_of(assignment.flags),
            log.seq,
            bytes_of(log.head),
            log.seq,
            log.first,
            log.last,
            closed,
            0,
        )
        lines.jobs.append("\t".join(map(str, columns)))
        lines.heads.append(f"{log.job}\t{log.seq}\t{bytes_of(log.head)}")
        lines.digest.update(head_bytes(UUID(log.job), log.seq, log.head))
        _assign(lines, log.job, log.first, whose)

    def _begin(
        self, log: "_Log", report: str, row: Past, whose: Given, group: Group
    ) -> tuple[int, datetime]:
        """The update that a job begins with; how urgent it is and when it is due."""
        judged, said = self._triage(whose, row.category, 1)
        due = group.head.due or self._due(row, judged.priority, whose)
        assignment = whose.assignment
        changes = events.Reported(
            report=UUID(report),
            category=row.category,
            lat=None if row.place is None else row.place[1],
            lng=None if row.place is None else row.place[0],
            authority=assignment.authority.slug,
            team=whose.holder.slug,
            ward=assignment.ward.code if assignment.ward else None,
            priority=judged.priority,
            due_at=due,
            flags=assignment.flags,
            imported={"source": self.source, "id": row.key},
        ).changes()
        log.add("reported", report, row.created, {**changes, "triage": said})
        return judged.priority, due

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
        judged, said = self._triage(whose, whose.category, number)
        raised = judged.priority < priority
        sooner = raised and not due_is_told
        if sooner:
            due = min(due, self._due(row, judged.priority, whose))
        changes = events.Attached(
            report=UUID(report),
            priority=judged.priority if raised else None,
            due_at=due if sooner else None,
            imported={"source": self.source, "id": row.key},
        ).changes()
        log.add("attached", report, row.created, {**changes, "triage": said})
        return min(priority, judged.priority), due

    def _end(self, log: "_Log", ended: Outcome) -> str:
        """The update that it ends with, if it is not as it began; when it was closed."""
        if ended.closed is not None:
            changes = {"status": ended.status}
            if ended.reason is not None:
                changes["reason"] = ended.reason
            log.add("changed", None, ended.closed, changes)
            return log.last
        if ended.status != "received":
            log.add("changed", None, log.at, {"status": ended.status})
        return NULL

    def _report(self, lines: Lines, row: Past, own: Given, log: "_Log", number: int) -> None:
        report, at, assignment = log.report, log.last, own.assignment
        reporter = NULL
        if row.contact is not None:
            reporter = next(log.ids)
            lines.reporters.append("\t".join((reporter, *map(text_of, row.contact), "{}", at)))
        columns = (
            report,
            reference(number),
            row.category,
            point_of(row.place),
            assignment.authority.id,
            assignment.ward.id if assignment.ward else NULL,
            "{}",
            array_of(assignment.flags),
            reporter,
            bytes_of(token_hash(self.keys.tracking_token(UUID(report)))),
            at,
        )
        lines.reports.append("\t".join(map(str, columns)))
        lines.links.append(f"{report}\t{log.job}\t{at}")
        key = text_of(row.key)
        lines.imported.append(f"{self.source_id}\t{key}\t{report}\t{bytes_of(row.row_hash)}")
        if row.description is not None or row.place_text is not None:
            held = {*screen.held(row.description), *_place_held(row.place_text)}
            words = (text_of(row.description), text_of(row.place_text), array_of(sorted(held)))
            lines.words.append("\t".join((report, *words)))

    def _triage(self, whose: Given, category: str, reports: int) -> tuple[Triage, Any]:
        """How urgent it is with so many reports, and why as JSON; the due time is another's."""
        key = id(whose), category, reports
        known = self._judged.get(key)
        if known is None:
            kind = self.categories[category]
            calendar = whose.assignment.authority.calendar
            judged = triage(kind, {}, _ANY_DAY, calendar, zones=whose.zones, reports=reports)
            known = self._judged[key] = (whose, judged, judged.as_json())
        return known[1], known[2]

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
        made = recorded = utc(at)
        if at <= self.at:
            at = self.at + TICK
            recorded = utc(at)
        actor = f"report:{report}" if report else "system"
        update, previous = next(self.ids), self.head
        self.seq += 1
        self.head = sha256(
            canonical(
                previous,
                job_id=self.job,
                seq=self.seq,
                id=update,
                kind=kind,
                actor=actor,
                made_at=made,
                recorded_at=recorded,
                changes=changes,
                words_hash=None,
            )
        ).digest()
        said = orjson.dumps(changes).decode().replace("\\", "\\\\")
        self._lines.append(
            f"{self.job}\t{self.seq}\t{update}\t{kind}\t{actor}\t{made}\t{recorded}\t{said}"
            f"\t{bytes_of(previous)}\t{bytes_of(self.head)}"
        )
        self.at, self.last = at, recorded
        self.first = self.first or recorded
        if report is not None:
            self.report = report


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
