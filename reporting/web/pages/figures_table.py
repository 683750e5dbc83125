"""The columns of the console's figures: how each is called, said, sorted and written (pure)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import isinf
from typing import Final

from reporting.charts import Mark
from reporting.statistics.figures import FEWEST_JOBS, FEWEST_REPORTS, Row, Share
from reporting.statistics.intervals import Interval
from reporting.statistics.periods import begin
from reporting.statistics.tables import Table
from reporting.web.pages.figures_asked import Look
from reporting.web.pages.map_asked import span
from reporting.web.pages.map_figures import between, duration, in_order, percent

Number = float | int | None
FEW: Final = "too few"
UNKNOWN: Final = "not known"


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is said, with its bounds; ``few``: it is not told, and greyed."""

    said: str
    sure: str = ""
    few: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``meaning`` explains it below the table."""

    code: str
    label: str
    meaning: str
    value: Callable[[Row], Number]
    cell: Callable[[Row], Cell]
    #: In the file, its bounds stand in columns beside it.
    bounds: Callable[[Row], Interval | Share | None] | None = None


def _count(code: str, label: str, meaning: str, value: Callable[[Row], int]) -> Column:
    return Column(code, label, meaning, value, lambda row: Cell(f"{value(row):,}"))


def _share(code: str, label: str, meaning: str, share: Callable[[Row], Share | None]) -> Column:
    def cell(row: Row) -> Cell:
        found = share(row)
        return Cell(percent(found), between(found)) if found else Cell(FEW, few=True)

    def value(row: Row) -> Number:
        found = share(row)
        return found.value if found else None

    return Column(code, label, meaning, value, cell, share)


def _rate(
    code: str,
    label: str,
    meaning: str,
    rate: Callable[[Row], Interval | None],
    known: Callable[[Row], Number],
) -> Column:
    def cell(row: Row) -> Cell:
        found = rate(row)
        if found is None:
            return Cell(FEW if known(row) else UNKNOWN, few=True)
        return Cell(f"{found.value:,.1f}", f"{found.low:,.1f} to {found.high:,.1f}")

    def value(row: Row) -> Number:
        found = rate(row)
        return found.value if found else None

    return Column(code, label, meaning, value, cell, rate)


def _time(code: str, label: str, meaning: str, hours: Callable[[Row], Number]) -> Column:
    def cell(row: Row) -> Cell:
        found = hours(row)
        return Cell(FEW, few=True) if found is None else Cell(duration(found))

    return Column(code, label, meaning, hours, cell)


def _change(row: Row) -> Cell:
    found = row.change
    if found is None:
        return Cell(FEW, few=True)
    chance = "" if found.low > 1 or found.high < 1 else ", may be chance"
    high = "any number" if isinf(found.high) else _more(found.high)
    return Cell(_more(found.value), f"{_more(found.low)} to {high}{chance}")


def _more(ratio: float) -> str:
    """A ratio as people say it: ``+12 %``."""
    return f"{(ratio - 1) * 100:+.0f} %".replace("-", "−")  # noqa: RUF001 - a minus sign


def _points(row: Row) -> Cell:
    found = row.on_time_change
    if found is None:
        return Cell(FEW, few=True)
    said = [
        f"{each * 100:+.0f}".replace("-", "−")  # noqa: RUF001 - a minus sign
        for each in (found.value, found.low, found.high)
    ]
    chance = "" if found.low > 0 or found.high < 0 else ", may be chance"
    return Cell(f"{said[0]} points", f"{said[1]} to {said[2]}{chance}")


_SURE = "The small numbers are bounds that hold the true one in 95 of 100 such cases."
REPORTS: Final = _count(
    "reports", "Reports", "Reports that came in these days.", lambda row: row.now.reports
)
ON_TIME: Final = _share(
    "on_time",
    "Fixed on time",
    f"Of what was fixed: the share fixed by the day it was due. Told from {FEWEST_JOBS} fixed jobs"
    f" on. {_SURE}",
    lambda row: row.now.on_time,
)
_COUNTS: Final = (
    _count("jobs", "Jobs", "Jobs made in these days. Reports of one thing are one job.",
           lambda row: row.now.jobs),
    _count("fixed", "Fixed", "Jobs fixed in these days, whenever they were made.",
           lambda row: row.now.fixed),
    _count("closed", "Closed without work",
           "Jobs closed in these days for a reason other than being fixed.",
           lambda row: sum(row.now.closed.values())),
    _count("open", "Open now",
           "Jobs open now, whenever they were made; in a row of a week or month: made in it.",
           lambda row: row.open),
    _count("overdue", "Late now",
           "Of those: past the day they were due, yours, and their clock not stopped.",
           lambda row: row.overdue),
)  # fmt: skip
_TIMES: Final = (
    _time("median", "Half fixed within",
          "Half of what was fixed took no longer, from the first report, by the clock, waiting"
          f" included. Told from {FEWEST_JOBS} fixed jobs on.",
          lambda row: row.now.hours.median if row.now.hours else None),
    _time("p90", "9 of 10 fixed within", "Nine of ten took no longer.",
          lambda row: row.now.hours.p90 if row.now.hours else None),
)  # fmt: skip
_REOPENED: Final = _share(
    "reopened",
    "Opened again",
    f"Of the jobs made in these days: the share that was opened again since. Told from"
    f" {FEWEST_JOBS} jobs on.",
    lambda row: row.now.reopened,
)
_PER_1000: Final = _rate(
    "per_1000",
    "Reports per 1,000 residents",
    "By the number of residents that your council loaded. It says where more is reported, and not"
    f" where people care more. Told from {FEWEST_REPORTS} reports on.",
    lambda row: row.per_1000,
    lambda row: row.size.residents if row.size else None,
)
_PER_KM2: Final = _rate(
    "per_km2",
    "Reports per km²",
    f"By the size of the ward. Told from {FEWEST_REPORTS} reports on.",
    lambda row: row.per_km2,
    lambda row: row.size.km2 if row.size else None,
)
_COMPARED: Final = (
    _count("before", "Reports before", "Reports that came in the days compared with.",
           lambda row: row.before.reports if row.before else 0),
    Column("change", "Change of reports",
           "How many more or fewer reports came each day than in the days compared with. Reports"
           " come in clusters (one storm, one burst pipe), and the bounds allow for that. Where"
           " they hold no change, the change may be chance.",
           lambda row: row.change.value if row.change else None, _change, lambda row: row.change),
    Column("on_time_change", "Change of fixed on time",
           "By how many percentage points the share fixed on time grew or fell.",
           lambda row: row.on_time_change.value if row.on_time_change else None, _points,
           lambda row: row.on_time_change),
)  # fmt: skip


def columns(table: Table, look: Look) -> list[Column]:
    """Those that this table has, from the left."""
    found = [REPORTS]
    if look.compared and not look.by_time:
        found += _COMPARED[:2]
    if look.by == "ward":
        rows = [*table.rows, table.total]
        if any(row.size and row.size.residents for row in rows):
            found.append(_PER_1000)
        found.append(_PER_KM2)
    found += [*_COUNTS, *_TIMES, ON_TIME]
    if look.compared and not look.by_time:
        found.append(_COMPARED[2])
    return [*found, _REOPENED]


def ordered(rows: Sequence[Row], shown: Sequence[Column], look: Look) -> list[Row]:
    """As it was asked for; what has no number, and what lies in no ward, comes last."""
    column = next((each for each in shown if each.code == look.column), None)
    if column is None:
        falls = look.falls and look.column == "name"
        found = sorted(rows, key=_order, reverse=falls)
    else:
        known = [(value, row) for row in rows if (value := column.value(row)) is not None]
        known.sort(key=lambda pair: pair[0], reverse=look.falls)
        found = [row for _, row in known]
        found += [row for row in rows if column.value(row) is None]
    return sorted(found, key=lambda row: row.key.code is None and row.key.start is None)


def _order(row: Row) -> tuple[date, list[tuple[int, int, str]]]:
    return row.key.start or date.min, in_order(row.key.name)


def named(row: Row, look: Look) -> str:
    """What a row is about; a week or month that is not whole in these days says so."""
    start = row.key.start
    if start is None:
        return f"Ward {row.key.name}" if row.key.name.isdecimal() else row.key.name
    last = _last(start, look)
    words = start.strftime("%B %Y") if look.by == "month" else span((start, last))
    words = words.removeprefix("from ")
    return f"{words} (part)" if partly(row, look) else words


def partly(row: Row, look: Look) -> bool:
    """Whether some of its days are not among those asked for, or have not been."""
    start = row.key.start
    if start is None:
        return False
    return start < look.days.first or _last(start, look) > look.days.last


def _last(start: date, look: Look) -> date:
    if look.by == "week":
        return start + timedelta(days=6)
    return begin(start + timedelta(days=31), "month") - timedelta(days=1)


def reports_chart(rows: Sequence[Row], look: Look) -> list[Mark]:
    """The reports of each row, and of the days compared with."""
    return [
        Mark(
            _short(row, look),
            row.now.reports,
            f"{row.now.reports:,}" + (f" (before: {row.before.reports:,})" if row.before else ""),
            before=row.before.reports if row.before else None,
            faint=partly(row, look),
        )
        for row in rows
    ]


def on_time_chart(rows: Sequence[Row], look: Look) -> list[Mark]:
    """The share fixed on time in per cent, with its bounds."""
    found = []
    for row in rows:
        share = row.now.on_time
        if share is None:
            found.append(Mark(_short(row, look), None, FEW, faint=True))
            continue
        said = f"{percent(share)} ({between(share)})"
        bounds = share.low * 100, share.high * 100
        found.append(Mark(_short(row, look), share.value * 100, said, *bounds))
    return found


def _short(row: Row, look: Look) -> str:
    start = row.key.start
    if start is None:
        return named(row, look)
    return start.strftime("%b %Y") if look.by == "month" else f"{start.day} {start:%b %y}"


def in_time(rows: Sequence[Row]) -> list[Row]:
    """For a chart whose columns stand in order of time, however the table is sorted."""
    return sorted(rows, key=_order)


def written(table: Table, shown: Sequence[Column], look: Look) -> Iterator[list[str | Number]]:
    """The lines of the file: the table's numbers unrounded, their bounds beside them."""
    head: list[str | Number] = ["code", "name"]
    for column in shown:
        head.append(column.code)
        if column.bounds:
            head += [f"{column.code}_low", f"{column.code}_high"]
    yield head
    rows = ordered(table.rows, shown, look)
    for row in [*rows, table.total]:
        key = row.key.start.isoformat() if row.key.start else row.key.code or ""
        line: list[str | Number] = [key, named(row, look)]
        for column in shown:
            line.append(column.value(row))
            if column.bounds:
                found = column.bounds(row)
                line += [found.low, found.high] if found else [None, None]
        yield line
