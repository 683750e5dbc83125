"""What one more report makes of a job's priority. Pure.

More reports may raise a priority, never lower it; and one that a person set is left as it is until
the job is corrected, though its update says what the reports would make of it now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from reporting.reports.values import NewReport
from routing.rulebook import Rules
from routing.triage import Zone, resumed, triage, worst


class Joined(Protocol):
    """What counts of the open job that a report joins."""

    authority_id: int
    category: str
    answers: Mapping[str, Any] | None
    #: What the reports that stand on it said, each once.
    told: Sequence[Mapping[str, Any]]
    reports: int
    priority: int
    priority_by_hand: bool
    due_at: datetime
    clock_stopped_at: datetime | None


@dataclass(frozen=True, slots=True)
class Raised:
    """The job's priority and clock with the report among the others, and why."""

    priority: int
    due_at: datetime
    clock_stopped_at: datetime | None
    triage: dict[str, Any]


def raise_(
    job: Joined, new: NewReport, rules: Rules, zones: Sequence[Zone], now: datetime
) -> Raised:
    """Judge it by what each of so many reports said, and by what this one says."""
    category = rules.categories[job.category]
    calendar = rules.authorities[job.authority_id].calendar
    # What is answered to another category's questions says nothing here.
    own = [new.answers] if new.category == job.category else []
    told = [job.answers or {}, *job.told, *own]
    judged = worst(
        triage(category, answers, now, calendar, zones=zones, reports=job.reports + 1)
        for answers in told
    )
    if judged.priority >= job.priority:
        return Raised(job.priority, job.due_at, job.clock_stopped_at, judged.as_json())
    if job.priority_by_hand:
        kept = {**judged.as_json(), "stays": True}
        return Raised(job.priority, job.due_at, job.clock_stopped_at, kept)
    due_at, stopped = job.due_at, job.clock_stopped_at
    if stopped is not None:  # the new time begins now, though the clock stands still
        due_at = resumed(category, job.priority, calendar, due=due_at, stopped=stopped, at=now)
        stopped = now
    return Raised(judged.priority, min(judged.due_at, due_at), stopped, judged.as_json())
