"""How urgent a job is when another is merged into it. Pure.

More reports may raise a priority, never lower it, and what was promised for either job is kept: the
earlier due time counts. A priority that a person set on the job that stays is left as it is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reporting import chain
from reporting.events import priority_code
from reporting.jobs.rows import LockedJob
from routing import triage
from routing.rulebook import Rules


@dataclass(frozen=True, slots=True)
class Urgency:
    """The priority and clock of a job."""

    priority: int
    priority_by_hand: bool
    due_at: datetime
    clock_stopped_at: datetime | None

    @classmethod
    def of(cls, row: LockedJob) -> "Urgency":
        """As the job stands."""
        return cls(row.priority, row.priority_by_hand, row.due_at, row.clock_stopped_at)

    def changes(self, before: "Urgency") -> dict[str, Any]:
        """What differs, in the forms of ``events``."""
        found: dict[str, Any] = {}
        if self.priority != before.priority:
            found["priority"] = priority_code(self.priority)
        if self.due_at != before.due_at:
            found["due_at"] = chain.utc(self.due_at)
        return found


def combined(
    source: LockedJob, target: LockedJob, judged: triage.Triage, rules: Rules, at: datetime
) -> Urgency:
    """Of the job that stays, with the reports of both. ``judged`` is what all of them say."""
    theirs, own = Urgency.of(source), Urgency.of(target)
    if own.priority_by_hand:
        return own
    priority = min(own.priority, theirs.priority, judged.priority)
    promised = [_due(source, rules, at)]
    if judged.priority == priority < own.priority:
        promised.append(judged.due_at)
    if priority == own.priority and min(promised) >= own.due_at:
        return own
    by_hand = theirs.priority_by_hand and priority == theirs.priority < own.priority
    stopped = own.clock_stopped_at and at  # what is new begins now, though the clock stands still
    return Urgency(priority, by_hand, min(_due(target, rules, at), *promised), stopped)


def _due(row: LockedJob, rules: Rules, at: datetime) -> datetime:
    """When it is due, if its clock went on now."""
    if row.clock_stopped_at is None:
        return row.due_at
    return triage.resumed(
        rules.categories[row.category],
        row.priority,
        rules.authorities[row.authority_id].calendar,
        due=row.due_at,
        stopped=row.clock_stopped_at,
        at=at,
    )
