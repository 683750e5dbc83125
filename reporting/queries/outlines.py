"""Statements on the outlines of wards and zones; nothing executes here."""

#: Which areas are drawn: what is in force on this day where their authority is.
_IN_FORCE = """
select
  area.kind, area.zone_type, area.code, area.name, area.geom, authority.slug as authority,
  authority.name as authority_name, vintage.source ? 'made_up' as made_up
from area
join vintage on vintage.id = area.vintage_id
join authority on authority.id = area.authority_id
where vintage.state = 'active' and area.kind in ('ward', 'zone')
  and vintage.valid @> (now() at time zone authority.timezone)::date
"""

#: How many wards there are; beyond some hundreds nobody could tap one.
COUNT = f"select count(*) from ({_IN_FORCE}) area where kind = 'ward'"

#: The box around all of them.
BOUNDS = f"""
select st_xmin(box), st_ymin(box), st_xmax(box), st_ymax(box)
from (select st_extent(geom) as box from ({_IN_FORCE}) area where kind = 'ward') found
"""

#: The areas as SVG paths on a plan whose longer side is ``size``, one unit a pixel or less, so that
#: what simplifying each outline for itself leaves between two wards is thinner than the line drawn
#: on it. ``kx`` and ``ky`` are units per degree; a point of each ward stands for it in lists.
OUTLINES = f"""
with area as ({_IN_FORCE}),
box as (select st_extent(geom) as box from area where kind = 'ward'),
frame as (
  select
    st_xmin(box) as west, st_ymin(box) as south,
    (st_xmax(box) - st_xmin(box)) * cos(radians((st_ymin(box) + st_ymax(box)) / 2)) as wide,
    st_ymax(box) - st_ymin(box) as high,
    cos(radians((st_ymin(box) + st_ymax(box)) / 2)) as narrowing
  from box
),
plan as (
  select *, %(size)s / greatest(wide, high) as ky,
    %(size)s / greatest(wide, high) * narrowing as kx
  from frame
)
select
  area.kind, area.zone_type, area.code, area.name, area.authority, area.authority_name,
  area.made_up, plan.west, plan.south, plan.kx, plan.ky,
  ceil(plan.wide * plan.ky)::int as width, ceil(plan.high * plan.ky)::int as height,
  st_y(st_pointonsurface(area.geom)) as lat, st_x(st_pointonsurface(area.geom)) as lng,
  st_assvg(
    st_snaptogrid(
      st_simplifypreservetopology(
        st_affine(
          area.geom, plan.kx, 0, 0, plan.ky, -plan.west * plan.kx, -plan.south * plan.ky
        ),
        0.7
      ),
      0.5
    ),
    1, 1
  ) as path
from area cross join plan
order by area.kind = 'zone', area.authority_name, area.name, area.code
"""

#: The lines of the wards in and about an authority, to 30 metres: what a tablet draws where it has
#: no streets. A body that crosses the country gets no more than are worth drawing.
AROUND = f"""
with own as materialized (
  select st_setsrid(st_extent(area.geom)::geometry, 4326) as box
  from area join vintage on vintage.id = area.vintage_id
  where area.authority_id = %(authority)s and vintage.state = 'active'
)
select area.code, area.name,
  st_asgeojson(st_simplifypreservetopology(area.geom, 0.0003), 5) as shape
from ({_IN_FORCE}) area, own
where area.kind = 'ward' and area.geom && own.box
order by area.authority, area.code
limit %(most)s
"""
