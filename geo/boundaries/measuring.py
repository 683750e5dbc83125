"""Metres for polygons in degrees: areas and widths, without a coordinate system for each country.

Each polygon is stretched onto a plane of metres at its own latitude. That is exact enough for what
is measured here (slivers, wards, counties): 0.1 % for a polygon a degree tall.
"""

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.boundaries.coordinates import Geometries

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: Overlaps, gaps and what sticks out are noise where they are nowhere wider than this: the
#: rounding of a published file, or a border drawn twice from the same survey.
NOISE_M = 1.0


def array_of(*shapes: shapely.Geometry) -> Geometries:
    """An array of shapes (numpy, asked plainly, may take a multipolygon apart)."""
    array = np.empty(len(shapes), dtype=object)
    array[:] = shapes
    return array


def on_a_plane(polygons: Geometries) -> Geometries:
    """The polygons in metres, each true to its own latitude; compare only what comes from one."""
    places, index = shapely.get_coordinates(polygons, return_index=True)
    bounds = shapely.bounds(polygons)
    east, north = metres_per_degree((bounds[:, 1] + bounds[:, 3]) / 2)
    places[:, 0] *= east[index]
    places[:, 1] *= north[index]
    return np.atleast_1d(shapely.set_coordinates(polygons.copy(), places))


def metres_per_degree(latitude: Numbers) -> tuple[Numbers, Numbers]:
    """How long a degree of longitude and one of latitude are there, on the WGS84 ellipsoid."""
    phi = np.radians(latitude)
    # The usual series, good to a centimetre (National Imagery and Mapping Agency).
    north = 111_132.92 - 559.82 * np.cos(2 * phi) + 1.175 * np.cos(4 * phi)
    east = 111_412.84 * np.cos(phi) - 93.5 * np.cos(3 * phi) + 0.118 * np.cos(5 * phi)
    return east, north


def square_metres(polygons: Geometries) -> Numbers:
    """Their areas."""
    return shapely.area(on_a_plane(polygons))


def enclosed(polygon: shapely.Geometry) -> float:
    """Square metres that its rings enclose as they stand, valid or not.

    A ring that crosses itself counts its lobes against each other, as every area formula does.
    """
    parts = shapely.get_parts(on_a_plane(array_of(polygon)))
    return float(
        sum(
            shapely.Polygon(part.exterior).area
            - sum(shapely.Polygon(hole).area for hole in part.interiors)
            for part in parts
        )
    )


def wider_than(polygons: Geometries, metres: float = NOISE_M) -> Flags:
    """Whether a circle of that diameter fits in somewhere. A mile of sliver is no width."""
    flat = on_a_plane(polygons)
    # The circle's own area rules most slivers out before the costly test.
    wide = shapely.area(flat) >= math.pi * (metres / 2) ** 2
    shrunk = shapely.buffer(flat[wide], -metres / 2, quad_segs=2)
    wide[wide] = ~shapely.is_empty(shrunk)
    return wide


def width(polygon: shapely.Geometry) -> float:
    """The diameter in metres of the largest circle that fits in, to a few per cent."""
    flat = on_a_plane(array_of(polygon))[0]
    tolerance = max(0.05, math.sqrt(flat.area) / 100)
    return 2 * float(shapely.maximum_inscribed_circle(flat, tolerance).length)


def polygonal(shapes: Geometries) -> tuple[Geometries, NDArray[np.intp]]:
    """The polygons among the parts of each shape, and which shape each came from."""
    parts, index = shapely.get_parts(shapes, return_index=True)
    keep = (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    return parts[keep], index[keep]
