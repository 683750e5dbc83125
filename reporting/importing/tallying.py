"""What became of the rows of a dump, counted. Pure."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from reporting.importing.given import Placed
from reporting.importing.grouping import Group
from reporting.importing.mapping import DUPLICATE
from reporting.importing.reading import Past, Rejected, comparable


@dataclass
class Tally:
    """Counts of a run, or of what a run would do."""

    rows: int = 0
    #: Taken over before, by this run or another, and the same since.
    known: int = 0
    reports: int = 0
    jobs: int = 0
    updates: int = 0
    categories: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    teams: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: agree, differ, not_told, in_none: the ward they wrote down beside the polygon's.
    wards: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    #: What had to be chosen; see ``clocks`` and ``reading``.
    notes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    #: Of words that the map does not know: which, by reason.
    words: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    first: datetime | None = None
    last: datetime | None = None

    def reject(self, row: Rejected) -> None:
        """A row that is not taken over."""
        self.rejected[row.reason] += 1
        if row.word is not None:
            self.words[row.reason][row.word] += 1

    def take(self, row: Placed) -> None:
        """A row that is."""
        past, assignment = row.past, row.given.assignment
        self.reports += 1
        self.categories[past.category] += 1
        self.teams[assignment.authority.slug, row.given.holder.slug] += 1
        if assignment.flags:
            self.flags.update(assignment.flags)
        if past.notes:
            self.notes.update(past.notes)
        self.wards[_agreement(row)] += 1
        self.first = past.created if self.first is None else min(self.first, past.created)
        self.last = past.created if self.last is None else max(self.last, past.created)

    def take_job(self, group: Group, status: str) -> None:
        """A job that came of some rows."""
        self.jobs += 1
        self.statuses[status] += 1
        if len(group.rows) > 1:
            self.notes["joined"] += len(group.rows) - 1
        elif group.head.status == DUPLICATE:
            self.notes["lone_duplicate"] += 1

    def touch(self, past: Past) -> None:
        """A row that was taken over before."""
        self.known += 1
        self.first = past.created if self.first is None else min(self.first, past.created)
        self.last = past.created if self.last is None else max(self.last, past.created)

    @property
    def refused(self) -> int:
        """All that were not taken over, and not before either."""
        return sum(self.rejected.values())


def _agreement(row: Placed) -> str:
    if row.past.ward is None:
        return "not_told"
    ward = row.given.assignment.ward
    if ward is None:
        return "in_none"
    same = row.past.ward in {comparable(ward.code), comparable(ward.name)}
    return "agree" if same else "differ"
