"""Statements of a supervisor's pages: what is near a job, and how the teams stand."""

from geo.spatial import box_around, metres_between
from reporting.queries.jobs import OVERDUE
from reporting.status import OPEN_CONDITION as OPEN

_HERE = "st_setsrid(st_makepoint(%(lng)s::float8, %(lat)s::float8), 4326)"

#: Open jobs of an authority near a place, nearest first; of whatever category, since two residents
#: may call one defect by two names.
NEAR = f"""
select job.id, job.reference, job.authority_id, job.team_id, job.ward_area_id,
  job.division_area_id, job.category, job.status, job.priority, job.due_at, job.reports,
  st_y(job.place) as lat, st_x(job.place) as lng, distance_m
from job, {metres_between("job.place", _HERE)} as distance_m
where job.{OPEN} and job.authority_id = %(authority)s and job.id <> %(job)s
  and job.place && {box_around(_HERE, "%(metres)s")} and distance_m <= %(metres)s
order by distance_m, job.id
limit %(limit)s
"""

#: The jobs whose reports all went to this one, the latest last.
ABSORBED = """
select id, reference, closed_at from job where merged_into = %(job)s order by closed_at, id
"""

#: How many open jobs the teams have, how many are late, and how many else are due by an instant.
BY_TEAM = f"""
select team_id, count(*) as open, count(*) filter (where {OVERDUE}) as late,
  count(*) filter (where not {OVERDUE} and due_at < %(until)s) as due
from job
where {OPEN} and authority_id = %(authority)s
  and (%(teams)s::integer[] is null or team_id = any(%(teams)s::integer[]))
  and (
    %(areas)s::integer[] is null
    or ward_area_id = any(%(areas)s::integer[]) or division_area_id = any(%(areas)s::integer[])
  )
group by team_id
"""
