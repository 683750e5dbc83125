"""Which coordinates are places, and what the others probably were."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from geo.errors import LooksLikeGridReference, NotAPlace, NullIsland
from geo.points import Point, check_point, degrees_around, metres_between


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_degrees_are_taken_as_they_are(lat: float, lng: float):
    if (lat, lng) == (0, 0):
        return
    place = check_point(lat, lng)
    assert (place.lat, place.lng) == (lat, lng)
    assert math.copysign(1, place.lat) == 1 or place.lat < 0  # no minus nought


@pytest.mark.parametrize(
    ("lat", "lng"),
    [(math.nan, 0), (0, math.inf), (-math.inf, 3), (90.1, 0), (0, 180.5), (1e308, 1e308)],
)
def test_what_is_no_place(lat, lng):
    with pytest.raises(NotAPlace):
        check_point(lat, lng)


def test_the_middle_of_nowhere():
    with pytest.raises(NullIsland):
        check_point(0.0, -0.0)


@given(st.floats(1_000, 700_000), st.floats(1_000, 1_300_000))
def test_grid_metres_are_recognised_either_way_round(easting: float, northing: float):
    for lat, lng in ((northing, easting), (easting, northing)):
        with pytest.raises(LooksLikeGridReference):
            check_point(lat, lng)


@pytest.mark.parametrize("accuracy", [-1, 100_001, math.nan, math.inf])
def test_an_accuracy_is_a_radius(accuracy):
    with pytest.raises(NotAPlace, match="accuracy_m"):
        check_point(52, -1, accuracy)


@given(
    st.floats(-80, 80),
    st.floats(-179, 179),
    st.floats(0.1, 5000),
    st.floats(0, 360),
)
def test_boxes_and_distances_agree_with_the_ellipsoid(lat, lng, metres, turn):
    east, north, _ = Geod(ellps="WGS84").fwd(lng, lat, turn, metres)
    here, there = Point(lat, lng), Point(north, east)
    assert metres_between(here, there) == pytest.approx(metres, rel=0.006)
    width, height = degrees_around(lat, metres)
    # Half a per cent is the sphere's share; the box is for finding, the database decides.
    assert abs(north - lat) <= height * 1.007
    assert abs(east - lng) <= width * 1.02


def test_an_accuracy_of_less_than_a_millimetre_is_none() -> None:
    """PostgreSQL refuses to divide numbers as small as floats may be."""
    assert check_point(52.0, -1.0, 5e-324).accuracy_m == 0.0
    assert check_point(52.0, -1.0, 0.5).accuracy_m == 0.5
