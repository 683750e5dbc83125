"""Days of figures: what is counted, what it is compared with, and its parts (pure).

Days are the authority's own. A period that goes on after today ends today: days that have not
been cannot be counted, and would make a day hold less.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from reporting.asked import Days
from reporting.errors import Invalid

Step = Literal["day", "week", "month"]

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)
#: A quarter in whole weeks, so that every weekday is in it as often.
USUAL_DAYS: Final = 91
#: A year back, to the same weekday.
YEAR_DAYS: Final = 364
#: Rows of a table by time, at most.
MOST_STEPS: Final[dict[Step, int]] = {"day": 400, "week": 530, "month": 600}
#: So many whole weeks in a period tell how counts vary from week to week; see ``intervals``.
FEWEST_WEEKS: Final = 4
FEWEST_DAYS: Final = 7
#: More parts than these tell nothing more.
MOST_PARTS: Final = 104


def usual(today: date) -> Days:
    """What is shown where nobody asks for days: a quarter, to yesterday."""
    return Days(today - _DAY * USUAL_DAYS, today - _DAY)


def clipped(days: Days, today: date) -> Days:
    """The days of it that have been. Raises Invalid where none has."""
    if days.first > today:
        raise Invalid("from is a day that has not been.")
    return Days(days.first, min(days.last, today))


def length(days: Days) -> int:
    """How many days there are."""
    return (days.last - days.first).days + 1


def before(days: Days) -> Days:
    """As many days, up to its first."""
    return Days(days.first - _DAY * length(days), days.first - _DAY)


def year_before(days: Days) -> Days:
    """The same weekdays of the year before."""
    return Days(days.first - _DAY * YEAR_DAYS, days.last - _DAY * YEAR_DAYS)


def monday(day: date) -> date:
    """Of its week."""
    return day - _DAY * day.weekday()


def begin(day: date, step: Step) -> date:
    """The first day of its day, week or month."""
    if step == "month":
        return day.replace(day=1)
    return monday(day) if step == "week" else day


def steps(days: Days, step: Step) -> list[date]:
    """The beginnings of its days, weeks or months. Raises Invalid where they are too many."""
    found: list[date] = []
    for start in _starts(begin(days.first, step), step):
        if start > days.last:
            return found
        found.append(start)
        if len(found) > MOST_STEPS[step]:
            raise Invalid(f"There are more than {MOST_STEPS[step]} {step}s from from to to.")
    return found


def _starts(first: date, step: Step) -> Iterator[date]:
    while True:
        yield first
        if step == "month":
            first = (first.replace(day=1) + _DAY * 32).replace(day=1)
        else:
            first += _WEEK if step == "week" else _DAY


def whole_weeks(days: Days) -> Days | None:
    """Its weeks from Monday to Sunday; None where there is none."""
    first = monday(days.first + _DAY * 6)
    last = monday(days.last + _DAY) - _DAY
    return Days(first, last) if first < last else None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a period is cut into to see how its counts vary."""

    days: Days
    step: Literal["day", "week"]

    @property
    def starts(self) -> list[date]:
        """Every part, also one in which nothing came."""
        return steps(self.days, self.step)


def parts(periods: list[Days]) -> list[Parts] | None:
    """Weeks, if each period has enough of them, else days; None where even those are too few."""
    weeks = [whole_weeks(days) for days in periods]
    if all(found and length(found) >= 7 * FEWEST_WEEKS for found in weeks):
        return [Parts(_latest(found, 7 * MOST_PARTS), "week") for found in weeks if found]
    if all(length(days) >= FEWEST_DAYS for days in periods):
        return [Parts(_latest(days, MOST_PARTS), "day") for days in periods]
    return None


def _latest(days: Days, most: int) -> Days:
    """Of a long period its last part, which tells it too."""
    return days if length(days) <= most else Days(days.last - _DAY * (most - 1), days.last)
