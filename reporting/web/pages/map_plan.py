"""The wards as a drawing, for where no map can be drawn: on paper, without a script or WebGL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any, Final

import orjson

from reporting.tiling.wards import Shape

#: Units of its width.
WIDE: Final = 1000.0
MARGIN: Final = 6.0


@dataclass(frozen=True, slots=True)
class Outline:
    """A ward's path."""

    code: str
    name: str
    path: str


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

    def path(rings: Sequence[Sequence[tuple[float, float]]]) -> str:
        return "".join(
            "M"
            + "L".join(
                f"{(x - west) * narrower * scale:.0f} {(north - y) * scale:.0f}" for x, y in ring
            )
            + "Z"
            for ring in rings
        )

    high = (north - south) * scale
    return Plan(
        f"{-MARGIN:.0f} {-MARGIN:.0f} {WIDE + 2 * MARGIN:.0f} {high + 2 * MARGIN:.0f}",
        (west, south, east, north),
        tuple(Outline(each.code, each.name, path(rings)) for each, rings in found),
    )


def _rings(geometry: Any) -> list[list[tuple[float, float]]]:
    parts = geometry["coordinates"]
    polygons = [parts] if geometry["type"] == "Polygon" else parts
    return [[(point[0], point[1]) for point in ring] for polygon in polygons for ring in polygon]
