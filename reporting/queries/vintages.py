"""Statements behind a change of boundaries: who names a ward, and which open jobs it touches."""

from reporting.status import OPEN_CONDITION as OPEN

#: The instant an activation takes effect, and whether that has come.
FROM_INSTANT = """
select begun, begun <= now(), greatest(begun, now())
from (select %(day)s::date::timestamp at time zone %(timezone)s) as it (begun)
"""

#: Who names areas of a vintage by code. ``area_kind`` of a zone's rule is zone.
RULES_NAMING = """
select rule.id, rule.category, rule.area_code, rule.team_id, team.slug, rule.rank
from responsibility rule
join team on team.id = rule.team_id
where rule.authority_id = %(authority)s and rule.area_kind = %(kind)s
  and rule.area_code = any(%(codes)s)
order by rule.area_code, rule.id
"""

#: ``wards`` holds codes of wards and divisions; a zone's code that is alike means nothing there.
STAFF_NAMING = """
select id, email, wards, disabled_at is null from staff
where authority_id = %(authority)s and %(kind)s in ('ward', 'division')
  and wards && %(codes)s::text[]
order by email
"""

#: The rule stands beside the old one, which goes on answering for dates before the change. Where
#: the new ward already has a rule of its own, that one stays.
CARRY_RULE = """
insert into responsibility (authority_id, category, area_kind, area_code, team_id, rank)
select authority_id, category, area_kind, %(code)s, team_id, rank
from responsibility where id = %(rule)s
on conflict do nothing
"""

#: The old codes stay: a closed job keeps the ward it was given by, and its supervisor.
SET_WARDS = "update staff set wards = %(wards)s where id = %(staff)s"

#: Open jobs near any area of these vintages, each with the areas it lies in at an instant. The
#: box is a little larger than NEAREST_WARD_M, so that a job on the beach is found too.
OPEN_JOBS = f"""
select
  job.id, job.reference, job.category, st_y(job.place), st_x(job.place), job.authority_id,
  job.team_id, array(select distinct area_id from areas_at(job.place, %(at)s)),
  (select version from rulebook where id = 1)
from job
where {OPEN} and job.place && (
  select st_expand(st_setsrid(st_extent(area.geom)::geometry, 4326), 0.005)
  from area where area.vintage_id = any(%(vintages)s)
)
order by job.id
"""

LOCK_ROUTING_EXCLUSIVE = "select pg_advisory_xact_lock(%(lock)s)"

REROUTED = "update vintage set reroute_due = false where id = %(vintage)s"

#: Vintages whose activation lay in the future, and has come; oldest first.
DUE = """
select vintage.id
from vintage
join authority on authority.id = vintage.authority_id
where vintage.state = 'active' and vintage.reroute_due
  and lower(vintage.valid)::timestamp at time zone authority.timezone <= now()
order by lower(vintage.valid), vintage.id
"""
