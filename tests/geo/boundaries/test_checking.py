"""What is wrong with polygons, and what a repair does about it."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate

from geo.boundaries.checking import examine
from geo.boundaries.measuring import array_of, enclosed, square_metres, wider_than, width
from tests.support.shapes import SOUTH, STEP, WEST, feature, features, square

#: A metre, in degrees at the squares' latitude.
METRE_EAST = 1 / 68_680
METRE_NORTH = 1 / 111_260


def check(shapes: dict[str, shapely.Geometry], **how):
    return examine(features(shapes), **how)


def test_a_clean_file_has_nothing_to_say():
    examination = check({"W1": square(0), "W2": square(1), "W3": square(0, 1)})
    assert examination.findings.clean
    assert examination.repairs == ()
    assert examination.findings.overlaps == examination.findings.gaps == ()
    assert examination.findings.area_m2 == pytest.approx(3 * 0.01**2 * 68_680 * 111_260, rel=1e-3)


def test_a_bow_tie_is_invalid_and_its_repair_moves_ground():
    bow = shapely.Polygon(
        [(WEST, SOUTH), (WEST + STEP, SOUTH + STEP), (WEST + STEP, SOUTH), (WEST, SOUTH + STEP)]
    )
    examination = check({"W1": bow})
    (invalid,) = examination.findings.invalid
    assert invalid.label == "W1 Ward W1"
    assert invalid.reason.startswith("Self-intersection")
    (repair,) = examination.repairs
    # Its two lobes cancel out before, and count afterwards.
    assert repair.moved_m2 == pytest.approx(0.5 * 0.01**2 * 68_680 * 111_260, rel=1e-3)
    assert examination.repaired[0].geom.is_valid


def test_a_ring_that_touches_itself_is_repaired_without_moving_anything():
    west = shapely.Polygon([(0, 0), (4, 0), (4, 4), (2, 4), (3, 2), (1, 2), (2, 4), (0, 4), (0, 0)])
    west = shapely.transform(west, lambda xy: xy * STEP + (WEST, SOUTH))
    examination = check({"W1": west})
    assert len(examination.findings.invalid) == 1
    assert examination.repairs[0].moved_m2 < 1


def test_a_polygon_without_area_is_beyond_repair():
    line = shapely.Polygon([(WEST, SOUTH), (WEST + STEP, SOUTH), (WEST, SOUTH)])
    assert check({"W1": line}).findings.beyond_repair == (
        "W1 Ward W1 is a polygon without any area.",
    )


def test_every_ward_twice_is_kept_once():
    twice = [*features({"W1": square(0), "W2": square(1)}), feature("W1", square(0), row=3)]
    examination = examine(twice)
    (repeated,) = examination.findings.repeated
    assert (repeated.rows, repeated.same_polygon) == ((1, 3), True)
    assert [each.code for each in examination.repaired] == ["W1", "W2"]
    assert examination.repairs[0].moved_m2 == 0
    assert examination.findings.overlaps == ()


def test_a_ward_published_in_pieces_is_made_one():
    pieces = [feature("W1", square(0), row=1), feature("W1", square(3), row=2)]
    examination = examine(pieces)
    assert not examination.findings.repeated[0].same_polygon
    (whole,) = examination.repaired
    assert len(shapely.get_parts(whole.geom)) == 2
    assert examination.findings.beyond_repair == ()


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        ([feature("W1", square(3), name="Other", row=2)], "W1 stands for Other and for Ward W1."),
        ([feature("W1", square(0.5), row=2)], "polygons that overlap and differ"),
        ([feature("W2", square(0), row=2)], "W1 Ward W1 and W2 Ward W2 are one polygon."),
    ],
)
def test_what_would_need_a_guess_is_beyond_repair(others, sentence):
    examination = examine([feature("W1", square(0)), *others])
    assert len(examination.findings.beyond_repair) == 1
    assert sentence in examination.findings.beyond_repair[0]
    assert not examination.findings.clean


def test_one_polygon_may_be_two_zones():
    examination = examine(
        features({"PARK": square(0), "SCHOOL": square(0)}), fills_the_ground=False
    )
    assert examination.findings.clean
    assert examination.findings.overlaps == ()


@pytest.mark.parametrize(("metres", "found"), [(0.8, 0), (1.3, 1), (40, 1)])
def test_an_overlap_counts_from_a_metre_of_width(metres, found):
    lapping = translate(square(1), -metres * METRE_EAST)
    overlaps = check({"W1": square(0), "W2": lapping}).findings.overlaps
    assert len(overlaps) == found
    for overlap in overlaps:
        assert {overlap.one, overlap.other} == {"W1 Ward W1", "W2 Ward W2"}
        assert overlap.width_m == pytest.approx(metres, rel=0.1)
        assert overlap.area_m2 == pytest.approx(metres * STEP / METRE_NORTH, rel=0.02)


def test_a_ward_inside_another_that_has_no_hole_for_it_overlaps():
    overlaps = check({"W1": square(0, 0, 4), "W2": square(1, 1)}).findings.overlaps
    assert len(overlaps) == 1


@pytest.mark.parametrize(("metres", "found"), [(0.8, 0), (1.3, 1), (40, 1)])
def test_a_gap_counts_from_a_metre_of_width(metres, found):
    around = square(0, 0, 4) - square(1, 1)
    island = shapely.box(*np.array(square(1, 1).bounds) + np.array([metres * METRE_EAST, 0, 0, 0]))
    gaps = check({"W1": around, "W2": island}).findings.gaps
    assert len(gaps) == found
    for gap in gaps:
        assert gap.between == ("W1 Ward W1", "W2 Ward W2")
        assert gap.width_m == pytest.approx(metres, rel=0.1)
        assert (gap.lng, gap.lat) == pytest.approx((WEST + STEP, SOUTH + 1.5 * STEP), abs=1e-3)


def test_what_lies_outside_the_authority_is_measured():
    own = square(0, 0, 2)
    outside = check({"W1": square(0), "W2": square(1.5)}, own_area=own).findings.outside
    assert [(each.label, round(each.share, 3)) for each in outside] == [("W2 Ward W2", 0.5)]


def test_a_hair_outside_the_authority_is_noise():
    own = square(0, 0, 2)
    hair = translate(square(0), -0.5 * METRE_EAST)
    assert check({"W1": hair}, own_area=own).findings.outside == ()


@given(east=st.floats(0.2, 30), north=st.floats(50, 3000), latitude=st.floats(-65, 65))
@settings(max_examples=60, deadline=None)
def test_widths_are_metres_everywhere(east: float, north: float, latitude: float):
    phi = np.radians(latitude)
    wide = east / (111_412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi))
    high = north / (111_132.92 - 559.82 * np.cos(2 * phi))
    strip = shapely.box(10, latitude, 10 + wide, latitude + high)
    if abs(east - 1) > 0.02:
        assert bool(wider_than(array_of(strip))[0]) == (east > 1)
    assert width(strip) == pytest.approx(min(east, north), rel=0.05, abs=0.1)
    assert square_metres(array_of(strip))[0] == pytest.approx(east * north, rel=2e-3)
    assert enclosed(strip) == pytest.approx(east * north, rel=2e-3)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_tiling_has_no_seams_and_a_torn_one_has(seed: int):
    """Cells of a random tiling meet edge on edge; move one by five metres and it is found."""
    rng = np.random.default_rng(seed)
    places = shapely.MultiPoint(rng.uniform((WEST, SOUTH), (WEST + 0.05, SOUTH + 0.05), (12, 2)))
    box = shapely.box(WEST, SOUTH, WEST + 0.05, SOUTH + 0.05)
    cells = [cell & box for cell in shapely.voronoi_polygons(places, extend_to=box).geoms]
    tiling = {f"C{number}": cell for number, cell in enumerate(cells)}
    whole = check(tiling).findings
    assert (whole.overlaps, whole.gaps, whole.clean) == ((), (), True)
    inner = next((c for c, cell in tiling.items() if cell.within(box.buffer(-1e-6))), None)
    if inner:
        torn = check({**tiling, inner: translate(tiling[inner], 5 * METRE_EAST)}).findings
        assert torn.overlaps
