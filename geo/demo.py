"""The shapes of the made-up county that an empty machine starts with. Pure, and always the same.

Merrowshire lies in the North Sea, where nobody can take it for a real place: a county of two
districts, with a market town inland, a port, a coast with bays, an island, a trunk road through
both districts, schools and a park. Its wards are grown from small cells whose edges are drawn once
and shared, so that they meet vertex on vertex, without gap or overlap, as the best real files do.

``county()`` gives authorities and sets of areas, ready to be loaded like any boundary file, and the
towns, around which most of its people live.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from heapq import heappop, heappush

import numpy as np
import shapely
from numpy.random import Generator, default_rng
from numpy.typing import NDArray

from geo.boundaries.reading import Feature
from geo.points import METRES_PER_DEGREE, Point

#: Kilometres count east and north from here.
SOUTH, WEST = 54.05, 1.35
WIDTH_KM, HEIGHT_KM = 46.0, 34.0
#: Any other number would draw another county, with more or fewer wards than there are names for.
SEED = 1974

Places = NDArray[np.float64]
#: Two corners of cells in kilometres, the lesser first.
Edge = tuple[tuple[float, float], tuple[float, float]]

#: The share of reports that come from towns.
IN_TOWN = 0.8
#: Shorter edges of cells are drawn straight.
SHORTEST_RAGGED_KM = 0.08


@dataclass(frozen=True, slots=True)
class DemoAuthority:
    """A made-up authority; a county's members are the slugs of its districts."""

    slug: str
    name: str
    tier: str
    code: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AreaSet:
    """What one boundary file of the county would hold."""

    authority: str
    kind: str
    zone_type: str | None
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Town:
    """Where people live: the centre, and how far its streets reach."""

    name: str
    place: Point
    radius_m: float


@dataclass(frozen=True, slots=True)
class DemoCounty:
    """Everything there is to load."""

    authorities: tuple[DemoAuthority, ...]
    sets: tuple[AreaSet, ...]
    towns: tuple[Town, ...]
    #: All its land, for choosing places on it.
    land: shapely.Geometry


WESTERN = DemoAuthority("thornvale", "Thornvale District Council", "district", "X07000001")
EASTERN = DemoAuthority("saltmere", "Saltmere District Council", "district", "X07000002")
COUNTY = DemoAuthority(
    "merrowshire",
    "Merrowshire County Council",
    "county",
    "X10000001",
    members=(WESTERN.slug, EASTERN.slug),
)
NATIONAL = DemoAuthority("trunk-roads", "National Trunk Roads", "national", "X00000001")

#: Name, kilometres east and north, reach in kilometres, and the wards of the town.
_TOWNS = (
    ("Thornminster", 12.6, 17.8, 2.9, ("Abbey", "Castle", "Northgate", "Riverside", "St Anne's",
                                        "Southfields", "Weavers", "Hospital Hill")),
    ("Marlhaven", 31.2, 14.5, 2.7, ("Harbour", "Old Town", "Promenade", "St Peter's", "Dockside",
                                     "Lighthouse", "Links", "Upper Town")),
    ("Wexley", 22.9, 26.0, 1.6, ("East", "West", "Market", "Green")),
    ("Hollin Bridge", 6.6, 8.0, 1.3, ("North", "South", "Mill")),
    ("Sandle", 31.5, 26.9, 1.3, ("Bay", "Village", "Dunes")),
)  # fmt: skip

_VILLAGES = (
    "Alderbrook", "Ashby Fen", "Barrowmead", "Beacon Down", "Brackenthorpe", "Burrow Cross",
    "Coldharbour", "Cottesby", "Crowle Heath", "Deepmarsh", "Dunwold", "Eastrey", "Elmstow",
    "Fallowfield Green", "Fenny Aston", "Garside", "Gorsley", "Hallowby", "Harrow Wold",
    "Ingleby Moor", "Kestrel Vale", "Kirkby Merrow", "Langmere", "Long Stretton", "Merrow Head",
    "Netherby", "Nine Elms", "Oxcombe", "Pilgrim's Way", "Priors Wood", "Ravensholt", "Rushmere",
    "Saxby", "Sedgewick", "Stonely", "Tattersby", "Thistledown", "Upper Merrow", "Wainfold",
    "Westrigg", "Whinmoor", "Yarrowby",
)  # fmt: skip
_ISLAND = ("Skerrow Island", 42.0, 21.5, 2.3)

