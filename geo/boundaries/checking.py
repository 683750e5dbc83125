"""What is wrong with the polygons of a boundary file, and what a repair would do about it.

Nothing is repaired silently: an examination finds everything and proposes the repaired features
beside it; whoever loads the file decides. Invalid polygons and repeated codes can be repaired;
what would need a guess (one code with two names, two wards on one polygon) cannot.

Overlaps and gaps are measured by width, not area: those nowhere wider than a metre are the noise
of rounding (``NOISE_M``). A gap is a hole in the union of all areas. Both matter only where areas
should fill the ground between them without overlap, as wards do and zones do not.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries.coordinates import Geometries
from geo.boundaries.measuring import (
    Flags,
    array_of,
    enclosed,
    on_a_plane,
    polygonal,
    square_metres,
    wider_than,
    width,
)
from geo.boundaries.reading import Feature

#: At most so many overlaps or gaps are told of one by one, the largest; the others are counted.
TOLD = 100


@dataclass(frozen=True, slots=True)
class Invalid:
    """A polygon that breaks the rules of polygons, with GEOS's reason and its place."""

    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A code that several features bear, or a polygon that is in the file more than once."""

    label: str
    rows: tuple[int, ...]
    same_polygon: bool


@dataclass(frozen=True, slots=True)
class Overlap:
    """Ground that two areas claim."""

    one: str
    other: str
    area_m2: float
    width_m: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Ground that no area claims, enclosed by some that do."""

    between: tuple[str, ...]
    lng: float
    lat: float
    area_m2: float
    width_m: float


