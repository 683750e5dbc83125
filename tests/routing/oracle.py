"""An independent answer: Shapely and pyproj on the polygons of the file, no PostGIS, no routing."""

import json
import math
from pathlib import Path

import shapely
from pyproj import Geod

WITHIN_M = 250


class Oracle:
    """Wards as (authority code, ward code) with their polygons."""

    def __init__(self, file: Path, code: str, owner: str | None = None) -> None:
        features = json.loads(file.read_text())["features"]
        self._names = [
            (feature["properties"].get(owner, ""), str(feature["properties"][code]))
            for feature in features
        ]
        self._shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
        self._tree = shapely.STRtree(self._shapes)
        self._geod = Geod(ellps="WGS84")

    def ward(self, lng: float, lat: float) -> tuple[str, str]:
        """(ward code, flags): the lowest code that covers the place, else the nearest ward."""
        point = shapely.Point(lng, lat)
        # intersects, not contains: a place on a border lies in both wards
        covering = sorted(
            self._names[n] for n in self._tree.query(point, predicate="intersects").tolist()
        )
        if covering:
            return covering[0][1], "near_boundary" if len(covering) > 1 else ""
        near = sorted((round(self._metres(n, point), 2), self._names[n]) for n in self._near(point))
        if near and near[0][0] <= WITHIN_M:
            return near[0][1][1], "nearest_ward"
        return "", "outside_coverage"

    def corners(self) -> list[tuple[float, float]]:
        """Every vertex of every ward, once."""
        found = shapely.get_coordinates(self._shapes).tolist()
        return sorted({(lng, lat) for lng, lat in found})

    def _near(self, point: shapely.Point) -> list[int]:
        return self._tree.query(point.buffer(0.01)).tolist()

    def _metres(self, number: int, point: shapely.Point) -> float:
        """On the ellipsoid, to the nearest point found on a local plane of true proportions."""
        stretch = math.cos(math.radians(point.y))

        def to_plane(lnglat):
            return lnglat * [stretch, 1]

        plane = shapely.transform(self._shapes[number], to_plane)
        here = shapely.transform(point, to_plane)
        there = shapely.shortest_line(here, plane).coords[1]
        return self._geod.inv(point.x, point.y, there[0] / stretch, there[1])[2]
