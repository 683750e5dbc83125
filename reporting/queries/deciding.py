"""Statements by which supervisors come to the jobs that they must decide about."""

from reporting.status import OPEN_CONDITION as OPEN

#: The job of a reference, its own or that of a report which stands on it.
BY_REFERENCE = """
select job.id, job.authority_id, job.team_id, job.ward_area_id, job.division_area_id
from job
where job.id = coalesce(
  (select id from job named where named.reference = %(reference)s),
  (
    select link.job_id from report
    join job_report link on link.report_id = report.id and link.until is null
    where report.reference = %(reference)s
  )
)
"""

#: Open jobs that others passed here, and that came back from contractors, by due time.
TO_DECIDE = f"""
select id, reference, category, status, priority, due_at, flags, team_id
from job
where authority_id = %(authority)s and {OPEN}
  and flags && array['referred_here', 'handed_back']
  and (
    %(areas)s::integer[] is null
    or ward_area_id = any(%(areas)s) or division_area_id = any(%(areas)s)
  )
order by due_at, id
limit %(most)s
"""
