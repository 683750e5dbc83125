"""Made-up tilings of ragged wards: as many as a county, a region or the country has.

A Voronoi diagram gives the wards; each border is then bent, once, for both its neighbours. A bent
border stays within the kite of its two ends and its two wards' sites. Kites of different borders
do not overlap, and a border is drawn point after point along its kite, so wards neither overlap
nor leave gaps, and all are valid, however many there are. Sizes are those of real English wards
at full resolution: some 500 to 2,700 vertices, 1,250 in the middle.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

#: Points on a border of average length; a ward has about six borders.
POINTS = 210
#: How far a border strays towards a ward's site, at most, as a share of the way.
STRAY = 0.4

Array = np.ndarray


@dataclass(frozen=True)
class Tiling:
    """Wards over a box in degrees, and where they were drawn around."""

    west: float
    south: float
    east: float
    north: float
    wards: list[shapely.Polygon]

    def points(self, count: int, seed: int = 1) -> Array:
        """Random places in the box, as rows of (lng, lat)."""
        draw = np.random.default_rng(seed)
        return draw.uniform((self.west, self.south), (self.east, self.north), (count, 2))


def frame() -> shapely.Polygon:
    """The box in degrees that tilings fill, about as large as the south of England."""
    return shapely.box(-3.0, 50.8, 0.2, 53.4)


def tiling(
    count: int,
    *,
    points: int = POINTS,
    seed: int = 1,
) -> Tiling:
    """A tiling of so many wards; the same for the same arguments."""
    west, south, east, north = frame().bounds
    draw = np.random.default_rng(seed)
    sites = draw.uniform((west, south), (east, north), (count, 2))
    cells = _cells(sites, frame())
    mean = np.sqrt((east - west) * (north - south) / count) * 0.62
    borders = _Borders(draw, points / mean)
    owners = _owners(cells)
    wards = [
        shapely.Polygon(_ring(site, cell, owners, sites, borders))
        for site, cell in enumerate(cells)
    ]
    return Tiling(west, south, east, north, wards)


def _cells(sites: Array, frame: shapely.Polygon) -> list[Array]:
    """The corners of each site's cell inside the frame, in the order of the sites."""
    found = shapely.voronoi_polygons(shapely.MultiPoint(sites), extend_to=frame, ordered=True)
    cells = []
    for cell in shapely.get_parts(found):
        inside = shapely.normalize(shapely.set_precision(shapely.intersection(cell, frame), 1e-9))
        cells.append(np.asarray(inside.exterior.coords)[:0:-1])
    return cells


def _key(a: Array, b: Array) -> tuple[tuple[float, float], tuple[float, float]]:
    one, other = (float(a[0]), float(a[1])), (float(b[0]), float(b[1]))
    return (one, other) if one < other else (other, one)


def _owners(cells: Sequence[Array]) -> dict[object, list[int]]:
    """Each border's two sites; the edge of the box has one."""
    owners: dict[object, list[int]] = {}
    for site, cell in enumerate(cells):
        for a, b in _sides(cell):
            owners.setdefault(_key(a, b), []).append(site)
    return owners


def _sides(cell: Array) -> Iterator[tuple[Array, Array]]:
    for number, corner in enumerate(cell):
        yield corner, cell[(number + 1) % len(cell)]


def _ring(
    site: int,
    cell: Array,
    owners: dict[object, list[int]],
    sites: Array,
    borders: "_Borders",
) -> Array:
    parts = []
    for a, b in _sides(cell):
        key = _key(a, b)
        line = borders.between(key, [sites[owner] for owner in sorted(owners[key])])
        parts.append((line if (float(a[0]), float(a[1])) == key[0] else line[::-1])[:-1])
    return np.concatenate(parts)


class _Borders:
    """The bent borders, each drawn once and kept for its second ward."""

    def __init__(self, draw: np.random.Generator, points_per_degree: float) -> None:
        self._draw = draw
        self._density = points_per_degree
        self._kept: dict[object, Array] = {}

    def between(
        self, key: tuple[tuple[float, float], tuple[float, float]], sites: list[Array]
    ) -> Array:
        """From the first end to the second."""
        if key in self._kept:
            return self._kept.pop(key)
        line = self._bend(np.array(key[0]), np.array(key[1]), sites)
        self._kept[key] = line
        return line

    def _bend(self, start: Array, end: Array, sites: list[Array]) -> Array:
        count = max(int(np.hypot(*(end - start)) * self._density), 3)
        along = np.linspace(0, 1, count)
        straight = start + along[:, None] * (end - start)
        if len(sites) == 1:
            return straight
        stray = self._noise(count) * STRAY * np.minimum(along, 1 - along) * 2
        # A step from one side to the other goes through the straight border.
        crossing = np.flatnonzero(stray[:-1] * stray[1:] < 0)
        share = stray[crossing] / (stray[crossing] - stray[crossing + 1])
        along = np.insert(
            along, crossing + 1, along[crossing] + share * (along[crossing + 1] - along[crossing])
        )
        stray = np.insert(stray, crossing + 1, 0.0)
        straight = start + along[:, None] * (end - start)
        towards = np.where((stray >= 0)[:, None], sites[0], sites[1])
        bent = straight + np.abs(stray)[:, None] * (towards - straight)
        bent[0], bent[-1] = start, end
        return bent

    def _noise(self, count: int) -> Array:
        """A fractal line from -1 to 1: waves of ever finer grain, each at 0.6 of the one before."""
        grid = np.linspace(0, 1, count)
        total = np.zeros(count)
        strength, knots = 1.0, 3
        while knots < count:
            total += strength * np.interp(
                grid, np.linspace(0, 1, knots), self._draw.uniform(-1, 1, knots)
            )
            strength, knots = strength * 0.6, knots * 2
        return np.asarray(total / max(np.abs(total).max(), 1e-9))
