"""The table of moves, as DESIGN section 5 has it, and the clock that waiting stops."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.errors import Invalid, MoveNotAllowed
from reporting.status import CLOSED, CLOSED_REASONS, OPEN, STATUSES, State, allowed, move, overdue

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DUE = NOON + timedelta(hours=6)

#: Written out from the design's table, not from the code's.
MOVES = {
    "received": {"scheduled", "in_progress", "waiting", "referred", "fixed", "closed"},
    "scheduled": {"received", "in_progress", "waiting", "referred", "fixed", "closed"},
    "in_progress": {"received", "scheduled", "waiting", "referred", "fixed", "closed"},
    "waiting": {"received", "scheduled", "in_progress", "referred", "fixed", "closed"},
    "referred": {"received", "waiting", "fixed", "closed"},
    "fixed": {"received"},
    "closed": {"received"},
}

statuses = st.sampled_from(sorted(STATUSES))
times = st.timedeltas(timedelta(0), timedelta(days=400)).map(NOON.__add__)


def state(status: str = "received", **more: object) -> State:
    reason = "not_found" if status == "closed" else None
    return State(status=status, due_at=DUE, **{"reason": reason, **more})


def ask(before: State, status: str, at: datetime = NOON) -> State:
    return move(before, at=at, status=status, reason="invalid" if status == "closed" else None)


@pytest.mark.parametrize("before", sorted(MOVES))
@pytest.mark.parametrize("after", sorted(MOVES))
def test_every_move_is_as_designed(before: str, after: str) -> None:
    expected = before == after or after in MOVES[before]
    assert allowed(before, after) is expected
    if expected:
        assert ask(state(before), after).status == after
    else:
        with pytest.raises(MoveNotAllowed):
            ask(state(before), after)


@given(st.lists(st.tuples(statuses, times), max_size=30))
def test_no_walk_leaves_the_machine(walk: list[tuple[str, datetime]]) -> None:
    now, reopened = state(), 0
    for status, at in walk:
        if not allowed(now.status, status):
            continue
        reopened += now.status in CLOSED and status in OPEN
        now = ask(now, status, at)
        assert now.status in STATUSES
        assert (now.clock_stopped_at is not None) == (now.status in {"waiting", "referred"})
        assert (now.closed_at is not None) == (now.status in CLOSED)
        assert (now.reason in CLOSED_REASONS) == (now.status == "closed")
        assert now.due_at >= DUE
        assert now.reopened == reopened


@given(times, st.timedeltas(timedelta(0), timedelta(days=90)))
def test_waiting_moves_due_by_exactly_the_time_it_stood(at: datetime, stood: timedelta) -> None:
    waiting = ask(state(), "waiting", at)
    assert waiting.due_at == DUE
    assert ask(waiting, "received", at + stood).due_at == DUE + stood


def test_a_clock_that_reads_earlier_gives_no_time_away() -> None:
    waiting = ask(state(), "waiting", NOON)
    assert ask(waiting, "received", NOON - timedelta(hours=1)).due_at == DUE


def test_waiting_longer_for_another_reason_does_not_start_the_clock_again() -> None:
    waiting = move(state(), at=NOON, status="waiting", reason="parts")
    still = move(waiting, at=NOON + timedelta(hours=2), status="waiting", reason="a permit")
    assert (still.reason, still.clock_stopped_at) == ("a permit", NOON)


def test_closed_needs_one_of_its_reasons() -> None:
    for reason in (None, "", "fixed", "because"):
        with pytest.raises(Invalid):
            move(state(), at=NOON, status="closed", reason=reason)
    for reason in CLOSED_REASONS:
        assert move(state(), at=NOON, status="closed", reason=reason).reason == reason


def test_a_reason_or_date_goes_only_with_its_status() -> None:
    with pytest.raises(Invalid):
        move(state(), at=NOON, status="fixed", reason="not_found")
    with pytest.raises(Invalid):
        move(state(), at=NOON, status="in_progress", scheduled_for=NOON)
    planned = move(state(), at=NOON, status="scheduled", scheduled_for=NOON)
    assert planned.scheduled_for == NOON
    assert ask(planned, "in_progress").scheduled_for is None


def test_there_is_no_other_status() -> None:
    with pytest.raises(Invalid):
        move(state(), at=NOON, status="done")


def test_late_is_what_is_ours_open_and_past_its_due() -> None:
    late = DUE + timedelta(seconds=1)
    assert {each for each in STATUSES if overdue(state(each), late)} == {
        "received",
        "scheduled",
        "in_progress",
        "waiting",
    }
    assert not any(overdue(state(each), DUE) for each in STATUSES)
    assert not overdue(state("waiting", clock_stopped_at=NOON), late)
