"""Figures of areas, teams, categories, days and weeks, from the sums that are kept."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from psycopg.rows import tuple_row

from geo.heat.reading import spans_of
from geo.heat.spans import EVER, Part, day, number, parts
from geo.heat.vectors import Entries
from reporting.asked import Days
from reporting.counting.facts import LEVELS, TOOK, Fact
from reporting.counting.values import By, Durations, Figure
from reporting.queries import counting as queries
from reporting.runtime import Connection
from reporting.status import CLOSED_REASONS

_BITS: Final = {"area": 1, "team": 2, "category": 4}
_PLAIN: Final = {
    "reports": Fact.REPORTS,
    "jobs": Fact.JOBS,
    "fixed": Fact.FIXED,
    "on_time": Fact.ON_TIME,
    "reopened": Fact.REOPENED,
    "open": Fact.OPEN,
    "overdue": Fact.OVERDUE,
}
#: Where no days are told apart.
_TOGETHER: Final = 0


async def figures(
    conn: Connection,
    *,
    authority_id: int,
    by: frozenset[By] = frozenset(),
    days: Days | None = None,
    areas: frozenset[int] | None = None,
    teams: frozenset[int] | None = None,
    categories: frozenset[str] | None = None,
) -> list[Figure]:
    """Figures of each group that has any, in order of day, area, team and category."""
    filters = {"area": areas, "team": teams, "category": categories}
    narrowed = frozenset(name for name, each in filters.items() if each is not None)
    told_apart = frozenset(by & _BITS.keys())
    bits = sum(_BITS[name] for name in told_apart | narrowed)
    buckets = [*await _parts(conn, authority_id, by, days)]
    values = {
        "authority": authority_id,
        "level": min(level for level in LEVELS if level & bits == bits),
        "areas": sorted(areas or ()),
        "teams": sorted(teams or ()),
        "categories": sorted(categories or ()),
        "buckets": [bucket for bucket, _ in buckets],
        **spans_of([part for _, part in buckets]),
    }
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        await cursor.execute(queries.figures(told_apart, narrowed), values)
        rows = await cursor.fetchall()
    keys = {row[:1] + row[2:5]: None for row in rows}
    owners = {key: place for place, key in enumerate(keys)}
    read = Entries.read([row[5] for row in rows], range(len(rows)))
    place = np.array([owners[row[:1] + row[2:5]] for row in rows], np.int64)
    sign = np.array([row[1] for row in rows], np.int64)
    found = Entries(place[read.owner], read.key, read.n * sign[read.owner]).summed()
    return sorted(_figures(list(keys), found, dated=bool(by & {"day", "week"})), key=Figure.key)


async def _parts(
    conn: Connection, authority_id: int, by: frozenset[By], days: Days | None
) -> Iterator[tuple[int, Part]]:
    """The spans to read, each with the day whose figures it belongs to."""
    step = 1 if "day" in by else 7 if "week" in by else None
    if step is None and days is None:
        return iter([(_TOGETHER, Part(EVER, 0, 1))])
    async with conn.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(queries.EXTENT, {"authority": authority_id})
        ((first, last),) = await cursor.fetchall()
    if first is None:
        return iter([])
    if days is not None:
        first, last = max(first, number(days.first)), min(last, number(days.last))
    if step is None:
        return ((_TOGETHER, part) for part in parts(first, last))
    return (
        (start, part)
        for start in range(first // step * step, last + 1, step)
        for part in parts(max(start, first), min(start + step - 1, last))
    )


def _figures(keys: list[tuple[Any, ...]], found: Entries, *, dated: bool) -> Iterator[Figure]:
    """The figures of each key that has any."""
    plain = found.key < TOOK
    table = np.zeros((len(keys), TOOK), np.int64)
    table[found.owner[plain], found.key[plain]] = found.n[plain]
    owner, classes, ns = (each[~plain] for each in (found.owner, found.key - TOOK, found.n))
    ends = np.searchsorted(owner, np.arange(len(keys) + 1)).tolist()
    for place, (key, counts) in enumerate(zip(keys, table.tolist(), strict=True)):
        if not any(counts):
            continue
        bucket, area, team, category = key
        reasons = zip(CLOSED_REASONS, counts[Fact.CLOSED :], strict=False)
        took = slice(ends[place], ends[place + 1])
        yield Figure(
            area=area,
            team=team,
            category=category,
            start=day(bucket) if dated else None,
            closed={reason: n for reason, n in reasons if n},
            durations=Durations(classes[took], ns[took]),
            **{name: counts[fact] for name, fact in _PLAIN.items()},
        )
