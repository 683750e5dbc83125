"""Real boundary files as their publishers released them; each ends well, or in one sentence.

Which of them are dirty, and how, is told in the data's own README.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest
import shapely

from geo.boundaries.checking import examine
from geo.boundaries.comparing import compare
from geo.boundaries.reading import Fields, read
from geo.errors import BoundaryFileRefused

pytestmark = pytest.mark.data

UK = Fields("ward_code", "ward_name")


@dataclass(frozen=True)
class Published:
    """A file, how it is read, and what is found in it."""

    name: str
    fields: Fields
    features: int
    invalid: int = 0
    repeated: int = 0
    crs: str | None = None
    bbox: tuple[float, float, float, float] | None = None


TRAFFORD = (-2.479, 53.357, -2.253, 53.481)
FILES = [
    Published("uk/bristol_wards_2013.geojson", UK, 35),
    Published("uk/bristol_neighbours_wards_2013.geojson", UK, 108),
    Published("uk/oxfordshire_wards_2013.geojson", UK, 137),
    Published("uk/cornwall_scilly_wards_2013.geojson", UK, 127),
    Published("uk/trafford_wards_2022_full.geojson", UK, 21, bbox=TRAFFORD),
    Published("uk/trafford_wards_2023_full.geojson", UK, 21, bbox=TRAFFORD),
    Published("uk/trafford_wards_2023_generalised.geojson", UK, 21, bbox=TRAFFORD),
    Published(
        "uk/trafford_wards_2023_super_generalised_AS_PUBLISHED_42_features.geojson",
        UK,
        42,
        repeated=21,
        bbox=TRAFFORD,
    ),
    Published("uk/trafford_polling_districts_pre2023.geojson", Fields("code", "code"), 91),
    Published("uk/gm_wards_2016_EPSG27700.geojson", UK, 215, bbox=(-2.732, 53.327, -1.909, 53.686)),
    Published("uk/bristol_lsoa_2011.geojson", Fields("lsoa_code", "lsoa_name"), 263, invalid=1),
    Published(
        "uk/uk_councils_2024_super_generalised.geojson.gz",
        Fields("council_code", "council_name"),
        361,
    ),
    Published("us/dc_wards_1990.geojson", Fields("ward", "name"), 8),
    Published("us/dc_wards_2002.geojson", Fields("ward", "name"), 8),
    Published("us/dc_wards_2012.geojson", Fields("ward", "name"), 8),
    Published("us/boston_wards_AS_PUBLISHED_3_invalid.geojson", Fields("ward", "ward"), 22, 3),
    Published(
        "us/boston_precincts_AS_PUBLISHED_no_crs_state_plane_feet.geojson",
        Fields("ward_precinct", "ward_precinct"),
        255,
        invalid=2,
        crs="EPSG:2249",
        bbox=(-71.192, 42.227, -70.92, 42.4),
    ),
]


@pytest.fixture(scope="module")
def boundaries(data: Path) -> Path:
    return data / "boundaries"


def test_every_file_there_is_tried(boundaries):
    there = {str(path.relative_to(boundaries)) for path in boundaries.glob("*/*")}
    assert there == {each.name for each in FILES}


@pytest.mark.parametrize("published", FILES, ids=lambda each: each.name)
def test_what_is_found(boundaries, published):
    found = read(boundaries / published.name, published.fields, crs=published.crs)
    examination = examine(found.features)
    findings = examination.findings
    assert findings.features == published.features
    assert len(findings.invalid) == published.invalid
    assert len(findings.repeated) == published.repeated
    assert findings.beyond_repair == ()
    assert findings.clean == (published.invalid == published.repeated == 0)
    # After its repairs the file is a good one, with the ground it had.
    again = examine(examination.repaired).findings
    assert again.clean
    assert again.area_m2 == findings.area_m2
    if published.bbox:
        west, south, east, north = shapely.total_bounds([f.geom for f in found.features])
        assert published.bbox[0] <= west < east <= published.bbox[2]
        assert published.bbox[1] <= south < north <= published.bbox[3]


def test_feet_that_do_not_say_so_are_asked_about(boundaries):
    path = boundaries / "us/boston_precincts_AS_PUBLISHED_no_crs_state_plane_feet.geojson"
    with pytest.raises(BoundaryFileRefused, match=r"cannot be degrees .* with --crs"):
        read(path, Fields("ward_precinct", "ward_precinct"))


def test_the_repairs_of_boston_move_no_ground(boundaries):
    """Its three rings touch themselves; mending them is a matter of notation."""
    path = boundaries / "us/boston_wards_AS_PUBLISHED_3_invalid.geojson"
    examination = examine(read(path, Fields("ward", "ward")).features)
    assert [each.label for each in examination.repairs] == ["5", "16", "17"]
    assert all(each.moved_m2 < 0.1 for each in examination.repairs)
    # Wards that do not quite meet are told of, and no reason to refuse.
    assert examination.findings.overlaps
    assert examination.findings.gaps


def test_the_grid_and_the_degrees_agree(boundaries):
    """Trafford in National Grid metres (2016) and in degrees (2022), by different publishers.

    The degrees came by way of PROJ without its grid, so they are a metre or two off; the wards are
    the same ones but for a generalised border.
    """
    only = Fields("ward_code", "ward_name", ("council_code", "E08000009"))
    grid = read(boundaries / "uk/gm_wards_2016_EPSG27700.geojson", only).features
    degrees = read(boundaries / "uk/trafford_wards_2022_full.geojson", UK).features
    comparison = compare(degrees, grid)
    assert len(comparison.same) == 19
    assert all(max(each.left, each.came) < 0.02 for each in comparison.moved)
    assert comparison.gone == comparison.added == comparison.recoded == ()


def test_what_trafford_changed_in_2023(boundaries):
    old = read(boundaries / "uk/trafford_wards_2022_full.geojson", UK).features
    new = read(boundaries / "uk/trafford_wards_2023_full.geojson", UK).features
    comparison = compare(old, new)
    assert [(each.old.name, each.new.name) for each in comparison.recoded] == [
        ("Ashton upon Mersey", "Ashton upon Mersey"),
        ("Brooklands", "Brooklands"),
    ]
    assert (len(comparison.gone), len(comparison.added)) == (19, 19)
    altrincham = next(each for each in comparison.gone if each.area.name == "Altrincham")
    assert [(area.name, round(share, 2)) for area, share in altrincham.successors] == [
        ("Altrincham", 0.86),
        ("Bowdon", 0.14),
    ]


def test_generalising_is_not_moving(boundaries):
    full = read(boundaries / "uk/trafford_wards_2023_full.geojson", UK).features
    coarse = read(boundaries / "uk/trafford_wards_2023_generalised.geojson", UK).features
    assert len(compare(full, coarse).same) == 21


def test_one_district_of_a_county(boundaries):
    only = Fields("ward_code", "ward_name", ("council_name", "Oxford"))
    found = read(boundaries / "uk/oxfordshire_wards_2013.geojson", only)
    assert (len(found.features), found.total) == (24, 137)
