"""`boundaries` and `authority` from the shell: what is said, what is stored, how it ends."""

import asyncio
import json
from datetime import date
from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner, Result

from reporting.cli import app
from routing import rulebook
from tests.support.shapes import feature, features, square, write

WARDS = features({"W1": square(0), "W2": square(1)})


@pytest.fixture
def westmere(run):
    assert run("authority", "add", "--slug", "westmere", "--name", "Westmere", "--tier", "unitary")


def load(run, path: Path, *more: object, kind: str = "ward", first: str = "2023-05-04") -> Result:
    found: Result = run(
        "boundaries", "load", path, "--authority", "westmere", "--kind", kind,
        "--code-field", "code", "--name-field", "name", "--valid-from", first, *more,
    )  # fmt: skip
    return found


async def count(conn, table: str) -> int:
    cursor = await conn.execute(f"select count(*) from {table}")
    ((number,),) = await cursor.fetchall()
    return int(number)


def one_clear_line(result: Result) -> str:
    """Exit status 1, and one line of standard error that is a sentence."""
    assert result.exit_code == 1, result.output
    line = result.stderr.strip()
    assert line.count("\n") == 0
    assert line.endswith(".")
    assert "Traceback" not in line
    return line


def test_a_council_loads_its_wards(run, westmere, tmp_path):
    result = load(run, write(tmp_path / "wards.geojson", WARDS))
    assert result.exit_code == 0
    assert "wards.geojson: GeoJSON, 2 features" in result.stdout
    assert "Coordinates: EPSG:4326 (WGS 84)" in result.stdout
    assert "Stored 2 wards of westmere as vintage" in result.stdout
    assert result.stderr == ""  # bars and signs are for terminals
    assert "It is in force." in result.stdout
    listed = run("boundaries", "list").stdout
    assert "westmere" in listed
    assert "2023-05-04" in listed
    assert "wards.geojson" in listed


def test_the_findings_come_before_the_refusal(run, westmere, tmp_path):
    bow = shapely.Polygon([(-1, 52), (-0.99, 52.01), (-0.99, 52), (-1, 52.01)])
    path = write(tmp_path / "wards.geojson", [feature("W1", bow), *features({"W2": square(3)})])
    result = load(run, path)
    assert one_clear_line(result) == (
        "wards.geojson is not loaded: 1 invalid polygon. With --repair it would be mended as"
        " listed above."
    )
    assert "W1 Ward W1: Self-intersection[-0.995 52.005]" in result.stdout
    assert "W1 Ward W1: made valid, moving" in result.stdout
    assert run("boundaries", "list").stdout == "No boundaries are loaded.\n"

    mended = load(run, path, "--repair")
    assert mended.exit_code == 0
    assert "Stored 2 wards" in mended.stdout


async def test_a_vintage_remembers_its_file(run, owner, tmp_path):
    add = ("authority", "add", "--slug", "westmere", "--name", "W", "--tier", "unitary")
    path = write(tmp_path / "wards.geojson", [*WARDS, feature("W1", square(0), row=3)])
    words = (
        "boundaries", "load", path, "--authority", "westmere", "--kind", "ward", "--repair",
        "--code-field", "code", "--name-field", "name", "--valid-from", "2023-05-04",
    )  # fmt: skip
    for each in (add, words):
        result = await asyncio.to_thread(run, *each)
        assert result.exit_code == 0, result.output
    cursor = await owner.execute("select source from vintage")
    ((source,),) = await cursor.fetchall()
    assert source["file"] == "wards.geojson"
    assert len(source["sha256"]) == 64
    assert source["findings"]["repeated"][0]["rows"] == [1, 3]
    assert source["repairs"] == [{"label": "W1 Ward W1", "what": "kept once of 2", "moved_m2": 0.0}]
    json.dumps(source, allow_nan=False)


def test_the_past_may_be_loaded_after_the_present(run, westmere, tmp_path):
    path = write(tmp_path / "wards.geojson", WARDS)
    load(run, path)
    past = load(run, path, "--valid-to", "2023-05-03", first="2004-06-10")
    assert "It was in force until 2023-05-03" in past.stdout
    future = load(run, path, first="2903-05-04")
    assert "It is a draft" in future.stdout


