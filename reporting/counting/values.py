"""What is asked of the counts, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from math import ceil, floor, log
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from reporting.status import CLOSED_REASONS

Ints = NDArray[np.int64]
Measure = Literal["reports", "open", "overdue"]
By = Literal["area", "team", "category", "day", "week"]

#: In no area.
NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Cells:
    """How many there are in each of the 64 × 64 cells of a tile that has any."""

    #: From the west and from the north, 0 to 63.
    xs: Ints
    ys: Ints
    ns: Ints
    #: When the clock was last asked what is overdue; nothing counted is older than that.
    as_of: datetime
    #: There were too many to read: these are of some of them.
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """A point that very many reports share, and how many of what was asked for stand there."""

    lat: float
    lng: float
    n: int


class Durations:
    """How long things took, in classes of which each is within 1 % of what is in it.

    The rule is DDSketch's: class i holds the hours in (g^(i-1), g^i], and answers with their
    harmonic middle, which is at most ``ACCURACY`` off. Classes add up, so the days', wards' and
    teams' quantiles come from the same counts as the year's (Masson, Rim and Lee: DDSketch,
    PVLDB 12(12), 2019).
    """

    ACCURACY: Final = 0.01
    GROWTH: Final = (1 + ACCURACY) / (1 - ACCURACY)
    #: Nothing takes less than a minute; from there the classes are numbered, to 500 years.
    SHORTEST_HOURS: Final = 1 / 60
    CLASSES: Final = 1000

    __slots__ = ("_classes", "_ns")

    def __init__(self, classes: Ints, ns: Ints) -> None:
        """Classes in rising order, and how many are in each."""
        self._classes, self._ns = classes, ns

    @property
    def n(self) -> int:
        """How many things."""
        return int(self._ns.sum())

    def quantile(self, q: float) -> float | None:
        """The hours that so many of them took at most; None without any."""
        if not self.n:
            return None
        rank = floor(q * (self.n - 1))
        found = int(self._classes[np.searchsorted(np.cumsum(self._ns), rank, side="right")])
        return self.hours(found)

    @classmethod
    def hours(cls, of_class: int) -> float:
        """What stands for a class."""
        return cls.SHORTEST_HOURS * 2 * cls.GROWTH**of_class / (cls.GROWTH + 1)

    @classmethod
    def class_of(cls, hours: float) -> int:
        """The class of so many hours."""
        if hours <= cls.SHORTEST_HOURS:
            return 0
        return min(cls.CLASSES - 1, ceil(log(hours / cls.SHORTEST_HOURS) / log(cls.GROWTH)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Durations) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(frozenset(self.as_dict().items()))

    def as_dict(self) -> dict[int, int]:
        """Class → how many."""
        return dict(zip(self._classes.tolist(), self._ns.tolist(), strict=True))


#: What every look asks for.
LOOK: Final[Mapping[str, Any]] = {
    "reasons": list(CLOSED_REASONS),
    "classes": Durations.CLASSES,
    "shortest": Durations.SHORTEST_HOURS,
    "growth": Durations.GROWTH,
}

NO_DURATIONS: Final = Durations(np.zeros(0, np.int64), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Figure:
    """Figures of one group; what was not asked to be told apart is None."""

    #: An area's id; -1: in none.
    area: int | None = None
    team: int | None = None
    category: str | None = None
    #: The day, or the Monday of the week.
    start: date | None = None
    reports: int = 0
    jobs: int = 0
    fixed: int = 0
    #: By reason; only those there are.
    closed: Mapping[str, int] = field(default_factory=dict)
    on_time: int = 0
    reopened: int = 0
    open: int = 0
    overdue: int = 0
    durations: Durations = NO_DURATIONS

    def key(self) -> tuple[Any, ...]:
        """In order of what they are of."""
        return (self.start or date.min, self.area or 0, self.team or 0, self.category or "")
