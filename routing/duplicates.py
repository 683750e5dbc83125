"""Is this the defect we already know? Pure.

An open job of the category is a candidate when it is nearer than the category's radius and what
both devices were unsure of. For each candidate the evidence is added up as log-odds, and a report
joins the likeliest whose probability reaches the category's threshold; otherwise it makes a job of
its own. Two jobs for one defect cost a crew a look, one job for two defects loses one of them, so
when in doubt it is two; a resident who says "it is this one" is believed without any of this.

What speaks for or against, and where each number is from:

- **prior**: the category's own (how often two reports from one spot, one just after the other, are
  one defect). Of Boston's kinds it runs from under 0.1 (repairs inside houses) to 0.6 (fallen
  trees); those of the shipped categories are judgements, because no city here labels its potholes;
- **distance**, in units of the spread of two positions, which is the radius and both accuracies
  (they are radii too) added as independent errors are. ``BY_SPREAD`` is fitted;
- **accuracy**: the wider the spread, the more other defects lie within it. Their number grows with
  its area, so the odds fall by radius²/spread². Not fitted: arithmetic;
- **age** of the job's last report: the odds stay as they are while it is fresh and then fall as a
  power of age (``BY_AGE``, fitted), because what is still open after weeks has new neighbours;
- **others**: of several open jobs there, each is less likely to be the one (``BY_OTHERS``, fitted);
- **answers** to the same question. Of one defect two people say the same seven times in ten, of two
  defects four times in ten: ln(0.7/0.4) and ln(0.3/0.6). An estimate, for want of any city that
  publishes answers; a category weighs each question;
- **photos**: difference hashes of 64 bits that differ in a few are one picture, sent twice or made
  smaller (4 bits at most on real pictures of streets; two of anything differ in 25 or more). Two
  pictures of one hole mostly differ as much as two of anything, so that says nothing.

The fitted three are the weights of a logistic regression with an intercept for each kind, on pairs
of Boston's reports of July to September 2011 (``./dev bench duplicates`` makes the fit again, and
shows what the score does on the months after).

Two phones reporting one hole in the same second must find each other: each takes advisory locks on
the cells that its widest circle touches, in order, before it looks.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from geo.points import Point, degrees_around
from routing.categories import Answer, Answers, Category

#: An inaccurate position widens the search for the same defect, but not to the whole street.
ACCURACY_COUNTED_M = 50.0

#: Of the log-odds: for each spread of distance, for each e-fold of age and of open jobs there.
BY_SPREAD = -2.2
BY_AGE = -0.75
BY_OTHERS = -0.7
AGREES = 0.55
DIFFERS = -0.7
#: Answers in numbers agree when they differ by no more than this share of the larger.
NUMBERS_AGREE = 0.25
#: So many of the 64 bits may differ, and what that is worth.
PHOTOS = ((6, 4.0), (10, 2.0))

#: The parts as staff read them; the prior is the category's own and goes without saying.
_SAID = {
    "distance": "the distance",
    "accuracy": "unsure positions",
    "age": "the time since its last report",
    "others": "other open jobs there",
    "answers": "the answers",
    "photos": "the pictures",
}

#: A lock's cell in degrees, about 550 m each way in England: a circle mostly touches one.
_HEIGHT, _WIDTH = 0.005, 0.008


@dataclass(frozen=True, slots=True)
class Told:
    """What a new report says of its defect."""

    accuracy_m: float | None = None
    answers: Answers | None = None
    photos: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """An open job of the category near by, as its first report said it."""

    distance_m: float
    #: Since its last report.
    age_days: float
    accuracy_m: float | None = None
    answers: Answers | None = None
    photos: Sequence[int] = ()


@dataclass(frozen=True)
class Score:
    """How likely it is the same defect, and what that is made of (natural log-odds)."""

    distance_m: float
    threshold: float
    parts: Mapping[str, float]

    @cached_property
    def probability(self) -> float:
        """From 0 to 1."""
        return 1 / (1 + math.exp(-sum(self.parts.values())))

    @property
    def joins(self) -> bool:
        """Likely enough to join by itself."""
        return self.probability >= self.threshold

    def as_json(self) -> dict[str, object]:
        """As it stands in the log, where numbers must come back as they went in."""
        return {
            "probability": round(self.probability, 3),
            "threshold": self.threshold,
            "distance_m": round(self.distance_m, 1),
            "parts": {name: round(value, 2) + 0.0 for name, value in self.parts.items()},
        }


def score(category: Category, told: Told, known: Known, others: int = 0) -> Score:
    """How likely a report and an open job are one defect, of which ``others`` are there too."""
    wanted = category.duplicates
    ours, theirs = counted_m(told.accuracy_m), counted_m(known.accuracy_m)
    spread = math.sqrt(category.radius_m**2 + ours**2 + theirs**2)
    age = max(known.age_days, 0.0)
    parts = {
        "prior": math.log(wanted.prior / (1 - wanted.prior)),
        "distance": BY_SPREAD * known.distance_m / spread,
        "accuracy": 2 * math.log(category.radius_m / spread),
        "age": BY_AGE * math.log1p(age / wanted.fresh_days),
        "others": BY_OTHERS * math.log1p(others),
        "answers": _answers(category, told.answers or {}, known.answers or {}),
        "photos": _photos(told.photos, known.photos),
    }
    return Score(known.distance_m, wanted.threshold, parts)


def scores(category: Category, told: Told, known: Sequence[Known]) -> list[Score]:
    """The score of each of the open jobs there."""
    return [score(category, told, job, len(known) - 1) for job in known]


def sentence(match: Mapping[str, Any]) -> str:
    """Why a report was taken for the same or not, from what the log keeps of it."""
    parts: Mapping[str, float] = match["parts"]
    ways = (
        ("for it", [_SAID[name] for name, value in parts.items() if name in _SAID and value > 0]),
        ("against", [_SAID[name] for name, value in parts.items() if name in _SAID and value < 0]),
    )
    evidence = "; ".join(f"{way}: {', '.join(what)}" for way, what in ways if what)
    return (
        f"{match['probability']:.0%} likely to be the defect of {match['job']}, "
        f"{match['distance_m']:.0f} m away, where {match['threshold']:.0%} is enough"
        + (f" ({evidence})." if evidence else ".")
    )


def counted_m(accuracy_m: float | None) -> float:
    """How much of an accuracy counts. Without one (a pin on a map) the radius is enough."""
    return min(accuracy_m or 0.0, ACCURACY_COUNTED_M)


def reach_m(category: Category, place: Point) -> float:
    """How far from the place a job with an exact place may be; its own accuracy comes on top."""
    return category.radius_m + counted_m(place.accuracy_m)


def locks(category: Category, place: Point | None) -> list[int]:
    """The advisory locks (signed 64-bit) to take, in this order, before looking for an open job.

    The cell of any place that could be joined is among them, however unsure its device was, so
    two reports of which one could join the other's job always share a lock; and since everyone
    takes them in ascending order, nobody waits in a circle. A place in words has no cell: nothing
    is looked for.
    """
    if place is None:
        return []
    width, height = degrees_around(place.lat, reach_m(category, place) + ACCURACY_COUNTED_M)
    south, north = (math.floor((place.lat + d) / _HEIGHT) for d in (-height, height))
    west, east = (math.floor((place.lng + d) / _WIDTH) for d in (-width, width))
    return sorted(
        _lock(f"{category.code}/{row}/{column}")
        for row in range(south, north + 1)
        for column in range(west, east + 1)
    )


def _answers(category: Category, ours: Answers, theirs: Answers) -> float:
    weights, unsure = category.duplicates.questions, category.duplicates.unsure
    total = 0.0
    for code in ours.keys() & theirs.keys():
        question = category.by_code.get(code)
        one, other = ours[code], theirs[code]
        if question is None or one in unsure or other in unsure:
            continue
        weight = weights.get(code, 1.0)
        if question.kind == "text":
            # The same words (a lamp's number) say something; two ways to put it say nothing.
            total += weight * AGREES if str(one).strip() == str(other).strip() else 0.0
        else:
            total += weight * (AGREES if _agree(one, other) else DIFFERS)
    return total


def _agree(one: Answer, other: Answer) -> bool:
    if isinstance(one, (str, bool)) or isinstance(other, (str, bool)):
        return one == other
    return abs(one - other) <= NUMBERS_AGREE * max(abs(one), abs(other))


def _photos(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """The closest two count. Hashes are signed 64-bit, as they are stored."""
    if not (ours and theirs):
        return 0.0
    apart = min(((one ^ other) & (2**64 - 1)).bit_count() for one in ours for other in theirs)
    return next((worth for bits, worth in PHOTOS if apart <= bits), 0.0)


def _lock(name: str) -> int:
    """A 64-bit number for a cell; two cells with one number would only wait for each other."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), signed=True)
