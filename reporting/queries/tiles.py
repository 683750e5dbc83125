"""Statements for the map's tiles; nothing executes here."""

from typing import Final

from geo.tiles import clipped, encoded, touches

#: Farther out, wards are dust: only councils are drawn.
WARDS_FROM_ZOOM: Final = 8

_IN_FORCE: Final = f"""
from area
join vintage on vintage.id = area.vintage_id
join authority on authority.id = area.authority_id
cross join tile
where {touches("area.geom")} and vintage.state = 'active'
  and vintage.valid @> (now() at time zone authority.timezone)::date
"""

#: Wards, zones and councils in force; ``tint`` tells neighbouring councils apart.
_AREAS: Final = f"""
select {clipped("area.geom")} as geom, area.kind, area.zone_type, area.code, area.name,
  authority.slug as authority, mod(authority.id, 7) as tint
{_IN_FORCE}
  and (area.kind = 'authority' or %(z)s >= {WARDS_FROM_ZOOM} and area.kind in ('ward', 'zone'))
"""

#: A point in each ward to write its name at.
_NAMES: Final = f"""
select st_asmvtgeom(st_transform(st_pointonsurface(area.geom), 3857), tile.web) as geom, area.name
{_IN_FORCE}
  and %(z)s >= {WARDS_FROM_ZOOM} and area.kind = 'ward'
  and st_pointonsurface(area.geom) && st_transform(tile.web, 4326)
"""

#: Everything public that a map of the council shows.
WARDS: Final = encoded({"areas": _AREAS, "names": _NAMES})
