"""The filters that lists, maps, figures and exports share: the same words ask for the same rows."""

import re
from datetime import date
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from geo.points import BBox
from reporting.asked import BEGINNING, Asked
from reporting.errors import Invalid
from reporting.status import OPEN, STATUSES
from reporting.web.api.job_wire import PRIORITIES
from reporting.web.body import Wire

WIDEST, HIGHEST = 180, 90
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
#: Far enough ahead for what is planned; later than this no calendar is kept.
_END: Final = date(2100, 1, 1)


def _day(value: Any) -> Any:
    """Numbers would be taken for seconds since 1970, and instants for days."""
    if not isinstance(value, date) and not (isinstance(value, str) and _DAY.fullmatch(value)):
        message = "must be a day such as 2026-11-23"
        raise ValueError(message)  # pydantic makes an answer of this only
    return value


#: A calendar day, where the authority is.
Day = Annotated[date, Field(strict=False), BeforeValidator(_day)]


class Filters(Wire):
    """Which reports or jobs. A filter may hold several values, repeated or with commas: any fits.

    A route with parameters of its own inherits from this.
    """

    authority: list[str] = Field([], max_length=50, description="Slugs")
    team: list[str] = Field([], max_length=200, description="Slugs of teams of your authority")
    ward: list[str] = Field([], max_length=200, description="Codes of wards or divisions")
    category: list[str] = Field([], max_length=200)
    status: list[str] = Field(
        [], max_length=20, description="Statuses, or `open` for all that are", examples=[["open"]]
    )
    priority: list[str] = Field([], max_length=20, examples=[["P1,P2"]])
    overdue: bool | None = Field(None, strict=False, description="Late, ours and still open")
    bbox: str | None = Field(
        None,
        max_length=200,
        description="west,south,east,north in degrees",
        examples=["-1.0,52.0,-0.96,52.02"],
    )
    first: Day | None = Field(
        None,
        alias="from",
        description="The first day, in the authority's time zone, on which a report came or a job"
        " was made",
        examples=["2026-11-01"],
    )
    last: Day | None = Field(
        None,
        alias="to",
        description="The last day, which is among them; today unless given",
        examples=["2026-11-30"],
    )

    def asked(self) -> Asked:
        """As verbs take it. Raises Invalid for a status, priority, box or days that are none."""
        statuses = values(self.status)
        if "open" in statuses:
            statuses = statuses - {"open"} | OPEN
        priorities = values(self.priority)
        if not statuses <= STATUSES:
            raise Invalid(f"status is one of open, {', '.join(sorted(STATUSES))}.")
        if not priorities <= PRIORITIES.keys():
            raise Invalid(f"priority is one of {', '.join(PRIORITIES)}.")
        days = [day for day in (self.first, self.last) if day is not None]
        if any(not BEGINNING <= day < _END for day in days) or days != sorted(days):
            raise Invalid(f"from and to are days from {BEGINNING} on, from before to.")
        return Asked(
            authorities=values(self.authority),
            teams=values(self.team),
            wards=values(self.ward),
            categories=values(self.category),
            statuses=statuses,
            priorities=frozenset(PRIORITIES[code] for code in priorities),
            overdue=self.overdue,
            bbox=box(self.bbox) if self.bbox is not None else None,
            first=self.first,
            last=self.last,
        )


def values(given: list[str]) -> frozenset[str]:
    """What a repeated parameter holds, each perhaps several with commas."""
    found = frozenset(value.strip() for part in given for value in part.split(","))
    if any("\x00" in value for value in found):
        raise Invalid("A filter holds a character that no name has.")
    return found


def box(text: str) -> BBox:
    """A box as it is written in an address. Raises Invalid."""
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError as error:
        raise Invalid("bbox is west,south,east,north in degrees.") from error
    if not (-WIDEST <= west <= east <= WIDEST and -HIGHEST <= south <= north <= HIGHEST):
        raise Invalid("bbox is west,south,east,north in degrees, west before east.")
    return BBox(west, south, east, north)
