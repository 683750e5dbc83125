"""A boundary file as features in WGS84: GeoJSON (plain or .gz), GeoPackage, zipped Shapefile.

Whatever keeps the file from being read whole ends in one sentence (``BoundaryFileRefused``).
"""

import gzip
import hashlib
import math
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from geo.boundaries.coordinates import Geometries, geojson_crs, system_of, to_wgs84
from geo.errors import BoundaryFileRefused

DRIVERS = {"GeoJSON": "GeoJSON", "GPKG": "GeoPackage", "ESRI Shapefile": "Shapefile"}
FORMATS = "GeoJSON (also .gz), GeoPackage, zipped Shapefile"

#: How many of something a sentence names before it says how many more there are.
NAMED = 5

#: How much of a GeoJSON file's beginning and end is searched for its ``crs`` member.
ENDS = 1 << 20


@dataclass(frozen=True, slots=True)
class Feature:
    """One polygon of a file. ``row`` counts from 1; code and name are empty where not asked for."""

    row: int
    code: str
    name: str
    #: A polygon or multipolygon.
    geom: shapely.Geometry

    @property
    def label(self) -> str:
        """What a person would look for in the file."""
        words = dict.fromkeys(filter(None, (self.code, self.name)))
        return " ".join(words) or f"feature {self.row}"


@dataclass(frozen=True, slots=True)
class Fields:
    """Which fields of the file mean what, and which features are wanted."""

    code: str | None = None
    name: str | None = None
    #: Only features whose field has this value.
    where: tuple[str, str] | None = None

    @property
    def asked(self) -> list[str]:
        """The fields to read, each once."""
        names = [self.code, self.name, self.where[0] if self.where else None]
        return list(dict.fromkeys(name for name in names if name))


@dataclass(frozen=True, slots=True)
class BoundaryFile:
    """What was in a file."""

    name: str
    sha256: str
    format: str
    #: The coordinate system of the file, and how it was known.
    crs: str
    fields: tuple[str, ...]
    #: How many features the file has; ``features`` are those that ``where`` picks.
    total: int
    features: tuple[Feature, ...]


def read(
    path: Path, fields: Fields, *, crs: str | None = None, layer: str | None = None
) -> BoundaryFile:
    """Everything of the file that was asked for, in longitude and latitude.

    ``crs`` is for a file that does not say its own, or says it wrongly.
    """
    # A ring that does not close is a broken shape to refuse, not one to close quietly.
    pyogrio.set_gdal_config_options({"OGR_GEOMETRY_ACCEPT_UNCLOSED_RING": "NO"})
    try:
        # GDAL's warnings are about what is refused below, in our own words.
        with warnings.catch_warnings(action="ignore"):
            source, layer = _opened(path, layer)
            about = pyogrio.read_info(source, layer=layer)
            _refuse_other_formats(about["driver"], path)
            if about["features"] == 0:
                raise BoundaryFileRefused(f"{path.name} has no features.")
            _refuse_missing_fields(fields, list(about["fields"]), path)
            meta, _, blobs, values = pyogrio.raw.read(
                source, layer=layer, columns=fields.asked, force_2d=True
            )
    except (DataSourceError, DataLayerError) as error:
        raise _unreadable(path, error) from None
    except UnicodeDecodeError:
        raise BoundaryFileRefused(
            f"{path.name} has text in another encoding than it says; save it again as UTF-8."
        ) from None
    columns = dict(zip(meta["fields"], values, strict=True))
    rows = _picked(columns, fields.where, len(blobs), path)
    geometries = _polygons(blobs[rows], rows, path)
    is_geojson = about["driver"] == "GeoJSON"
    in_file = geojson_crs(*_ends(path)) if is_geojson else meta["crs"]
    system = system_of(path.name, said=crs, in_file=in_file, is_geojson=is_geojson)
    geometries = to_wgs84(geometries, system, path.name)
    codes = _texts(columns, fields.code, rows, path)
    names = _texts(columns, fields.name, rows, path)
    return BoundaryFile(
        name=path.name,
        sha256=_sha256(path),
        format=DRIVERS[about["driver"]],
        crs=f"{system.label}, {system.known_from}",
        fields=tuple(about["fields"]),
        total=len(blobs),
        features=tuple(
            Feature(int(row) + 1, code, name, geom)
            for row, code, name, geom in zip(rows, codes, names, geometries, strict=True)
        ),
    )


# Opening


def _opened(path: Path, layer: str | None) -> tuple[str, str]:
    """The file's name for GDAL, which unpacks by itself, and the layer to read.

    Only plain local files get that far: GDAL would also fetch what a name asks it to.
    """
    if not path.is_file():
        raise BoundaryFileRefused(f"There is no file {path}.")
    source = str(path.resolve())
    if path.suffix == ".gz":
        _refuse_broken_gzip(path)
        source = f"/vsigzip/{source}"
    if path.suffix == ".zip":
        member = _one_of(_members(path), layer, path)
        source, layer = f"/vsizip/{source}/{member}", None
    layers = [str(name) for name, kind in pyogrio.list_layers(source) if kind is not None]
    return source, _one_of({name: name for name in layers}, layer, path)


