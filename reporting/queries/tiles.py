"""Statements for the map's tiles; nothing executes here."""

from functools import cache
from typing import Final, Literal

from geo.tiles import centre, clipped, dot, encoded, layer, touches
from reporting.queries.jobs import CONDITIONS, LANES, OVERDUE
from reporting.status import OPEN_CONDITION as OPEN

#: Farther out, wards are dust: only councils are drawn.
WARDS_FROM_ZOOM: Final = 8

#: What was in force on a day, or is today, where each authority is.
IN_FORCE: Final = """
vintage.state = 'active'
  and vintage.valid @> coalesce(%(at)s::date, (now() at time zone authority.timezone)::date)
"""

_HERE: Final = f"""
from area
join vintage on vintage.id = area.vintage_id
join authority on authority.id = area.authority_id
cross join tile
where {touches("area.geom")} and {IN_FORCE}
"""

#: Wards, divisions, zones and councils in force; ``tint`` tells neighbouring councils apart.
_AREAS: Final = f"""
select {clipped("area.geom")} as geom, area.kind, area.zone_type, area.code, area.name,
  authority.slug as authority, mod(authority.id, 7) as tint
{_HERE}
  and (
    area.kind = 'authority'
    or %(z)s >= {WARDS_FROM_ZOOM} and area.kind in ('ward', 'division', 'zone')
  )
"""

#: A point in each ward to write its name at.
_NAMES: Final = f"""
select st_asmvtgeom(st_transform(st_pointonsurface(area.geom), 3857), tile.web) as geom, area.name
{_HERE}
  and %(z)s >= {WARDS_FROM_ZOOM} and area.kind = 'ward'
  and st_pointonsurface(area.geom) && st_transform(tile.web, 4326)
"""

#: Everything public that a map of the council shows.
WARDS: Final = encoded({"areas": _AREAS, "names": _NAMES})

#: Says that there is more than could be read.
_CUT: Final = "select st_makepoint(2048, 2048) as geom, %(most)s::int4 as most where %(cut)s"

#: Counted cells of the tile.
_CELLS: Final = f"""
select {centre("x", "y")} as geom, n
from unnest(%(xs)s::int4[], %(ys)s::int4[], %(ns)s::int4[]) as cell (x, y, n)
"""

#: Points that very many reports share, in the tile's own units.
_SHARED: Final = """
select st_makepoint(x, y) as geom, n
from unnest(%(shared_xs)s::int4[], %(shared_ys)s::int4[], %(shared_ns)s::int4[])
  as shared (x, y, n)
"""

#: What was counted, put into a tile.
HEAT: Final = f"""
select {layer("cells", _CELLS)} || {layer("shared", _SHARED)} || {layer("cut", _CUT)}
"""

#: How the jobs of a tile are found: by their place (open ones only: no index knows the places of
#: closed ones), or by due time in some authorities, wards and divisions, or teams.
Lane = Literal["place", "authority", "ward", "team"]

#: A tile holds the jobs on its western and northern edge, so that no job is in two.
_WITHIN: Final = """
st_x(place) >= %(west)s and st_x(place) < %(east)s
  and st_y(place) > %(south)s and st_y(place) <= %(north)s
"""
#: What conditions and the map ask about; a whole row is ten times as long.
_COLUMNS: Final = """
job.id, job.reference, job.authority_id, job.team_id, job.ward_area_id, job.division_area_id,
job.category, job.status, job.priority, job.due_at, job.clock_stopped_at, job.created_at,
job.merged_into, job.place
"""
_BY_PLACE: Final = (
    f"select {_COLUMNS} from job where {CONDITIONS['bbox']} and {OPEN} limit {{read}}"
)


def _by_due(lane: str, *, is_open: bool) -> str:
    """The most overdue of those that are open; of all, those that were due last."""
    order = "due_at, id" if is_open else "due_at desc, id desc"
    return f"""
select job.* from unnest(%(lanes)s::integer[]) any_of (lane) cross join lateral (
  select {_COLUMNS} from job where {lane} and {OPEN if is_open else "true"}
  order by {order} limit {{read}}
) job
"""


_JOBS: Final = f"""
select {dot("job.place")} as geom, job.id::text as id, job.reference, job.category, job.status,
  'P' || job.priority as priority, {OVERDUE} as overdue
from (select * from fitting order by due_at, id limit {{most}}) job cross join tile
"""
_MORE: Final = "select st_makepoint(2048, 2048) as geom, {most} as most from cut where is_cut"


@cache
def jobs(lane: Lane, conditions: tuple[str, ...], *, is_open: bool, read: int, most: int) -> str:
    """The statement of a tile's jobs: so many are looked at (in each lane), and at most so many are
    drawn, the most overdue first. Where there are more, it has a layer that says so.

    The numbers are written out, as in a page of jobs.
    """
    source = (
        _BY_PLACE
        if lane == "place"
        else " union all ".join(_by_due(each, is_open=is_open) for each in LANES[lane])
    )
    narrowed = " and ".join(CONDITIONS[name] for name in conditions) or "true"
    return f"""
with tile as materialized (select st_tileenvelope(%(z)s, %(x)s, %(y)s) as web),
looked_at as materialized ({source.format(read=read)}),
fitting as materialized (
  select * from looked_at job where {_WITHIN} and {narrowed}
  order by due_at, id limit {most + 1}
),
cut as (
  select (select count(*) from looked_at) >= {read} or (select count(*) from fitting) > {most}
    as is_cut
)
select {layer("jobs", _JOBS.format(most=most))} || {layer("cut", _MORE.format(most=most))}
"""
