"""From what reports and jobs are counted as to the sums that are kept of them. Pure.

A figure's vector has one key for each of ``Fact``, and from ``TOOK`` on one for each class of
``Durations``. Figures are kept for each area, team and category together, for each of them alone,
and for all: so a map of wards or an authority's trend reads few rows.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from geo.heat.arrays import Texts
from geo.heat.keeping import Places
from geo.heat.pyramid import pyramid
from geo.heat.spans import EVERY
from geo.heat.sums import Additions, Table
from geo.heat.vectors import KEYS, Entries, Ints
from reporting.counting.values import Measure
from reporting.status import CLOSED_REASONS

#: Column → one value for each row that is added (sign 1) or taken off (-1).
Delta = Mapping[str, Ints]


class Fact(IntEnum):
    """What is counted of an area, a team, a category; of ``CLOSED`` one for each reason."""

    REPORTS = 0
    JOBS = 1
    OPEN = 2
    OVERDUE = 3
    REOPENED = 4
    FIXED = 5
    ON_TIME = 6
    CLOSED = 16


TOOK: Final = 64
assert Fact.CLOSED + len(CLOSED_REASONS) <= TOOK  # noqa: S101 - of two constants

MEASURES: Final[tuple[Measure, ...]] = ("reports", "open", "overdue")

FIGURES: Final = Table(
    "figure_kept",
    {
        "authority_id": "integer",
        "level": "smallint",
        "span": "smallint",
        "start": "integer",
        "category": "text",
        "area_id": "integer",
        "team_id": "integer",
    },
)
#: Which of area (1), team (2) and category (4) are told apart; the smallest that will do is read.
LEVELS: Final = (0, 1, 2, 4, 7)
#: Stands for an area, a team or a category where they are not told apart.
ALL: Final = 0
ALL_CATEGORIES: Final = ""


def series_name(
    authority_id: int, measure: Measure, category: str = "", area: int | str = ""
) -> str:
    """The name of a series of heat: of a category, or of an area, or of all there is."""
    return f"{authority_id}/{measure}/{category}/{area}"


def measured(delta: Delta, measure: Measure) -> Ints:
    """Which rows have a place and are of that measure, as their numbers."""
    of_it = (
        delta["kind"] == 0
        if measure == "reports"
        else delta["is_open" if measure == "open" else measure] == 1
    )
    return np.flatnonzero(of_it & (delta["px"] >= 0))


def series_names(delta: Delta, categories: Sequence[str]) -> list[str]:
    """The names of all the series that the rows touch, in the order that ``places`` takes them."""
    return [
        series_name(authority, measure, **{which: value})
        for authority, which, value in _wholes(delta, categories)
        for measure in MEASURES
    ]


def _wholes(delta: Delta, categories: Sequence[str]) -> list[tuple[int, str, Any]]:
    """Of each authority all, each category and each area."""
    pairs = np.unique(np.stack([delta["authority_id"], delta["area_id"]]), axis=1).T.tolist()
    authorities = sorted({authority for authority, _ in pairs})
    return [
        *((authority, "category", "") for authority in authorities),
        *((authority, "category", c) for authority in authorities for c in categories),
        *((authority, "area", area) for authority, area in pairs),
    ]


def places(delta: Delta, categories: Sequence[str], series: Mapping[str, int]) -> Places:
    """The rows that have a place: each under all, under its category and under its area."""
    wholes = _wholes(delta, categories)
    numbers = {
        measure: np.array(
            [series[series_name(a, measure, **{which: value})] for a, which, value in wholes],
            np.int64,
        )
        for measure in MEASURES
    }
    authorities, whose = np.unique(delta["authority_id"], return_inverse=True)
    _, area = np.unique(
        np.stack([delta["authority_id"], delta["area_id"]]), axis=1, return_inverse=True
    )
    n = len(authorities)
    kinds = (
        whose,
        n + whose * len(categories) + delta["category"],
        n + n * len(categories) + area.ravel(),
    )
    some = {measure: measured(delta, measure) for measure in MEASURES}
    row = np.concatenate([some[measure] for measure in MEASURES for _ in kinds])
    return Places(
        series=np.concatenate(
            [numbers[measure][kind[some[measure]]] for measure in MEASURES for kind in kinds]
        ),
        **{name: delta[name][row] for name in ("px", "py", "day", "shared")},
        n=delta["sign"][row],
    )


def figures(delta: Delta, categories: Sequence[str]) -> Additions:
    """What is to be added to which figures."""
    groups, group = _groups(delta)
    row, day, fact = _events(delta)
    of, n = group[row], delta["sign"][row]
    columns: dict[str, list[Ints]] = {name: [np.zeros(0, np.int64)] for name in FIGURES.key}
    every: list[Entries] = [Entries.none()]
    before = 0
    for level in LEVELS:
        masked = groups.copy()
        for place, (bit, all_of_them) in enumerate(((1, ALL), (2, ALL), (4, -1)), start=1):
            if not level & bit:
                masked[:, place] = all_of_them
        named, which = np.unique(masked, axis=0, return_inverse=True)
        for rows in pyramid(which.ravel()[of], day, fact, n, EVERY, KEYS):
            who = named[rows.whose]
            every.append(rows.entries.moved(before))
            before += len(who)
            for name, values in (
                ("authority_id", who[:, 0]),
                ("level", np.full(len(who), level)),
                ("span", np.full(len(who), rows.span)),
                ("start", rows.start),
                ("category", who[:, 3]),
                ("area_id", who[:, 1]),
                ("team_id", who[:, 2]),
            ):
                columns[name].append(values)
    found: dict[str, Any] = {name: np.concatenate(values) for name, values in columns.items()}
    names = [*categories, ALL_CATEGORIES]  # -1 is the last
    found["category"] = Texts(names[at] for at in found["category"].tolist())
    return Additions(found, Entries.all_of(every))


def _groups(delta: Delta) -> tuple[Ints, Ints]:
    """The different authorities, areas, teams and categories, and which of them each row is."""
    names = ("authority_id", "area_id", "team_id", "category")
    one = (delta["authority_id"] << 32) + delta["area_id"] + 1
    other = (delta["team_id"] << 16) + delta["category"] + 1
    _, ones = np.unique(one, return_inverse=True)
    few, others = np.unique(other, return_inverse=True)
    _, first, group = np.unique(ones * len(few) + others, return_index=True, return_inverse=True)
    return np.stack([delta[name][first] for name in names], axis=1), group


def _events(delta: Delta) -> tuple[Ints, Ints, Ints]:
    """What happened on which day, as three columns: the row, the day, the key in the vector."""
    job, outcome = delta["kind"] == 1, delta["outcome"]
    day, closed_day = delta["day"], delta["closed_day"]
    fixed = job & (outcome == 1)
    events: list[tuple[NDArray[np.bool_], Ints, Ints | int]] = [
        (delta["kind"] == 0, day, Fact.REPORTS),
        (job, day, Fact.JOBS),
        (delta["is_open"] == 1, day, Fact.OPEN),
        (delta["overdue"] == 1, day, Fact.OVERDUE),
        (delta["reopened"] == 1, day, Fact.REOPENED),
        (fixed, closed_day, Fact.FIXED),
        (delta["on_time"] == 1, closed_day, Fact.ON_TIME),
        (job & (outcome > 1), closed_day, Fact.CLOSED + outcome - 2),
        (fixed, closed_day, TOOK + delta["took"]),
    ]
    rows = [np.flatnonzero(which) for which, _, _ in events]
    return (
        np.concatenate(rows),
        np.concatenate([at[some] for some, (_, at, _) in zip(rows, events, strict=True)]),
        np.concatenate(
            [
                np.broadcast_to(key, day.shape)[some]
                for some, (_, _, key) in zip(rows, events, strict=True)
            ]
        ).astype(np.int64),
    )
