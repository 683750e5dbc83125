"""Boundary files of every kind, and what is wrong with them."""

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from geo.boundaries.reading import Fields, read
from geo.errors import BoundaryFileRefused
from tests.support.shapes import feature, features, square, write

FIELDS = Fields("code", "name")
TWO = features({"W1": square(0), "W2": square(1)})
#: Two squares of a kilometre in Oxford, in metres of the National Grid.
GRID = [
    feature("W1", shapely.box(450_000, 200_000, 451_000, 201_000)),
    feature("W2", shapely.box(451_000, 200_000, 452_000, 201_000)),
]


def write_with_gdal(path: Path, driver: str, layer: str, crs: str | None = "EPSG:27700") -> Path:
    pyogrio.raw.write(
        path,
        geometry=np.array([shapely.to_wkb(each.geom) for each in GRID], dtype=object),
        field_data=[np.array([each.code for each in GRID], dtype=object),
                    np.array([each.name for each in GRID], dtype=object)],
        fields=["code", "name"],
        geometry_type="Polygon",
        crs=crs,
        driver=driver,
        layer=layer,
        append=path.exists(),
    )  # fmt: skip
    return path


def zipped(path: Path, files: list[Path], folder: str = "") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for each in files:
            archive.write(each, folder + each.name)
    return path


def shapefile(folder: Path, name: str = "wards", *, without: str = "") -> list[Path]:
    write_with_gdal(folder / f"{name}.shp", "ESRI Shapefile", name)
    return [each for each in sorted(folder.glob(f"{name}.*")) if each.suffix != without]


def test_plain_geojson(tmp_path):
    found = read(write(tmp_path / "wards.geojson", TWO), FIELDS)
    assert [(each.row, each.code, each.name) for each in found.features] == [
        (1, "W1", "Ward W1"),
        (2, "W2", "Ward W2"),
    ]
    assert found.features[0].geom.equals(square(0))
    assert found.crs.startswith("EPSG:4326 (WGS 84)")
    assert len(found.sha256) == 64


def test_packed_geojson_is_the_same(tmp_path):
    plain = write(tmp_path / "wards.geojson", TWO)
    packed = tmp_path / "wards.geojson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed, FIELDS).features == read(plain, FIELDS).features


def oxford(found) -> bool:
    lng, lat = found.features[0].geom.centroid.coords[0]
    return (round(lng, 2), round(lat, 2)) == (-1.27, 51.70)


def test_geojson_that_names_its_system(tmp_path):
    path = write(tmp_path / "wards.geojson", GRID, crs="urn:ogc:def:crs:EPSG::27700")
    assert oxford(read(path, FIELDS))


def test_the_crs_member_may_stand_last(tmp_path):
    path = write(tmp_path / "wards.geojson", GRID)
    collection = json.loads(path.read_text())
    collection["crs"] = {"type": "name", "properties": {"name": "EPSG:27700"}}
    path.write_text(json.dumps(collection))
    assert oxford(read(path, FIELDS))


def test_geojson_in_metres_that_says_nothing_is_asked_about(tmp_path):
    path = write(tmp_path / "wards.geojson", GRID)
    with pytest.raises(BoundaryFileRefused, match=r"cannot be degrees .* --crs EPSG:27700"):
        read(path, FIELDS)
    assert oxford(read(path, FIELDS, crs="EPSG:27700"))


def test_a_system_that_is_not_known_is_not_taken_for_another(tmp_path):
    path = write(tmp_path / "wards.geojson", TWO, crs="urn:ogc:def:crs:EPSG::999999")
    with pytest.raises(BoundaryFileRefused, match="not known: urn:ogc:def:crs:EPSG::999999"):
        read(path, FIELDS)


def test_geopackage(tmp_path):
    assert oxford(read(write_with_gdal(tmp_path / "wards.gpkg", "GPKG", "wards"), FIELDS))


def test_one_layer_of_several_must_be_named(tmp_path):
    path = write_with_gdal(tmp_path / "all.gpkg", "GPKG", "wards")
    write_with_gdal(path, "GPKG", "parishes")
    with pytest.raises(BoundaryFileRefused, match="2 layers; say which with --layer"):
        read(path, FIELDS)
    assert oxford(read(path, FIELDS, layer="parishes"))
    with pytest.raises(BoundaryFileRefused, match="no layer hamlets; it has"):
        read(path, FIELDS, layer="hamlets")


@pytest.mark.parametrize("folder", ["", "2023 boundaries/"])
def test_zipped_shapefile(tmp_path, folder):
    path = zipped(tmp_path / "wards.zip", shapefile(tmp_path), folder)
    assert oxford(read(path, FIELDS))


def test_several_shapefiles_in_one_zip(tmp_path):
    path = zipped(tmp_path / "all.zip", [*shapefile(tmp_path), *shapefile(tmp_path, "parishes")])
    with pytest.raises(BoundaryFileRefused, match="2 layers"):
        read(path, FIELDS)
    assert oxford(read(path, FIELDS, layer="wards"))


