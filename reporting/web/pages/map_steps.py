"""The steps by which a map is coloured, in round numbers and in words (pure).

A step is a shade: 0 is nothing, 1 the lightest, the last the most. The bounds are quantiles, so
that each step holds about as many wards, brought to round numbers that can be read out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, log10
from typing import Final

#: Beside nothing at all; more shades of one hue are not told apart.
MOST: Final = 5
#: From here on no figures behind the point.
_LARGE: Final = 10
_SHADES: Final = ((3,), (2, 5), (1, 3, 5), (1, 2, 4, 5), (1, 2, 3, 4, 5))
_ROUND: Final = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


def bounds(values: Sequence[float], *, whole: bool = False) -> tuple[float, ...]:
    """Where the second step begins, the third, …; none where all are alike."""
    found = sorted(value for value in values if value > 0)
    cuts = [rounded(_quantile(found, n / MOST), whole=whole) for n in range(1, MOST)]
    lowest = found[0] if found else 0.0
    return tuple(sorted({cut for cut in cuts if cut > lowest}))


def step(value: float | None, cuts: Sequence[float]) -> int:
    """On which step a number stands; nothing and no number stand on none."""
    return shades(cuts)[bisect_right(cuts, value)] if value else 0


def shades(cuts: Sequence[float]) -> tuple[int, ...]:
    """The steps there are: fewer than all are as far apart as they can be, the darkest the most."""
    return _SHADES[len(cuts)]


def words(cuts: Sequence[float]) -> list[str]:
    """What each step holds, beginning with the first that is not nothing."""
    if not cuts:
        return ["any"]
    between = [f"{short(a)} to under {short(b)}" for a, b in pairwise(cuts)]
    return [f"under {short(cuts[0])}", *between, f"{short(cuts[-1])} and more"]


def short(value: float) -> str:
    """A number as it stands on a map: two figures, or all that stand before the point."""
    if value == int(value) or value >= _LARGE:
        return f"{value:,.0f}"
    return f"{value:.2g}"


def rounded(value: float, *, whole: bool = False) -> float:
    """The round number next to it."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** floor(log10(value))
    found = min(_ROUND, key=lambda each: abs(each - value / unit)) * unit
    return float(max(1, ceil(found))) if whole else float(f"{found:.3g}")


def _quantile(ordered: Sequence[float], part: float) -> float:
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, floor(part * len(ordered)))]
