"""What a new vintage changes: areas that are added, gone, recoded without moving, or moved. Pure.

Two polygons are the same place when neither has ground that the other lacks anywhere wider than
``SAME_WITHIN_M``, and they share at least ``SAME_SHARE`` of the larger: a border drawn again in
more or less detail differs by slivers, a real change by streets. Codes are compared apart from
places, for a ward may get a new code without moving, and move without a new code.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from geo.boundaries.coordinates import Geometries
from geo.boundaries.measuring import array_of, polygonal, square_metres, wider_than
from geo.boundaries.reading import Feature

#: Half the depth of a short street of houses; generalised boundaries (20 m) stay within it.
SAME_WITHIN_M = 40.0
SAME_SHARE = 0.98
#: A successor of a ward that goes holds at least this much of it.
SUCCESSOR_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Named:
    """An area by code and name."""

    code: str
    name: str

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


@dataclass(frozen=True, slots=True)
class Recoded:
    """The same place under a new code."""

    old: Named
    new: Named


@dataclass(frozen=True, slots=True)
class Moved:
    """The same code on other ground: the shares of the old area that left, of the new that came."""

    area: Named
    left: float
    came: float


@dataclass(frozen=True, slots=True)
class Gone:
    """A code that is no more, and the new areas that hold its ground, largest share first."""

    area: Named
    successors: tuple[tuple[Named, float], ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one vintage differs from the one before it."""

    same: tuple[Named, ...]
    added: tuple[Named, ...]
    gone: tuple[Gone, ...]
    recoded: tuple[Recoded, ...]
    moved: tuple[Moved, ...]


def compare(old: Sequence[Feature], new: Sequence[Feature]) -> Comparison:
    """Match the areas of two vintages by place and by code."""
    before, after = array_of(*(each.geom for each in old)), array_of(*(each.geom for each in new))
    shared = _shared(before, after)
    size_before, size_after = square_metres(before), square_metres(after)
    by_code = {feature.code: index for index, feature in enumerate(new)}
    same, moved, recoded, gone = [], [], [], []
    taken: set[int] = set()
    for index, feature in enumerate(old):
        here = _named(feature)
        twin = by_code.get(feature.code)
        if twin is not None:
            taken.add(twin)
            overlap = shared.get((index, twin), 0.0)
            if _same_place(before[index], after[twin], overlap):
                same.append(here)
            else:
                left, came = 1 - overlap / size_before[index], 1 - overlap / size_after[twin]
                moved.append(Moved(_named(new[twin]), _share(left), _share(came)))
    for index, feature in enumerate(old):
        if feature.code in by_code:
            continue
        heirs = sorted(
            ((at, area) for (one, at), area in shared.items() if one == index),
            key=lambda heir: -heir[1],
        )
        best = heirs[0] if heirs else None
        if best and best[0] not in taken and _same_place(before[index], after[best[0]], best[1]):
            taken.add(best[0])
            recoded.append(Recoded(_named(feature), _named(new[best[0]])))
        else:
            successors = tuple(
                (_named(new[at]), _share(area / size_before[index]))
                for at, area in heirs
                if area / size_before[index] >= SUCCESSOR_SHARE
            )
            gone.append(Gone(_named(feature), successors))
    added = [_named(feature) for at, feature in enumerate(new) if at not in taken]
    return Comparison(tuple(same), tuple(added), tuple(gone), tuple(recoded), tuple(moved))


def _shared(before: Geometries, after: Geometries) -> dict[tuple[int, int], float]:
    """Square metres that an old and a new area have in common, by their places in the lists."""
    if len(before) == 0 or len(after) == 0:
        return {}
    one, other = shapely.STRtree(after).query(before, predicate="intersects")
    parts, pair = polygonal(shapely.intersection(before[one], after[other]))
    areas = np.bincount(pair, weights=square_metres(parts), minlength=len(one))
    return {
        (int(a), int(b)): float(area)
        for a, b, area in zip(one, other, areas, strict=True)
        if area > 0
    }


def _same_place(one: shapely.Geometry, other: shapely.Geometry, shared_m2: float) -> bool:
    larger = float(square_metres(array_of(one, other)).max())
    if shared_m2 < SAME_SHARE * larger:
        return False
    differing, _ = polygonal(array_of(shapely.symmetric_difference(one, other)))
    return not wider_than(differing, SAME_WITHIN_M).any()


def _named(feature: Feature) -> Named:
    return Named(feature.code, feature.name)


def _share(value: float) -> float:
    return round(min(max(float(value), 0.0), 1.0), 4)
