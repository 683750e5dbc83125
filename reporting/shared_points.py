"""Points that very many reports share: a geocoder's fallback, a pin nobody moved.

Of 58,000 reports of Boston a twelfth lie on City Hall, which is where its geocoder puts an address
it does not know. Such a point says nothing of where a defect is: a report there is flagged
``shared_point``, joins no job by itself, and no job there is offered to anybody near.

A real place can be crowded too: a corner where rubbish is dumped every week, a block of houses
whose parking meters all have the block's address. What gives a fallback away is that it gathers
*every kind* of report, day after day. So a point is found when, within ``DAYS``, it has at least
``REPORTS`` reports on ``ON_DAYS`` days, and either as many kinds of them (weighed) as no corner
has, or a share of all reports that no corner has. Once found it stays found, and so do the jobs
that were placed there before.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from psycopg.rows import class_row

from reporting.queries import shared_points as queries
from reporting.runtime import Connection

DAYS: Final = 30
REPORTS: Final = 20
ON_DAYS: Final = 10
#: Boston's fallback has 6.0 kinds, and the address of City Hall 3.6; of its corners with so many
#: reports none has 1.6, of Washington's blocks none 1.2. With few categories it is a share of what
#: all reports have, and never one kind alone.
KINDS: Final = 3.0
KINDS_SHARE: Final = 0.75
KINDS_LEAST: Final = 1.4
#: The fullest corner of either city has 0.3 % of its reports, the fallback 9 %.
MANY: Final = 50
SHARE: Final = 0.02


@dataclass(frozen=True, slots=True)
class SharedPoint:
    """A point, and how many of the last reports lie on it."""

    lat: float
    lng: float
    reports: int
    is_new: bool


async def find(conn: Connection, at: datetime | None = None) -> list[SharedPoint]:
    """Look through the last reports (before ``at``; now), and keep what is found."""
    values = {
        "at": at,
        "days": DAYS,
        "reports": REPORTS,
        "on_days": ON_DAYS,
        "kinds": KINDS,
        "kinds_share": KINDS_SHARE,
        "kinds_least": KINDS_LEAST,
        "many": MANY,
        "share": SHARE,
    }
    async with conn.cursor(row_factory=class_row(SharedPoint)) as cursor:
        await cursor.execute(queries.FIND, values)
        return await cursor.fetchall()


async def find_over(conn: Connection, first: datetime, last: datetime) -> list[SharedPoint]:
    """Look through a span of the past as it would have been looked through while it passed.

    Each point is named once, as it was last found. Windows meet half way, so that what is found in
    none of two neighbours, but across them, is found too.
    """
    found: dict[tuple[float, float], SharedPoint] = {}
    new: set[tuple[float, float]] = set()
    at = first
    while at < last:
        at = min(at + timedelta(days=DAYS / 2), last)
        for point in await find(conn, at):
            key = (point.lat, point.lng)
            found[key] = point
            if point.is_new:
                new.add(key)
    return [replace(point, is_new=key in new) for key, point in found.items()]
