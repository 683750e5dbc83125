"""Statements on the wards of one authority; nothing executes here."""

from typing import Final

from reporting.queries.tiles import IN_FORCE

#: A shape has a corner for each of so many parts of the authority's longer side, and no more.
PARTS: Final = 2500

#: The areas by which an authority's jobs are counted, as they were on a day: its own wards, else
#: its divisions, else the wards of its members. Simplified each for itself, so that two neighbours
#: may part by what a line on a map is wide.
SHAPES: Final = f"""
with areas as materialized (
  select area.id, area.kind, area.code, area.name, area.geom,
    case when area.authority_id <> %(authority)s then 2 when area.kind = 'ward' then 0 else 1 end
      as choice
  from area
  join vintage on vintage.id = area.vintage_id
  join authority on authority.id = area.authority_id
  where (
      area.authority_id = %(authority)s and area.kind in ('ward', 'division')
      or area.kind = 'ward' and area.authority_id in (
        select member_id from authority_member where authority_id = %(authority)s
      )
    )
    and {IN_FORCE}
),
chosen as (select * from areas where choice = (select min(choice) from areas)),
frame as (
  select greatest(
    st_xmax(st_extent(geom)) - st_xmin(st_extent(geom)),
    st_ymax(st_extent(geom)) - st_ymin(st_extent(geom))
  ) / {PARTS} as grain
  from chosen
)
select chosen.id, chosen.kind, chosen.code, chosen.name,
  st_asgeojson(st_multi(st_simplifypreservetopology(chosen.geom, frame.grain)), 5) as shape
from chosen cross join frame
order by chosen.code, chosen.id
"""
