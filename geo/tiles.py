"""Vector tiles: a select for each layer, made into one Mapbox Vector Tile by PostGIS.

A layer's select gives a column ``geom`` made by ``clipped`` and whatever else a map is to know of
each feature. It reads ``tile``, whose ``box`` is the tile in degrees with a margin, so that the
index on a geometry finds what lies there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from geo.errors import Refusal

#: Closer than this no map of streets goes.
CLOSEST: Final = 22
#: Units of a tile's side, and how far around it is drawn, so that no line ends at its edge.
EXTENT: Final = 4096
MARGIN: Final = 64


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


def encoded(layers: Mapping[str, str]) -> str:
    """The statement that gives a tile's bytes, empty where nothing lies."""
    parts = " || ".join(
        f"(select coalesce(st_asmvt(found, '{name}', {EXTENT}), '') from ({select}) found)"
        for name, select in layers.items()
    )
    return f"""
with square as (
  select st_tileenvelope(%(z)s, %(x)s, %(y)s) as web,
    st_tileenvelope(%(z)s, %(x)s, %(y)s, margin => {MARGIN / EXTENT * 2}) as wide
),
tile as materialized (select web, st_transform(wide, 4326) as box from square)
select {parts}
"""


def clipped(column: str) -> str:
    """A geometry in degrees as the tile draws it; null where it falls between the grains."""
    return (
        "st_asmvtgeom(st_transform(st_simplify(st_clipbybox2d("
        f"{column}, tile.box), %(grain)s, true), 3857), tile.web, {EXTENT}, {MARGIN})"
    )


def touches(column: str) -> str:
    """The geometry reaches into the tile; found by the index."""
    return f"{column} && (select box from tile)"
