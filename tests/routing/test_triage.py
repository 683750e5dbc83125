"""Risk gives the priority, the priority the due time, by the council's own calendar."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from routing.calendars import Calendar, is_known
from routing.categories import SHIPPED, Category, read
from routing.triage import (
    NEAR,
    Zone,
    due_at,
    near,
    priority_of,
    resumed,
    sentence,
    start_by,
    triage,
)

LONDON = Calendar("Europe/London")
SCOTLAND = Calendar("Europe/London", "GB-SCT")
NEW_YORK = Calendar("America/New_York")
KOLKATA = Calendar("Asia/Kolkata")
POTHOLE, FLY_TIPPING = read(SHIPPED.read_bytes())
MARCH = datetime(2026, 3, 2, tzinfo=UTC)
SCHOOL = Zone("school", "SCH1", "Abbey School", 80)
FAR_SCHOOL = Zone("school", "SCH2", "Hill School", 101)
TRUNK_ROAD = Zone("trunk_road", "A1900", "A1900", 0)


def due(text, priority, calendar=LONDON, category=POTHOLE):
    at = datetime.fromisoformat(text)
    return local(due_at(category, priority, at, calendar), calendar)


def local(at, calendar=LONDON):
    return at.astimezone(ZoneInfo(calendar.timezone)).isoformat()


def judged(answers, category=POTHOLE, **more):
    return triage(category, answers, MARCH, LONDON, **more)


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
    assert judged(answers).priority == priority


def test_the_matrix_of_the_code_of_practice():
    matrix = [
        [priority_of(impact, likelihood) for likelihood in (1, 2, 3, 4)] for impact in (1, 2, 3, 4)
    ]
    assert matrix == [[4, 4, 4, 3], [4, 3, 3, 2], [4, 3, 2, 1], [3, 2, 1, 1]]


def test_moves_never_leave_the_scale():
    worst = {"size": "multi_load", "waste": "asbestos", "land": "highway"}
    found = judged(worst, FLY_TIPPING)
    assert (found.impact, found.likelihood) == (4, 4)


DEEP = {"where": "carriageway", "depth": "4_to_7cm"}


@pytest.mark.parametrize(
    ("zones", "reports", "risk"),
    [
        ((), 1, (2, 3)),
        ((SCHOOL,), 1, (2, 4)),
        ((FAR_SCHOOL,), 1, (2, 3)),
        # Two schools are no more people than one; of them, the nearer is named.
        ((FAR_SCHOOL, SCHOOL, Zone("school", "SCH3", "Lane School", 20)), 1, (2, 4)),
        ((TRUNK_ROAD,), 1, (3, 3)),
        # A trunk road counts where it is, not beside it.
        ((Zone("trunk_road", "A1900", "A1900", 3),), 1, (2, 3)),
        ((), 2, (2, 3)),
        ((), 3, (2, 4)),
        ((TRUNK_ROAD, SCHOOL), 5, (3, 4)),
    ],
)
def test_zones_and_the_number_of_reports_move_the_risk(zones, reports, risk):
    found = judged(DEEP, zones=zones, reports=reports)
    assert (found.impact, found.likelihood) == risk


def test_why_is_data_and_a_sentence():
    found = judged(DEEP, zones=(SCHOOL, TRUNK_ROAD), reports=3)
    assert found.as_json() == {
        "impact": 3,
        "likelihood": 4,
        "moves": [
            {"question": "where", "answer": "carriageway", "likelihood": 1},
            {"question": "depth", "answer": "4_to_7cm", "impact": 1},
            {
                "zone_type": "trunk_road",
                "zone": "A1900",
                "name": "A1900",
                "distance_m": 0,
                "impact": 1,
            },
            {
                "zone_type": "school",
                "zone": "SCH1",
                "name": "Abbey School",
                "distance_m": 80,
                "likelihood": 1,
            },
            {"reports": 3, "likelihood": 1},
        ],
    }
    assert sentence(found.as_json()) == (
        "Impact 3 and likelihood 4 of 4 make it P1, because of: where: carriageway (likelihood +1);"
        " depth: 4 to 7cm (impact +1); in A1900, trunk road (impact +1);"
        " 80 m from Abbey School, school (likelihood +1); 3 people reported it (likelihood +1)."
    )
    assert sentence(judged({}).as_json() | {"stays": True}) == (
        "Impact 1 and likelihood 2 of 4 make it P4, as for any of its kind."
        " A person set another priority, which stays."
    )


def test_a_number_is_kept_as_the_bound_it_passed_and_yes_as_yes():
    category = Category.model_validate(
        {
            "code": "flood",
            "name": "Flood",
            "questions": [
                {"code": "depth_cm", "label": "How deep?", "kind": "number"},
                {"code": "indoors", "label": "In a house?", "kind": "bool"},
            ],
            "risk": {
                "impact": 1,
                "likelihood": 1,
                "moves": [
                    {"question": "depth_cm", "at_least": 10, "impact": 1},
                    {"question": "indoors", "is": [True], "impact": 2},
                    {"zone": "SCH1", "within_m": 90, "likelihood": 1},
                ],
            },
            "radius_m": 10,
        }
    )
    assert category.risk.reach_m == 90
    found = judged({"depth_cm": 12.5, "indoors": True}, category, zones=(SCHOOL,)).as_json()
    assert found["moves"][0] == {"question": "depth_cm", "at_least": 10, "impact": 1}
    assert "depth cm at least 10 (impact +1); indoors: yes (impact +2)" in sentence(found)
    assert judged({"depth_cm": 9, "indoors": False}, category).moves == ()


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
    assert due("2026-07-09T03:00Z", 2, NEW_YORK) == "2026-07-09T17:00:00-04:00"
    assert due("2026-07-02T16:00Z", 2, NEW_YORK) == "2026-07-06T17:00:00-04:00"


def test_a_category_has_its_own_response_times():
    assert due("2026-11-23T15:00Z", 4, category=FLY_TIPPING) == "2026-11-30T17:00:00+00:00"


@pytest.mark.parametrize(
    ("calendar", "reported", "expected"),
    [
        # Easter Monday is none in Scotland.
        ("GB-ENG", "2026-04-02T09:00Z", "2026-04-07"),
        ("GB-WLS", "2026-04-02T09:00Z", "2026-04-07"),
        ("GB-SCT", "2026-04-02T09:00Z", "2026-04-06"),
        # 2 January is one in Scotland, and in 2026 a Friday.
        ("GB-ENG", "2025-12-31T09:00Z", "2026-01-02"),
        ("GB-SCT", "2025-12-31T09:00Z", "2026-01-05"),
        # The summer holiday: the first Monday of August there, the last here.
        ("GB-SCT", "2026-07-31T09:00Z", "2026-08-04"),
        ("GB-ENG", "2026-07-31T09:00Z", "2026-08-03"),
        ("GB-ENG", "2026-08-28T09:00Z", "2026-09-01"),
        ("GB-SCT", "2026-08-28T09:00Z", "2026-08-31"),
        # St Patrick's day and the Battle of the Boyne (a Sunday in 2026, so kept on the Monday).
        ("GB-NIR", "2026-03-16T09:00Z", "2026-03-18"),
        ("GB-ENG", "2026-03-16T09:00Z", "2026-03-17"),
        ("GB-NIR", "2026-07-10T09:00Z", "2026-07-14"),
        # A leap day is a day like others.
        ("GB-ENG", "2028-02-28T09:00Z", "2028-02-29"),
        ("GB-ENG", "2028-02-29T09:00Z", "2028-03-01"),
    ],
)
def test_each_country_keeps_its_own_holidays(calendar, reported, expected):
    found = due(reported, 2, Calendar("Europe/London", calendar))
    assert found[:10] == expected


def test_a_calendar_is_named_as_iso_has_it():
    assert all(map(is_known, ("GB-ENG", "GB-WLS", "GB-SCT", "GB-NIR", "GB", "IE", "US-NY")))
    assert not any(map(is_known, ("", "GB-ABC", "Scotland", "gb-sct", "GB-")))


def test_28_days_over_a_leap_day_are_28_days():
    assert due("2028-02-07T09:00Z", 4)[:10] == "2028-03-06"
    assert due("2027-02-08T09:00Z", 4)[:10] == "2027-03-08"


# hypothesis wants them naive and adds the zone itself
instants = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001
    datetime(2032, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
calendars = st.sampled_from(
    [LONDON, SCOTLAND, Calendar("Europe/London", "GB-NIR"), NEW_YORK, KOLKATA]
)
priorities = st.integers(1, 4)
withins = st.one_of(
    st.builds(lambda n: {"hours": n}, st.integers(1, 400)),
    st.builds(lambda n: {"working_days": n}, st.integers(1, 20)),
    st.builds(lambda n: {"days": n}, st.integers(1, 40)),
)
responses = st.fixed_dictionaries({f"P{n}": withins for n in (1, 2, 3, 4)})
stretches = st.timedeltas(timedelta(0), timedelta(days=60))


@given(instants, calendars, responses)
def test_the_less_urgent_is_never_due_before_the_more_urgent(at, calendar, response):
    category = Category.model_validate({**POTHOLE.definition(), "response": response})
    dues = [due_at(category, priority, at, calendar) for priority in (1, 2, 3, 4)]
    assert dues == sorted(dues)
    assert dues[0] > at


answers = st.fixed_dictionaries(
    {},
    optional={
        question.code: st.sampled_from(sorted(question.choice_codes))
        for question in POTHOLE.questions
    },
)
zones = st.lists(
    st.builds(
        Zone,
        st.sampled_from(["school", "hospital", "trunk_road", "park"]),
        st.sampled_from(["A", "B"]),
        st.just("Somewhere"),
        st.floats(0, 500),
    ),
    max_size=4,
)


@given(answers, zones, st.integers(1, 50), st.integers(1, 50))
def test_more_reports_never_lower_a_priority(answers, zones, few, more):
    assume(few <= more)
    before, after = (judged(answers, zones=zones, reports=count) for count in (few, more))
    assert after.priority <= before.priority
    assert after.due_at <= before.due_at


@given(answers, zones, st.integers(1, 50))
def test_the_sentence_names_the_priority_it_came_to(answers, zones, reports):
    found = judged(answers, zones=zones, reports=reports)
    assert f"make it P{found.priority}" in sentence(found.as_json())


@given(instants, calendars, st.integers(2, 4))
def test_work_that_can_wait_is_due_at_closing_time_of_a_working_day(at, calendar, priority):
    assert_closing(due_at(POTHOLE, priority, at, calendar), calendar)


def assert_closing(at, calendar):
    there = at.astimezone(ZoneInfo(calendar.timezone))
    assert there.time() == time(17)
    assert calendar.is_working_day(there.date())


@given(instants, calendars, priorities)
def test_a_later_report_is_never_due_earlier(at, calendar, priority):
    later = at + timedelta(hours=7)
    assert due_at(POTHOLE, priority, at, calendar) <= due_at(POTHOLE, priority, later, calendar)


def test_bank_holidays_are_no_working_days():
    assert not LONDON.is_working_day(date(2026, 12, 25))
    assert not LONDON.is_working_day(date(2026, 12, 28))  # Boxing Day, moved from Saturday
    assert KOLKATA.is_working_day(date(2026, 12, 28))
    assert not NEW_YORK.is_working_day(date(2026, 7, 3))


@given(instants, calendars, st.timedeltas(timedelta(0), timedelta(hours=200)))
def test_working_time_is_counted_alike_forwards_and_between(at, calendar, work):
    later = calendar.after(at, work)
    assert later >= at
    assert calendar.worked(at, later) == work


@given(instants, calendars, stretches, stretches)
def test_working_time_adds_up_and_never_runs_faster_than_the_clock(at, calendar, one, two):
    middle, end = at + one, at + one + two
    parts = calendar.worked(at, middle) + calendar.worked(middle, end)
    assert parts == calendar.worked(at, end) <= one + two


def stood(text_due, text_stopped, text_at, priority=3, category=POTHOLE):
    moments = (datetime.fromisoformat(text) for text in (text_due, text_stopped, text_at))
    due_then, stopped, at = moments
    return local(resumed(category, priority, LONDON, due=due_then, stopped=stopped, at=at))


@pytest.mark.parametrize(
    ("stopped", "at", "expected"),
    [
        # Due on Monday 30 November at 17:00.
        ("2026-11-24T10:00Z", "2026-11-24T13:13Z", "2026-12-01T17:00:00+00:00"),
        ("2026-11-24T10:00Z", "2026-11-25T10:00Z", "2026-12-01T17:00:00+00:00"),
        ("2026-11-24T10:00Z", "2026-11-25T10:01Z", "2026-12-02T17:00:00+00:00"),
        # In the night, and over a week-end, nobody would have worked.
        ("2026-11-24T18:00Z", "2026-11-25T08:30Z", "2026-11-30T17:00:00+00:00"),
        ("2026-11-27T17:00Z", "2026-11-30T09:00Z", "2026-11-30T17:00:00+00:00"),
        # Stopped late on the last day: a whole hour is left on the day it goes on.
        ("2026-11-30T16:00Z", "2026-12-04T10:00Z", "2026-12-04T17:00:00+00:00"),
        ("2026-11-30T10:00Z", "2026-12-04T16:00Z", "2026-12-07T17:00:00+00:00"),
        # Over Christmas: 25 and 28 December 2026 are holidays.
        ("2026-11-30T09:00Z", "2026-12-24T09:00Z", "2026-12-24T17:00:00+00:00"),
        ("2026-11-27T09:00Z", "2026-12-24T09:00Z", "2026-12-29T17:00:00+00:00"),
        # Late by an hour of work when it stopped, late when it goes on.
        ("2026-12-01T10:00Z", "2026-12-01T16:00Z", "2026-11-30T17:00:00+00:00"),
        ("2026-12-01T10:00Z", "2026-12-03T10:00Z", "2026-12-02T17:00:00+00:00"),
    ],
)
def test_days_stand_still_in_working_time(stopped, at, expected):
    assert stood("2026-11-30T17:00Z", stopped, at) == expected


def test_hours_stand_still_by_the_clock():
    due_then = "2026-11-23T17:00Z"
    assert stood(due_then, "2026-11-23T16:00Z", "2026-11-23T20:30Z", priority=1) == (
        "2026-11-23T21:30:00+00:00"
    )


@given(instants, calendars, st.integers(2, 4), stretches, stretches)
def test_a_clock_that_stood_leaves_the_working_time_there_was(at, calendar, priority, one, two):
    due_then = due_at(POTHOLE, priority, at, calendar)
    stopped, on = at + one, at + one + two
    found = resumed(POTHOLE, priority, calendar, due=due_then, stopped=stopped, at=on)
    assert found >= due_then
    assert_closing(found, calendar)
    if stopped < due_then:
        left = calendar.worked(stopped, due_then)
        now_left = calendar.worked(on, found)
        assert left <= now_left < left + timedelta(hours=8)
    else:
        assert found <= on or not calendar.worked(stopped, on)


@given(instants, calendars, priorities, stretches, stretches, stretches)
def test_who_waits_longer_is_never_due_earlier(at, calendar, priority, one, two, three):
    due_then = due_at(POTHOLE, priority, at, calendar)
    stopped = at + one
    first, second = (
        resumed(POTHOLE, priority, calendar, due=due_then, stopped=stopped, at=stopped + stood)
        for stood in (two, two + three)
    )
    assert first <= second


@pytest.mark.parametrize(
    ("reported", "priority", "expected"),
    [
        ("2026-11-23T15:00Z", 1, "2026-11-23T16:30:00+00:00"),
        ("2026-11-23T15:00Z", 2, "2026-11-24T13:00:00+00:00"),
        ("2026-11-27T15:00Z", 2, "2026-11-30T13:00:00+00:00"),
        ("2026-11-23T15:00Z", 3, "2026-11-27T15:00:00+00:00"),
        ("2026-11-23T15:00Z", 4, "2026-12-17T13:00:00+00:00"),
        # Due after Easter: the supervisor hears of it before.
        ("2026-03-31T09:00Z", 3, "2026-04-02T15:00:00+01:00"),
    ],
)
def test_due_is_near_while_there_is_work_to_be_done_in_what_is_left(reported, priority, expected):
    found = due_at(POTHOLE, priority, datetime.fromisoformat(reported), LONDON)
    moment = datetime.fromisoformat(expected)
    assert near(POTHOLE, priority, LONDON, moment) >= found
    assert near(POTHOLE, priority, LONDON, moment - timedelta(minutes=1)) < found


def test_an_emergency_is_started_within_half_an_hour_or_half_its_time():
    at = datetime(2026, 11, 23, 15, tzinfo=UTC)
    hour = Category.model_validate({**POTHOLE.definition(), "response": {"P1": {"hours": 1}}})
    day = Category.model_validate(
        {**POTHOLE.definition(), "response": {"P1": {"working_days": 1}, "P2": {"days": 3}}}
    )
    for category, after in (
        (POTHOLE, timedelta(minutes=30)),
        (hour, timedelta(minutes=30)),
        (day, timedelta(hours=18, minutes=30)),  # half an hour into the next working day
    ):
        found = due_at(category, 1, at, LONDON)
        assert start_by(category, LONDON, at + after) >= found
        assert start_by(category, LONDON, at + after - timedelta(minutes=1)) < found


@given(instants, calendars, priorities)
def test_near_looks_ahead_and_only_so_far(now, calendar, priority):
    assert now < near(POTHOLE, priority, calendar, now)
    assert near(POTHOLE, priority, calendar, now) <= due_at(POTHOLE, priority, now, calendar)
    assert set(NEAR) == {1, 2, 3, 4}
