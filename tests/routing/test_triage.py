"""Risk gives the priority, the priority the due time, by the council's own calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.categories import SHIPPED, Category, read
from routing.triage import due_at, is_working_day, priority_of, risk, triage

LONDON = "Europe/London"
POTHOLE, FLY_TIPPING = read(SHIPPED.read_bytes())


def due(text, priority, zone=LONDON, category=POTHOLE):
    at = datetime.fromisoformat(text)
    return due_at(category, priority, at, zone).astimezone(ZoneInfo(zone)).isoformat()


@pytest.mark.parametrize(
    ("answers", "priority"),
    [
        ({"where": "pavement", "depth": "under_4cm"}, 4),
        ({"where": "carriageway", "depth": "under_4cm"}, 4),
        ({"where": "carriageway", "depth": "4_to_7cm"}, 3),
        ({"where": "carriageway", "depth": "over_7cm"}, 2),
        ({"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}, 1),
        ({"where": "crossing", "depth": "over_7cm"}, 1),
        ({}, 4),
    ],
)
def test_the_answers_move_the_priority(answers, priority):
    at = datetime(2026, 3, 2, tzinfo=UTC)
    assert triage(POTHOLE, answers, at, LONDON).priority == priority


def test_the_matrix_of_the_code_of_practice():
    matrix = [
        [priority_of(impact, likelihood) for likelihood in (1, 2, 3, 4)] for impact in (1, 2, 3, 4)
    ]
    assert matrix == [[4, 4, 4, 3], [4, 3, 3, 2], [4, 3, 2, 1], [3, 2, 1, 1]]


def test_moves_never_leave_the_scale():
    worst = {"size": "multi_load", "waste": "asbestos", "land": "highway"}
    assert risk(FLY_TIPPING, worst) == (4, 4)


@pytest.mark.parametrize(
    ("reported", "priority", "expected"),
    [
        ("2026-11-23T15:00Z", 1, "2026-11-23T17:00:00+00:00"),
        ("2026-11-23T23:30Z", 1, "2026-11-24T01:30:00+00:00"),  # emergencies know no closing time
        ("2026-11-23T15:00Z", 2, "2026-11-24T17:00:00+00:00"),
        ("2026-11-27T15:00Z", 2, "2026-11-30T17:00:00+00:00"),  # Friday → Monday
        ("2026-12-24T09:00Z", 2, "2026-12-29T17:00:00+00:00"),  # Christmas, Boxing Day observed
        ("2026-04-02T09:00Z", 2, "2026-04-07T17:00:00+01:00"),  # Good Friday, Easter Monday
        ("2026-11-23T15:00Z", 3, "2026-11-30T17:00:00+00:00"),
        ("2026-12-21T15:00Z", 3, "2026-12-29T17:00:00+00:00"),  # seven days on is a bank holiday
        ("2026-11-23T15:00Z", 4, "2026-12-21T17:00:00+00:00"),
    ],
)
def test_due_by_the_working_calendar(reported, priority, expected):
    assert due(reported, priority) == expected


def test_two_hours_are_two_hours_when_the_clocks_change():
    # 2026-10-25: 01:30 British Summer Time comes before the repeated hour.
    assert due("2026-10-25T00:30Z", 1) == "2026-10-25T02:30:00+00:00"
    assert due("2026-03-29T00:30Z", 1) == "2026-03-29T03:30:00+01:00"


def test_closing_time_is_local_on_both_sides_of_the_change():
    assert due("2026-10-23T12:00Z", 2) == "2026-10-26T17:00:00+00:00"
    assert due("2026-03-27T12:00Z", 2) == "2026-03-30T17:00:00+01:00"


def test_the_day_of_a_report_is_the_authority_s_own():
    # 03:00 UTC on the 9th is still the 8th, a Wednesday, in Washington.
    assert due("2026-07-09T03:00Z", 2, "America/New_York") == "2026-07-09T17:00:00-04:00"
    assert due("2026-07-02T16:00Z", 2, "America/New_York") == "2026-07-06T17:00:00-04:00"


def test_a_category_has_its_own_response_times():
    assert due("2026-11-23T15:00Z", 4, category=FLY_TIPPING) == "2026-11-30T17:00:00+00:00"


# hypothesis wants them naive and adds the zone itself
instants = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001
    datetime(2032, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
zones = st.sampled_from([LONDON, "America/New_York", "Asia/Kolkata"])
withins = st.one_of(
    st.builds(lambda n: {"hours": n}, st.integers(1, 400)),
    st.builds(lambda n: {"working_days": n}, st.integers(1, 20)),
    st.builds(lambda n: {"days": n}, st.integers(1, 40)),
)


@given(instants, zones, st.fixed_dictionaries({f"P{n}": withins for n in (1, 2, 3, 4)}))
def test_the_less_urgent_is_never_due_before_the_more_urgent(at, zone, response):
    category = Category.model_validate({**POTHOLE.definition(), "response": response})
    dues = [due_at(category, priority, at, zone) for priority in (1, 2, 3, 4)]
    assert dues == sorted(dues)
    assert dues[0] > at


@given(instants, zones, st.integers(2, 4))
def test_work_that_can_wait_is_due_at_closing_time_of_a_working_day(at, zone, priority):
    local = due_at(POTHOLE, priority, at, zone).astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (17, 0)
    assert is_working_day(local.date(), zone)


@given(instants, st.integers(1, 4))
def test_a_later_report_is_never_due_earlier(at, priority):
    later = at + timedelta(hours=7)
    assert due_at(POTHOLE, priority, at, LONDON) <= due_at(POTHOLE, priority, later, LONDON)


def test_bank_holidays_are_no_working_days():
    assert not is_working_day(date(2026, 12, 25), LONDON)
    assert not is_working_day(date(2026, 12, 28), LONDON)  # Boxing Day, moved from Saturday
    assert is_working_day(date(2026, 12, 28), "Asia/Kolkata")
    assert not is_working_day(date(2026, 7, 3), "America/New_York")
