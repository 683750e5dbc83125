"""A ward's name stands in the ward, whatever its shape."""

import pytest
from shapely import Point, Polygon, box

from reporting.web.pages.map_plan import inside

SHAPES = {
    "square": box(0, 0, 100, 100),
    "round a park": box(0, 0, 100, 100) - box(25, 25, 75, 75),
    "like a C": box(0, 0, 100, 100) - box(30, 25, 100, 75),
    "triangle": Polygon([(0, 0), (100, 0), (0, 300)]),
    "two parts": box(0, 0, 10, 10) | box(50, 50, 150, 150),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_name_stands_inside(shape: Polygon) -> None:
    parts = getattr(shape, "geoms", [shape])
    rings = [list(ring.coords) for part in parts for ring in (part.exterior, *part.interiors)]
    assert max(parts, key=lambda part: part.area).contains(Point(inside(rings)))
