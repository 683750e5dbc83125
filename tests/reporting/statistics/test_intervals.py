"""Intervals hold what they say: beside a library's, and by what is made with a known truth."""

from collections.abc import Callable
from math import inf

import numpy as np
import pytest
from numpy.random import Generator, default_rng
from scipy.stats import t as students_t
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.stats.rates import confint_poisson

from reporting.statistics import intervals
from reporting.statistics.intervals import Spread

#: So many degrees of freedom that t is the normal's quantile: what a library calls Poisson.
POISSON = Spread(1.0, 10**9)


@pytest.mark.parametrize(("part", "whole"), [(0, 30), (1, 30), (26, 30), (30, 30), (450, 1000)])
def test_a_share_has_the_interval_that_statsmodels_gives(part: int, whole: int) -> None:
    found = intervals.share(part, whole)
    low, high = proportion_confint(part, whole, method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((part / whole, low, high))


def test_a_difference_of_shares_has_the_interval_that_statsmodels_gives() -> None:
    found = intervals.difference(intervals.share(20, 50), intervals.share(45, 60))
    low, high = confint_proportions_2indep(45, 60, 20, 50, method="newcomb")
    assert (found.value, found.low, found.high) == pytest.approx((0.35, low, high))


@pytest.mark.parametrize("count", [0, 3, 40, 5000])
def test_a_rate_that_does_not_cluster_has_the_interval_that_statsmodels_gives(count: int) -> None:
    found = intervals.rate(count, 12.5, POISSON)
    low, high = confint_poisson(count, 12.5, method="score")
    assert (found.low, found.high) == pytest.approx((max(low, 0), high))


def test_a_ratio_that_does_not_cluster_is_the_binomial_share_of_one_period() -> None:
    found = intervals.ratio(40, 10, 90, 30, POISSON)
    assert found.value == pytest.approx(0.75)
    low, high = proportion_confint(90, 130, method="wilson")
    assert (found.low, found.high) == pytest.approx((low / (1 - low) / 3, high / (1 - high) / 3))


def test_nothing_after_something_is_a_ratio_of_nought_that_may_be_more() -> None:
    found = intervals.ratio(12, 30, 0, 30, POISSON)
    assert found.value == found.low == 0
    assert 0 < found.high < inf


@pytest.mark.parametrize("freedom", [3, 6, 12, 24, 400])
def test_the_quantile_is_students(freedom: int) -> None:
    assert intervals.student(freedom) == pytest.approx(students_t.ppf(0.975, freedom), rel=0.01)


def test_counts_that_vary_less_than_chance_are_not_taken_to_be_surer() -> None:
    assert intervals.spread([[5] * 8, [7] * 8]) == Spread(1.0, 14)


def test_too_few_parts_say_nothing_about_how_counts_vary() -> None:
    assert intervals.spread([[3, 9], [4, 1]]) is None
    assert intervals.spread([[], []]) is None


WEEK = np.array([1.3, 1.2, 1.2, 1.1, 1.1, 0.6, 0.5])


def steady(draw: Generator, mean: np.ndarray) -> np.ndarray:
    return draw.poisson(mean)


def crowds(draw: Generator, mean: np.ndarray) -> np.ndarray:
    """A defect is reported by 2.5 people on average, on the day it is seen."""
    return np.array([draw.geometric(0.4, draw.poisson(each / 2.5)).sum() for each in mean])


def weather(draw: Generator, mean: np.ndarray) -> np.ndarray:
    """Good and bad days follow each other by chance."""
    return draw.poisson(mean * draw.gamma(2, 0.5, len(mean)))


def storms(draw: Generator, mean: np.ndarray) -> np.ndarray:
    """What a day brings goes on for some days."""
    state = np.empty(len(mean))
    state[0] = draw.normal()
    for day in range(1, len(mean)):
        state[day] = 0.7 * state[day - 1] + np.sqrt(1 - 0.49) * draw.normal()
    return draw.poisson(mean * np.exp(0.5 * state - 0.125))


def coverage(
    make: Callable[[Generator, np.ndarray], np.ndarray], days: tuple[int, int], mean: float
) -> tuple[float, float]:
    """Of 100 pairs of periods alike, in how many ours and Poisson's interval hold that they are."""
    draw, runs, held, held_by_poisson = default_rng(5), 600, 0, 0
    for _ in range(runs):
        first = draw.integers(7)
        before, after = (
            make(draw, mean * WEEK[(first + np.arange(length)) % 7]) for length in days
        )
        if min(days) >= 28:
            parts = [each[: len(each) // 7 * 7].reshape(-1, 7).sum(1) for each in (before, after)]
        else:
            parts = [before, after]
        found = intervals.spread([part.tolist() for part in parts])
        assert found is not None
        counts = (int(before.sum()), days[0], int(after.sum()), days[1])
        if not counts[0]:
            continue
        ours, poisson = (intervals.ratio(*counts, each) for each in (found, POISSON))
        held += ours.low <= 1 <= ours.high
        held_by_poisson += poisson.low <= 1 <= poisson.high
    return 100 * held / runs, 100 * held_by_poisson / runs


@pytest.mark.parametrize(
    ("make", "least"), [(steady, 94), (crowds, 93), (weather, 93), (storms, 88)]
)
@pytest.mark.parametrize("days", [(28, 28), (28, 91), (91, 91)])
def test_periods_alike_are_held_to_be_alike(make, days: tuple[int, int], least: int) -> None:
    ours, poisson = coverage(make, days, 5)
    assert ours >= least
    if make is not steady:
        assert poisson < 75  # as sure of nothing as this is what the plain interval would be


def test_a_fortnight_is_told_by_its_days() -> None:
    ours, poisson = coverage(crowds, (14, 14), 5)
    assert ours >= 93
    assert poisson < 75


def test_a_real_change_is_seen() -> None:
    """Twice as many in a quarter, on a street whose reports cluster."""
    draw, seen = default_rng(9), 0
    for _ in range(200):
        before, after = (crowds(draw, np.full(91, each)).reshape(-1, 7).sum(1) for each in (3, 6))
        found = intervals.spread([before.tolist(), after.tolist()])
        assert found is not None
        seen += intervals.ratio(int(before.sum()), 91, int(after.sum()), 91, found).low > 1
    assert seen >= 190