#: The A1900, in kilometres: in from the west, round Thornminster, to the port.
_TRUNK_ROAD = ((-3, 12.5), (3, 13.6), (8.5, 14.6), (12.5, 14.2), (16.5, 15.8), (21, 17.6),
               (25.0, 16.4), (28.4, 13.4), (31.4, 13.0), (34.5, 13.6))  # fmt: skip
_TRUNK_ROAD_HALF_WIDTH_KM = 0.022
_SCHOOLS = (
    ("Thornminster Abbey School", 12.1, 18.3),
    ("Marlhaven Harbour Primary", 30.6, 15.3),
    ("Wexley Church School", 22.7, 26.2),
)
_PARK = ("Castle Meadows", 13.9, 17.2, 0.42)


@cache
def county() -> DemoCounty:
    """The county. Drawn once in a process; the same everywhere."""
    rng = default_rng(SEED)
    centres = _darts(rng)
    outlines = _voronoi(centres)
    land = _is_land(centres, rng) & _within_reach(outlines)
    edges = _edges(outlines, land)
    shapes = _ragged(outlines, centres, land, edges, rng)
    links = _neighbours(edges, land)
    owner = _grow_wards(centres, sorted(shapes), links)
    return _assemble(_named_wards(centres, owner), shapes, _ward_links(owner, links), rng)


def scatter(where: DemoCounty, count: int, seed: int) -> list[Point]:
    """Places where reports come from: most in the towns, some along the lanes, all on land."""
    rng = default_rng(seed)
    weights = np.array([town.radius_m**2 for town in where.towns])
    west, south, east, north = shapely.bounds(where.land)
    shapely.prepare(where.land)
    found: list[Point] = []
    while len(found) < count:
        if rng.random() < IN_TOWN:
            town = where.towns[int(rng.choice(len(weights), p=weights / weights.sum()))]
            away, turn = town.radius_m * 0.55 * abs(rng.normal()), rng.uniform(0, math.tau)
            stretch = math.cos(math.radians(town.place.lat))
            lng = town.place.lng + away * math.sin(turn) / METRES_PER_DEGREE / stretch
            lat = town.place.lat + away * math.cos(turn) / METRES_PER_DEGREE
        else:
            lng, lat = rng.uniform(west, east), rng.uniform(south, north)
        if shapely.contains_xy(where.land, lng, lat):
            found.append(Point(round(float(lat), 6), round(float(lng), 6)))
    return found


# The ground: cells, land and sea


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
    for _, x, y, reach, _ in _TOWNS:
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
    _, island_x, island_y, reach = _ISLAND
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
        shapes[cell] = shapely.Polygon(_degrees(np.concatenate(ring)))
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


def _degrees(places: Places) -> Places:
    """Longitude and latitude of places on the plan, to 11 centimetres as files have them."""
    lat = SOUTH + places[:, 1] * 1000 / METRES_PER_DEGREE
    # One stretch for the whole county: equal kilometres must become equal degrees.
    middle = math.radians(SOUTH + HEIGHT_KM * 500 / METRES_PER_DEGREE)
    lng = WEST + places[:, 0] * 1000 / METRES_PER_DEGREE / math.cos(middle)
    return np.column_stack([lng, lat]).round(6)


def _point(x: float, y: float) -> Point:
    ((lng, lat),) = _degrees(np.array([[x, y]]))
    return Point(float(lat), float(lng))


# Wards, divisions and districts


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


def _grow_wards(
    centres: Places, cells: Sequence[int], links: Mapping[int, Sequence[int]]
) -> dict[int, int]:
    """Cell → the cell its ward grew from. Wards are small in towns and wide in the country."""
    hearts = _hearts(centres, cells)
    owner: dict[int, int] = {}
    queue = [(0.0, heart, heart) for heart in hearts]
    while queue:
        away, cell, heart = heappop(queue)
        if cell in owner:
            continue
        owner[cell] = heart
        for near in links[cell]:
            if near not in owner:
                step = float(np.hypot(*(centres[cell] - centres[near])))
                heappush(queue, (away + step, near, heart))
    return owner


