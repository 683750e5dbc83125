"""Quarters of the calendar year, and what WasteDataFlow calls them (pure)."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Self

from reporting.asked import BEGINNING, Days
from reporting.errors import Invalid

_WRITTEN: Final = re.compile(r"([0-9]{4})Q([1-4])")
_MONTHS: Final = (
    "January to March",
    "April to June",
    "July to September",
    "October to December",
)
_LAST: Final = 4


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Three months of a calendar year; ``2026Q3`` is July to September."""

    year: int
    number: int

    @classmethod
    def read(cls, text: str) -> Self:
        """As it is written in an address. Raises Invalid."""
        found = _WRITTEN.fullmatch(text)
        if found is None or int(found[1]) < BEGINNING.year:
            raise Invalid("quarter is written like 2026Q3: July to September 2026.")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def holding(cls, day: date) -> Self:
        """The one that a day is in."""
        return cls(day.year, (day.month + 2) // 3)

    def __str__(self) -> str:
        return f"{self.year}Q{self.number}"

    @property
    def words(self) -> str:
        """``July to September 2026``."""
        return f"{_MONTHS[self.number - 1]} {self.year}"

    @property
    def financial(self) -> str:
        """In financial years, which begin in April: ``2026/27, quarter 2``."""
        year, number = (self.year, self.number - 1) if self.number > 1 else (self.year - 1, _LAST)
        return f"{year}/{(year + 1) % 100:02d}, quarter {number}"

    @property
    def days(self) -> Days:
        """Its first and its last day."""
        first, after = (date(each.year, 3 * each.number - 2, 1) for each in (self, self.next))
        return Days(first, after - timedelta(days=1))

    @property
    def next(self) -> "Quarter":
        """The one after it."""
        if self.number == _LAST:
            return Quarter(self.year + 1, 1)
        return Quarter(self.year, self.number + 1)

    @property
    def before(self) -> "Quarter":
        """The one before it."""
        return (
            Quarter(self.year - 1, _LAST)
            if self.number == 1
            else Quarter(self.year, self.number - 1)
        )
