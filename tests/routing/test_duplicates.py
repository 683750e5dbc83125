"""Two reports of one hole always share a lock; locks are few and in order."""

from hypothesis import given
from hypothesis import strategies as st

from geo.points import METRES_PER_DEGREE, Point, metres_between
from routing.duplicates import ACCURACY_CAP_M, lock_keys, reach_m

places = st.builds(Point, st.floats(-80, 80), st.floats(-179, 179))
metres = st.floats(-60, 60)


@given(places, metres, metres, st.floats(1, 75))
def test_a_place_within_reach_shares_a_lock(place, north, east, reach):
    other = Point(place.lat + north / METRES_PER_DEGREE, place.lng + east / METRES_PER_DEGREE)
    if metres_between(place, other) <= reach:
        assert set(lock_keys("pothole", place, reach)) & set(lock_keys("pothole", other, 1.0))


@given(places, st.floats(1, 100))
def test_locks_are_ascending_and_few(place, reach):
    keys = lock_keys("pothole", place, reach)
    assert keys == sorted(set(keys))
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert len(keys) <= 12


def test_another_category_waits_for_nobody():
    place = Point(51.45, -2.58)
    assert not set(lock_keys("pothole", place, 10)) & set(lock_keys("fly_tipping", place, 10))


def test_an_accuracy_beyond_the_cap_reaches_no_further():
    assert reach_m(10, None) == 10
    assert reach_m(10, 5) == 15
    assert reach_m(10, 100_000) == 10 + ACCURACY_CAP_M
