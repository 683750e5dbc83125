"""Statements on why a report's job is whose it is; nothing executes here."""

#: The last assignment of the job a report stands on, with what decides who may read it, and
#: the risk that was seen in the report when it came.
WHY = """
select
  report.id, report.device_id, job.authority_id, job.team_id, job.ward_area_id,
  job.division_area_id, assignment.reasons,
  (
    select told.changes -> 'triage' from job_update told
    where told.job_id in (select job_id from job_report where report_id = report.id)
      and told.changes ->> 'report' = report.id::text
      and told.kind in ('reported', 'attached')
    order by told.seq limit 1
  ) as triage
from report
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id
join assignment on assignment.job_id = job.id
where report.id = %(report)s
order by assignment.id desc
limit 1
"""
