"""Where a file's numbers lie on the earth."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.boundaries.coordinates import System, geojson_crs, system_of, to_wgs84
from geo.errors import BoundaryFileRefused

GRID = System.named("EPSG:27700", "as --crs says", "--crs")


def triangle_at(x: float, y: float, size: float = 1.0) -> np.ndarray:
    return np.array([shapely.Polygon([(x, y), (x + size, y), (x, y + size)])], dtype=object)


def first_vertex(polygons: np.ndarray) -> tuple[float, float]:
    lng, lat = shapely.get_coordinates(polygons)[0]
    return float(lng), float(lat)


def test_caister_tower_is_exact():
    # Ordnance Survey's own worked point: 52°39'28.8282"N 1°42'57.8663"E (OSTN15).
    lng, lat = first_vertex(to_wgs84(triangle_at(651409.804, 313177.450), GRID, "caister"))
    assert lat == pytest.approx(52 + 39 / 60 + 28.8282 / 3600, abs=2e-8)  # 2 mm
    assert lng == pytest.approx(1 + 42 / 60 + 57.8663 / 3600, abs=3e-8)


def test_proj_alone_would_be_metres_off():
    """Why convertbng is here: without its grid PROJ is wrong, and says nothing."""
    from pyproj import Transformer  # noqa: PLC0415  # the thing under suspicion

    plain = Transformer.from_crs(27700, 4326, always_xy=True)
    lng, lat = plain.transform(651409.804, 313177.450)
    exact_lng, exact_lat = first_vertex(to_wgs84(triangle_at(651409.804, 313177.450), GRID, "x"))
    metres = np.hypot(
        (lng - exact_lng) * 111_320 * np.cos(np.radians(lat)), (lat - exact_lat) * 111_132
    )
    if metres < 0.1:
        pytest.skip("this PROJ has the OSTN15 grid")
    assert 1 < metres < 6


@given(
    st.floats(350_000, 420_000, allow_nan=False),
    st.floats(150_000, 420_000, allow_nan=False),
)
def test_a_shared_vertex_stays_shared(x: float, y: float):
    both = np.array(
        [shapely.box(x, y, x + 100, y + 100), shapely.box(x + 100, y, x + 200, y + 100)],
        dtype=object,
    )
    here = shapely.get_coordinates(to_wgs84(both, GRID, "x"))
    distinct = {tuple(place) for place in here.tolist()}
    assert len(distinct) == 6


def test_degrees_on_the_old_british_datum_are_moved_too():
    airy = System.named("EPSG:4277", "as --crs says", "--crs")
    lng, lat = first_vertex(to_wgs84(triangle_at(-2.0, 52.0, 0.1), airy, "x"))
    # The two datums are about a hundred metres apart in England.
    metres = np.hypot((lng + 2.0) * 68_600, (lat - 52.0) * 111_270)
    assert 80 < metres < 150


@pytest.mark.parametrize("code", ["EPSG:4326", "EPSG:4258", "urn:ogc:def:crs:OGC:1.3:CRS84"])
def test_degrees_are_taken_as_they_are(code: str):
    system = System.named(code, "as the file says", "x.geojson")
    assert first_vertex(to_wgs84(triangle_at(-2.5, 51.5), system, "x")) == (-2.5, 51.5)


def test_american_feet_land_in_boston():
    feet = System.named("EPSG:2249", "as --crs says", "--crs")
    lng, lat = first_vertex(to_wgs84(triangle_at(775_000, 2_956_000), feet, "x"))
    assert (round(lng, 1), round(lat, 1)) == (-71.1, 42.4)


@pytest.mark.parametrize(
    ("numbers", "crs", "words"),
    [
        ((400_000, 300_000), "EPSG:4326", "--crs EPSG:27700"),
        ((775_000, 2_956_000), "EPSG:4326", "cannot be degrees"),
        ((-2.5, 51.5), "EPSG:27700", "look like degrees"),
        ((-900_000, -900_000), "EPSG:27700", "does not reach"),
    ],
)
def test_numbers_that_cannot_be_in_the_system_are_refused(numbers, crs, words):
    system = System.named(crs, "as the file says", "wards.geojson")
    with pytest.raises(BoundaryFileRefused, match=words):
        to_wgs84(triangle_at(*numbers, size=0.5), system, "wards.geojson")


def test_what_the_operator_says_stands_over_the_file():
    said = system_of("w.gpkg", said="EPSG:27700", in_file="EPSG:4326", is_geojson=False)
    assert said.label == "EPSG:27700 (OSGB36 / British National Grid)"


def test_only_geojson_may_leave_its_system_unsaid():
    assert system_of("w.geojson", said=None, in_file=None, is_geojson=True).is_wgs84
    with pytest.raises(BoundaryFileRefused, match="--crs"):
        system_of("w.zip", said=None, in_file=None, is_geojson=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b'{"crs": {"type": "name", "properties": {"name": "EPSG:27700"}},', "EPSG:27700"),
        (b'{"crs":{"properties":{"name":"urn:ogc:def:crs:EPSG::27700"},"type":"name"}', None),
        (b'{"crs":{"type":"link","properties":{"href":"http://x/y"}}}', "http://x/y"),
        (b'{"type":"FeatureCollection","crs":null,"features":[]}', None),
        (b'{"features":[{"properties":{"crs":"EPSG:27700"}}]}', None),
    ],
)
def test_the_crs_member_is_found_where_it_is_one(text: bytes, name: str | None):
    found = geojson_crs(text)
    assert found == name or (name is None and found == "urn:ogc:def:crs:EPSG::27700")


def test_a_height_system_is_left_aside():
    assert System.named("EPSG:7405", "as the file says", "x").label.startswith("EPSG:27700")