def _hearts(centres: Places, cells: Sequence[int]) -> list[int]:
    """The cells that wards grow from."""
    _, island_x, island_y, reach = _ISLAND
    hearts: list[int] = []
    spacing = np.full(len(centres), 5.4)
    for _, x, y, town_reach, _ in _TOWNS:
        away = np.hypot(centres[:, 0] - x, centres[:, 1] - y)
        spacing = np.minimum(spacing, 1.5 + 3.9 * np.clip((away - town_reach) / 2.5, 0, 1))
    on_island = np.hypot(centres[:, 0] - island_x, centres[:, 1] - island_y) < 2 * reach
    spacing[on_island] = 50.0
    # From the smallest spacing up, so that towns are divided before the country between them.
    for cell in sorted(cells, key=lambda each: (spacing[each], each)):
        if all(
            np.hypot(*(centres[cell] - centres[heart])) > spacing[cell]
            for heart in hearts
            if on_island[cell] == on_island[heart]
        ):
            hearts.append(cell)
    return hearts


# The county put together


@dataclass(frozen=True, slots=True)
class _Ward:
    """A ward before it has a code."""

    heart: int
    x: float
    y: float
    cells: tuple[int, ...]
    name: str
    western: bool


def _assemble(
    wards: Sequence[_Ward],
    shapes: Mapping[int, shapely.Polygon],
    links: Mapping[int, Collection[int]],
    rng: Generator,
) -> DemoCounty:
    codes = {ward.heart: f"X0500{1001 + number}" for number, ward in enumerate(wards)}
    ground = {ward.heart: _united(shapes[cell] for cell in ward.cells) for ward in wards}
    land = _united(shapes.values())
    sets = [
        AreaSet(
            district.slug,
            "ward",
            None,
            _features(
                (codes[ward.heart], ward.name, ground[ward.heart])
                for ward in wards
                if ward.western == (district is WESTERN)
            ),
        )
        for district in (WESTERN, EASTERN)
    ]
    divisions = [
        (f"X5800{101 + number}", f"{name} Division", _united(ground[heart] for heart in hearts))
        for number, (name, hearts) in enumerate(_divisions(wards, links))
    ]
    sets += [
        AreaSet(COUNTY.slug, "division", None, _features(divisions)),
        AreaSet(NATIONAL.slug, "zone", "trunk_road", _features([_trunk_road(land)])),
        AreaSet(COUNTY.slug, "zone", "school", _features(_schools(rng))),
        AreaSet(WESTERN.slug, "zone", "park", _features([_park(rng)])),
    ]
    towns = tuple(Town(name, _point(x, y), reach * 1000) for name, x, y, reach, _ in _TOWNS)
    return DemoCounty((WESTERN, EASTERN, COUNTY, NATIONAL), tuple(sets), towns, land)


def _united(polygons: Iterable[shapely.Geometry]) -> shapely.Geometry:
    """One shape of polygons that share their edges, which goes without computing any crossing."""
    array = np.array([*polygons], dtype=object)
    return shapely.coverage_union_all(array)


def _features(areas: Iterable[tuple[str, str, shapely.Geometry]]) -> tuple[Feature, ...]:
    return tuple(
        Feature(row, code, name, geom) for row, (code, name, geom) in enumerate(areas, start=1)
    )


def _named_wards(centres: Places, owner: Mapping[int, int]) -> list[_Ward]:
    """The wards from north to south: in towns by the town's name, elsewhere by a village's."""
    cells: dict[int, list[int]] = defaultdict(list)
    for cell, heart in owner.items():
        cells[heart].append(cell)
    names = _ward_names(centres, sorted(cells, key=lambda heart: (-centres[heart][1], heart)))
    return [
        _Ward(
            heart=heart,
            x=float(centres[heart][0]),
            y=float(centres[heart][1]),
            cells=tuple(sorted(cells[heart])),
            name=name,
            western=bool(centres[heart][0] < 20.5 + 1.5 * math.sin(centres[heart][1] / 5)),
        )
        for heart, name in names.items()
    ]


