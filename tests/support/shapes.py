"""Small made-up boundary files for tests, whose answers can be told by eye."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import shapely

from geo.boundaries.reading import Feature

#: A hundredth of a degree: about 690 m east and 1,113 m north at 52 degrees.
STEP = 0.01
WEST, SOUTH = -1.0, 52.0


def square(x: float = 0, y: float = 0, size: float = 1) -> shapely.Polygon:
    """A square of ``size`` steps whose corner is so many steps east and north."""
    return shapely.box(
        WEST + x * STEP, SOUTH + y * STEP, WEST + (x + size) * STEP, SOUTH + (y + size) * STEP
    )


def feature(code: str, shape: shapely.Geometry, name: str | None = None, row: int = 1) -> Feature:
    """One area of a file."""
    return Feature(row, code, name if name is not None else f"Ward {code}", shape)


def features(shapes: dict[str, shapely.Geometry]) -> list[Feature]:
    """Areas by code, in rows from 1."""
    return [feature(code, shape, row=row) for row, (code, shape) in enumerate(shapes.items(), 1)]


def write(path: Path, areas: Iterable[Feature], crs: str | None = None, **more: Any) -> Path:
    """A GeoJSON file of these areas with the fields ``code`` and ``name``, and any others."""
    collection: dict[str, Any] = {"type": "FeatureCollection"}
    if crs:
        collection["crs"] = {"type": "name", "properties": {"name": crs}}
    collection["features"] = [
        {
            "type": "Feature",
            "properties": {"code": each.code, "name": each.name, **more},
            "geometry": shapely.geometry.mapping(each.geom),
        }
        for each in areas
    ]
    path.write_text(json.dumps(collection))
    return path
