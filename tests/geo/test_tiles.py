"""Tiles of the web map: where they lie, and which a box lies in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.points import BBox
from geo.tiles import LAT_MOST, Tile, corner, covering, position

LNG = st.floats(-180, 180)
LAT = st.floats(-90, 90)


def test_a_tile_of_the_whole_map_is_a_square():
    assert pytest.approx(85.0511287798) == LAT_MOST
    box = Tile(0, 0, 0).box()
    assert (box.west, box.east) == (-180, 180)
    assert (box.south, box.north) == pytest.approx((-LAT_MOST, LAT_MOST))


@given(st.integers(0, 22), st.floats(-180, 179.99), st.floats(-85, 85))
def test_a_place_is_where_its_column_and_row_say(z, lng, lat):
    x, y = position(z, lng, lat)
    assert corner(z, x, y) == pytest.approx((lng, lat), abs=1e-6)
    box = Tile(z, int(x), int(y)).box()
    assert box.west - 1e-9 <= lng <= box.east + 1e-9
    assert box.south - 1e-9 <= lat <= box.north + 1e-9


@given(LNG, LNG, LAT, LAT, st.integers(0, 22), st.integers(1, 20))
def test_a_box_is_covered_by_few_tiles_of_one_zoom(lng, other, lat, second, z, most):
    box = BBox(min(lng, other), min(lat, second), max(lng, other), max(lat, second))
    tiles = covering(box, z, most)
    assert 1 <= len(tiles) <= most
    assert len({tile.z for tile in tiles}) == 1
    assert tiles[0].z <= z
    for tile in tiles:
        assert Tile.checked(tile.z, tile.x, tile.y) == tile
    inside = {(tile.x, tile.y) for tile in tiles}
    last = 2 ** tiles[0].z - 1
    for corner_lng, corner_lat in ((box.west, box.north), (box.east, box.south)):
        x, y = position(tiles[0].z, corner_lng, corner_lat)
        assert (min(int(x), last), max(0, min(int(y), last))) in inside


def test_no_nearer_zoom_would_do():
    box = BBox(-1.1, 51.9, -0.97, 52.1)
    tiles = covering(box, 14, 6)
    assert len(covering(box, tiles[0].z + 1, 10_000)) > 6