def _refuse_broken_gzip(path: Path) -> None:
    """GDAL takes what it can of a cut file; half a county must not be loaded."""
    try:
        _ends(path)
    except (OSError, EOFError, zlib.error):
        raise BoundaryFileRefused(f"{path.name} is not a whole gzip file.") from None


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The file's beginning and end, unpacked."""
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
        first = last = stream.read(ENDS)
        before = b""
        while chunk := stream.read(ENDS):
            before, last = last, chunk
    return first, before[-ENDS:] + last


def _members(path: Path) -> dict[str, str]:
    """The files in the zip that can hold boundaries, by their name without folder and ending."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        raise BoundaryFileRefused(f"{path.name} is not a whole zip file.") from None
    wanted = (".shp", ".gpkg", ".geojson", ".json")
    inside = [name for name in names if name.lower().endswith(wanted)]
    # A Mac adds a folder of shadows to what it packs.
    return {Path(name).stem: name for name in inside if not name.startswith("__MACOSX/")}


def _one_of(layers: dict[str, str], wanted: str | None, path: Path) -> str:
    if not layers:
        raise BoundaryFileRefused(f"{path.name} has no layer with shapes in it.")
    if wanted is not None and wanted not in layers:
        raise BoundaryFileRefused(f"{path.name} has no layer {wanted}; it has {named([*layers])}.")
    if wanted is None and len(layers) > 1:
        raise BoundaryFileRefused(
            f"{path.name} has {len(layers)} layers; say which with --layer: {named([*layers])}."
        )
    return layers[wanted] if wanted is not None else next(iter(layers.values()))


def _unreadable(path: Path, error: Exception) -> BoundaryFileRefused:
    """GDAL's reason is kept only where it is about the contents, as in a broken JSON."""
    reason = str(error).split(";")[0].strip(" .")
    about_contents = "" if path.name in reason else f" ({reason})"
    return BoundaryFileRefused(f"{path.name} cannot be read as {FORMATS}{about_contents}.")


def _refuse_other_formats(driver: str, path: Path) -> None:
    if driver not in DRIVERS:
        raise BoundaryFileRefused(f"{path.name} is {driver}; send {FORMATS}.")


def _refuse_missing_fields(fields: Fields, present: list[str], path: Path) -> None:
    for name in fields.asked:
        if name not in present:
            raise BoundaryFileRefused(
                f"{path.name} has no field {name}; it has {', '.join(present) or 'no fields'}."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# Features


def _picked(
    columns: dict[str, NDArray[Any]], where: tuple[str, str] | None, count: int, path: Path
) -> NDArray[np.intp]:
    if where is None:
        return np.arange(count)
    field, value = where
    values = [_text(each) for each in columns[field]]
    rows = np.flatnonzero([each == value for each in values])
    if rows.size == 0:
        known = sorted(set(values) - {""})
        raise BoundaryFileRefused(
            f"No feature of {path.name} has {field} = {value};"
            f" there is {named(known) or 'nothing'}."
        )
    return rows


def _polygons(blobs: NDArray[Any], rows: NDArray[np.intp], path: Path) -> Geometries:
    geometries = np.atleast_1d(shapely.from_wkb(blobs, on_invalid="ignore"))
    kinds = shapely.get_type_id(geometries)
    missing = (kinds == -1) | shapely.is_empty(geometries)
    polygon = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    if missing.any():
        raise BoundaryFileRefused(
            f"{path.name} has features without a shape, or with a broken one:"
            f" {named(_features(rows[missing]))}."
        )
    if not polygon.all():
        kind = geometries[~polygon][0].geom_type
        raise BoundaryFileRefused(
            f"{path.name} has a {kind} where a polygon should be:"
            f" {named(_features(rows[~polygon]))}."
        )
    return geometries


def _features(rows: NDArray[np.intp]) -> list[str]:
    return [f"feature {row + 1}" for row in rows]


def _texts(
    columns: dict[str, NDArray[Any]], field: str | None, rows: NDArray[np.intp], path: Path
) -> list[str]:
    if field is None:
        return [""] * len(rows)
    texts = [_text(value) for value in columns[field][rows]]
    empty = [index for index, text in enumerate(texts) if not text]
    if empty:
        raise BoundaryFileRefused(
            f"{path.name} has nothing in {field} of {named(_features(rows[empty]))}."
        )
    return texts


def _text(value: object) -> str:
    """A field's value as a person wrote it: a number column with gaps arrives as 12.0 and nan."""
    if value is None:
        return ""
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        if value.is_integer():
            return str(int(value))
    return " ".join(str(value).split())


def named(things: list[str], most: int = NAMED) -> str:
    """Some of them, and how many more."""
    shown = ", ".join(str(thing) for thing in things[:most])
    return shown if len(things) <= most else f"{shown} and {len(things) - most} more"
