"""CSV files at the command line: read plain or gzipped, with a bar that says how far it is."""

import csv
import gzip
import io
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from rich.progress import Progress

from reporting.commands.base import err, fail

#: A cell may hold a whole polygon.
csv.field_size_limit(2**31 - 1)

Row = list[str]


@dataclass
class Table:
    """The header and rows of a CSV file, and how far the reading has come."""

    header: Row
    rows: Iterator[Row]
    _raw: IO[bytes]
    _size: int

    @property
    def progress(self) -> float:
        """From 0 to 1, by the bytes of the file (compressed, if it is)."""
        return self._raw.tell() / max(self._size, 1)


@contextmanager
def reading(path: Path, encoding: str = "utf-8-sig", delimiter: str = ",") -> Iterator[Table]:
    """The file's rows; what is no text in that encoding goes through as it came."""
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        plain: Any = gzip.GzipFile(fileobj=raw) if packed else raw
        lines = io.TextIOWrapper(plain, encoding, errors="surrogateescape", newline="")
        rows = _whole(csv.reader(lines, delimiter=delimiter))
        yield Table(next(rows, []), rows, raw, path.stat().st_size)


def _whole(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, or one line that says why the file cannot be read to its end."""
    try:
        yield from rows
    except (OSError, EOFError, zlib.error, csv.Error) as error:
        fail(f"The file cannot be read to its end: {error}.")


@contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
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


class Bar:
    """A progress bar that comes up only when the work takes more than a second."""

    def __init__(self, what: str) -> None:
        self._began = time.monotonic()
        # Into a file, a bar would only be empty lines.
        self._bar = Progress(console=err, transient=True, disable=not err.is_terminal)
        self._task = self._bar.add_task(what, total=1.0)
        self._shown = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._bar.stop()

    def show(self, done: float | None, what: str | None = None) -> None:
        """Say how far the work is (None: nobody knows), and what it is now."""
        if not self._shown and time.monotonic() - self._began > 1:
            self._bar.start()
            self._shown = True
        total = None if done is None else 1.0
        self._bar.update(self._task, completed=done or 0.0, total=total, description=what)
