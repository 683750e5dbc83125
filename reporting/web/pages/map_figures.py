"""The rows of the map's table, and what the map and its legend say of them (pure)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any, Final

from reporting.statistics.figures import Row, Share, Size
from reporting.web.pages import map_steps
from reporting.web.pages.map_asked import MEASURES, STEP, WINDOW, Look, span

_DIGITS: Final = re.compile(r"(\d+)")
HOURS_A_DAY: Final = 24
#: Up to this many hours, hours say more than days.
MOST_HOURS: Final = 72
PER: Final[Mapping[str, str]] = {
    "km2": " per km²",
    "residents": " per 1,000 residents",
    "number": "",
}


@dataclass(frozen=True, slots=True)
class Ward:
    """A ward, or all of them: its figures, and the rate that is mapped."""

    code: str
    name: str
    row: Row
    rate: float | None
    step: int

    @property
    def full(self) -> str:
        """Its name where nothing beside it says that it is a ward."""
        return f"Ward {self.name}" if self.name.isdecimal() else self.name

    @property
    def short(self) -> str:
        """The rate as it stands on the map."""
        return "" if self.rate is None else map_steps.short(self.rate)


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the legend."""

    step: int
    words: str
    wards: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A week: how many, and how high it is drawn."""

    start: date
    n: int
    height: float
    inside: bool

    @property
    def said(self) -> str:
        return span((self.start, self.start + timedelta(days=6)))


def number(row: Row, measure: str) -> int:
    """How many there are of what is looked at."""
    return {"reports": row.now.reports, "open": row.open, "overdue": row.overdue}[measure]


def rate(n: float, size: Size | None, look: Look) -> float | None:
    """The number that the map shows of a ward; None where nobody told us what it is set against."""
    if look.per == "number":
        return float(n)
    if size is None:
        return None
    against = size.km2 if look.per == "km2" else (size.residents or 0) / 1000
    return n / against if against else None


def cuts(
    rows: Sequence[Row], ever: Mapping[str, int], ever_days: int, look: Look
) -> tuple[float, ...]:
    """Where the colours change.

    For reports they are set by what so many days brought on average, from the first report to the
    last, so they are the same in every window of the slider: a ward is dark because of what
    happened then. What is open now has no such average; its colours are set by what is shown.
    """
    found: list[tuple[float, Size | None]]
    found = [(number(row, look.measure), row.size) for row in rows if row.key.code]
    if look.measure == "reports" and look.days is not None and ever_days > 0:
        part = min(1.0, ((look.days[1] - look.days[0]).days + 1) / ever_days)
        found = [(ever.get(row.key.code, 0) * part, row.size) for row in rows if row.key.code]
    values = [value for n, size in found if (value := rate(n, size, look)) is not None]
    return map_steps.bounds(values, whole=look.per == "number")


def wards(rows: Sequence[Row], at: Sequence[float], look: Look) -> list[Ward]:
    """The table, in the order that was asked for; what lies in no ward comes last."""
    found = [ward(row, at, look) for row in rows]
    found.sort(key=lambda each: in_order(each.name), reverse=look.falls and look.column == "name")
    if look.column != "name":
        # What has no number is at the end, whichever way the others stand.
        known = [each for each in found if _value(each, look.column) is not None]
        known.sort(key=lambda each: _value(each, look.column) or 0.0, reverse=look.falls)
        found = known + [each for each in found if _value(each, look.column) is None]
    return sorted(found, key=lambda each: not each.code)


def ward(row: Row, at: Sequence[float], look: Look) -> Ward:
    """One of them, on its step."""
    value = rate(number(row, look.measure), row.size, look)
    step = map_steps.step(value, at) if row.key.code else 0
    return Ward(row.key.code or "", row.key.name, row, value, step)


def legend(found: Sequence[Ward], at: Sequence[float]) -> list[Key]:
    """Each step in words, the most first, with how many wards are on it."""
    steps = zip((0, *map_steps.shades(at)), ["none", *map_steps.words(at)], strict=True)
    return [
        Key(step, words, sum(1 for each in found if each.code and each.step == step))
        for step, words in reversed(list(steps))
    ]


def unit(look: Look) -> str:
    """What the map's number counts: ``reports per km²``."""
    return MEASURES[look.measure] + PER[look.per]


def weeks(counted: Mapping[date, int], look: Look) -> list[Bar]:
    """Every week from the first that holds something to the last."""
    filled = [start for start, n in counted.items() if n]
    return between_weeks(counted, look, min(filled), max(filled)) if filled else []


def between_weeks(counted: Mapping[date, int], look: Look, first: date, last: date) -> list[Bar]:
    """Every week from one to another, also those in which nothing came."""
    starts = [first + timedelta(days=7 * n) for n in range((last - first).days // 7 + 1)]
    most = max((counted.get(start, 0) for start in starts), default=0)
    return [
        Bar(
            start,
            n := counted.get(start, 0),
            round(n / most, 3) if most else 0.0,
            look.dated is None or _overlaps(start, look.dated),
        )
        for start in starts
    ]


def slider(bars: Sequence[Bar], look: Look) -> dict[str, Any]:
    """The windows that the slider steps through, a week apart.

    The last one ends today, or with the last week that holds something.
    """
    first = bars[0].start if bars else look.today
    end = min(look.today, bars[-1].start + timedelta(days=6)) if bars else look.today
    steps = max(0, ceil(((end - first).days - WINDOW + 1) / STEP))
    last = look.days[1] if look.days else end
    at = min(max(steps - round((end - last).days / STEP), 0), steps)
    before, after = (end - timedelta(days=STEP * (steps - n)) for n in (at - 1, at + 1))
    return {
        "steps": steps,
        "at": at,
        "end": end,
        "days": WINDOW,
        "earlier": look.window(before) if at > 0 else None,
        "later": look.window(after) if at < steps else None,
        "last": look.window(end),
    }


def duration(hours: float | None) -> str:
    """A time to fix, as people say it."""
    if hours is None:
        return "–"
    if hours < 1:
        return "under 1 hour"
    if hours < MOST_HOURS:
        return f"{hours:.0f} hour{'' if round(hours) == 1 else 's'}"
    return f"{hours / HOURS_A_DAY:.1f} days"


def percent(share: Share | None) -> str:
    """A share, or that it is not told."""
    return "–" if share is None else f"{share.value:.0%}".replace("%", " %")


def between(share: Share | None) -> str:
    """The bounds that hold the true share."""
    if share is None:
        return ""
    low, high = f"{share.low * 100:.0f}", f"{share.high * 100:.0f}"
    if low == high:
        low, high = f"{share.low * 100:.1f}", f"{share.high * 100:.1f}"
    return f"{low} to {high} %"


def _value(each: Ward, column: str) -> float | None:
    if column == "rate":
        return each.rate
    now = each.row.now
    found: dict[str, float | None] = {
        "reports": now.reports,
        "jobs": now.jobs,
        "fixed": now.fixed,
        "open": each.row.open,
        "overdue": each.row.overdue,
        "median": now.hours.median if now.hours else None,
        "p90": now.hours.p90 if now.hours else None,
        "on_time": now.on_time.value if now.on_time else None,
        "reopened": now.reopened.value if now.reopened else None,
    }
    return found[column]


def in_order(name: str) -> list[tuple[int, int, str]]:
    """As people put names in order: ward 2 before ward 10."""
    parts = _DIGITS.split(name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def _overlaps(start: date, days: tuple[date, date]) -> bool:
    return start <= days[1] and start + timedelta(days=6) >= days[0]
