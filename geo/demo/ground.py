"""The ground of the made-up county: small ragged cells of land, which share their edges.

Every edge is drawn once, for the cells on both sides of it, so that whatever is put together of
cells meets vertex on vertex.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from numpy.typing import NDArray

from geo.demo.plan import HEIGHT_KM, ISLAND, TOWNS, WIDTH_KM, Places, degrees

#: Two corners of cells in kilometres, the lesser first.
Edge = tuple[tuple[float, float], tuple[float, float]]

#: Shorter edges of cells are drawn straight.
SHORTEST_RAGGED_KM = 0.08


@dataclass(frozen=True, slots=True)
class Ground:
    """The land in cells."""

    #: The centre of every cell thrown, on land or not.
    centres: Places
    #: The land cells' shapes in degrees.
    shapes: Mapping[int, shapely.Polygon]
    #: Land cell → the land cells it shares an edge with.
    links: Mapping[int, Sequence[int]]


def draw(rng: Generator) -> Ground:
    """The same ground from the same generator."""
    centres = _darts(rng)
    outlines = _voronoi(centres)
    land = _is_land(centres, rng) & _within_reach(outlines)
    edges = _edges(outlines, land)
    return Ground(centres, _ragged(outlines, centres, land, edges, rng), _neighbours(edges, land))


def _darts(rng: Generator) -> Places:
    """Cell centres thrown at random, none too near another; nearer in towns than in the country."""
    edge = 4.0
    thrown = rng.uniform((-edge, -edge), (WIDTH_KM + edge, HEIGHT_KM + edge), (9000, 2))
    radii = _spacing(thrown)
    kept = np.empty((0, 2))
    for place, radius in zip(thrown, radii, strict=True):
        if len(kept) == 0 or ((kept - place) ** 2).sum(axis=1).min() > radius**2:
            kept = np.vstack([kept, place])
    return kept


def _spacing(places: Places) -> NDArray[np.float64]:
    spacing = np.full(len(places), 1.15)
    for _, x, y, reach, _ in TOWNS:
        away = np.hypot(places[:, 0] - x, places[:, 1] - y)
        spacing = np.minimum(spacing, 0.42 + 0.73 * np.clip((away - reach) / 2.5, 0, 1))
    return spacing


def _voronoi(centres: Places) -> list[Places]:
    """Each cell's corners, in order; corners that cells share are equal to the last bit."""
    whole = shapely.voronoi_polygons(shapely.MultiPoint(centres), ordered=True)
    return [np.round(shapely.get_coordinates(cell.exterior)[:-1], 6) for cell in whole.geoms]


def _is_land(centres: Places, rng: Generator) -> NDArray[np.bool_]:
    """West of a coast that bays and headlands shape, or on the island."""
    x, y = centres[:, 0], centres[:, 1]
    phase = rng.uniform(0, math.tau, 4)
    coast = 35.5 + sum(
        size * np.sin(y * turns / HEIGHT_KM * math.tau + begin)
        for size, turns, begin in zip(
            (2.2, 1.5, 0.9, 0.5), (1.0, 2.3, 5.1, 9.0), phase, strict=True
        )
    )
    # An estuary runs in to the port, a bay lies under Sandle, and the north coast falls away east.
    coast -= 4.5 * np.exp(-(((y - 16.9) / 0.9) ** 2)) + 2.0 * np.exp(-(((y - 24.2) / 1.6) ** 2))
    north = 31.5 - 1.8 * np.sin(x / 5.5) - np.clip((x - 20) / 5.5, 0, None) ** 1.7
    north -= 6.5 * np.exp(-((x / 6.5) ** 2))
    west = 1.5 + 2.4 * np.sin(y / 5.2 + 0.6) + 0.8 * np.sin(y / 1.7) + 4.5 * np.exp(-((y / 5) ** 2))
    south = 2.6 + 2.0 * np.sin(x / 6.1 + 0.4) + 0.7 * np.sin(x / 2.1 + 1)
    mainland = (x < coast) & (y < north) & (x > west) & (y > south)
    _, island_x, island_y, reach = ISLAND
    island = np.hypot((x - island_x) / 0.8, (y - island_y) / 1.2) < reach
    return np.asarray(mainland | island)


