"""On real boundaries, routing agrees with the authorities' own answers, and wholly with an oracle.

Every file is loaded and routed by the commands, as a council would. The shares are those of a plain
point-in-polygon test (data/README.md); routing may only be better, by giving places in no ward to
the nearest.
"""

import pytest

from routing.categories import SHIPPED
from tests.routing.council import rows
from tests.routing.oracle import Oracle

pytestmark = pytest.mark.data


@pytest.fixture(autouse=True)
def _shipped_categories(council):
    council.run("categories", "load", SHIPPED)


@pytest.fixture
def england(council, data):
    """Authorities and wards from the English files, as they are asked for."""

    class England:
        folder = data / "boundaries" / "uk"
        truth = data / "truth"

        def add(self, slug, code, tier="unitary", members=""):
            more = ["--members", members] if members else []
            council.run(
                "authority", "add", "--slug", slug, "--name", slug.title(), "--tier", tier,
                "--code", code, *more,
            )  # fmt: skip

        def wards(self, slug, file, first, code=None):
            only = ["--where", f"council_code={code}"] if code else []
            return council.run(
                "boundaries", "load", self.folder / file, "--authority", slug, "--kind", "ward",
                "--code-field", "ward_code", "--name-field", "ward_name", "--valid-from", first,
                *only,
            )  # fmt: skip

        def route(self, file, category, at):
            return council.route(self.truth / file, category, at)

    return England()


def share(answers, ours="kb_ward_code", theirs="ward_code"):
    """Percent of the rows in which our answer is the authority's, to the README's three places."""
    return round(100 * sum(row[ours] == row[theirs] for row in answers) / len(answers), 3)


def differences(answers, oracle, lng="lon", lat="lat"):
    """The rows in which the oracle gives another ward or flag."""
    return [
        row
        for row in answers
        if oracle.ward(float(row[lng]), float(row[lat])) != (row["kb_ward_code"], row["kb_flags"])
    ]


def test_bristol(england, council):
    england.add("bristol", "E06000023")
    england.wards("bristol", "bristol_wards_2013.geojson", "1999-05-06")
    council.rules("bristol,pothole,,,highways,0", "bristol,,,,street-scene,0")
    source = england.truth / "postcodes_bristol_2013-08.csv.gz"
    answers = england.route(source.name, "pothole", "2013-08-15")
    assert len(answers) == 11_625
    assert share(answers) >= 99.914
    oracle = Oracle(england.folder / "bristol_wards_2013.geojson", "ward_code", "council_code")
    assert differences(answers, oracle) == []
    assert {(row["kb_authority"], row["kb_team"]) for row in answers} == {("bristol", "highways")}
    # Every row in its order with every column, and ours behind them.
    assert [
        {name: value for name, value in row.items() if not name.startswith("kb_")}
        for row in answers
    ] == rows(source)


@pytest.mark.parametrize(
    ("councils", "wards", "postcodes", "rows_", "agreed"),
    [
        (
            {"banes": "E06000022", "north-somerset": "E06000024", "south-glos": "E06000025"},
            "bristol_neighbours_wards_2013.geojson",
            "postcodes_bristol_neighbours_2013-08.csv.gz",
            18_639,
            99.844,
        ),
        (
            {"cornwall": "E06000052", "scilly": "E06000053"},
            "cornwall_scilly_wards_2013.geojson",
            "postcodes_cornwall_scilly_2013-08.csv.gz",
            20_821,
            99.813,
        ),
    ],
    ids=["bristol's neighbours", "cornwall and scilly"],
)
def test_several_councils_in_one_file(england, council, councils, wards, postcodes, rows_, agreed):
    for slug, code in councils.items():
        england.add(slug, code)
        england.wards(slug, wards, "2007-05-03", code)
    council.rules(*(f"{slug},pothole,,,roads,0" for slug in councils))
    answers = england.route(postcodes, "pothole", "2013-08-15")
    assert len(answers) == rows_
    assert share(answers) >= agreed
    assert differences(answers, Oracle(england.folder / wards, "ward_code", "council_code")) == []
    of_the_council = sum(councils[row["kb_authority"]] == row["council_code"] for row in answers)
    assert of_the_council / len(answers) > 0.999