def _ward_names(centres: Places, hearts: Sequence[int]) -> dict[int, str]:
    _, island_x, island_y, reach = _ISLAND
    names: dict[int, str] = {}
    for town, x, y, town_reach, quarters in _TOWNS:
        near = [h for h in hearts if np.hypot(*(centres[h] - (x, y))) < town_reach + 0.5]
        for heart, quarter in zip(near, quarters, strict=False):
            names[heart] = f"{town} {quarter}" if len(near) > 1 else town
    villages = iter(_VILLAGES)
    for heart in hearts:
        if np.hypot(*(centres[heart] - (island_x, island_y))) < 2 * reach:
            names[heart] = _ISLAND[0]
        elif heart not in names:
            names[heart] = next(villages)
    return {heart: names[heart] for heart in hearts}


def _ward_links(
    owner: Mapping[int, int], links: Mapping[int, Sequence[int]]
) -> dict[int, set[int]]:
    """Wards that share an edge, by their hearts."""
    found: dict[int, set[int]] = defaultdict(set)
    for cell, near in links.items():
        found[owner[cell]].update(owner[each] for each in near if owner[each] != owner[cell])
    return found


def _divisions(
    wards: Sequence[_Ward], links: Mapping[int, Collection[int]]
) -> list[tuple[str, list[int]]]:
    """Five divisions in each district, each of whole wards that lie together."""
    found: list[tuple[str, list[int]]] = []
    for western in (True, False):
        left = {ward.heart: ward for ward in wards if ward.western == western}
        seats = _far_apart([ward for ward in left.values() if links[ward.heart]], 5)
        groups = [[left.pop(seat.heart)] for seat in seats]
        while left:
            # The smallest group that has a free neighbour takes the nearest one.
            groups.sort(key=lambda group: (len(group), group[0].heart))
            for group in groups:
                free = {heart for ward in group for heart in links[ward.heart]} & left.keys()
                if free:
                    seat = group[0]
                    group.append(left.pop(min(free, key=lambda h: _away(seat, wards, h))))
                    break
            else:
                _, ward = left.popitem()  # an island joins the group it is nearest to
                min(groups, key=lambda group: _away(ward, wards, group[0].heart)).append(ward)
        groups.sort(key=lambda group: (-group[0].y, group[0].heart))
        found += [(group[0].name, [ward.heart for ward in group]) for group in groups]
    return found


def _away(one: _Ward, wards: Sequence[_Ward], heart: int) -> float:
    other = next(ward for ward in wards if ward.heart == heart)
    return math.hypot(one.x - other.x, one.y - other.y)


def _far_apart(wards: Sequence[_Ward], count: int) -> list[_Ward]:
    chosen = [wards[0]]
    while len(chosen) < count:
        chosen.append(
            max(
                (ward for ward in wards if ward not in chosen),
                key=lambda ward: min(math.hypot(ward.x - c.x, ward.y - c.y) for c in chosen),
            )
        )
    return chosen


# Zones


def _trunk_road(land: shapely.Geometry) -> tuple[str, str, shapely.Geometry]:
    """The road's land, fence to fence, as far as the county reaches."""
    line = np.array(_TRUNK_ROAD, dtype=float)
    for _ in range(4):  # corners cut again and again become bends (Chaikin)
        one, other = line[:-1], line[1:]
        cut = np.stack([0.75 * one + 0.25 * other, 0.25 * one + 0.75 * other], axis=1)
        line = np.concatenate([line[:1], cut.reshape(-1, 2), line[-1:]])
    strip = shapely.buffer(shapely.LineString(line), _TRUNK_ROAD_HALF_WIDTH_KM, cap_style="flat")
    road = shapely.Polygon(_degrees(shapely.get_coordinates(strip)))
    return ("A1900", "A1900 Marlhaven Trunk Road", shapely.intersection(road, land))


def _schools(rng: Generator) -> list[tuple[str, str, shapely.Geometry]]:
    return [
        (f"SCH{number}", name, _grounds(x, y, 0.17, rng))
        for number, (name, x, y) in enumerate(_SCHOOLS, start=1)
    ]


def _park(rng: Generator) -> tuple[str, str, shapely.Geometry]:
    name, x, y, reach = _PARK
    return ("PARK1", name, _grounds(x, y, reach, rng))


def _grounds(x: float, y: float, reach_km: float, rng: Generator) -> shapely.Polygon:
    """A plot of land about a place."""
    turns = np.sort(rng.uniform(0, math.tau, 9))
    reach = reach_km * rng.uniform(0.75, 1.1, 9)
    plot = np.column_stack([x + reach * np.cos(turns), y + reach * np.sin(turns)])
    return shapely.Polygon(_degrees(plot))
