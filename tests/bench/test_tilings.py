"""The benches' made-up wards are what they stand for: ragged, valid, without gaps or overlaps."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.tilings import frame, tiling


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 80), st.integers(1, 10_000))
def test_wards_fill_the_box_and_share_their_borders(count, seed):
    wards = np.array(tiling(count, points=30, seed=seed).wards)
    assert len(wards) == count
    assert shapely.is_valid(wards).all()
    # Together as large as the box, and no larger when merged: no gap, no overlap.
    assert np.isclose(shapely.area(wards).sum(), frame().area, rtol=1e-9)
    assert np.isclose(shapely.union_all(wards).area, frame().area, rtol=1e-9)


def test_wards_have_as_many_vertices_as_real_ones():
    vertices = shapely.get_num_coordinates(tiling(300).wards)
    assert 400 < vertices.min() < vertices.max() < 3500
    assert 1000 < np.median(vertices) < 1600


def test_the_same_arguments_give_the_same_wards():
    assert tiling(20, points=20).wards == tiling(20, points=20).wards
    assert tiling(20, points=20).wards != tiling(20, points=20, seed=2).wards
