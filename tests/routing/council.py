"""A council's IT officer at the command line: each step as ``python -m reporting`` takes it."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

from reporting.cli import app


@dataclass
class Council:
    """Runs commands on the test's database; ``desk`` is where its files lie."""

    desk: Path

    def run(self, *arguments: object) -> str:
        """What a command that must succeed prints."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 0, result.output
        return result.output

    def refused(self, *arguments: object) -> str:
        """The one line of a command that must fail."""
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert result.exit_code == 1, result.output
        return result.stderr.strip()

    def file(self, name: str, text: str | bytes) -> Path:
        """A file on the desk."""
        path = self.desk / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def rules(self, *lines: str) -> str:
        """Load responsibilities."""
        header = "authority,category,area_kind,area_code,team,rank"
        return self.run(
            "responsibilities", "load", self.file("rules.csv", "\n".join([header, *lines]) + "\n")
        )

    def route(self, points: Path, category: str, at: str | None = None) -> list[dict[str, str]]:
        """The rows of the answers."""
        answers = self.desk / "answers.csv"
        day = ["--at", at] if at else []
        self.run("route", points, "--category", category, *day, "--out", answers)
        return rows(answers)


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV's rows, gzipped or not."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
