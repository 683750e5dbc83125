"""Statements about vintages and their areas; nothing executes here."""

#: When an area's parts are in force: the vintage's days, begun at midnight where the authority is.
_IN_FORCE = """
case when vintage.state = 'draft' then 'empty'::tstzrange else tstzrange(
  lower(vintage.valid)::timestamp at time zone authority.timezone,
  upper(vintage.valid)::timestamp at time zone authority.timezone
) end
"""

#: ``last`` is the last day in force, as people say it; a daterange ends on the day after.
VINTAGE = """
select
  vintage.id, vintage.authority_id, authority.slug as authority, vintage.kind, vintage.zone_type,
  lower(vintage.valid) as first, (upper(vintage.valid) - 1) as last, vintage.state,
  vintage.loaded_at, vintage.source,
  (select count(*) from area where area.vintage_id = vintage.id) as areas
from vintage
join authority on authority.id = vintage.authority_id
"""

ONE_VINTAGE = VINTAGE + "where vintage.id = %(vintage)s"

VINTAGES = (
    VINTAGE
    + """
where %(authority)s::text is null or authority.slug = %(authority)s
order by authority.slug, vintage.kind, vintage.zone_type, lower(vintage.valid), vintage.id
"""
)

#: The vintages of the same set of areas: one authority, one kind, one zone type.
SIBLINGS = (
    VINTAGE
    + """
where vintage.authority_id = %(authority_id)s and vintage.kind = %(kind)s
  and vintage.zone_type is not distinct from %(zone_type)s
order by lower(vintage.valid), vintage.id
"""
)

AUTHORITY = "select id, slug, name, tier, timezone from authority where slug = %(slug)s"

#: Serialises loads and activations of one authority, so that none decides on what another changes.
LOCK_AUTHORITY = "select 1 from authority where id = %(authority_id)s for no key update"

INSERT_VINTAGE = """
insert into vintage (authority_id, kind, zone_type, valid, state, source)
values (
  %(authority_id)s, %(kind)s, %(zone_type)s, daterange(%(first)s, %(last)s, '[]'), %(state)s,
  %(source)s
)
returning id
"""

INSERT_AREA = """
insert into area (vintage_id, authority_id, kind, zone_type, code, name, geom)
values (
  %(vintage)s, %(authority_id)s, %(kind)s, %(zone_type)s, %(code)s, %(name)s,
  st_multi(st_geomfromwkb(%(geom)s, 4326))
)
"""

#: Cuts the areas that have no parts yet. ST_Subdivide may return pieces in several parts, and
#: lines where a cut runs along an edge.
INSERT_PARTS = f"""
insert into area_part (area_id, kind, in_force, geom)
select area.id, area.kind, {_IN_FORCE}, piece.geom
from area
join vintage on vintage.id = area.vintage_id
join authority on authority.id = vintage.authority_id
cross join lateral st_subdivide(area.geom, 128) as cut (geom)
cross join lateral st_dump(cut.geom) as piece
where area.vintage_id = %(vintage)s and st_dimension(piece.geom) = 2
  and not exists (select 1 from area_part done where done.area_id = area.id)
"""

BEGIN = """
update vintage set state = 'active', valid = daterange(%(day)s, upper(valid)), reroute_due = true
where id = %(vintage)s
"""

END = "update vintage set valid = daterange(lower(valid), %(day)s) where id = %(vintage)s"

RETIME_PARTS = f"""
update area_part set in_force = {_IN_FORCE}
from area
join vintage on vintage.id = area.vintage_id
join authority on authority.id = vintage.authority_id
where area.id = area_part.area_id and area.vintage_id = any(%(vintages)s)
"""

SHAPES = """
select code, name, st_asbinary(geom) as geom from area
where vintage_id = %(vintage)s
order by code
"""

#: An authority's own area on a day: what was loaded as such, and nothing where nothing was.
OWN_AREA = """
select st_asbinary(area.geom)
from area
join vintage on vintage.id = area.vintage_id
where area.authority_id = %(authority_id)s and area.kind = 'authority'
  and vintage.state = 'active' and vintage.valid @> %(day)s
"""

#: The other lower-tier authority most of whose wards lie inside a vintage's, at the same time.
WARDS_INSIDE = """
select authority.slug, count(distinct other.id)
from vintage mine
join area on area.vintage_id = mine.id
join area other on other.geom && area.geom and st_covers(area.geom, st_pointonsurface(other.geom))
join vintage theirs on theirs.id = other.vintage_id
join authority on authority.id = other.authority_id
where mine.id = %(vintage)s and theirs.kind = 'ward' and theirs.state = 'active'
  and theirs.valid && mine.valid and other.authority_id <> mine.authority_id
  and authority.tier in ('unitary', 'district')
group by authority.slug
order by 2 desc, 1
limit 1
"""