@dataclass(frozen=True, slots=True)
class Outside:
    """How much of an area lies outside its authority's own area."""

    label: str
    area_m2: float
    share: float


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done to a feature, and the ground that changed hands by it."""

    label: str
    what: str
    moved_m2: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything worth knowing before the file is trusted."""

    features: int
    vertices: int
    area_m2: float
    invalid: tuple[Invalid, ...] = ()
    repeated: tuple[Repeated, ...] = ()
    #: What no repair could mend without guessing, as sentences.
    beyond_repair: tuple[str, ...] = ()
    #: The largest ones; ``…_in_all`` counts the others too.
    overlaps: tuple[Overlap, ...] = ()
    overlaps_in_all: int = 0
    gaps: tuple[Gap, ...] = ()
    gaps_in_all: int = 0
    outside: tuple[Outside, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether it can be loaded without a repair."""
        return not (self.invalid or self.repeated or self.beyond_repair)


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found, and the features as a repair leaves them (the same ones if all is well)."""

    findings: Findings
    repaired: tuple[Feature, ...]
    repairs: tuple[Repair, ...]


def examine(
    features: Sequence[Feature],
    *,
    fills_the_ground: bool = True,
    own_area: shapely.Geometry | None = None,
) -> Examination:
    """Check the features of one file; ``own_area`` is their authority's, where one is loaded."""
    work = _Work(list(features))
    invalid = work.mend_the_invalid()
    repeated = work.join_the_repeated()
    if fills_the_ground:
        work.refuse_twins()
    geometries = _geometries(work.features)
    seams = _Seams(work.features, geometries) if fills_the_ground else None
    overlaps, overlaps_in_all = seams.overlaps() if seams else ((), 0)
    gaps, gaps_in_all = seams.gaps() if seams else ((), 0)
    findings = Findings(
        features=len(features),
        vertices=int(shapely.get_num_coordinates(_geometries(features)).sum()),
        area_m2=float(square_metres(geometries).sum()),
        invalid=invalid,
        repeated=repeated,
        beyond_repair=tuple(work.beyond_repair),
        overlaps=overlaps,
        overlaps_in_all=overlaps_in_all,
        gaps=gaps,
        gaps_in_all=gaps_in_all,
        outside=_outside(work.features, geometries, own_area) if own_area is not None else (),
    )
    return Examination(findings, tuple(work.features), tuple(work.repairs))


@dataclass
class _Work:
    """Features on their way to being good ones."""

    features: list[Feature]
    repairs: list[Repair] = field(default_factory=list)
    beyond_repair: list[str] = field(default_factory=list)

    def mend_the_invalid(self) -> tuple[Invalid, ...]:
        geometries = _geometries(self.features)
        found = []
        for index in np.flatnonzero(~shapely.is_valid(geometries)):
            feature = self.features[index]
            found.append(Invalid(feature.label, shapely.is_valid_reason(feature.geom)))
            parts, _ = polygonal(
                array_of(shapely.make_valid(feature.geom, method="structure", keep_collapsed=False))
            )
            if len(parts) == 0:
                self.beyond_repair.append(f"{feature.label} is a polygon without any area.")
                continue
            mended = shapely.union_all(parts)
            moved = abs(float(square_metres(array_of(mended))[0]) - enclosed(feature.geom))
            self.features[index] = replace(feature, geom=mended)
            self.repairs.append(Repair(feature.label, "made valid", moved))
        return tuple(found)

    def join_the_repeated(self) -> tuple[Repeated, ...]:
        groups: dict[str | bytes, list[Feature]] = defaultdict(list)
        for feature in self.features:
            groups[feature.code or shapely.to_wkb(shapely.normalize(feature.geom))].append(feature)
        several = [group for group in groups.values() if len(group) > 1]
        found = tuple(self._join(group) for group in several)
        joined = {feature.row for group in several for feature in group[1:]}
        self.features = [each for each in self.features if each.row not in joined]
        return found

    def _join(self, group: list[Feature]) -> Repeated:
        first = group[0]
        rows = tuple(feature.row for feature in group)
        names = sorted({feature.name for feature in group})
        if len(names) > 1:
            self.beyond_repair.append(f"{first.code} stands for {' and for '.join(names)}.")
        geometries = _geometries(group)
        union = shapely.union_all(geometries)
        same = not wider_than(_difference(union, first.geom)).any() and not any(
            wider_than(_difference(union, other.geom)).any() for other in group[1:]
        )
        if same:
            self.repairs.append(Repair(first.label, f"kept once of {len(group)}", 0.0))
            return Repeated(first.label, rows, same_polygon=True)
        twice = _overlapping(geometries)
        if wider_than(twice).any():
            self.beyond_repair.append(
                f"{first.label} is in the file with polygons that overlap and differ"
                f" (features {', '.join(map(str, rows))})."
            )
        moved = float(square_metres(twice).sum()) if len(twice) else 0.0
        self.repairs.append(Repair(first.label, f"{len(group)} polygons made one", moved))
        self.features[self.features.index(first)] = replace(first, geom=union)
        return Repeated(first.label, rows, same_polygon=False)

    def refuse_twins(self) -> None:
        """Two codes on one polygon: every place in it would be a tie."""
        seen: dict[bytes, Feature] = {}
        for feature in self.features:
            twin = seen.setdefault(shapely.to_wkb(shapely.normalize(feature.geom)), feature)
            if twin is not feature:
                self.beyond_repair.append(f"{twin.label} and {feature.label} are one polygon.")


class _Seams:
    """Where areas meet: overlaps and gaps.

    Areas whose edges match exactly cannot overlap, and are never compared: GEOS's coverage check,
    which is linear, finds the others.
    """

    def __init__(self, features: Sequence[Feature], geometries: Geometries) -> None:
        self.features = features
        self.geometries = geometries
        self.uneven: Flags = ~shapely.is_empty(shapely.coverage_invalid_edges(geometries))

    def overlaps(self) -> tuple[tuple[Overlap, ...], int]:
        """The largest overlaps, and how many there are."""
        one, other = self._pairs()
        parts, pair = polygonal(shapely.intersection(self.geometries[one], self.geometries[other]))
        wide = wider_than(parts)
        parts, pair = parts[wide], pair[wide]
        areas = np.bincount(pair, weights=square_metres(parts), minlength=len(one))
        found = np.flatnonzero(areas)
        largest = found[np.argsort(-areas[found])][:TOLD].tolist()
        return tuple(
            Overlap(
                self.features[int(one[each])].label,
                self.features[int(other[each])].label,
                float(areas[each]),
                _width(parts[pair == each]),
            )
            for each in largest
        ), len(found)

    def _pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Each pair that meets and of which one has an edge that does not match."""
        suspects = np.flatnonzero(self.uneven)
        if suspects.size == 0:
            return suspects, suspects
        tree = shapely.STRtree(self.geometries)
        query, other = tree.query(self.geometries[suspects], predicate="intersects")
        pairs = np.column_stack([suspects[query], other])
        pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def gaps(self) -> tuple[tuple[Gap, ...], int]:
        """The largest holes in the union, and how many there are."""
        rings, part = shapely.get_rings(self._united(), return_index=True)
        # The first ring of each part is its outside.
        holes = shapely.polygons(rings[1:][part[1:] == part[:-1]])
        holes = holes[wider_than(holes)]
        areas = square_metres(holes)
        tree = shapely.STRtree(self.geometries)
        largest = np.argsort(-areas)[:TOLD].tolist()
        told = tuple(self._gap(tree, holes[each], float(areas[each])) for each in largest)
        return told, len(holes)

    def _united(self) -> Geometries:
        """The parts of the union. What matches edge by edge is united by its outer edges, fast."""
        united = []
        if not self.uneven.all():
            united.append(shapely.coverage_union_all(self.geometries[~self.uneven]))
        if self.uneven.any():
            united.append(shapely.union_all(self.geometries[self.uneven]))
        return shapely.get_parts(array_of(shapely.union_all(united)))

    def _gap(self, tree: shapely.STRtree, hole: shapely.Polygon, area: float) -> Gap:
        around = sorted(tree.query(hole, predicate="intersects").tolist())
        inside = hole.representative_point()
        return Gap(
            between=tuple(self.features[index].label for index in around),
            lng=round(inside.x, 6),
            lat=round(inside.y, 6),
            area_m2=area,
            width_m=_width(array_of(hole)),
        )


def _width(parts: Geometries) -> float:
    """The width of the part that is widest on the whole: measuring each would take long."""
    flat = on_a_plane(parts)
    widest = np.argmax(shapely.area(flat) / shapely.length(flat))
    return width(parts[widest])


def _outside(
    features: Sequence[Feature], geometries: Geometries, own_area: shapely.Geometry
) -> tuple[Outside, ...]:
    shapely.prepare(own_area)
    astray = np.flatnonzero(~shapely.covers(own_area, geometries)).tolist()
    found = []
    for index in astray:
        parts, _ = polygonal(array_of(shapely.difference(geometries[index], own_area)))
        parts = parts[wider_than(parts)]
        if len(parts):
            area = float(square_metres(parts).sum())
            whole = float(square_metres(array_of(geometries[index]))[0])
            found.append(Outside(features[index].label, area, area / whole))
    return tuple(sorted(found, key=lambda outside: -outside.area_m2))


def _overlapping(geometries: Geometries) -> Geometries:
    """The ground that later ones share with those before them."""
    shared = [
        shapely.intersection(geometries[index], shapely.union_all(geometries[:index]))
        for index in range(1, len(geometries))
    ]
    return polygonal(array_of(*shared))[0]


def _difference(one: shapely.Geometry, other: shapely.Geometry) -> Geometries:
    return polygonal(array_of(shapely.difference(one, other)))[0]


def _geometries(features: Sequence[Feature]) -> Geometries:
    return array_of(*(feature.geom for feature in features))
