"""Statements of kept counts; nothing executes here.

``looks`` says what jobs and reports are to be counted as; everything else takes it from there.
"""

from typing import Final, Literal

from geo.heat.cells import px, py
from geo.heat.spans import MONDAY
from reporting.status import OPEN_CONDITION

#: The columns of ``counted`` and of every look, in order.
COLUMNS: Final = (
    *("id", "kind", "authority_id", "area_id", "team_id", "category", "day", "px", "py", "shared"),
    *("status", "priority", "is_open", "overdue", "reopened", "on_time", "outcome"),
    *("closed_day", "took"),
)

_OPEN: Final = f"job.{OPEN_CONDITION}"


def _day(instant: str) -> str:
    return f"(({instant} at time zone authority.timezone)::date - date '{MONDAY}')"


_AREA: Final = """
case
  when ward.authority_id = job.authority_id then ward.id
  when division.authority_id = job.authority_id then division.id
  else coalesce(ward.id, -1)
end"""

_TOOK: Final = """
case when job.status = 'fixed' then least(%(classes)s::integer - 1, greatest(0, ceil(ln(
  greatest(
    extract(epoch from job.closed_at - job.created_at)::float8 / 3600, %(shortest)s::float8
  ) / %(shortest)s::float8) / ln(%(growth)s::float8))))::smallint
else -1 end::smallint"""

#: ``status.overdue``, as of the time of the count.
_OVERDUE: Final = f"""(
  {_OPEN} and job.status <> 'referred'
  and coalesce(job.clock_stopped_at, %(as_of)s::timestamptz) > job.due_at
)"""

_OUTCOME: Final = """
case job.status when 'fixed' then 1
  when 'closed' then 1 + array_position(%(reasons)s::text[], job.closed_reason)
  else 0 end::smallint"""


def _dimensions(kind: int, what: str) -> str:
    place = f"{what}.place"
    return f"""
  {what}.id, {kind}::smallint as kind, job.authority_id, {_AREA} as area_id, job.team_id,
  job.category, {_day(f"{what}.created_at")} as day,
  coalesce({px(f"st_x({place})")}, -1) as px, coalesce({py(f"st_y({place})")}, -1) as py,
  point.lat is not null as shared, job.status, job.priority"""


def _joins(what: str) -> str:
    return f"""
join authority on authority.id = job.authority_id
left join area ward on ward.id = job.ward_area_id
left join area division on division.id = job.division_area_id
left join shared_point point
  on point.lat = st_y({what}.place) and point.lng = st_x({what}.place)"""


Asked = Literal["jobs", "authority"]

#: Which jobs are looked at, and which reports: of some jobs, all that ever stood on them.
_JOBS: Final[dict[Asked, str]] = {
    "jobs": "job.id = any(%(jobs)s::uuid[])",
    "authority": "job.authority_id = %(authority)s",
}
_REPORTS: Final[dict[Asked, str]] = {
    "jobs": """
(
  select link.report_id, link.job_id from job_report link
  where link.until is null and link.report_id in (
    select report_id from job_report where job_id = any(%(jobs)s::uuid[])
  )
) link join job on job.id = link.job_id""",
    "authority": """
job_report link join job
  on job.id = link.job_id and link.until is null and job.authority_id = %(authority)s""",
}


def looks(asked: Asked) -> str:
    """What jobs, and the reports that are or were on them, are to be counted as; see COLUMNS."""
    return f"""
select {_dimensions(1, "job")}, {_OPEN} as is_open, {_OVERDUE} as overdue,
  job.reopened > 0 as reopened,
  coalesce(job.status = 'fixed' and job.closed_at <= job.due_at, false) as on_time,
  {_OUTCOME} as outcome,
  case when {_OPEN} then -1
    else {_day("coalesce(job.closed_at, job.updated_at)")} end as closed_day,
  {_TOOK} as took
from job {_joins("job")}
where {_JOBS[asked]}
  and exists (select from job_report link where link.job_id = job.id and link.until is null)
union all
select {_dimensions(0, "report")}, false, false, false, false, 0::smallint, -1, -1::smallint
from {_REPORTS[asked]}
join report on report.id = link.report_id {_joins("report")}
"""


#: Until when the clock was asked for an authority.
AS_OF: Final = """
select coalesce((select as_of from counts_kept where authority_id = %(authority)s), now()) as as_of
"""
SHARED_POINTS: Final = f"""
select lat, lng, {px("lng")} as px, {py("lat")} as py from shared_point order by lat, lng
"""
