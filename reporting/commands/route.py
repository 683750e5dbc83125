"""`route`: the bulk dry run. Every row of a CSV in its order, with whose job it would be."""

import asyncio
import csv
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime
from datetime import time as clock
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import typer

from geo.errors import NotAPlace, Refusal
from geo.points import check_point
from reporting.commands.base import command, fail, out, running
from reporting.commands.tables import Bar, Row, Table, reading, writing
from reporting.runtime import Connection
from routing.assign import Choice
from routing.bulk import Answer, Bulk, Place

LNG, LAT = ("lng", "lon", "longitude"), ("lat", "latitude")
ADDED = ("kb_ward_code", "kb_ward_name", "kb_authority", "kb_team", "kb_flags")

#: Rows asked about in one statement: enough that round trips do not count, few enough for memory.
CHUNK = 10_000
#: Rows read before PostgreSQL's answers to the chunk before are looked after.
SLICE = 500

Cells = tuple[str, str, str, str, str]


@command
async def route(
    points: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="A CSV, plain or gzipped.")
    ],
    category: Annotated[str, typer.Option(help="Route as reports of this category.")],
    out_file: Annotated[Path, typer.Option("--out", help="Where the answers go.")],
    at: Annotated[
        str | None, typer.Option(help="Boundaries of this day (YYYY-MM-DD); else of now.")
    ] = None,
) -> None:
    """Say for each row of POINTS whose job it would be; nothing is stored.

    The columns lon, lng or longitude and lat or latitude give the place; all columns are kept and
    five are added. A place that cannot be routed has the reason in kb_flags.
    """
    instant = _noon(at) if at else datetime.now(UTC)
    began = time.monotonic()
    async with running() as runtime, runtime.reading() as conn:
        count = await answer_file(conn, points, category, instant, out_file)
    rows = sum(count.values())
    out.print(f"{rows:,} rows in {time.monotonic() - began:.1f} s, to {out_file}.", markup=False)
    for flags, number in count.most_common():
        out.print(f"{number:>12,}  {flags or 'in a ward, by a rule'}", markup=False)


async def answer_file(
    conn: Connection, points: Path, category: str, at: datetime, out_file: Path
) -> Counter[str]:
    """Write the answers; how many rows got which flags. The connection is in autocommit."""
    async with Bulk.open(conn, category, at, _cells) as bulk:
        with reading(points) as table, writing(out_file) as target:
            return await _pump(bulk, _Source(table), target)


class _Source:
    """The rows of the file, the place of each, and how far the reading has come."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = table.rows
        self.header = table.header
        names = [name.strip().lower() for name in self.header]
        self._lng, self._lat = _column(names, LNG), _column(names, LAT)

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return self._table.progress

    async def chunk(self) -> list[tuple[Row, Place | str]]:
        """The next rows, each with its place or the flag that says why it has none."""
        rows: list[tuple[Row, Place | str]] = []
        width, lng, lat = len(self.header), self._lng, self._lat
        while len(rows) < CHUNK:
            block = list(islice(self._rows, SLICE))
            if not block:
                break
            rows += [
                (cells, _place(cells[lng], cells[lat])) if len(cells) == width else self._odd(cells)
                for cells in block
                if cells
            ]
            await asyncio.sleep(0)  # PostgreSQL may have an answer to the chunk before
        return rows

    def _odd(self, cells: Row) -> tuple[Row, Place | str]:
        """A row that is shorter or longer than the header, made to fit it."""
        width = len(self.header)
        if len(cells) > width:
            return cells[:width], "more_cells_than_header"
        cells = [*cells, *[""] * (width - len(cells))]
        return cells, _place(cells[self._lng], cells[self._lat])


async def _pump(bulk: Bulk[Cells], source: _Source, target: IO[str]) -> Counter[str]:
    """Rows through to the answers: one chunk is read while PostgreSQL works on the one before."""
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*source.header, *ADDED])
    count: Counter[str] = Counter()
    with Bar("Routing") as bar:
        rows = await source.chunk()
        while rows:
            places = [place for _, place in rows if not isinstance(place, str)]
            asked = asyncio.create_task(bulk.answer(places))
            following = await source.chunk()
            answers = iter(await asked)
            added = [
                ("", "", "", "", place) if isinstance(place, str) else next(answers)
                for _, place in rows
            ]
            writer.writerows([*row, *cells] for (row, _), cells in zip(rows, added, strict=True))
            count.update(cells[-1] for cells in added)
            bar.show(source.progress)
            rows = following
    return count


def _cells(answer: Answer) -> Cells:
    """What an answer adds to a row."""
    if not isinstance(answer, Choice):
        return ("", "", "", "", _flag(answer))
    ward, flags = answer.ward, ";".join(answer.flags)
    return (
        ward.code if ward else "",
        ward.name if ward else "",
        answer.authority.slug,
        answer.team.slug,
        flags,
    )


def _place(lng: str, lat: str) -> Place | str:
    """The place of a row, or the flag that says why it has none."""
    try:
        place = float(lng), float(lat)
    except ValueError:
        return "not_a_place" if lng.strip() or lat.strip() else "no_place"
    if -180 <= place[0] <= 180 and -90 <= place[1] <= 90 and place != (0.0, 0.0):  # noqa: PLR2004
        return place
    try:
        check_point(place[1], place[0])
    except NotAPlace as refusal:
        return _flag(type(refusal))
    return place


def _flag(refusal: type[Refusal]) -> str:
    return refusal.code.replace("-", "_")


def _column(names: Sequence[str], wanted: Sequence[str]) -> int:
    found = next((name for name in wanted if name in names), None)
    if found is None:
        fail(f"The file has no column {' or '.join(wanted)}.")
    return names.index(found)


def _noon(day: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), clock(12), UTC)
    except ValueError:
        fail(f"--at needs a day such as 2024-05-31, not {day}.")
