"""The dry run over a file: each row answered in its order, bad places flagged, nothing stored."""

import csv
import gzip
import io

from tests.routing.council import rows

#: longitude, latitude → flags, in the county of support.county (wards 52.00-52.02, -1.00 to -0.92)
PLACES = [
    ("-0.99", "52.01", ""),
    (" -0.99 ", "52.01", ""),
    ("-0.98", "52.01", "near_boundary"),
    ("-0.99", "51.999", "nearest_ward"),
    ("-0.99", "51.9", "outside_coverage"),
    ("52.01", "-0.99", "looks_swapped"),
    ("450000", "250000", "looks_like_osgb"),
    ("0", "0.0", "null_island"),
    ("", "", "no_place"),
    ("-0.99", "", "not_a_place"),
    ("nan", "52.01", "not_a_place"),
    ("-0.99", "inf", "not_a_place"),
    ("1e999", "52.01", "not_a_place"),
    ("-181", "52.01", "not_a_place"),
    ("W 0.99", "N 52.01", "not_a_place"),
    ("-0,99", "52,01", "not_a_place"),
    ("NULL", "NULL", "not_a_place"),
]


def csv_of(header, lines):
    text = io.StringIO()
    csv.writer(text).writerows([header, *lines])
    return text.getvalue()


def test_a_bad_place_is_a_flag_and_not_a_stop(council, land):
    lines = [(n, lng, lat) for n, (lng, lat, _) in enumerate(PLACES)]
    points = council.file("points.csv", csv_of(("id", "Longitude", "LATITUDE"), lines))
    answers = council.route(points, "pothole")
    assert [(int(row["id"]), row["kb_flags"]) for row in answers] == [
        (n, flags) for n, (_, _, flags) in enumerate(PLACES)
    ]
    assert [(row["Longitude"], row["LATITUDE"]) for row in answers] == [
        (lng, lat) for lng, lat, _ in PLACES
    ]
    first = answers[0]
    assert list(first)[-5:] == [
        "kb_ward_code",
        "kb_ward_name",
        "kb_authority",
        "kb_team",
        "kb_flags",
    ]
    assert [first[name] for name in list(first)[-5:-1]] == ["W1", "W1 Ward", "shire", "highways"]
    assert {row["kb_team"] for row in answers if row["kb_flags"] == "outside_coverage"} == {""}


def test_every_cell_comes_back_as_it_went_in(council, land):
    lines = [
        ('say "hi", twice', "two\nlines", "-0.99", "52.01"),
        ("", "  spaces  ", "-0.95", "52.01"),
        ("naïve ward", "=1+1", "-0.97", "52.01"),
    ]
    points = council.file("points.csv", csv_of(("a", "b", "lng", "lat"), lines))
    answers = council.route(points, "fly_tipping")
    assert [(row["a"], row["b"], row["lng"], row["lat"]) for row in answers] == lines
    assert [row["kb_authority"] for row in answers] == ["west", "east", "west"]


def test_files_as_they_come_out_of_spreadsheets(council, land):
    text = "\ufeffLon,Lat,note\r\n-0.99,52.01\r\n\r\n-0.95,52.01,x,y\r\n"
    answers = council.route(council.file("bom.csv", text), "pothole")
    assert [(row["Lon"], row["note"], row["kb_flags"]) for row in answers] == [
        ("-0.99", "", ""),
        ("-0.95", "x", "more_cells_than_header"),
    ]
    latin = "lon,lat,ward\n-0.99,52.01,Caf\xe9\n".encode("latin-1")
    council.run(
        "route", council.file("latin.csv", latin), "--category", "pothole", "--out",
        council.desk / "latin-out.csv",
    )  # fmt: skip
    assert b"Caf\xe9,W1" in (council.desk / "latin-out.csv").read_bytes()


def test_gzip_in_and_out_in_many_chunks(council, land):
    wards = {"W1": -0.99, "W2": -0.97, "E1": -0.95, "E2": -0.93}
    codes = [list(wards)[n % 4] for n in range(25_001)]
    text = csv_of(("n", "lon", "lat"), [(n, wards[code], 52.01) for n, code in enumerate(codes)])
    points = council.file("points.csv.gz", gzip.compress(text.encode()))
    out = council.desk / "out.csv.gz"
    said = council.run("route", points, "--category", "pothole", "--out", out)
    assert "25,001 rows" in said
    answers = rows(out)
    assert [row["kb_ward_code"] for row in answers] == codes
    assert [int(row["n"]) for row in answers] == list(range(25_001))


def test_what_cannot_be_done_is_said_in_one_line_and_leaves_no_file(council, land):
    out = council.desk / "out.csv"
    points = council.file("points.csv", "lon,lat\n-0.99,52.01\n")
    broken = council.file(
        "broken.csv.gz", gzip.compress(b"lon,lat\n" + b"-0.99,52.01\n" * 9999)[:99]
    )

    def refused(file, category="pothole", *more):
        line = council.refused("route", file, "--category", category, "--out", out, *more)
        assert "\n" not in line
        assert not list(council.desk.glob("out.csv*"))
        return line

    assert "no column lng" in refused(council.file("a.csv", "x,lat\n1,2\n"))
    assert "no column lat" in refused(council.file("b.csv", "lon,y\n1,2\n"))
    assert "no column lng" in refused(council.file("c.csv", ""))
    assert "no such category" in refused(points, "volcano")
    assert "a day such as" in refused(points, "pothole", "--at", "31/05/2024")
    assert "cannot be read to its end" in refused(broken)
    missing = council.desk / "nowhere" / "out.csv"
    line = council.refused("route", points, "--category", "pothole", "--out", missing)
    assert "cannot be written" in line


def test_nothing_is_stored(council, land):
    points = council.file("points.csv", "lon,lat\n-0.99,52.01\n")
    before = council.run("boundaries", "list")
    council.route(points, "pothole", at="2021-01-01")
    assert council.run("boundaries", "list") == before
    (row,) = council.route(points, "pothole", at="2019-01-01")
    assert row["kb_flags"] == "outside_coverage"