def test_loading_says_how_the_rules_changed(run, westmere, tmp_path):
    load(run, write(tmp_path / "wards.geojson", WARDS))
    recoded = write(tmp_path / "new.geojson", features({"N1": square(0), "W2": square(1)}))
    drafted = load(run, recoded, first="2024-05-02")
    assert drafted.exit_code == 0
    assert "It is a draft: see `boundaries preview" in drafted.stdout
    number = drafted.stdout.split("boundaries preview ")[1].split("`")[0]

    previewed = run("boundaries", "preview", number)
    assert previewed.exit_code == 0
    assert "Recoded without moving: 1\n  W1 Ward W1 → N1 Ward N1" in previewed.stdout
    assert "Open jobs that would change ward or team: 0" in previewed.stdout

    done = run("boundaries", "activate", number, "--from", "2024-05-02")
    assert done.exit_code == 0, done.output
    assert "begins 2024-05-02" in done.stdout
    listed = run("boundaries", "list").stdout
    assert "2024-05-01" in listed  # the last day of the one before
    assert "draft" not in listed
    again = one_clear_line(run("boundaries", "activate", number, "--from", "2024-05-02"))
    assert "in force from 2024-05-02 already" in again


def test_check_writes_nothing_and_says_what_is_wrong(run, tmp_path):
    good = run("boundaries", "check", write(tmp_path / "good.geojson", WARDS))
    assert (good.exit_code, good.stdout.splitlines()[-1]) == (0, "Nothing is wrong with it.")
    twice = write(tmp_path / "twice.geojson", [*WARDS, *WARDS])
    line = one_clear_line(run("boundaries", "check", twice))
    assert line == "2 repeated areas; `load --repair` would mend that as above."


def test_an_authority_has_one_own_area(run, westmere, tmp_path):
    path = write(tmp_path / "councils.geojson", WARDS)
    line = one_clear_line(load(run, path, kind="authority"))
    assert "gives 2; pick one with --where" in line
    assert load(run, path, "--where", "code=W1", kind="authority").exit_code == 0
    # What is loaded now is measured against it.
    wards = load(run, path, "--valid-to", "2030-01-01")
    assert "Outside the authority's own area: 1\n  W2 Ward W2: 764,077.1 m², 100.0%" in wards.stdout


def test_zones_need_a_type_and_may_overlap(run, westmere, tmp_path):
    path = write(tmp_path / "z.geojson", features({"P1": square(0), "P2": square(0.5)}))
    assert "--zone-type" in one_clear_line(load(run, path, kind="zone"))
    result = load(run, path, "--zone-type", "park", kind="zone")
    assert result.exit_code == 0
    assert "Overlaps" not in result.stdout


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--valid-to", "2020-01-01"), "It cannot end on 2020-01-01, before it begins"),
        (("--valid-to", "tomorrow"), "--valid-to is a day like 2023-05-04, not tomorrow."),
        (("--where", "code"), "Say --where FIELD=VALUE, not code."),
        (("--where", "code=W9"), "No feature of wards.geojson has code = W9"),
        (("--zone-type", "park"), "Only a zone has a type"),
        (("--crs", "EPSG:0"), "not known: EPSG:0"),
        (("--crs", "EPSG:27700"), "look like degrees"),
        (("--layer", "x"), "has no layer x"),
        (("--authority", "eastmere"), "There is no authority eastmere"),
        (("--kind", "parish"), "There is no kind parish"),
        (("--code-field", "kode"), "has no field kode"),
    ],
)
def test_what_cannot_be_loaded_is_said_in_one_line(run, westmere, tmp_path, more, sentence):
    assert sentence in one_clear_line(load(run, write(tmp_path / "wards.geojson", WARDS), *more))
    assert run("boundaries", "list").stdout == "No boundaries are loaded.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("preview", 99), "There is no vintage 99"),
        (("activate", 99, "--from", "2023-05-04"), "There is no vintage 99"),
        (("activate", 99, "--from", "soon"), "--from is a day like"),
        (("activate", 99, "--from", "2023-05-04", "--map", "W1"), "Say --map OLD=NEW, not W1."),
        (("list", "--authority", "eastmere"), "There is no authority eastmere"),
        (("check", "nowhere.geojson"), "There is no file nowhere.geojson."),
    ],
)
def test_other_refusals_are_one_line_too(run, words, sentence):
    assert sentence in one_clear_line(run("boundaries", *words))


