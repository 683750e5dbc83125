"""`route`: the bulk dry run. Every row of a CSV in its order, with whose job it would be."""

import asyncio
import csv
import gzip
import io
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from datetime import time as clock
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Self

import typer
from rich.progress import Progress

from geo.errors import NotAPlace, Refusal
from geo.points import check_point
from reporting.commands.base import command, err, fail, out, running
from reporting.runtime import Connection
from routing.assign import Choice
from routing.bulk import Answer, Bulk, Place

#: A cell may hold a whole polygon.
csv.field_size_limit(2**31 - 1)

LNG, LAT = ("lng", "lon", "longitude"), ("lat", "latitude")
ADDED = ("kb_ward_code", "kb_ward_name", "kb_authority", "kb_team", "kb_flags")

#: Rows asked about in one statement: enough that round trips do not count, few enough for memory.
CHUNK = 10_000
#: Rows read before PostgreSQL's answers to the chunk before are looked after.
SLICE = 500

Cells = tuple[str, str, str, str, str]
Row = list[str]


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
        with _read(points) as source, _written(out_file) as target:
            return await _pump(bulk, source, target)


class _Source:
    """The rows of the file, the place of each, and how far the reading has come."""

    def __init__(self, raw: IO[bytes], lines: IO[str], size: int) -> None:
        self._raw = raw
        self._size = size
        self._rows = _whole(csv.reader(lines))
        self.header = next(self._rows, [])
        names = [name.strip().lower() for name in self.header]
        self._lng, self._lat = _column(names, LNG), _column(names, LAT)

    @property
    def progress(self) -> float:
        """From 0 to 1, by the bytes of the file (compressed, if it is)."""
        return self._raw.tell() / max(self._size, 1)

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
    with _Bar() as bar:
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


def _whole(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, or one line that says why the file cannot be read to its end."""
    try:
        yield from rows
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        fail(f"The file cannot be read to its end: {error}.")


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


@contextmanager
def _read(path: Path) -> Iterator[_Source]:
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        # What is no UTF-8 goes through as it came.
        lines = io.TextIOWrapper(plain, "utf-8-sig", errors="surrogateescape", newline="")
        yield _Source(raw, lines, path.stat().st_size)


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    """The file, put in place when it is complete: half an answer never looks like a whole one."""
    partial = path if path.exists() and not path.is_file() else path.with_name(f"{path.name}.part")
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(partial, "wt", encoding="utf-8", errors="surrogateescape", newline="") as lines:
            yield lines
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}.")
    except BaseException:
        if partial != path:
            partial.unlink(missing_ok=True)
        raise
    if partial != path:
        partial.replace(path)


class _Bar:
    """A progress bar that comes up only when the work takes more than a second."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        # Into a file, a bar would only be empty lines.
        self._bar = Progress(console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task("Routing", total=1.0)
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._bar.stop()

    def show(self, done: float) -> None:
        """Say how far the work is."""
        if not self._shown and time.monotonic() - self._began > 1:
            self._bar.start()
            self._shown = True
        self._bar.update(self._task, completed=done)
