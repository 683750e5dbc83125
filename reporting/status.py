"""The table of allowed moves of a job, and what a move asks for and does. Pure.

Who may make which move is decided in ``auth``. A status without a reason or date is still a true
statement ("waiting", "scheduled"), so only ``closed`` insists on its reason: a crew that is offline
should not lose an update to a form field.

The clock: ``waiting`` and ``referred`` stop it. When the job goes on, ``due_at`` moves later,
never earlier: how far is for the council's calendar to say (``triage.resumed``), or by exactly the
time it stood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from reporting.errors import Invalid, MoveNotAllowed

OPEN: Final = frozenset({"received", "scheduled", "in_progress", "waiting", "referred"})
CLOSED: Final = frozenset({"fixed", "closed"})
#: The condition of every partial index on open jobs; statements repeat it word for word.
OPEN_CONDITION: Final = "status not in ('fixed', 'closed')"
STATUSES: Final = OPEN | CLOSED

CLOSED_REASONS: Final = (
    "not_found",
    "below_threshold",
    "not_ours",
    "private_land",
    "withdrawn",
    "invalid",
)

#: In place of a reason: all its reports went to another job, where the work goes on. Nobody chooses
#: it and no resident reads it; ``job.merged_into`` names the other.
MERGED: Final = "merged"

#: Status → the statuses it is reached from. A new job begins as ``received``.
REACHED_FROM: Final[dict[str, frozenset[str]]] = {
    "received": STATUSES - {"received"},
    "scheduled": frozenset({"received", "in_progress", "waiting"}),
    "in_progress": frozenset({"received", "scheduled", "waiting"}),
    "waiting": OPEN - {"waiting"},
    "referred": OPEN - {"referred"},
    "fixed": OPEN,
    "closed": OPEN,
}

#: The clock to ``due`` stands still: somebody else has to do something first.
STANDS_STILL: Final = frozenset({"waiting", "referred"})

#: The longest a reason for waiting may be; it is read out on a phone's lock screen.
REASON_LENGTH: Final = 200


#: When a job is due after its clock stood still: from due, stopped at and the end of that.
Resume = Callable[[datetime, datetime, datetime], datetime]


def by_the_clock(due: datetime, stopped: datetime, at: datetime) -> datetime:
    """Later by exactly the time it stood, whatever hours of the day that was."""
    return max(due, due + (at - stopped))


@dataclass(frozen=True, slots=True)
class State:
    """What the machine knows of a job."""

    status: str
    due_at: datetime
    reason: str | None = None
    scheduled_for: datetime | None = None
    clock_stopped_at: datetime | None = None
    reopened: int = 0
    closed_at: datetime | None = None


def allowed(before: str, after: str) -> bool:
    """Whether the table has this move. Staying is no move, and always allowed."""
    return before == after or before in REACHED_FROM[after]


def move(
    state: State,
    *,
    at: datetime,
    status: str | None = None,
    reason: str | None = None,
    scheduled_for: datetime | None = None,
    resume: Resume = by_the_clock,
) -> State:
    """The state after somebody asked for a status, a reason or a date (None: not asked for).

    Raises MoveNotAllowed, or Invalid when a reason or date does not go with the status.
    """
    after = status or state.status
    if after not in STATUSES:
        raise Invalid("There is no such status.")
    if not allowed(state.status, after):
        raise MoveNotAllowed(status_now=state.status, asked=after)
    moved = after != state.status
    due_at, stopped = _clock(state, after, at, resume)
    return State(
        status=after,
        due_at=due_at,
        reason=_reason(after, reason, None if moved else state.reason),
        scheduled_for=_scheduled(after, scheduled_for, None if moved else state.scheduled_for),
        clock_stopped_at=stopped,
        reopened=state.reopened + (state.status in CLOSED and after in OPEN),
        closed_at=(at if moved else state.closed_at) if after in CLOSED else None,
    )


def _reason(after: str, asked: str | None, kept: str | None) -> str | None:
    found = asked if asked is not None else kept
    if after == "closed":
        if found not in CLOSED_REASONS:
            raise Invalid(f"closed needs a reason: {', '.join(CLOSED_REASONS)}.")
    elif asked is not None and after != "waiting":
        raise Invalid("A reason goes with closed or waiting.")
    elif asked is not None and not 0 < len(asked) <= REASON_LENGTH:
        raise Invalid(f"A reason for waiting has 1 to {REASON_LENGTH} characters.")
    return found


def _scheduled(after: str, asked: datetime | None, kept: datetime | None) -> datetime | None:
    if asked is not None and after != "scheduled":
        raise Invalid("scheduled_for goes with scheduled.")
    return asked or kept


def _clock(
    state: State, after: str, at: datetime, resume: Resume
) -> tuple[datetime, datetime | None]:
    if after in STANDS_STILL:
        return state.due_at, state.clock_stopped_at or at
    if state.clock_stopped_at is None:
        return state.due_at, None
    return resume(state.due_at, state.clock_stopped_at, at), None


def overdue(state: State, now: datetime) -> bool:
    """Whether it is ours, open and late. Of a stopped clock, what it showed when it stopped."""
    ours = state.status in OPEN and state.status != "referred"
    return ours and (state.clock_stopped_at or now) > state.due_at
