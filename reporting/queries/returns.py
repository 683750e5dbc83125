"""Statements behind the returns; nothing executes here."""

from functools import cache


@cache
def incidents(tables: tuple[str, ...]) -> str:
    """How many jobs of a time there are, by what was answered first, and by what became of them.

    A job is one incident, whoever reported it and however often. What counts is what the first
    report standing on it says, of those that say anything; a job that was merged away is in the
    other one. ``due_at``: nothing is due before it was made, so the index by due time begins there.
    """
    told = ",\n    ".join(
        f"(array_agg(report.answers ->> %({each})s order by report.created_at, report.id)"
        f" filter (where report.answers ->> %({each})s is not null))[1] as {each}"
        for each in tables
    )
    differ = " or ".join(f"count(distinct report.answers ->> %({each})s) > 1" for each in tables)
    said = ", ".join(
        f"coalesce(told.{each}, job.answers ->> %({each})s) as {each}" for each in tables
    )
    numbers = ", ".join(str(n) for n in range(1, len(tables) + 4))
    return f"""
select {said}, job.status, job.closed_reason, told.differ, count(*), sum(job.reports)
from job
cross join lateral (
  select
    {told},
    {differ} as differ
  from job_report link
  join report on report.id = link.report_id
  where link.job_id = job.id and link.until is null and report.withdrawn_at is null
    and report.category = job.category
) told
where job.authority_id = %(authority)s and job.merged_into is null
  and job.category = any(%(categories)s::text[])
  and job.created_at >= %(since)s::timestamptz and job.due_at >= %(since)s::timestamptz
  and job.created_at < %(until)s::timestamptz
  and (
    %(areas)s::integer[] is null
    or job.ward_area_id = any(%(areas)s::integer[])
    or job.division_area_id = any(%(areas)s::integer[])
  )
group by {numbers}
"""
