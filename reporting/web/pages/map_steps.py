"""The steps by which a map is coloured, in round numbers and in words (pure).

A step is a shade: 0 is nothing, 1 the lightest, the last the most. The bounds are quantiles, so
that each step holds about as many wards, brought to round numbers that can be read out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import ceil, floor, inf, log10
from typing import Final

#: Beside nothing at all; more shades of one hue are not told apart.
MOST: Final = 5
#: From here on no figures behind the point.
_LARGE: Final = 10
_SHADES: Final = ((3,), (2, 5), (1, 3, 5), (1, 2, 4, 5), (1, 2, 3, 4, 5))
_ROUND: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0, 10.0)


def bounds(values: Sequence[float], *, whole: bool = False) -> tuple[float, ...]:
    """Where the second step begins, the third, …; none where all are alike."""
    found = sorted(value for value in values if value > 0)
    if not found:
        return ()
    lowest, highest = found[0], found[-1]
    cuts = {rounded(_quantile(found, n / MOST), whole=whole, most=highest) for n in range(1, MOST)}
    return tuple(sorted(cut for cut in cuts if lowest < cut <= highest))


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


def rounded(value: float, *, whole: bool = False, most: float = inf) -> float:
    """The round number next to it; where there is one, none above the most that there is."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** floor(log10(value))
    near = [each for each in _ROUND if each * unit <= most] or [_ROUND[0]]
    found = min(near, key=lambda each: abs(each - value / unit)) * unit
    return float(max(1, ceil(found))) if whole else float(f"{found:.3g}")


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, floor(part * len(ordered)))]
