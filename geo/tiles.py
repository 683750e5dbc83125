"""Vector tiles: a select for each layer, made into one Mapbox Vector Tile by PostGIS.

A layer's select gives a column ``geom`` made by ``clipped``, ``dot`` or ``centre`` and whatever
else a map is to know of each feature. It may read ``tile``, whose ``box`` is the tile in degrees
with a margin, so that the index on a geometry finds what lies there.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from geo.errors import Refusal
from geo.points import BBox

#: Closer than this no map of streets goes.
CLOSEST: Final = 22
#: Units of a tile's side, and how far around it is drawn, so that no line ends at its edge.
EXTENT: Final = 4096
MARGIN: Final = 64
#: A tile's side in cells, of which a heat map is made.
CELLS: Final = 64
#: The web's map ends here, so that it is a square.
LAT_MOST: Final = math.degrees(math.atan(math.sinh(math.pi)))


class NoSuchTile(Refusal):
    """There is no such tile: z is 0 to 22, x and y are below two to the power of z."""

    code = "no-such-tile"


@dataclass(frozen=True, slots=True)
class Tile:
    """One square of the web map: how far in, which column, which row."""

    z: int
    x: int
    y: int

    @classmethod
    def checked(cls, z: int, x: int, y: int) -> Self:
        """The tile; raises NoSuchTile."""
        if not (0 <= z <= CLOSEST and 0 <= x < 2**z and 0 <= y < 2**z):
            raise NoSuchTile
        return cls(z, x, y)

    def parameters(self) -> dict[str, int | float]:
        """What ``encoded`` asks for; a quarter of a unit is less than anybody sees."""
        return {"z": self.z, "x": self.x, "y": self.y, "grain": 360 / 2**self.z / EXTENT}

    def box(self) -> BBox:
        """The tile in degrees."""
        west, north = corner(self.z, self.x, self.y)
        east, south = corner(self.z, self.x + 1, self.y + 1)
        return BBox(west, south, east, north)


def corner(z: int, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a column and row; fractions are places within a tile."""
    side = 2**z
    lat = math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / side))))
    return x / side * 360 - 180, lat


def position(z: int, lng: float, lat: float) -> tuple[float, float]:
    """Column and row of a place, with their fractions."""
    side = 2**z
    radians = math.radians(max(-LAT_MOST, min(LAT_MOST, lat)))
    return (lng + 180) / 360 * side, (1 - math.asinh(math.tan(radians)) / math.pi) / 2 * side


def covering(box: BBox, z: int, most: int) -> list[Tile]:
    """The tiles that a box lies in, from farther out where they would be more than so many."""
    while True:
        west, north = _at(z, box.west, box.north)
        east, south = _at(z, box.east, box.south)
        if (east - west + 1) * (south - north + 1) <= most or z == 0:
            rows, columns = range(north, south + 1), range(west, east + 1)
            return [Tile(z, x, y) for y in rows for x in columns]
        z -= 1


def _at(z: int, lng: float, lat: float) -> tuple[int, int]:
    """The tile of a place; the last ones hold the edges of the map."""
    x, y = position(z, lng, lat)
    last = 2**z - 1
    return max(0, min(last, int(x))), max(0, min(last, int(y)))


def encoded(layers: Mapping[str, str]) -> str:
    """The statement that gives a tile's bytes, empty where nothing lies."""
    parts = " || ".join(layer(name, select) for name, select in layers.items())
    return f"""
with square as (
  select st_tileenvelope(%(z)s, %(x)s, %(y)s) as web,
    st_tileenvelope(%(z)s, %(x)s, %(y)s, margin => {MARGIN / EXTENT * 2}) as wide
),
tile as materialized (select web, st_transform(wide, 4326) as box from square)
select {parts}
"""


def layer(name: str, select: str) -> str:
    """A layer's bytes, of which those of a tile are put together."""
    return f"(select coalesce(st_asmvt(found, '{name}', {EXTENT}), '') from ({select}) found)"


def clipped(column: str) -> str:
    """A geometry in degrees as the tile draws it; null where it falls between the grains."""
    return (
        "st_asmvtgeom(st_transform(st_simplify(st_clipbybox2d("
        f"{column}, tile.box), %(grain)s, true), 3857), tile.web, {EXTENT}, {MARGIN})"
    )


def dot(column: str) -> str:
    """A place in degrees as the tile draws it."""
    return f"st_asmvtgeom(st_transform({column}, 3857), tile.web, {EXTENT}, 0, false)"


def centre(x: str, y: str) -> str:
    """The middle of a cell of the tile, as the tile draws it."""
    side = EXTENT // CELLS
    return f"st_makepoint({x} * {side} + {side // 2}, {y} * {side} + {side // 2})"


def touches(column: str) -> str:
    """The geometry reaches into the tile; found by the index."""
    return f"{column} && (select box from tile)"