AUTHORITY = ("authority", "add", "--slug", "shire", "--name", "Shire County Council")


def test_a_county_is_added_with_its_districts(run):
    for slug in ("west", "east"):
        added = run("authority", "add", "--slug", slug, "--name", slug, "--tier", "district")
        assert added.exit_code == 0
    county = run(*AUTHORITY, "--tier", "county", "--members", "west, east", "--code", "X10")
    assert (county.exit_code, county.stdout) == (0, "Added county shire, Shire County Council.\n")


async def test_a_fallback_team_is_made(run, owner):
    result = await asyncio.to_thread(run, *AUTHORITY, "--tier", "county")
    assert result.exit_code == 0
    cursor = await owner.execute(
        "select authority.fallback_team, team.slug, team.name from team"
        " join authority on authority.id = team.authority_id"
    )
    assert await cursor.fetchall() == [("shire-triage", "shire-triage", "Shire triage")]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--tier", "parish"), "There is no tier parish"),
        (("--tier", "county", "--slug", "The Shire"), "A slug is lower-case letters"),
        (("--tier", "county", "--name", " "), "An authority needs a name."),
        (("--tier", "county", "--members", "west"), "There is no authority west"),
        (("--tier", "unitary", "--members", "west"), "Only a county has members"),
        (("--tier", "county", "--timezone", "London"), "There is no time zone London"),
        (("--tier", "county", "--fallback-team", "A B"), "A team's slug is"),
        (("--tier", "county", "--calendar", "Scotland"), "There is no calendar Scotland"),
    ],
)
async def test_an_authority_that_cannot_be_added(run, owner, words, sentence):
    result = await asyncio.to_thread(run, *AUTHORITY, *words)
    assert sentence in one_clear_line(result)
    assert await count(owner, "authority") == 0
    assert await count(owner, "team") == 0


async def test_an_authority_keeps_the_holidays_of_its_country(run, owner):
    added = await asyncio.to_thread(run, *AUTHORITY, "--tier", "county", "--calendar", "GB-SCT")
    assert added.exit_code == 0
    st_andrew = date(2026, 11, 30)
    (shire,) = (await rulebook.load(owner)).authorities.values()
    assert not shire.calendar.is_working_day(st_andrew)
    version = (await rulebook.load(owner)).version
    changed = await asyncio.to_thread(run, "authority", "calendar", "shire", "GB-WLS")
    assert changed.stdout == "shire keeps the public holidays of GB-WLS.\n"
    (shire,) = (await rulebook.load(owner)).authorities.values()
    assert shire.calendar.is_working_day(st_andrew)
    assert (await rulebook.load(owner)).version > version
    for words, sentence in (
        (("north", "GB-SCT"), "There is no authority north."),
        (("shire", "Wales"), "There is no calendar Wales"),
    ):
        refused = await asyncio.to_thread(run, "authority", "calendar", *words)
        assert sentence in one_clear_line(refused)


def test_a_slug_is_taken_once(run, westmere):
    again = run("authority", "add", "--slug", "westmere", "--name", "W", "--tier", "district")
    assert one_clear_line(again) == "There is an authority westmere already."
    run("authority", "add", "--slug", "west", "--name", "W", "--tier", "district")
    run("authority", "add", "--slug", "a", "--name", "A", "--tier", "county", "--members", "west")
    both = run(
        "authority", "add", "--slug", "b", "--name", "B", "--tier", "county", "--members", "west"
    )
    assert one_clear_line(both) == "west is a member of a already."


def test_a_database_that_is_away_is_one_line(run, tmp_path, monkeypatch):
    result = CliRunner().invoke(
        app,
        ["boundaries", "list"],
        env={
            "KERBLINE_DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none",
            "KERBLINE_REDIS_URL": "redis://127.0.0.1:1/0",
            "KERBLINE_SECRET_KEY": "a key for tests only, of more than 32 bytes",
            "KERBLINE_ENVIRONMENT": "development",
        },
    )
    assert "The database does not answer" in one_clear_line(result)
