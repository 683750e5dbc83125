"""The wards as a drawing, for where no map can be drawn: on paper, without a script or WebGL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians
from typing import Any, Final

import orjson

from reporting.tiling.wards import Shape

#: Units of its width.
WIDE: Final = 1000.0
MARGIN: Final = 6.0
#: Lines across a ward on which a place for its name is looked for.
LINES: Final = 10

Ring = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Outline:
    """A ward's path."""

    code: str
    name: str
    path: str
    #: Where its name is written.
    at: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Plan:
    """All of them, and the box that holds them."""

    box: str
    #: West, south, east and north in degrees.
    bounds: tuple[float, float, float, float]
    wards: tuple[Outline, ...]


def plan(shapes: Iterable[Shape]) -> Plan | None:
    """The drawing, north up; None where there are no wards."""
    found = [(each, _rings(orjson.loads(each.shape))) for each in shapes]
    points = [point for _, rings in found for ring in rings for point in ring]
    if not points:
        return None
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrower = cos(radians((south + north) / 2))
    scale = WIDE / max((east - west) * narrower, 1e-9)

    def drawn(rings: Sequence[Ring]) -> list[Ring]:
        return [
            [((x - west) * narrower * scale, (north - y) * scale) for x, y in ring]
            for ring in rings
        ]

    high = (north - south) * scale
    return Plan(
        f"{-MARGIN:.0f} {-MARGIN:.0f} {WIDE + 2 * MARGIN:.0f} {high + 2 * MARGIN:.0f}",
        (west, south, east, north),
        tuple(_outline(each, drawn(rings)) for each, rings in found),
    )


def _outline(shape: Shape, rings: Sequence[Ring]) -> Outline:
    path = "".join("M" + "L".join(f"{x:.0f} {y:.0f}" for x, y in ring) + "Z" for ring in rings)
    return Outline(shape.code, shape.name, path, inside(rings))


def inside(rings: Sequence[Ring]) -> tuple[float, float]:
    """A place for a name: the middle of the widest line across, the middle lines before others."""
    largest = max(rings, key=lambda ring: abs(_area(ring)))
    low, high = min(y for _, y in largest), max(y for _, y in largest)
    best, found = -1.0, largest[0]
    for n in range(1, LINES):
        y = low + (high - low) * n / LINES
        cuts = sorted(
            x1 + (y - y1) / (y2 - y1) * (x2 - x1)
            for ring in rings
            for (x1, y1), (x2, y2) in pairwise(ring)
            if (y1 > y) != (y2 > y)
        )
        for left, right in zip(cuts[::2], cuts[1::2], strict=False):
            wide = (right - left) * (1 - abs(n - LINES / 2) / (LINES + 2))
            if wide > best:
                best, found = wide, ((left + right) / 2, y)
    return round(found[0]), round(found[1])


def _area(ring: Ring) -> float:
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring)) / 2


def _rings(geometry: Any) -> list[list[tuple[float, float]]]:
    parts = geometry["coordinates"]
    polygons = [parts] if geometry["type"] == "Polygon" else parts
    return [[(point[0], point[1]) for point in ring] for polygon in polygons for ring in polygon]
