"""One authority's forecasts from its monthly counts: a question in, an answer out, no database.

Categories are forecast for the whole authority, wards as shares of that. Every series that cannot
be forecast says why. Each is back-tested as it is forecast: by the same rule, with the same ranges.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from reporting.forecasting import models
from reporting.forecasting.models import AHEAD, Numbers, Past

SEASON, LEVEL_ONLY, SHARE = "season", "level", "share"
#: Months of history that a chart shows.
SHOWN: Final = 25


@dataclass(frozen=True, slots=True)
class Series:
    """Months of one category, in one ward or in all (area 0), and how its past would have gone."""

    category: str
    area: int
    counts: Numbers
    method: str
    ahead: Numbers
    past: Past


def work(question: dict[str, Any]) -> dict[str, Any]:
    """``{series: [{category, areas, counts: months by areas}]}`` → ``{items, backtest}``.

    The whole authority is area 0, in the answer; in the question that is what lies in no ward.
    """
    tables = [
        (each["category"], each["areas"], np.array(each["counts"], float))
        for each in question["series"]
    ]
    items: list[dict[str, Any]] = []
    whole: list[Series] = []
    parts: list[list[Series]] = []
    of_all = _together([(areas, counts) for _, areas, counts in tables])
    for category, areas, counts in tables:
        total = counts.sum(axis=1)
        reason = models.refusal(total)
        if reason is not None:
            items += [
                _refused(category, area, series, reason)
                for area, series in [(0, total), *_wards(areas, counts)]
                if area == 0 or series[-models.YEAR :].sum()
            ]
            continue
        method = SEASON if len(total) >= models.SEASON_FROM else LEVEL_ONLY
        found = Series(category, 0, total, method, models.forecast(total), models.past(total))
        whole.append(found)
        wards = list(_shared(found, areas, counts, of_all))
        parts.append([each for each in wards if not _too_few(each.counts)])
        items += [
            _refused(category, each.area, each.counts, "too_few")
            for each in wards
            if _too_few(each.counts)
        ]
    for family in (whole, *parts):
        items += _said(family)
    items.sort(key=lambda item: (item["category"], item["area_id"]))
    return {"items": items, "backtest": _summary([item for item in items if not item["area_id"]])}


def _too_few(counts: Numbers) -> bool:
    return bool(counts[-models.YEAR :].mean() < models.FEWEST_OF_WARD)


def _wards(areas: list[int], counts: Numbers) -> list[tuple[int, Numbers]]:
    return [(area, counts[:, at]) for at, area in enumerate(areas) if area]


def _together(tables: list[tuple[list[int], Numbers]]) -> dict[int, Numbers]:
    """Each area's months, all categories together."""
    found: dict[int, Numbers] = {}
    for areas, counts in tables:
        for at, area in enumerate(areas):
            found[area] = found.get(area, 0.0) + counts[:, at]
    return found


def _shared(
    whole: Series, areas: list[int], counts: Numbers, of_all: dict[int, Numbers]
) -> list[Series]:
    """The wards' parts of a category: by their shares of the year before, now and in the past."""
    everything = np.column_stack([of_all[area] for area in areas])
    now = models.shares(counts, everything)
    # What was known when a past month was forecast ends before the month it was forecast from.
    known = whole.past.month - whole.past.ahead + 1
    then = {end: models.shares(counts[:end], everything[:end]) for end in set(known.tolist())}
    return [
        Series(
            whole.category,
            area,
            counts[:, at],
            SHARE,
            whole.ahead * now[at],
            Past(
                whole.past.ahead,
                whole.past.month,
                whole.past.forecast * np.array([then[end][at] for end in known.tolist()]),
                _plain(counts[:, at], whole.past),
                counts[whole.past.month, at],
            ),
        )
        for at, area in enumerate(areas)
        if area
    ]


def _plain(counts: Numbers, past: Past) -> Numbers:
    """What the baseline would have said of the same months."""
    before = models.YEAR if len(counts) >= models.TWO_YEARS else past.ahead
    found: Numbers = counts[past.month - before]
    return found


def _said(family: list[Series]) -> list[dict[str, Any]]:
    """Forecasts with their ranges: how wrong each was, with the others of its kind behind it."""
    terms = [
        [
            models.likelihoods(
                each.past.forecast[each.past.ahead == ahead],
                each.past.came[each.past.ahead == ahead],
            )
            for ahead in range(1, AHEAD + 1)
        ]
        for each in family
    ]
    together = [sum(_sum(of[ahead]) for of in terms) for ahead in range(AHEAD)]
    tried = [sum(len(of[ahead]) for of in terms) for ahead in range(AHEAD)]
    items = []
    for each, of in zip(family, terms, strict=True):
        months = []
        inside: list[bool] = []
        for ahead in range(AHEAD):
            own, rest = _sum(of[ahead]), np.asarray(together[ahead]) - _sum(of[ahead])
            others = tried[ahead] - len(of[ahead])
            low, high = models.limits(each.ahead[ahead], models.spread(own, rest, others))
            months.append(
                {
                    "expected": round(float(each.ahead[ahead]), 1),
                    "low": low,
                    "high": high,
                    "year_before": _year_before(each.counts, ahead),
                }
            )
            at = np.flatnonzero(each.past.ahead == ahead + 1)
            for number, term in zip(at, of[ahead], strict=True):
                # A month says nothing of the range that it is held against.
                width = models.spread(own - term, rest, others)
                low, high = models.limits(each.past.forecast[number], width)
                inside.append(bool(low <= each.past.came[number] <= high))
        items.append(
            {
                "category": each.category,
                "area_id": each.area,
                "months": months,
                "refused": None,
                "method": each.method,
                "backtest": _backtest(each, inside),
                "history": each.counts[-SHOWN:].astype(int).tolist(),
            }
        )
    return items


def _sum(terms: Numbers) -> Numbers:
    total: Numbers = terms.sum(axis=0)
    return total


def _year_before(counts: Numbers, ahead: int) -> int | None:
    return int(counts[ahead - models.YEAR]) if len(counts) >= models.YEAR else None


def _refused(category: str, area: int, counts: Numbers, reason: str) -> dict[str, Any]:
    return {
        "category": category,
        "area_id": area,
        "months": [],
        "refused": reason,
        "method": None,
        "backtest": None,
        "history": counts[-SHOWN:].astype(int).tolist(),
    }


def _backtest(each: Series, inside: list[bool]) -> dict[str, Any] | None:
    """How the past went; None where too little of it could be tried."""
    came = float(each.past.came.sum())
    if len(each.past) < models.SHORTEST or not came:
        return None
    by_year = len(each.counts) >= models.TWO_YEARS
    return {
        "months": len(set(each.past.month.tolist())),
        "error": round(float(np.abs(each.past.forecast - each.past.came).sum()) / came, 3),
        "baseline": "year_before" if by_year else "month_before",
        "baseline_error": round(float(np.abs(each.past.baseline - each.past.came).sum()) / came, 3),
        "inside": round(float(np.mean(inside)), 3),
        "came": int(came),
    }


def _summary(items: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Of all the authority's forecasts together, each weighed by what came."""
    found = [item["backtest"] for item in items if item["backtest"]]
    if not found:
        return None
    weights = [each["came"] for each in found]
    mean = {
        name: round(float(np.average([each[name] for each in found], weights=weights)), 3)
        for name in ("error", "baseline_error", "inside")
    }
    return {
        "months": max(each["months"] for each in found),
        "baseline": found[0]["baseline"],
        **mean,
    }
