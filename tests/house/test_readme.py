"""The README is true: its paths are there, its map is the tree, its commands do what it says."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely
from typer.testing import CliRunner

from geo.points import Point
from reporting.cli import app
from reporting.settings import Settings
from reporting.web.api.reports import ReportCreated, ReportIn
from routing.categories import SHIPPED
from tests.support.scratch import ROOT, scratch
from tests.support.shapes import square

README = (ROOT / "README.md").read_text("utf-8")
PACKAGES = ("geo", "routing", "reporting", "workers")


def section(title: str) -> str:
    """The text under a heading."""
    [found] = re.findall(rf"(?ms)^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README)
    return found


def blocks(title: str, language: str = "") -> list[str]:
    """The fenced blocks of that language (or of none) under a heading."""
    fences = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", section(title))
    return [text for kind, text in fences if kind == language]


def on_the_map() -> Iterator[Path]:
    """Every path of the map, by its indentation."""
    folders: dict[int, Path] = {}
    for line in blocks("The map of the house")[0].splitlines():
        name = line.split()[0]
        depth = len(line) - len(line.lstrip())
        folders[depth] = path = folders[depth - 2] / name if depth else Path(name)
        yield path


def test_what_is_on_the_map_is_in_the_tree():
    assert [str(path) for path in on_the_map() if not (ROOT / path).exists()] == []


def test_what_is_in_the_tree_is_on_the_map():
    known = set(on_the_map())
    found = {
        path.relative_to(ROOT)
        for folder in (*PACKAGES, "reporting/web")
        for path in (ROOT / folder).iterdir()
        if not path.name.startswith("_") and (path.is_dir() or path.suffix == ".py")
    }
    assert sorted(map(str, found - known)) == []


def test_every_path_it_names_is_there():
    named = {
        name
        for name in re.findall(r"`([\w./-]+)`", README)
        if "/" in name.strip("/") and not name.startswith(("/", "s3:", ".local"))
    } - {"./dev"}
    assert named
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_every_setting_is_in_the_table_and_no_other():
    told = set(re.findall(r"^\| `KERBLINE_(\w+)`", section("Settings"), re.MULTILINE))
    # Firebase's own variable is not ours to set; production refuses it.
    known = {name.upper() for name in Settings.model_fields} - {"FIREBASE_AUTH_EMULATOR_HOST"}
    assert told == known


def test_every_command_of_dev_is_one():
    script = (ROOT / "dev").read_text("utf-8")
    commands = set(re.findall(r"^cmd_(\w+)\(\)", script, re.MULTILINE))
    told = set(re.findall(r"\./dev (\w+)", README)) - {"help"}
    assert told
    assert told <= commands
    assert set(re.findall(r"\./dev bench (\w+)", README)) <= {
        path.stem for path in (ROOT / "tests/bench").glob("*.py")
    }


def test_the_report_it_sends_is_one_and_the_answer_has_the_answers_fields():
    [curl] = blocks("One report")[:1]
    [body] = re.findall(r"-d '(.*?)'", curl, re.DOTALL)
    new = ReportIn.model_validate_json(body).new()
    assert new.place == Point(54.18144, 1.53216, 8)
    [answer] = blocks("One report", "json")
    created = ReportCreated.model_validate_json(answer)
    assert json.loads(answer).keys() == ReportCreated.model_fields.keys()
    assert created.location is not None
    assert created.location.point() == new.place


def wards(file: Path, year: int, shapes: dict[str, shapely.Polygon]) -> None:
    """A council's own file, with the fields that British ones have."""
    found = [
        {
            "type": "Feature",
            "properties": {f"WD{year}CD": code, f"WD{year}NM": f"Ward {code[-2:]}"},
            "geometry": shapely.geometry.mapping(shape),
        }
        for code, shape in shapes.items()
    ]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": found}))


def test_a_council_is_loaded_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    before = {f"E0500000{number}": square(number) for number in (1, 2, 3)}
    wards(tmp_path / "wards.geojson", 22, before)
    after = {"E05000001": square(1), "E05000012": square(2, size=0.8), "E05000003": square(3)}
    wards(tmp_path / "wards-2027.geojson", 27, after)
    (tmp_path / "places.csv").write_text("lat,lng\n52.005,-0.985\n")
    [rules] = blocks("Your own council", "csv")
    (tmp_path / "rules.csv").write_text(rules)
    lines = [line for block in blocks("Your own council") for line in block.splitlines()]
    with scratch("readme") as database:
        env = {
            "KERBLINE_DATABASE_URL": database.url,
            "KERBLINE_REDIS_URL": "redis://127.0.0.1:9",
            "KERBLINE_SECRET_KEY": "a key for tests only, of more than 32 bytes",
            "KERBLINE_ENVIRONMENT": "development",
            "COLUMNS": "200",
        }

        def run(*words: str) -> str:
            done = CliRunner().invoke(app, words, env=env, input="correct horse battery\n")
            assert done.exit_code == 0, f"{words}: {done.output}"
            return done.output

        run("categories", "load", str(SHIPPED))
        said = {}
        for line in lines:
            command = line.rpartition("| ")[2]
            assert command.startswith("./dev cli "), line
            words = shlex.split(command)[2:]
            said[words[1] if words[0] == "boundaries" else words[0]] = run(*words)
    assert "Nothing is wrong with it." in said["check"]
    assert "3 rules of west-mere" in said["responsibilities"]
    assert "draft" in said["list"]
    assert "fly_tipping → town-centre" in said["preview"]
    answers = (tmp_path / "answers.csv").read_text()
    assert "E05000001,Ward 01,west-mere,highways" in answers
