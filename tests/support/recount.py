"""What the counts must answer, told from reports and jobs one by one: slow and plain."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast

import numpy as np
from psycopg.rows import dict_row

from geo.heat.cells import CELL_BITS, FINEST, SIDE
from geo.heat.spans import day, number
from geo.tiles import Tile
from reporting.asked import Days
from reporting.counting.values import (
    LOOK,
    By,
    Cells,
    Durations,
    Figure,
    Measure,
    Shared,
)
from reporting.queries import counting as queries
from reporting.runtime import Connection
from reporting.status import CLOSED_REASONS


async def as_of(conn: Connection, authority_id: int) -> datetime:
    """When the clock was last asked for this authority."""
    cursor = await conn.execute(queries.AS_OF, {"authority": authority_id})
    (found,) = await cursor.fetchone() or (None,)
    return cast("datetime", found)


async def cells(
    conn: Connection,
    *,
    authority_id: int,
    measure: Measure,
    tile: Tile,
    days: Days | None = None,
    categories: frozenset[str] | None = None,
    areas: frozenset[int] | None = None,
    teams: frozenset[int] | None = None,
    statuses: frozenset[str] | None = None,
    priorities: frozenset[int] | None = None,
    limit: int = 1_000_000,
) -> Cells:
    """Counts in the cells of a tile."""
    rows = await _rows(conn, authority_id)
    found: Counter[tuple[int, int]] = Counter()
    shift = FINEST - tile.z
    left = limit
    for row in rows:
        if not (
            _is(row, measure)
            and row["px"] >= 0
            and not row["shared"]
            and (row["px"] >> shift, row["py"] >> shift) == (tile.x, tile.y)
            and _within(row["day"], days)
            and _among(row["category"], categories)
            and _among(row["area_id"], areas)
            and _among(row["team_id"], teams)
            and _among(row["status"], statuses)
            and _among(row["priority"], priorities)
        ):
            continue
        left -= 1
        if left < 0:
            break
        found[_cell(row["px"], shift), _cell(row["py"], shift)] += 1
    order = sorted(found, key=lambda at: (at[1], at[0]))
    return Cells(
        np.array([x for x, _ in order], np.int64),
        np.array([y for _, y in order], np.int64),
        np.array([found[at] for at in order], np.int64),
        await as_of(conn, authority_id),
        cut=left < 0,
    )


async def shared(
    conn: Connection,
    *,
    authority_id: int,
    measure: Measure,
    categories: frozenset[str] | None = None,
    days: Days | None = None,
) -> list[Shared]:
    """Points that very many reports share, with what of the authority stands there, if any."""
    rows = await _rows(conn, authority_id)
    found: Counter[tuple[int, int]] = Counter()
    for row in rows:
        if (
            _is(row, measure)
            and row["shared"]
            and _within(row["day"], days)
            and _among(row["category"], categories)
        ):
            found[row["px"], row["py"]] += 1
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(queries.SHARED_POINTS)
        known = await cursor.fetchall()
    return [
        Shared(each["lat"], each["lng"], n)
        for each in known
        if (n := found[each["px"], each["py"]])
    ]


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
    groups: dict[_Group, Counter[Any]] = defaultdict(Counter)
    for row in await _rows(conn, authority_id):
        if not (
            _among(row["area_id"], areas)
            and _among(row["team_id"], teams)
            and _among(row["category"], categories)
        ):
            continue
        for at, what in _events(row):
            if _within(at, days):
                groups[_group(row, at, by)][what] += 1
    found = [_figure(group, counts) for group, counts in groups.items()]
    return sorted(found, key=Figure.key)


@dataclass(frozen=True, slots=True)
class _Group:
    area: int | None
    team: int | None
    category: str | None
    start: date | None


def _events(row: Mapping[str, Any]) -> Sequence[tuple[int, Any]]:
    if not row["kind"]:
        return [(row["day"], "reports")]
    found: list[tuple[int, Any]] = [(row["day"], "jobs")]
    found += [(row["day"], name) for name in ("reopened", "overdue") if row[name]]
    if row["is_open"]:
        found.append((row["day"], "open"))
    elif row["outcome"] == 1:
        found += [(row["closed_day"], "fixed"), (row["closed_day"], ("took", row["took"]))]
        if row["on_time"]:
            found.append((row["closed_day"], "on_time"))
    else:
        found.append((row["closed_day"], ("closed", CLOSED_REASONS[row["outcome"] - 2])))
    return found


def _group(row: Mapping[str, Any], at: int, by: frozenset[By]) -> _Group:
    start = day(at) if "day" in by else day(at // 7 * 7) if "week" in by else None
    return _Group(
        row["area_id"] if "area" in by else None,
        row["team_id"] if "team" in by else None,
        row["category"] if "category" in by else None,
        start,
    )


def _figure(group: _Group, counts: Counter[Any]) -> Figure:
    pairs = [(key, n) for key, n in counts.items() if isinstance(key, tuple)]
    took = sorted((each, n) for (what, each), n in pairs if what == "took")
    plain = {key: n for key, n in counts.items() if isinstance(key, str)}
    return Figure(
        group.area,
        group.team,
        group.category,
        group.start,
        closed={each: n for (what, each), n in sorted(pairs) if what == "closed"},
        durations=Durations(
            np.array([each for each, _ in took], np.int64), np.array([n for _, n in took], np.int64)
        ),
        **plain,
    )


def _cell(at: int, shift: int) -> int:
    if shift >= CELL_BITS:
        return (at >> shift - CELL_BITS) % SIDE
    return (at << CELL_BITS - shift) % SIDE


def _is(row: Mapping[str, Any], measure: Measure) -> bool:
    if measure == "reports":
        return not row["kind"]
    return bool(row["is_open"] if measure == "open" else row["overdue"])


def _within(at: int, days: Days | None) -> bool:
    return days is None or number(days.first) <= at <= number(days.last)


def _among(value: Any, wanted: Collection[Any] | None) -> bool:
    return wanted is None or value in wanted


async def _rows(conn: Connection, authority_id: int) -> list[dict[str, Any]]:
    at = await as_of(conn, authority_id)
    async with conn.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(
            queries.looks("authority"), {**LOOK, "authority": authority_id, "as_of": at}
        )
        return await cursor.fetchall()