def test_a_shapefile_without_its_prj_is_asked_about(tmp_path):
    path = zipped(tmp_path / "wards.zip", shapefile(tmp_path, without=".prj"))
    with pytest.raises(BoundaryFileRefused, match="does not say its coordinate system"):
        read(path, FIELDS)
    assert oxford(read(path, FIELDS, crs="EPSG:27700"))


def test_one_authority_out_of_a_file_of_many(tmp_path):
    path = write(tmp_path / "wards.geojson", TWO)
    found = read(path, Fields("code", "name", ("code", "W2")))
    assert [each.code for each in found.features] == ["W2"]
    assert (found.total, found.features[0].row) == (2, 2)


def test_numbers_as_codes_read_as_people_write_them(tmp_path):
    path = write(tmp_path / "wards.geojson", TWO)
    collection = json.loads(path.read_text())
    collection["features"][0]["properties"]["code"] = 7
    collection["features"][1]["properties"]["code"] = 8
    path.write_text(json.dumps(collection))
    assert [each.code for each in read(path, FIELDS).features] == ["7", "8"]


def collection_of(*geometries: object) -> str:
    return json.dumps(
        {
            "type": "FeatureCollection",
            "features": [
                {"type": "Feature", "properties": {"code": "W", "name": "n"}, "geometry": geometry}
                for geometry in geometries
            ],
        }
    )


POINT = {"type": "Point", "coordinates": [-1, 52]}
UNCLOSED = {"type": "Polygon", "coordinates": [[[-1, 52], [-1, 53], [0, 53], [0, 52]]]}


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.geojson", collection_of(), "none.geojson has no features."),
        ("nothing.geojson", "", "cannot be read as"),
        ("cut.geojson", collection_of(POINT)[:60], "cannot be read as"),
        ("list.json", "[1, 2, 3]", "cannot be read as"),
        ("words.txt", "Ashley ward", "cannot be read as"),
        ("table.csv", "code,name\nW1,Ashley\n", "has no layer with shapes"),
        ("wards.zip", "not a zip", "is not a whole zip file"),
        ("wards.geojson.gz", "not packed", "is not a whole gzip file"),
        ("point.geojson", collection_of(POINT), "has a Point where a polygon should be: feature 1"),
        ("null.geojson", collection_of(None), "without a shape.*feature 1"),
        ("unclosed.geojson", collection_of(UNCLOSED), "broken one: feature 1"),
        (
            "infinite.geojson",
            collection_of(UNCLOSED).replace("53", "1e999"),
            "cannot be read as",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(BoundaryFileRefused, match=sentence) as refused:
        read(path, FIELDS)
    assert "\n" not in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


def test_text_in_another_encoding_is_refused(tmp_path):
    path = write(tmp_path / "w.geojson", features({"W1": square(0)}))
    path.write_bytes(path.read_bytes().replace(b"Ward", "Pentrefoelas â".encode("latin-1")))
    with pytest.raises(BoundaryFileRefused, match="save it again as UTF-8"):
        read(path, FIELDS)


def test_heights_and_measures_are_left_aside(tmp_path):
    """ONS shapefiles carry an M that nobody uses."""
    path = write(tmp_path / "w.geojson", features({"W1": square(0)}))
    collection = json.loads(path.read_text())
    (ring,) = collection["features"][0]["geometry"]["coordinates"]
    collection["features"][0]["geometry"]["coordinates"] = [[[*place, 12.5] for place in ring]]
    path.write_text(json.dumps(collection))
    assert not shapely.has_z(read(path, FIELDS).features[0].geom)


def test_half_a_packed_file_is_not_half_a_county(tmp_path):
    whole = gzip.compress(write(tmp_path / "w.geojson", TWO).read_bytes())
    path = tmp_path / "half.geojson.gz"
    path.write_bytes(whole[: len(whole) - 12])
    with pytest.raises(BoundaryFileRefused, match="not a whole gzip file"):
        read(path, FIELDS)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (Fields("kode", "name"), "has no field kode; it has code, name."),
        (Fields("code", "name", ("council", "X")), "has no field council"),
        (Fields("code", "name", ("code", "W9")), "No feature of w.geojson has code = W9; there is"),
    ],
)
def test_fields_that_are_not_there(tmp_path, fields, sentence):
    with pytest.raises(BoundaryFileRefused, match=sentence):
        read(write(tmp_path / "w.geojson", TWO), fields)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BoundaryFileRefused, match="There is no file"):
        read(tmp_path / "w.geojson", FIELDS)


@pytest.mark.parametrize("empty", ["", "   ", None])
def test_an_empty_code_is_refused(tmp_path, empty):
    path = write(tmp_path / "w.geojson", TWO)
    collection = json.loads(path.read_text())
    collection["features"][1]["properties"]["code"] = empty
    path.write_text(json.dumps(collection))
    with pytest.raises(BoundaryFileRefused, match="nothing in code of feature 2"):
        read(path, FIELDS)
