"""The made-up county put together: authorities, areas with codes and names, zones and towns."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely
from numpy.random import Generator, default_rng

from geo.boundaries.reading import Feature
from geo.demo.ground import Ground, draw
from geo.demo.plan import PARK, SCHOOLS, TOWNS, TRUNK_ROAD, TRUNK_ROAD_HALF_WIDTH_KM, degrees, point
from geo.demo.wards import divisions, grow
from geo.points import METRES_PER_DEGREE, Point

#: Any other number would draw another county, with more or fewer wards than there are names for.
SEED = 1974
#: The share of reports that come from towns.
IN_TOWN = 0.8


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


@cache
def county() -> DemoCounty:
    """The county. Drawn once in a process; the same everywhere."""
    rng = default_rng(SEED)
    return _assemble(draw(rng), rng)


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


def _assemble(land: Ground, rng: Generator) -> DemoCounty:
    wards, links = grow(land)
    codes = {ward.heart: f"X0500{1001 + number}" for number, ward in enumerate(wards)}
    shapes = {ward.heart: _united(land.shapes[cell] for cell in ward.cells) for ward in wards}
    whole = _united(land.shapes.values())
    sets = [
        AreaSet(
            district.slug,
            "ward",
            None,
            _features(
                (codes[ward.heart], ward.name, shapes[ward.heart])
                for ward in wards
                if ward.western == (district is WESTERN)
            ),
        )
        for district in (WESTERN, EASTERN)
    ]
    of_the_county = [
        (f"X5800{101 + number}", f"{name} Division", _united(shapes[heart] for heart in hearts))
        for number, (name, hearts) in enumerate(divisions(wards, links))
    ]
    sets += [
        AreaSet(COUNTY.slug, "division", None, _features(of_the_county)),
        AreaSet(NATIONAL.slug, "zone", "trunk_road", _features([_trunk_road(whole)])),
        AreaSet(COUNTY.slug, "zone", "school", _features(_schools(rng))),
        AreaSet(WESTERN.slug, "zone", "park", _features([_park(rng)])),
    ]
    towns = tuple(Town(name, point(x, y), reach * 1000) for name, x, y, reach, _ in TOWNS)
    return DemoCounty((WESTERN, EASTERN, COUNTY, NATIONAL), tuple(sets), towns, whole)


def _united(polygons: Iterable[shapely.Geometry]) -> shapely.Geometry:
    """One shape of polygons that share their edges, which goes without computing any crossing."""
    array = np.array([*polygons], dtype=object)
    return shapely.coverage_union_all(array)


def _features(areas: Iterable[tuple[str, str, shapely.Geometry]]) -> tuple[Feature, ...]:
    return tuple(
        Feature(row, code, name, geom) for row, (code, name, geom) in enumerate(areas, start=1)
    )


def _trunk_road(land: shapely.Geometry) -> tuple[str, str, shapely.Geometry]:
    """The road's land, fence to fence, as far as the county reaches."""
    line = np.array(TRUNK_ROAD, dtype=float)
    for _ in range(4):  # corners cut again and again become bends (Chaikin)
        one, other = line[:-1], line[1:]
        cut = np.stack([0.75 * one + 0.25 * other, 0.25 * one + 0.75 * other], axis=1)
        line = np.concatenate([line[:1], cut.reshape(-1, 2), line[-1:]])
    strip = shapely.buffer(shapely.LineString(line), TRUNK_ROAD_HALF_WIDTH_KM, cap_style="flat")
    road = shapely.Polygon(degrees(shapely.get_coordinates(strip)))
    return ("A1900", "A1900 Marlhaven Trunk Road", shapely.intersection(road, land))


def _schools(rng: Generator) -> list[tuple[str, str, shapely.Geometry]]:
    return [
        (f"SCH{number}", name, _grounds(x, y, 0.17, rng))
        for number, (name, x, y) in enumerate(SCHOOLS, start=1)
    ]


def _park(rng: Generator) -> tuple[str, str, shapely.Geometry]:
    name, x, y, reach = PARK
    return ("PARK1", name, _grounds(x, y, reach, rng))


def _grounds(x: float, y: float, reach_km: float, rng: Generator) -> shapely.Polygon:
    """A plot of land about a place."""
    turns = np.sort(rng.uniform(0, math.tau, 9))
    reach = reach_km * rng.uniform(0.75, 1.1, 9)
    plot = np.column_stack([x + reach * np.cos(turns), y + reach * np.sin(turns)])
    return shapely.Polygon(degrees(plot))
