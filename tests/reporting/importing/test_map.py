"""A map says what it means or is refused in one sentence; times are read as it says."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reporting.errors import ImportRefused, MapRefused
from reporting.importing import mapping
from reporting.importing.clocks import REPEATED, SKIPPED, reader
from reporting.importing.mapping import Times
from reporting.importing.reading import Reader
from routing import categories
from tests.reporting.importing.conftest import HEADER, MAP
from tests.support.scratch import ROOT

EXAMPLES = Path(mapping.__file__).parent / "examples"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("[columns]", "[columns", "The map is not TOML"),
        ('id = "case"', "", "columns.id wrongly"),
        ('id = "case"', 'id = "case"\nphone = "x"', "columns.phone wrongly"),
        ('lng = "lon"', "", "columns wrongly: lat and lng go together"),
        ("Europe/London", "Europe/Oxford", "no time zone Europe/Oxford"),
        ('"fixed"', '"mended"', "'mended' is none of in_progress"),
        ("closed:invalid", "closed:merged", "'closed:merged' is none of"),
        ("(W\\d)", "(W)(\\d)", "one group at most"),
        ("(W\\d)", "(W", "no regular expression"),
        ('source = "old-system"', "", "source wrongly"),
        (
            'source = "old-system"',
            'source = "old-system"\nfile = { encoding = "runes" }',
            "no encoding runes",
        ),
    ],
)
def test_a_map_that_is_wrong_says_where(before: str, after: str, sentence: str) -> None:
    assert before in MAP
    with pytest.raises(MapRefused) as refused:
        mapping.read(MAP.replace(before, after, 1))
    assert sentence in refused.value.detail


def test_a_column_that_the_file_does_not_have_is_named() -> None:
    header = [name for name in HEADER if name not in {"ward", "kind"}]
    with pytest.raises(ImportRefused, match="no column kind or ward"):
        Reader(mapping.read(MAP), header, datetime.now(UTC))


def test_the_map_in_the_readme_is_one() -> None:
    [found] = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert mapping.read(found).source == "old-system"


@pytest.mark.parametrize("name", ["boston", "dc"])
def test_the_example_maps_name_the_example_categories(name: str) -> None:
    read = mapping.read((EXAMPLES / f"{name}.toml").read_text())
    known = {
        category.code
        for file in (categories.SHIPPED, EXAMPLES / "us_city.categories.json")
        for category in categories.read(file.read_text())
    }
    assert {*read.category.values.values(), read.category.default} <= known


BOSTON = "America/New_York"


@pytest.mark.parametrize(
    ("times", "cell", "utc", "note"),
    [
        ({}, "2011-07-01 01:32:33", "2011-07-01 05:32:33", None),
        ({}, "2011-12-01T01:32:33Z", "2011-12-01 01:32:33", None),
        ({"z_is_local": True}, "2016-07-08T00:19:28.000Z", "2016-07-08 04:19:28", None),
        ({"z_is_local": True}, "2016-07-08T00:19:28+02:00", "2016-07-07 22:19:28", None),
        ({}, "2011-11-06 01:30:00", "2011-11-06 05:30:00", REPEATED),
        ({"repeated_hour": "second"}, "2011-11-06 01:30:00", "2011-11-06 06:30:00", REPEATED),
        ({}, "2011-03-13 02:30:00", "2011-03-13 07:30:00", SKIPPED),
        (
            {"formats": ("%d/%m/%Y %H:%M", "%d/%m/%Y")},
            "03/12/2011",
            "2011-12-03 05:00:00",
            None,
        ),
    ],
)
def test_times_are_read_as_the_map_says(
    times: dict[str, object], cell: str, utc: str, note: str | None
) -> None:
    found = reader(Times.model_validate({"zone": BOSTON, **times}))(cell)
    assert found.at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found.note == note


def test_the_hour_that_comes_twice_keeps_its_other_reading() -> None:
    found = reader(Times(zone=BOSTON))("2011-11-06 01:30:00")
    assert found.other == datetime(2011, 11, 6, 6, 30, tzinfo=UTC)
