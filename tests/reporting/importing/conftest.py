"""An IT officer with a dump of the old system, a map for it, and the county of squares."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import CliRunner, Result

from reporting.cli import app
from reporting.settings import Settings
from tests.support.county import County
from tests.support.scratch import Database

HEADER = ("case", "made", "ended", "kind", "state", "lat", "lon", "ward", "repeats", "note", "who")
MAP = """
authority = "west"
source = "old-system"
[columns]
id = "case"
created = "made"
closed = "ended"
lat = "lat"
lng = "lon"
duplicate_of = "repeats"
[times]
zone = "Europe/London"
[category]
columns = ["kind"]
leave_out = ["Lost dog"]
values = { "Pot Hole" = "pothole", "Rubbish" = "fly_tipping" }
[status]
columns = ["state"]
values = { open = "received", done = "fixed", void = "closed:invalid", same = "duplicate" }
[ward]
column = "ward"
pattern = '(W\\d)'
"""
#: In W1 of the county, and in W2.
W1, W2 = ("52.01", "-0.99"), ("52.01", "-0.97")


@dataclass
class Office:
    """Runs commands on the test's database; its files lie on the desk."""

    desk: Path
    url: str
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], env=self.env)

    def ok(self, *words: object) -> str:
        """What a command that must succeed prints."""
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.output

    def file(self, name: str, text: str) -> Path:
        path = self.desk / name
        path.write_text(text)
        return path

    def dump(self, *rows: Sequence[str], name: str = "dump.csv") -> Path:
        """Rows of ``row()``, with the header."""
        path = self.desk / name
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "wt", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        return path

    def rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as conn:
            return conn.execute(statement, values).fetchall()

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) as n from {table}")[0]["n"])


def row(case: str, made: str = "2024-05-01 10:00:00", **cells: Any) -> list[str]:
    """A row of the dump; by default an open pothole in W1."""
    place = cells.pop("at", W1)
    found = {"kind": "Pot Hole", "state": "open", "lat": place[0], "lon": place[1], **cells}
    return [{"case": case, "made": made, **found}.get(name, "") for name in HEADER]


@pytest.fixture
def office(county: County, database: Database, settings: Settings, tmp_path: Path) -> Office:
    env = {
        "KERBLINE_DATABASE_URL": settings.database_url,
        "KERBLINE_REDIS_URL": settings.redis_url,
        "KERBLINE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "KERBLINE_ENVIRONMENT": "development",
        "COLUMNS": "200",
    }
    return Office(tmp_path, database.admin_url, env)


@pytest.fixture
def map_file(office: Office) -> Path:
    return office.file("map.toml", MAP)
