"""How sure a number is: 95 % intervals of shares, of counts a day, and of their change (pure).

Every interval comes from inverting a score test, so that it stays within what is possible (a share
within 0 and 1, a rate at or above 0) and holds what it says also where the counts are small:

* a share: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22,
  1927; recommended for small counts by Brown, Cai and DasGupta, Statistical Science 16, 2001;
* a difference of two shares: Newcombe, "Interval estimation for the difference between independent
  proportions", Statistics in Medicine 17, 1998, his method 10, made of two Wilson intervals;
* a ratio of two rates: given both counts together, one of them is binomial, and its Wilson interval
  becomes one of the ratio (Przyborowski and Wilenski, Biometrika 31, 1940; Barker and Cadwell,
  Statistics in Medicine 27, 2008). Counts are set against days, so periods may differ in length.

**Reports cluster.** Ten people see one burst pipe, a storm fells trees for a week: counts vary more
than Poisson's, and a Poisson interval claims too much (it held the truth in 18 to 70 of 100 made
periods; see the test). So the counts are taken as quasi-Poisson: their variance is ``dispersion``
times their mean, as Pearson's statistic of the periods' parts shows it (McCullagh and Nelder,
Generalized Linear Models, 2nd edition 1989, section 6.2), never under 1, and Student's t stands in
for the normal since it is estimated. The parts are weeks where each period holds at least four:
a week holds a whole round of weekdays, and most of what goes on for some days. Else they are days.
What goes on for longer than a week (a wet autumn) is no chance but a change, and is told as one.

Libraries have the first three (``statsmodels.stats.proportion``, ``statsmodels.stats.rates``), and
the tests compare; the closed forms stand here because the API process would pay 100 MB for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import NormalDist
from typing import Final

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True, slots=True)
class Interval:
    """A number, and the bounds that hold the true one in 95 of 100 such cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Spread:
    """How much more than Poisson's some counts vary, from so many degrees of freedom."""

    dispersion: float
    freedom: int

    @property
    def squared(self) -> float:
        """What stands where a Poisson interval has z²."""
        return self.dispersion * student(self.freedom) ** 2


def share(part: int, whole: int) -> Interval:
    """A share with Wilson's interval; there is at least one in the whole."""
    low, high = _wilson(part, whole, _Z**2)
    return Interval(part / whole, low, high)


def difference(before: Interval, after: Interval) -> Interval:
    """How much a share grew, with Newcombe's interval."""
    value = after.value - before.value
    down = sqrt((after.value - after.low) ** 2 + (before.high - before.value) ** 2)
    up = sqrt((after.high - after.value) ** 2 + (before.value - before.low) ** 2)
    return Interval(value, value - down, value + up)


def spread(periods: Sequence[Sequence[int]]) -> Spread | None:
    """As the parts of each period show it; None where they are too few to tell."""
    freedom = sum(len(parts) - 1 for parts in periods if parts)
    if freedom < FEWEST_FREEDOM:
        return None
    return Spread(max(1.0, sum(map(_pearson, periods)) / freedom), freedom)


#: Under this many degrees of freedom a dispersion is a guess.
FEWEST_FREEDOM: Final = 3


def rate(count: int, exposure: float, spread_: Spread) -> Interval:
    """A count in something (days, thousands of residents, km²), by the score test of one rate."""
    half = spread_.squared / 2
    reach = sqrt(spread_.squared * count + half**2)
    return Interval(
        count / exposure,
        max(0.0, count + half - reach) / exposure,
        (count + half + reach) / exposure,
    )


def ratio(before: int, before_days: int, after: int, after_days: int, spread_: Spread) -> Interval:
    """How many times as many a day there are; at least one in the period before."""
    low, high = _wilson(after, before + after, spread_.squared)
    days = before_days / after_days
    return Interval(
        after / before * days, low / (1 - low) * days, high / (1 - high) * days if high < 1 else inf
    )


def student(freedom: int) -> float:
    """The two-sided quantile of Student's t: Abramowitz and Stegun 26.7.5, within 1 % from 3 on."""
    z, n = _Z, float(freedom)
    terms: tuple[float, ...] = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term * n**-power for power, term in enumerate(terms, 1))


def _wilson(part: int, whole: int, squared: float) -> tuple[float, float]:
    """The bounds, and exactly 0 and 1 where nothing or everything is in the part."""
    p, shrink = part / whole, 1 + squared / whole
    middle = (p + squared / (2 * whole)) / shrink
    reach = sqrt(squared * (p * (1 - p) / whole + squared / (4 * whole**2))) / shrink
    low = 0.0 if part == 0 else max(0.0, middle - reach)
    return low, 1.0 if part == whole else min(1.0, middle + reach)


def _pearson(parts: Sequence[int]) -> float:
    mean = sum(parts) / len(parts) if parts else 0
    return sum((part - mean) ** 2 for part in parts) / mean if mean else 0.0
