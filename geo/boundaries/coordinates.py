"""Coordinate systems: which one a boundary file is in, and from it to longitude and latitude.

The system is the file's own word. GeoJSON that names none is WGS84 (RFC 7946); numbers that cannot
be in the system are refused, never guessed at. British National Grid goes through OSTN15, which is
exact; PROJ without that grid would silently be metres off.
"""

import re
from dataclasses import dataclass
from typing import Self

import numpy as np
import shapely
from convertbng.cutil import convert_osgb36_to_ll
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from geo.errors import BoundaryFileRefused
from geo.points import looks_like_grid

WGS84 = CRS.from_epsg(4326)
BRITISH_NATIONAL_GRID = CRS.from_epsg(27700)
#: Degrees on the datum of the British National Grid.
OSGB36_EPSG = 4277
#: ETRS89 is WGS84 for every purpose here: the two are some decimetres apart.
SAME_AS_WGS84 = (4326, 4258)
CRS84 = "WGS 84 (CRS84)"

#: The longest and highest that degrees go.
MOST_DEGREES = (180.0, 90.0)

#: The ``crs`` member that GeoJSON had in 2008 and that files still have: by name, link or code.
GEOJSON_CRS = re.compile(
    rb'"crs"\s*:\s*\{(?:\s*"type"\s*:\s*"\w+"\s*,)?'
    rb'\s*"properties"\s*:\s*\{\s*"(?:name|href|code)"\s*:\s*"?([^"}]+)'
)

Geometries = NDArray[np.object_]
Coordinates = NDArray[np.float64]


@dataclass(frozen=True)
class System:
    """A coordinate system, and how we know that the file is in it."""

    crs: CRS
    known_from: str

    @classmethod
    def named(cls, text: str, known_from: str, source: str) -> Self:
        """The system of that name, code or WKT; its horizontal part if it has heights too."""
        try:
            crs = CRS.from_user_input(text)
        except CRSError:
            raise BoundaryFileRefused(
                f"{source} names a coordinate system that is not known: {text[:60]}."
            ) from None
        return cls(crs.sub_crs_list[0] if crs.is_compound else crs, known_from)

    @property
    def label(self) -> str:
        """``EPSG:27700 (OSGB36 / British National Grid)``."""
        epsg = self.crs.to_epsg()
        return f"EPSG:{epsg} ({self.crs.name})" if epsg else self.crs.name

    @property
    def is_wgs84(self) -> bool:
        return self.crs.to_epsg() in SAME_AS_WGS84 or self.crs.name == CRS84

    @property
    def on_osgb36(self) -> bool:
        """The grid itself, or degrees or another projection on its datum."""
        if self.crs == BRITISH_NATIONAL_GRID:
            return True
        geodetic = self.crs.geodetic_crs
        return geodetic is not None and geodetic.to_epsg() == OSGB36_EPSG


def system_of(file: str, *, said: str | None, in_file: str | None, is_geojson: bool) -> System:
    """The system to read the file in; what the operator says stands over what the file says."""
    if said:
        return System.named(said, "as --crs says", "--crs")
    if in_file:
        return System.named(in_file, "as the file says", file)
    if is_geojson:
        return System(WGS84, "as GeoJSON is that names no other")
    raise BoundaryFileRefused(
        f"{file} does not say its coordinate system; say it with --crs, for example"
        " --crs EPSG:27700."
    )


def geojson_crs(*pieces: bytes) -> str | None:
    """What the ``crs`` member in the beginning or the end of a GeoJSON file names, if it has one.

    GDAL takes a name it does not know for WGS84 without a word, so we look ourselves.
    """
    for piece in pieces:
        if found := GEOJSON_CRS.search(piece):
            return found[1].decode(errors="replace").strip()
    return None


def to_wgs84(geometries: Geometries, system: System, file: str) -> Geometries:
    """The same polygons in longitude and latitude.

    Equal vertices stay equal, so that a border stays shared. Numbers that cannot be in the system
    are refused.
    """
    here = shapely.get_coordinates(geometries)
    _refuse_the_unlikely(here, system, file)
    there = here if system.is_wgs84 else _degrees(here, system)
    astray = ~np.isfinite(there).all(axis=1)
    if astray.any():
        x, y = here[astray][0]
        raise BoundaryFileRefused(
            f"{file} has a vertex at {x:.1f}, {y:.1f}, where {system.label} does not reach;"
            " is that its coordinate system?"
        )
    return np.atleast_1d(shapely.set_coordinates(geometries, there))


def _refuse_the_unlikely(here: Coordinates, system: System, file: str) -> None:
    (west, south), (east, north) = here.min(axis=0), here.max(axis=0)
    could_be_degrees = bool((np.abs(here) <= MOST_DEGREES).all())
    if system.crs.is_geographic and not could_be_degrees:
        is_grid = looks_like_grid(west, south) and looks_like_grid(east, north)
        hint = "it looks like --crs EPSG:27700" if is_grid else "for example --crs EPSG:27700"
        raise BoundaryFileRefused(
            f"The numbers in {file} cannot be degrees (from {west:.0f}, {south:.0f} to {east:.0f},"
            f" {north:.0f}); say its coordinate system with --crs, {hint}."
        )
    if not system.crs.is_geographic and could_be_degrees:
        raise BoundaryFileRefused(
            f"The numbers in {file} look like degrees (from {west:.4f}, {south:.4f} to"
            f" {east:.4f}, {north:.4f}), not like {system.label}; say its coordinate system with"
            " --crs, perhaps EPSG:4326."
        )


def _degrees(here: Coordinates, system: System) -> Coordinates:
    if not system.on_osgb36:
        return _projected(here, system.crs, WGS84)
    # Another projection on the same datum goes to the grid first: that is arithmetic, and exact.
    is_grid = system.crs.to_epsg() == BRITISH_NATIONAL_GRID.to_epsg()
    grid = here if is_grid else _projected(here, system.crs, BRITISH_NATIONAL_GRID)
    lng, lat = convert_osgb36_to_ll(
        np.ascontiguousarray(grid[:, 0]), np.ascontiguousarray(grid[:, 1])
    )
    return np.column_stack([lng, lat])


def _projected(here: Coordinates, source: CRS, target: CRS) -> Coordinates:
    transformer = Transformer.from_crs(source, target, always_xy=True)
    return np.column_stack(transformer.transform(here[:, 0], here[:, 1]))
