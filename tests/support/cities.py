"""Two cities' reports, and the pairs of them that could be one defect.

Boston names for some of its duplicates the report they repeat; Washington flags the rows. A pair is
a report and one before it of the same kind, within 50 m and still open. The city's kinds are our
categories; all have that radius. How likely two of a kind are one defect (a category's ``prior``)
is learned from the pairs of the first months.
"""

import csv
import gzip
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from geo.points import METRES_PER_DEGREE, Point, metres_between
from routing.categories import Category, Duplicates, Risk
from routing.duplicates import BY_AGE, BY_OTHERS, BY_SPREAD, Known, Score, Told, score

RADIUS_M = 50.0
#: The geocoder's fallback: City Hall.
FALLBACK = (42.3594, -71.0587)
#: Weights and priors are learned from what was opened before, and tried on the rest.
HELD_OUT_FROM = datetime(2011, 10, 1)  # noqa: DTZ001  # the city's files are in local time

#: How firmly a kind is held to the average of all until its own pairs say otherwise: with few of
#: them, a handful of labels is luck.
_PULL = 10.0


@dataclass(frozen=True)
class Row:
    """A report of a city's file."""

    id: str
    kind: str
    opened: datetime
    closed: datetime | None
    place: Point
    duplicate_of: str | None = None
    flagged: bool = False


@dataclass(frozen=True)
class Pair:
    """A report, one before it that could be the same, and how many others could."""

    later: Row
    earlier: Row
    distance_m: float
    others: int

    @property
    def age_days(self) -> float:
        return (self.later.opened - self.earlier.opened).total_seconds() / 86400

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.later.id, self.earlier.id))


@dataclass(frozen=True)
class City:
    """Rows that have a place of their own, their pairs, and which pairs the city calls one."""

    rows: Sequence[Row]
    pairs: Sequence[Pair]
    #: As named, by the later of the two.
    named: Mapping[frozenset[str], Row] = field(default_factory=dict)
    #: Of each row that names or is named: the first of all that hang together.
    group: Mapping[str, str] = field(default_factory=dict)

    def one(self, pair: Pair) -> bool:
        """Whether the city calls them one, directly or through a third."""
        later = self.group.get(pair.later.id)
        return later is not None and later == self.group.get(pair.earlier.id)


def boston(data: Path, *, fallback: bool = False) -> City:
    """Off the fallback point, unless that is asked for; its pairs are never made."""
    rows = [
        Row(
            row["case_id"],
            row["type"],
            datetime.fromisoformat(row["opened"]),
            datetime.fromisoformat(row["closed"]) if row["closed"] else None,
            Point(float(row["lat"]), float(row["lon"])),
            row["duplicate_of"] or None,
            row["closed_as_duplicate"] == "1",
        )
        for row in _read(data / "requests" / "boston_311_2011-07_to_2011-12.csv.gz")
        if row["lat"]
    ]
    if fallback:
        return City(rows, ())
    rows = [row for row in rows if (row.place.lat, row.place.lng) != FALLBACK]
    by_id = {row.id: row for row in rows}
    links = [
        (row, by_id[row.duplicate_of])
        for row in rows
        if row.duplicate_of in by_id and row.duplicate_of is not None
    ]
    named = {
        frozenset((one.id, other.id)): max(one, other, key=lambda row: (row.opened, row.id))
        for one, other in links
    }
    return City(rows, list(_pairs(rows)), named, _groups(links))


def washington(data: Path) -> City:
    """Its flagged rows do not say which row they repeat. Times are local, whatever the Z says."""
    rows = [
        Row(
            row["service_request_id"],
            row["service"],
            datetime.fromisoformat(row["created"][:19]),
            datetime.fromisoformat(row["resolved"][:19]) if row["resolved"] else None,
            Point(float(row["lat"]), float(row["lon"])),
            flagged="DUPLICATE" in row["status"],
        )
        for row in _read(data / "requests" / "dc_311_2016-07-08_to_2016-08-16.csv.gz")
        if row["lat"]
    ]
    return City(rows, list(_pairs(rows)))


