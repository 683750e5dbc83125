"""How many live in a ward and how large it is, as its council says in a file.

The file is CSV with the columns ``authority, code, residents, km2``; the last two may be empty, or
missing as columns. Sizes are those of the wards or divisions in force on the day of loading, since
a later boundary holds other people: load them again after it. Without ``km2`` the polygon's own
size counts. A file is taken whole, or refused whole with the lines that are wrong.
"""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.errors import AuthorityRefused
from reporting.queries import statistics as queries
from reporting.statistics.figures import Size
from reporting.statistics.wards import in_force
from routing.rulebook import Rules

Connection = AsyncConnection[Any]

#: A line that is wrong is told; of more than these only how many.
TOLD = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file."""

    number: int
    authority: str
    code: str
    residents: int | None
    km2: float | None


async def of(conn: Connection, areas: Collection[int]) -> dict[int, Size]:
    """The sizes of some areas, by their ids."""
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.SIZES, {"areas": sorted(areas)})
        return {area: Size(residents, km2) for area, residents, km2 in await cursor.fetchall()}


def read(text: str) -> list[Line]:
    """The lines of a file. Raises AuthorityRefused, naming those that are wrong."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    lines, wrong = [], []
    try:
        header = [(name or "").strip().lower() for name in reader.fieldnames or []]
        reader.fieldnames = header
        if not {"authority", "code"} <= set(header) or not {"residents", "km2"} & set(header):
            raise AuthorityRefused("The file needs the columns authority, code, residents and km2.")
        for cells in reader:
            try:
                lines.append(_line(reader.line_num, cells))
            except ValueError as error:
                wrong.append(f"Line {reader.line_num}: {error}.")
    except csv.Error as error:
        raise AuthorityRefused(f"Line {reader.line_num}: not CSV: {error}.") from error
    _refuse(wrong)
    if not lines:
        raise AuthorityRefused("The file holds no ward.")
    return lines


def _line(number: int, cells: dict[str | Any, Any]) -> Line:
    if None in cells or None in cells.values():
        raise ValueError("it has not as many cells as the header")
    said = {name: cell.strip() for name, cell in cells.items()}
    residents, km2 = said.get("residents", ""), said.get("km2", "")
    if not residents and not km2:
        raise ValueError("it says neither residents nor km2")
    if residents and not (residents.isascii() and residents.isdigit() and int(residents)):
        raise ValueError("residents is a whole number above 0")
    return Line(
        number,
        said["authority"],
        said["code"],
        int(residents) if residents else None,
        _km2(km2) if km2 else None,
    )


def _km2(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0
    if not 0 < found < float("inf"):
        raise ValueError("km2 is a number above 0")
    return found


async def store(conn: Connection, rules: Rules, lines: Sequence[Line], today: date) -> int:
    """Keep them; how many. Raises AuthorityRefused for a ward that is not there, or comes twice.

    Wards that are not named keep what was said of them before.
    """
    areas, wrong = _areas(rules, today), []
    found: dict[int, Line] = {}
    for line in lines:
        area = areas.get((line.authority, line.code))
        if line.authority not in rules.by_slug:
            wrong.append(f"Line {line.number}: there is no authority {line.authority}.")
        elif area is None:
            wrong.append(f"Line {line.number}: {line.authority} has no ward {line.code} in force.")
        elif area in found:
            wrong.append(
                f"Line {line.number}: {line.code} stands in line {found[area].number} too."
            )
        else:
            found[area] = line
    _refuse(wrong)
    async with conn.cursor() as cursor:
        await cursor.executemany(
            queries.STORE_SIZE,
            [
                {"area": area, "residents": line.residents, "km2": line.km2}
                for area, line in found.items()
            ],
        )
    return len(found)


def _areas(rules: Rules, today: date) -> dict[tuple[str, str], int]:
    return {
        (rules.authorities[area.authority_id].slug, area.code): area.id
        for area in rules.areas.values()
        if area.kind in {"ward", "division"} and in_force(area, today)
    }


def _refuse(wrong: Sequence[str]) -> None:
    if wrong:
        more = f" And {len(wrong) - TOLD} more." if len(wrong) > TOLD else ""
        raise AuthorityRefused(" ".join(wrong[:TOLD]) + more)