def test_oxfordshire_in_two_tiers(england, council):
    file = "oxfordshire_wards_2013.geojson"
    districts = {
        "cherwell": "E07000177",
        "oxford": "E07000178",
        "south-oxfordshire": "E07000179",
        "vale": "E07000180",
        "west-oxfordshire": "E07000181",
    }
    for slug, code in districts.items():
        england.add(slug, code, "district")
        england.wards(slug, file, "2004-06-10", code)
    england.add("oxfordshire", "E10000025", "county", ",".join(districts))
    council.rules(
        "oxfordshire,pothole,,,highways,0", *(f"{slug},fly_tipping,,,waste,0" for slug in districts)
    )
    postcodes = "postcodes_oxfordshire_2013-08.csv.gz"
    potholes = england.route(postcodes, "pothole", "2013-08-15")
    assert len(potholes) == 20_882
    assert share(potholes) >= 99.952
    assert differences(potholes, Oracle(england.folder / file, "ward_code", "council_code")) == []
    assert {(row["kb_authority"], row["kb_team"]) for row in potholes} == {
        ("oxfordshire", "highways")
    }

    tips = england.route(postcodes, "fly_tipping", "2013-08-15")
    for row in tips:
        row["council"] = districts[row["kb_authority"]]
    assert share(tips, "council", "council_code") >= 99.995
    assert {row["kb_team"] for row in tips} == {"waste"}

    # A year later four districts' wards had new codes, and the places still the same wards.
    later = england.route("postcodes_oxfordshire_2014-04.csv.gz", "pothole", "2014-04-15")
    assert share(later) >= 97.728


def test_trafford_in_both_vintages(england, council):
    old, new = "trafford_wards_2022_full.geojson", "trafford_wards_2023_full.geojson"
    england.add("trafford", "E08000009")
    england.wards("trafford", old, "2004-06-10")
    council.rules("trafford,pothole,,,one-trafford,0")
    england.wards("trafford", new, "2023-05-04")
    # The new wards wait as a draft: until they are activated, the old ones answer for any day.
    assert share(england.route("postcodes_trafford_2024-01.csv.gz", "pothole", "2024-01-15")) == 0
    assert share(england.route("postcodes_trafford_2018-07.csv.gz", "pothole", "2018-07-15")) == 100

    council.run("boundaries", "preview", _draft(council))
    council.run("boundaries", "activate", _draft(council), "--from", "2023-05-04")
    for file, day, vintage in (
        ("postcodes_trafford_2018-07.csv.gz", "2018-07-15", old),
        ("postcodes_trafford_2024-01.csv.gz", "2024-01-15", new),
        ("postcodes_trafford_2025-10.csv.gz", "2025-10-15", new),
    ):
        answers = england.route(file, "pothole", day)
        assert share(answers) == 100
        assert differences(answers, Oracle(england.folder / vintage, "ward_code")) == []


@pytest.mark.parametrize("file", ["bristol_wards_2013.geojson", "trafford_wards_2023_full.geojson"])
def test_every_corner_of_every_ward_and_a_millimetre_beside_it(england, council, file):
    england.add("council", "E00000000")
    england.wards("council", file, "2000-01-01")
    council.rules("council,,,,roads,0")
    oracle = Oracle(england.folder / file, "ward_code", "council_code")
    corners = [
        corner for lng, lat in oracle.corners() for corner in ((lng, lat), (lng + 1e-8, lat))
    ]
    lines = "".join(f"{lng!r},{lat!r}\n" for lng, lat in corners)
    answers = council.route(council.file("corners.csv", "lon,lat\n" + lines), "pothole")
    assert len(answers) == len(corners)
    assert differences(answers, oracle) == []
    assert sum(row["kb_flags"] == "near_boundary" for row in answers) > len(answers) / 5


def _draft(council):
    """The number of the vintage that waits."""
    line = next(line for line in council.run("boundaries", "list").splitlines() if "draft" in line)
    return line.split()[0]


def test_washington_requests_at_their_date(council, data):
    council.run(
        "authority", "add", "--slug", "dc", "--name", "District of Columbia", "--tier", "unitary",
        "--timezone", "America/New_York",
    )  # fmt: skip
    folder = data / "boundaries" / "us"
    for year, first, last in (
        (1990, "1992-01-01", "2001-12-31"),
        (2002, "2002-01-01", "2011-12-31"),
        (2012, "2012-01-01", None),
    ):
        until = ["--valid-to", last] if last else []
        council.run(
            "boundaries", "load", folder / f"dc_wards_{year}.geojson", "--authority", "dc",
            "--kind", "ward", "--code-field", "ward", "--name-field", "name",
            "--valid-from", first, *until,
        )  # fmt: skip
    council.rules("dc,pothole,,,ddot,0")
    requests = data / "requests" / "dc_311_2016-07-08_to_2016-08-16.csv.gz"
    answers = council.route(requests, "pothole", "2016-08-01")
    assert len(answers) == 22_575
    told = [row for row in answers if row["ward"] != "NULL"]
    assert len(told) == 22_575 - 148
    assert share(told, theirs="ward") >= 99.84
    assert differences(answers, Oracle(folder / "dc_wards_2012.geojson", "ward")) == []
    before = council.route(requests, "pothole", "2011-08-01")
    assert 96 < share([row for row in before if row["ward"] != "NULL"], theirs="ward") < 97
