"""What the address of the console's figures says: what the rows are, the days, the order (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from pydantic import Field, ValidationError
from starlette.datastructures import QueryParams

from reporting.asked import Asked, Days
from reporting.errors import Invalid
from reporting.statistics import periods
from reporting.statistics.tables import days_of
from reporting.web.api.statistics import Periods

Group = Literal["ward", "team", "category", "week", "month"]
Compare = Literal["", "before", "year", "days"]

TIMES: Final = frozenset({"week", "month"})
_MANY: Final = frozenset({"authority", "team", "ward", "category", "status", "priority"})
_FILTERS: Final = ("category", "team", "ward")
#: Days that are asked for often, as links.
SHORTCUTS: Final = ((28, "4 weeks"), (91, "13 weeks"), (364, "52 weeks"))


class FiguresAsked(Periods):
    """The page's own parameters beside the filters."""

    group_by: Group = "ward"
    compare: Compare = ""
    sort: str = Field("", max_length=20)


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, with every default filled in."""

    params: Mapping[str, tuple[str, ...]]
    by: Group
    compare: Compare
    asked: Asked
    days: Days
    compared: Days | None
    column: str
    falls: bool
    today: date

    @property
    def by_time(self) -> bool:
        """Rows in order of time are not compared one by one: their total is."""
        return self.by in TIMES

    def address(self, path: str = "/console/figures", **changes: str | None) -> str:
        """The page's address with these parameters otherwise; None takes one away."""
        params = {**self.params, **{key: (value,) for key, value in changes.items() if value}}
        for key in (key for key, value in changes.items() if not value):
            params.pop(key, None)
        return path + (f"?{urlencode(params, doseq=True)}" if params else "")

    def sorted_by(self, column: str) -> str:
        """The address of the table by another column; by the same one, the other way round."""
        falls = not self.falls if column == self.column else column != "name"
        return self.address(sort=f"-{column}" if falls else column) + "#table"

    @property
    def file(self) -> str:
        """The address of the table as a file."""
        return self.address("/console/figures/table.csv")

    @property
    def shortcuts(self) -> list[tuple[str, str, bool]]:
        """The last days to yesterday: words, address, and whether they are looked at."""
        last = self.today - timedelta(days=1)
        found = []
        for many, words in SHORTCUTS:
            first = last - timedelta(days=many - 1)
            address = self.address(**{"from": first.isoformat(), "to": last.isoformat()})
            found.append((words, address, self.days == Days(first, last)))
        return found

    @property
    def filters(self) -> int:
        """How many of the filters hold something."""
        return sum(1 for name in _FILTERS if self.params.get(name))


def read(query: QueryParams, today: date) -> tuple[Look, str | None]:
    """What an address asks for; where it cannot be asked, the page as it begins, and why."""
    known = {each.alias or name for name, each in FiguresAsked.model_fields.items()}
    given = {key: [each for each in query.getlist(key) if each] for key in query if key in known}
    given = {key: values for key, values in given.items() if values}
    try:
        return _look(given, today), None
    except ValidationError:
        return _look({}, today), "This address asks for something that no table of ours shows."
    except Invalid as refusal:
        return _look({}, today), refusal.detail


def _look(given: Mapping[str, list[str]], today: date) -> Look:
    filters = FiguresAsked.model_validate(
        {key: values if key in _MANY else values[-1] for key, values in given.items()}
    )
    asked = filters.asked()
    if asked.statuses or asked.priorities or asked.bbox or asked.overdue is not None:
        raise Invalid("Figures go by ward, team, category and days; the lists by the rest too.")
    days = days_of(asked, today)
    if filters.group_by in TIMES:
        periods.steps(days, "week" if filters.group_by == "week" else "month")
    compared = {
        "": None,
        "before": periods.before(days),
        "year": periods.year_before(days),
        "days": filters.compared(),
    }[filters.compare]
    sort = filters.sort or ("name" if filters.group_by in TIMES else "-reports")
    return Look(
        params={key: tuple(values) for key, values in given.items()},
        by=filters.group_by,
        compare=filters.compare,
        asked=replace(asked, first=days.first, last=days.last),
        days=days,
        compared=periods.clipped(compared, today) if compared else None,
        column=sort.removeprefix("-"),
        falls=sort.startswith("-"),
        today=today,
    )
