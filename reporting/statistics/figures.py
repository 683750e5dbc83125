"""What is told of a ward, team, category or time, made of what was counted there (pure).

**Few tell nothing.** A share or a typical time of two jobs is chance, and the best and the worst of
a table of such would always be the smallest. So shares and times are told from ``FEWEST_JOBS``
jobs on: the smallest sample for a proportion in the U.S. National Center for Health Statistics'
Data Presentation Standards for Proportions (Vital and Health Statistics 2/175, 2017); with 30 jobs
three lie above the 90th percentile. Rates and changes are told from ``FEWEST_REPORTS`` reports on
(the same Center's standards for rates and counts, 2/200, 2023). Counts are always told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

import numpy as np

from reporting.counting.values import Durations, Figure
from reporting.statistics import intervals
from reporting.statistics.intervals import Interval, Spread

FEWEST_JOBS: Final = 30
FEWEST_REPORTS: Final = 10


@dataclass(frozen=True, slots=True)
class Key:
    """What a row is about. A time has a first day; in no ward: neither code nor day."""

    code: str | None = None
    name: str = ""
    start: date | None = None


ALL: Final = Key(name="All")


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval, and of how many."""

    value: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, part: int, whole: int) -> Self | None:
        """None where they are too few to tell."""
        if whole < FEWEST_JOBS:
            return None
        found = intervals.share(part, whole)
        return cls(found.value, found.low, found.high, whole)

    @property
    def interval(self) -> Interval:
        """Without the number."""
        return Interval(self.value, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Hours:
    """How long fixing took: half of the jobs were fixed within the median, nine of ten within p90.

    By the clock from making the job to fixing it, waiting included.
    """

    median: float
    p90: float
    n: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What one period counted."""

    reports: int = 0
    jobs: int = 0
    fixed: int = 0
    closed: Mapping[str, int] = field(default_factory=dict)
    on_time: Share | None = None
    reopened: Share | None = None
    hours: Hours | None = None

    @property
    def enough(self) -> bool:
        """Whether so many were fixed that a share and a typical time of them say something."""
        return self.fixed >= FEWEST_JOBS


@dataclass(frozen=True, slots=True)
class Size:
    """How many live somewhere, where the council said so, and how large it is."""

    residents: int | None
    km2: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of figures."""

    key: Key
    now: Counted
    open: int
    overdue: int
    size: Size | None = None
    per_1000: Interval | None = None
    per_km2: Interval | None = None
    before: Counted | None = None
    #: So many times as many reports a day as in the period before.
    change: Interval | None = None
    #: How much the share on time grew since.
    on_time_change: Interval | None = None


def counted(figures: Iterable[Figure]) -> Counted:
    """Several added up."""
    given = list(figures)
    if not given:
        return Counted()
    closed: dict[str, int] = {}
    for figure in given:
        for reason, n in figure.closed.items():
            closed[reason] = closed.get(reason, 0) + n
    fixed = sum(figure.fixed for figure in given)
    jobs = sum(figure.jobs for figure in given)
    return Counted(
        reports=sum(figure.reports for figure in given),
        jobs=jobs,
        fixed=fixed,
        closed={reason: n for reason, n in sorted(closed.items()) if n},
        on_time=Share.of(sum(figure.on_time for figure in given), fixed),
        reopened=Share.of(sum(figure.reopened for figure in given), jobs),
        hours=_hours([figure.durations for figure in given], fixed),
    )


def _hours(given: Sequence[Durations], fixed: int) -> Hours | None:
    if fixed < FEWEST_JOBS:
        return None
    together = _together(given)
    median, p90 = together.quantile(0.5), together.quantile(0.9)
    return None if median is None or p90 is None else Hours(median, p90, fixed)


def _together(given: Sequence[Durations]) -> Durations:
    if len(given) == 1:
        return given[0]
    added: Counter[int] = Counter()
    for each in given:
        added.update(each.as_dict())
    classes = sorted(added)
    return Durations(np.array(classes, np.int64), np.array([added[c] for c in classes], np.int64))


def rate(reports: int, exposure: float | None, spread: Spread | None) -> Interval | None:
    """Reports for each of something; None where it is not known, or too few came."""
    if not exposure or spread is None or reports < FEWEST_REPORTS:
        return None
    return intervals.rate(reports, exposure, spread)


def change(
    before: int, before_days: int, after: int, after_days: int, spread: Spread | None
) -> Interval | None:
    """How the reports of a day changed; None where too few came before, or it cannot be told."""
    if spread is None or before < FEWEST_REPORTS:
        return None
    return intervals.ratio(before, before_days, after, after_days, spread)


def on_time_change(before: Counted, now: Counted) -> Interval | None:
    """How much the share on time grew; None where one of them is not told."""
    if before.on_time is None or now.on_time is None:
        return None
    return intervals.difference(before.on_time.interval, now.on_time.interval)
