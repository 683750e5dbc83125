"""Two reports of one hole always share a lock; locks are few and in order."""

from hypothesis import assume, given
from hypothesis import strategies as st

from geo.points import METRES_PER_DEGREE, Point, metres_between
from routing.categories import SHIPPED, read
from routing.duplicates import ACCURACY_COUNTED_M, locks, reach_m

POTHOLE, FLY_TIPPING = read(SHIPPED.read_bytes())

accuracies = st.none() | st.floats(0, 100_000)
places = st.builds(Point, st.floats(-70, 70), st.floats(-179, 179), accuracies)
metres = st.floats(-70, 70)


@given(places, metres, metres, accuracies)
def test_a_place_within_reach_shares_a_lock(place, north, east, accuracy):
    other = Point(
        place.lat + north / METRES_PER_DEGREE, place.lng + east / METRES_PER_DEGREE, accuracy
    )
    assume(metres_between(place, other) <= reach_m(FLY_TIPPING, place))
    assert set(locks(FLY_TIPPING, place)) & set(locks(FLY_TIPPING, other))


@given(places)
def test_locks_are_ascending_and_few(place):
    keys = locks(POTHOLE, place)
    assert keys == sorted(set(keys))
    assert all(-(2**63) <= key < 2**63 for key in keys)
    assert 1 <= len(keys) <= 4


def test_another_category_waits_for_nobody():
    place = Point(51.45, -2.58)
    assert not set(locks(POTHOLE, place)) & set(locks(FLY_TIPPING, place))
    assert locks(POTHOLE, None) == []


def test_an_accuracy_beyond_the_cap_reaches_no_further():
    assert reach_m(POTHOLE, Point(51, 0)) == 10
    assert reach_m(POTHOLE, Point(51, 0, 5)) == 15
    assert reach_m(POTHOLE, Point(51, 0, 100_000)) == 10 + ACCURACY_COUNTED_M