def _within_reach(outlines: Sequence[Places]) -> NDArray[np.bool_]:
    """Cells whose corners all lie near the plan: the outermost have no neighbour to share with."""
    low, high = np.array([-3.0, -3.0]), np.array([WIDTH_KM + 3, HEIGHT_KM + 3])
    return np.array([bool(((o > low) & (o < high)).all()) for o in outlines])


def _edges(outlines: Sequence[Places], land: NDArray[np.bool_]) -> dict[Edge, list[int]]:
    """Every edge of a land cell, and the two cells beside it."""
    sides: dict[Edge, list[int]] = defaultdict(list)
    for cell, outline in enumerate(outlines):
        for one, other in _pairs_around(outline):
            sides[min(one, other), max(one, other)].append(cell)
    return {edge: sides[edge] for edge in sorted(sides) if any(land[cell] for cell in sides[edge])}


def _ragged(
    outlines: Sequence[Places],
    centres: Places,
    land: NDArray[np.bool_],
    edges: Mapping[Edge, Sequence[int]],
    rng: Generator,
) -> dict[int, shapely.Polygon]:
    """The land cells in degrees, every edge drawn as a natural line, the same from both sides."""
    beside = np.array([*edges.values()])
    ends = np.array([*edges])
    lines = _natural_lines(ends, centres[beside], ~land[beside].all(axis=1), rng)
    # A line of metres would be lost in rounding: it stays straight.
    short = np.hypot(*(ends[:, 1] - ends[:, 0]).T) < SHORTEST_RAGGED_KM
    drawn = {
        edge: line[[0, -1]] if plain else line
        for edge, line, plain in zip(edges, lines, short, strict=True)
    }
    shapes = {}
    for cell in np.flatnonzero(land).tolist():
        ring = []
        for one, other in _pairs_around(outlines[cell]):
            line = drawn[min(one, other), max(one, other)]
            ring.append((line if one < other else line[::-1])[:-1])
        shapes[cell] = shapely.Polygon(degrees(np.concatenate(ring)))
    return shapes


def _pairs_around(outline: Places) -> list[Edge]:
    corners = [(float(x), float(y)) for x, y in outline]
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))


def _natural_lines(
    edges: NDArray[np.float64],
    centres: NDArray[np.float64],
    coastal: NDArray[np.bool_],
    rng: Generator,
) -> NDArray[np.float64]:
    """Each edge as a line displaced at its middle, then at the middles of its halves, and so on.

    A line stays inside the kite of its edge and the two cell centres beside it. Kites do not
    overlap, so that no line can cross another, however wild it is.
    """
    levels = 4
    count = 2**levels
    steps = np.linspace(0, 1, count + 1)[None, :, None]
    straight = edges[:, :1] * (1 - steps) + edges[:, 1:] * steps
    lines = straight.copy()
    wildness = np.where(coastal, 0.20, 0.13)[:, None]
    for level in range(levels):
        step = count >> level
        starts = np.arange(0, count, step)
        one, other = lines[:, starts], lines[:, starts + step]
        along = other - one
        across = np.stack([-along[..., 1], along[..., 0]], axis=-1)
        shift = wildness * rng.normal(size=along.shape[:2])
        lines[:, starts + step // 2] = (one + other) / 2 + across * shift[..., None]
    kites = shapely.polygons(
        np.stack([edges[:, 0], centres[:, 0], edges[:, 1], centres[:, 1]], axis=1)
    )
    for _ in range(8):
        drawn = shapely.linestrings(lines)
        astray = ~(shapely.covers(kites, drawn) & shapely.is_simple(drawn))
        lines[astray] = straight[astray] + 0.7 * (lines[astray] - straight[astray])
    lines[astray] = straight[astray]
    lines[:, 0], lines[:, -1] = edges[:, 0], edges[:, 1]
    return lines


def _neighbours(
    edges: Mapping[Edge, Sequence[int]], land: NDArray[np.bool_]
) -> dict[int, list[int]]:
    """Land cells that share an edge."""
    links: dict[int, list[int]] = defaultdict(list)
    for one, other in edges.values():
        if land[one] and land[other]:
            links[one].append(other)
            links[other].append(one)
    return links
