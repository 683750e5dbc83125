"""What the address of the console's map says: the filters of every list, and how to look at them.

The address is the whole state of the page: a copied link shows the same, and going back works.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal
from urllib.parse import urlencode

from babel.dates import format_date
from pydantic import Field, ValidationError
from starlette.datastructures import QueryParams

from reporting.asked import Asked
from reporting.errors import Invalid
from reporting.language import language
from reporting.statistics.tables import days_of
from reporting.web.api.filters import Filters
from routing.rulebook import Rules

View = Literal["wards", "heat", "points"]
Measure = Literal["reports", "open", "overdue"]
Per = Literal["km2", "residents", "number"]

#: Of the time slider, in days: both ends are among them.
WINDOW: Final = 30
STEP: Final = 7
#: The columns by which the table can be sorted, as they are said in the address.
COLUMNS: Final = (
    *("name", "rate", "reports", "jobs", "fixed", "open", "overdue"),
    *("median", "p90", "on_time", "reopened"),
)
MEASURES: Final[Mapping[str, str]] = {
    "reports": "reports",
    "open": "open jobs",
    "overdue": "late jobs",
}
_MANY: Final = frozenset({"authority", "team", "ward", "category", "status", "priority"})
_FILTERS: Final = ("category", "team", "ward", "status", "priority")


class MapAsked(Filters):
    """The page's own parameters beside the filters."""

    view: View = "wards"
    measure: Measure = "reports"
    per: Per = "km2"
    #: ``all``: every day there ever was. Else from and to, or the last days.
    days: Literal["", "all"] = ""
    #: The code of the ward that is looked at.
    chosen: str = Field("", max_length=50)
    sort: str = Field("-rate", max_length=20)
    #: Where the map looks: zoom/lat/lng. The page's script alone reads it.
    at: str = Field("", max_length=60)


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, with every default filled in."""

    params: Mapping[str, tuple[str, ...]]
    view: View
    measure: Measure
    per: Per
    chosen: str
    column: str
    falls: bool
    asked: Asked
    #: The first and the last day; None for all days so far.
    days: tuple[date, date] | None
    today: date

    @property
    def dated(self) -> tuple[date, date] | None:
        """The days of what the map shows: what is open now is so, whenever it was made."""
        return self.days if self.measure == "reports" else None

    def address(self, **changes: str | None) -> str:
        """The page's address with these parameters otherwise; None takes one away."""
        params = {**self.params, **{key: (value,) for key, value in changes.items() if value}}
        for key, value in changes.items():
            if not value:
                params.pop(key, None)
        return "/console/map" + (f"?{urlencode(params, doseq=True)}" if params else "")

    def sorted_by(self, column: str) -> str:
        """The address of the table by another column; by the same one, the other way round."""
        falls = not self.falls if column == self.column else column != "name"
        return self.address(sort=f"-{column}" if falls else column) + "#figures"

    def window(self, last: date) -> str:
        """The address of the slider's window that ends on a day."""
        first = last - timedelta(days=WINDOW - 1)
        return self.address(**{"from": first.isoformat(), "to": last.isoformat(), "days": None})

    @property
    def filters(self) -> int:
        """How many of the filters hold something."""
        return sum(1 for name in _FILTERS if self.params.get(name))


def read(query: QueryParams, today: date) -> tuple[Look, str | None]:
    """What an address asks for; where it cannot be asked, the page as it begins, and why."""
    given = {key: query.getlist(key) for key in query if key in _known()}
    given = {key: [each for each in values if each] for key, values in given.items()}
    given = {key: values for key, values in given.items() if values}
    try:
        return _look(given, today), None
    except ValidationError:
        return _look({}, today), "This address asks for something that no map of ours shows."
    except Invalid as refusal:
        return _look({}, today), refusal.detail


def _known() -> frozenset[str]:
    return frozenset(each.alias or name for name, each in MapAsked.model_fields.items())


def _look(given: Mapping[str, list[str]], today: date) -> Look:
    filters = MapAsked.model_validate(
        {key: values if key in _MANY else values[-1] for key, values in given.items()}
    )
    asked = filters.asked()
    days = None
    if filters.days != "all":
        found = days_of(asked, today)
        days = (found.first, found.last)
    column = filters.sort.removeprefix("-")
    return Look(
        params={key: tuple(values) for key, values in given.items()},
        view=filters.view,
        measure=filters.measure,
        per=filters.per,
        chosen=filters.chosen,
        column=column if column in COLUMNS else "rate",
        falls=filters.sort.startswith("-") or column not in COLUMNS,
        asked=replace(asked, first=days and days[0], last=days and days[1]),
        days=days,
        today=today,
    )


def said(look: Look, rules: Rules, authority: int, wards: Mapping[str, str]) -> str:
    """What is shown, as a sentence: it stands over the map, over the table and on paper."""
    what = {
        "reports": f"{'Jobs made' if look.view == 'points' else 'Reports that came'}"
        f" {span(look.days)}",
        "open": "Jobs that are open now",
        "overdue": "Jobs that are late now",
    }[look.measure]
    teams = {t.slug: t.name for t in rules.teams.values() if t.authority_id == authority}
    kinds = {code: each.name for code, each in rules.categories.items()}
    given = look.params
    parts = [what]
    parts += _named("", given.get("category"), kinds)
    parts += _named("team ", given.get("team"), teams)
    parts += _named("in ", given.get("ward"), wards)
    parts += _named("status ", given.get("status"), {})
    parts += _named("", given.get("priority"), {})
    return "; ".join(parts) + "."


def span(days: tuple[date, date] | None) -> str:
    """Days in words; a year is said once where it is the same."""
    if days is None:
        return "on any day so far"
    locale = language(None).locale
    first, last = days
    if first == last:
        return f"on {format_date(last, 'd MMMM y', locale=locale)}"
    shape = "d MMMM" if first.year == last.year else "d MMMM y"
    return (
        f"from {format_date(first, shape, locale=locale)}"
        f" to {format_date(last, 'd MMMM y', locale=locale)}"
    )


def _named(before: str, given: Iterable[str] | None, names: Mapping[str, str]) -> list[str]:
    found = [
        names.get(each, each.replace("_", " ")) for part in given or () for each in part.split(",")
    ]
    return [before + " or ".join(found)] if found else []