def priors(city: City, before: datetime = HELD_OUT_FROM) -> tuple[float, dict[str, float]]:
    """The prior of each kind and of all, with the product's weights, from the first months."""
    seen = [pair for pair in city.pairs if pair.later.opened < before]
    offsets = [sum(w * x for w, x in zip(WEIGHTS, features(pair), strict=True)) for pair in seen]
    ours = [city.one(pair) for pair in seen]
    whole = _intercept(offsets, ours)
    by_kind: dict[str, list[int]] = defaultdict(list)
    for number, pair in enumerate(seen):
        by_kind[pair.later.kind].append(number)
    return _probability(whole), {
        kind: _probability(
            _intercept([offsets[n] for n in rows], [ours[n] for n in rows], about=whole)
        )
        for kind, rows in by_kind.items()
    }


def fitted(city: City, before: datetime = HELD_OUT_FROM) -> list[float]:
    """The weights that fit the first months best, with an intercept for each kind."""
    seen = [pair for pair in city.pairs if pair.later.opened < before]
    xs, ours = [features(pair) for pair in seen], [city.one(pair) for pair in seen]
    kinds = [pair.later.kind for pair in seen]
    weights = [0.0, 0.0, 0.0]
    for _ in range(40):
        offsets = [sum(w * x for w, x in zip(weights, row, strict=True)) for row in xs]
        whole = _intercept(offsets, ours)
        by_kind: dict[str, list[int]] = defaultdict(list)
        for number, kind in enumerate(kinds):
            by_kind[kind].append(number)
        own = {
            kind: _intercept([offsets[n] for n in rows], [ours[n] for n in rows], about=whole)
            for kind, rows in by_kind.items()
        }
        step = _newton(xs, ours, [own[k] + o for k, o in zip(kinds, offsets, strict=True)])
        weights = [w + s for w, s in zip(weights, step, strict=True)]
        if max(map(abs, step)) < 1e-4:
            break
    return weights


WEIGHTS = (BY_SPREAD, BY_AGE, BY_OTHERS)


def features(pair: Pair) -> tuple[float, float, float]:
    """What the three fitted weights are of."""
    return pair.distance_m / RADIUS_M, math.log1p(pair.age_days), math.log1p(pair.others)


class Scorer:
    """The product's score, with the shipped default setting but for the priors."""

    def __init__(self, prior: float, by_kind: Mapping[str, float] | None = None) -> None:
        self._any = _category(prior)
        self._of = {kind: _category(own) for kind, own in (by_kind or {}).items()}

    def __call__(self, pair: Pair) -> Score:
        category = self._of.get(pair.later.kind, self._any)
        return score(category, Told(), Known(pair.distance_m, pair.age_days), pair.others)


@dataclass(frozen=True)
class Joined:
    """What a setting would have done with a report: the pair, and how sure it was."""

    pair: Pair
    probability: float


def joins(pairs: Iterable[Pair], scored: Scorer) -> list[Joined]:
    """For each report its likeliest pair, where that reaches the threshold; in order of time."""
    best: dict[str, Joined] = {}
    for pair in pairs:
        found = scored(pair)
        if not found.joins:
            continue
        known = best.get(pair.later.id)
        if known is None or found.probability > known.probability:
            best[pair.later.id] = Joined(pair, found.probability)
    return sorted(best.values(), key=lambda join: (join.pair.later.opened, join.pair.later.id))


@dataclass(frozen=True)
class AtRecall:
    """One point of a curve: how many pairs it took, and which share the city calls one."""

    recall: float
    pairs: int
    precision: float


def at_recalls(
    city: City, pairs: Sequence[Pair], likeness: Sequence[float], recalls: Sequence[float]
) -> list[AtRecall]:
    """The best precision at each recall or more, taking pairs from the most alike on.

    The pairs are in order of time. Those equally alike are taken or left together. Recall is of
    the pairs the city names, whether or not they are of one kind, within 50 m and open: those that
    are not are missed. Precision counts every pair the city calls one; it labels only some, so this
    is a lower bound.
    """
    first, last = pairs[0].later.opened, pairs[-1].later.opened
    total = sum(first <= row.opened <= last for row in city.named.values())
    order = sorted(range(len(pairs)), key=lambda n: -likeness[n])
    curve: list[AtRecall] = []
    hits = ones = 0
    for taken, n in enumerate(order, start=1):
        hits += pairs[n].names in city.named
        ones += city.one(pairs[n])
        if taken == len(order) or likeness[order[taken]] != likeness[n]:
            curve.append(AtRecall(hits / total, taken, ones / taken))
    return [
        max(
            (point for point in curve if point.recall >= recall),
            key=lambda point: point.precision,
            default=AtRecall(recall, 0, 0.0),
        )
        for recall in recalls
    ]


