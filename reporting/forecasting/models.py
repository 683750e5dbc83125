"""Forecasts of monthly counts, and how they would have turned out. Arrays in, plain values out.

One model: a level that drifts and, from fifteen months on, a season of two harmonics: a structural
time series (Harvey 1989; ``UnobservedComponents`` of statsmodels) on square roots, which make the
spread of counts even. It was chosen among ten on months that the README's figures do not use, and
so was from when on a season is worth telling; see ``tests/bench/forecast.py``.

The range is of a negative binomial distribution around the forecast, as wide as the forecasts of
the series' own past were wrong, those of its neighbours counted in where its past is short.

Wards get their share of the authority's forecast: their own counts are too small to tell a season.
"""

import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom
from statsmodels.tools.sm_exceptions import ConvergenceWarning
from statsmodels.tsa.statespace.structural import UnobservedComponents

Numbers = NDArray[np.float64]

#: Months that are forecast: the one that runs, and the next.
AHEAD: Final = 2
YEAR: Final = 12
#: From so many whole months on there is a forecast; from so many it knows of a season.
SHORTEST: Final = 6
SEASON_FROM: Final = 15
#: With two years the baseline of a back-test is the same month a year before, else the last month.
TWO_YEARS: Final = 24
#: Reports a month, on average of the last year, below which there is nothing to forecast.
FEWEST: Final = 5.0
FEWEST_OF_WARD: Final = 1.0
#: A series without any in so many months has ended.
SILENT: Final = 3
#: Months of the past that are forecast again.
TRIED: Final = 24
#: No past month is forecast from fewer, where two years are known and where they are not.
TRIED_FROM: Final = {True: SEASON_FROM, False: SHORTEST - 1}
#: The share of months that the range is to hold.
LEVEL: Final = 0.8
#: A distribution needs a mean above nothing.
LEAST: Final = 0.1
#: How wrong forecasts may be: variance = mean + spread * mean squared.
SPREADS: Final = np.geomspace(0.003, 3.0, 40)
#: The past of all series together counts as so many months of each one's own.
NEIGHBOURS: Final = 6.0
#: Where nothing is known: what was found for councils' months, and how far from it they lay.
USUAL_SPREAD: Final = 0.1
USUAL_RANGE: Final = 1.0
#: The share of all categories in a ward counts as so many reports of the one.
SMOOTHING: Final = 20.0


@dataclass(frozen=True, slots=True)
class Past:
    """Forecasts of past months, one row for each: as far ahead as each was made."""

    ahead: NDArray[np.int64]
    #: Of which month, counted from the first of the series.
    month: NDArray[np.int64]
    forecast: Numbers
    baseline: Numbers
    came: Numbers

    def __len__(self) -> int:
        """How many there are."""
        return len(self.came)


def refusal(counts: Numbers, fewest: float = FEWEST) -> str | None:
    """Why these months cannot be forecast; None when they can."""
    if len(counts) < SHORTEST:
        return "too_short"
    if counts[-SILENT:].sum() == 0:
        return "stopped"
    return "too_few" if counts[-YEAR:].mean() < fewest else None


def forecast(counts: Numbers, ahead: int = AHEAD) -> Numbers:
    """The months after these."""
    roots = np.sqrt(np.asarray(counts, float))
    season = len(roots) >= SEASON_FROM
    if np.ptp(roots) == 0:
        return np.full(ahead, float(counts[-1]))
    model = UnobservedComponents(
        roots,
        "local level",
        freq_seasonal=[{"period": YEAR, "harmonics": 2}] if season else None,
        stochastic_freq_seasonal=[False] if season else None,
    )
    with warnings.catch_warnings():
        # The best found so far is good enough: the back-test says how good.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = model.fit(disp=0, maxiter=50).forecast(ahead)
    # A season below nothing, and a level that ran away, are no forecasts.
    kept: Numbers = np.square(np.clip(found, 0, 2 * roots[-TWO_YEARS:].max()))
    return kept


def baseline(counts: Numbers, ahead: int = AHEAD, *, by_year: bool = True) -> Numbers:
    """What anybody would say: the same month a year before, or the last one."""
    if by_year:
        return np.asarray(counts[len(counts) - YEAR :][:ahead], float)
    return np.full(ahead, float(counts[-1]))


def past(counts: Numbers, tried: int = TRIED) -> Past:
    """The last months, each forecast from what was known before it (a rolling origin)."""
    counts = np.asarray(counts, float)
    by_year = len(counts) >= TWO_YEARS
    rows = [
        (step + 1, origin + step, guess, plain, counts[origin + step])
        for origin in range(max(TRIED_FROM[by_year], len(counts) - tried), len(counts))
        for step, (guess, plain) in enumerate(
            zip(
                forecast(counts[:origin]),
                baseline(counts[:origin], by_year=by_year),
                strict=True,
            )
        )
        if origin + step < len(counts)
    ]
    table = np.array(rows, float).reshape(-1, 5)
    return Past(table[:, 0].astype(int), table[:, 1].astype(int), *table[:, 2:].T)


def likelihoods(forecasts: Numbers, came: Numbers) -> Numbers:
    """How well each of ``SPREADS`` explains each month, as logarithms: months by spreads."""
    size, p = _shape(np.maximum(forecasts, LEAST)[:, None], SPREADS[None, :])
    found: Numbers = nbinom.logpmf(np.round(came)[:, None], size, p)
    return found


def spread(own: Numbers, together: Numbers, months: int) -> float:
    """How wrong a series' forecasts are: by its own past, and by that of so many months in all."""
    usual = -(np.log(SPREADS / USUAL_SPREAD) ** 2) / (2 * USUAL_RANGE**2)
    pooled = together * (NEIGHBOURS / max(NEIGHBOURS, months))
    return float(SPREADS[int(np.argmax(own + pooled + usual))])


def limits(mean: float, width: float, level: float = LEVEL) -> tuple[int, int]:
    """Between what the month will lie, ``level`` of the time."""
    size, p = _shape(np.array(max(mean, LEAST)), np.array(width))
    low, high = nbinom.ppf([(1 - level) / 2, (1 + level) / 2], size, p)
    return int(low), int(high)


def _shape(means: Numbers, spreads: Numbers) -> tuple[Numbers, Numbers]:
    """A negative binomial's two numbers, from its mean and spread."""
    size = np.ones_like(means) / spreads
    return size, size / (size + means)


def shares(of_category: Numbers, of_all: Numbers) -> Numbers:
    """Which share of a category each ward gets: months by wards, of the last year.

    A category of which little came takes its shares from all of them together.
    """
    recent, overall = of_category[-YEAR:].sum(axis=0), of_all[-YEAR:].sum(axis=0)
    prior = overall / max(1.0, overall.sum())
    found: Numbers = (recent + SMOOTHING * prior) / (recent.sum() + SMOOTHING)
    return found