def flagged_at(
    city: City, likeness: Sequence[float], nearer_m: float
) -> tuple[float, float, float]:
    """How many of the flagged rows two rules find, when both also find as many of the others.

    The share of the other rows with an open row before them no farther than that; the share of the
    flagged rows; and the share of the flagged rows that the likeness finds where it finds that same
    share of the others.
    """
    near: dict[str, float] = {}
    like: dict[str, float] = {}
    for pair, alike in zip(city.pairs, likeness, strict=True):
        name = pair.later.id
        near[name] = min(pair.distance_m, near.get(name, math.inf))
        like[name] = max(alike, like.get(name, 0.0))
    flagged = [row.id for row in city.rows if row.flagged]
    others = [row.id for row in city.rows if not row.flagged]
    taken = sum(near.get(name, math.inf) <= nearer_m for name in others)
    limit = sorted((like.get(name, 0.0) for name in others), reverse=True)[taken]
    return (
        taken / len(others),
        sum(near.get(name, math.inf) <= nearer_m for name in flagged) / len(flagged),
        sum(like.get(name, 0.0) > limit for name in flagged) / len(flagged),
    )


def held_out(city: City) -> list[Pair]:
    """The pairs of the months that nothing was learned from."""
    return [pair for pair in city.pairs if pair.later.opened >= HELD_OUT_FROM]


def _read(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _pairs(rows: Iterable[Row]) -> Iterator[Pair]:
    """In order of time."""
    height = RADIUS_M / METRES_PER_DEGREE
    seen: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.opened, row.id)):
        y, x = math.floor(row.place.lat / height), math.floor(row.place.lng / height / 1.5)
        found = [
            (other, metres)
            for dy in (-1, 0, 1)
            for dx in (-1, 0, 1)
            for other in seen[row.kind, y + dy, x + dx]
            if other.closed is None or other.closed > row.opened
            if (metres := metres_between(row.place, other.place)) <= RADIUS_M
        ]
        yield from (Pair(row, other, metres, len(found) - 1) for other, metres in found)
        seen[row.kind, y, x].append(row)


def _groups(links: Iterable[tuple[Row, Row]]) -> dict[str, str]:
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    for one, other in links:
        parent[root(one.id)] = root(other.id)
    return {name: root(name) for name in parent}


def _category(prior: float) -> Category:
    return Category(
        code="kind",
        name="Kind",
        risk=Risk(impact=1, likelihood=1),
        radius_m=RADIUS_M,
        duplicates=Duplicates(prior=prior),
    )


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _intercept(offsets: Sequence[float], ours: Sequence[bool], about: float | None = None) -> float:
    """The intercept that fits, by Newton's method; drawn towards ``about`` where that is given."""
    found = 0.0 if about is None else about
    for _ in range(50):
        expected = [_probability(found + offset) for offset in offsets]
        slope = sum(ours) - sum(expected)
        bend = sum(p * (1 - p) for p in expected)
        if about is not None:
            slope -= _PULL * (found - about)
            bend += _PULL
        step = slope / bend
        found += step
        if abs(step) < 1e-6:
            break
    return found


def _newton(
    xs: Sequence[Sequence[float]], ours: Sequence[bool], log_odds: Sequence[float]
) -> list[float]:
    """One step of Newton's method for the weights."""
    size = len(xs[0])
    slope = [0.0] * size
    bend = [[0.0] * size for _ in range(size)]
    for row, one, odds in zip(xs, ours, log_odds, strict=True):
        p = _probability(odds)
        for i in range(size):
            slope[i] += row[i] * (one - p)
            for j in range(size):
                bend[i][j] += row[i] * row[j] * p * (1 - p)
    return _solve(bend, slope)


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gauss's elimination; the matrix is small and positive definite."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(len(rows)):
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for j in range(len(rows)):
            if j != i:
                rows[j] = [a - rows[j][i] * b for a, b in zip(rows[j], rows[i], strict=True)]
    return [row[-1] for row in rows]
