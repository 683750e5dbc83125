"""Statements of kept counts; nothing executes here.

``looks`` says what jobs and reports are to be counted as; everything else takes it from there.
"""

from collections.abc import Iterable
from functools import cache
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
  when 'closed' then coalesce(1 + array_position(%(reasons)s::text[], job.closed_reason), 0)
  else 0 end::smallint"""


def _dimensions(kind: int, what: str) -> str:
    place = f"{what}.place"
    # Of closed jobs there is no heat.
    shared = f"point.lat is not null{f' and {_OPEN}' if kind else ''}"
    return f"""
  {what}.id, {kind}::smallint as kind, job.authority_id, {_AREA} as area_id, job.team_id,
  job.category, {_day(f"{what}.created_at")} as day,
  coalesce({px(f"st_x({place})")}, -1) as px, coalesce({py(f"st_y({place})")}, -1) as py,
  {shared} as shared, job.status, job.priority"""


def _joins(what: str) -> str:
    return f"""
join authority on authority.id = job.authority_id
left join area ward on ward.id = job.ward_area_id
left join area division on division.id = job.division_area_id
left join shared_point point
  on point.lat = st_y({what}.place) and point.lng = st_x({what}.place)"""


Asked = Literal["jobs", "jobs_now", "authority"]

#: Which jobs are looked at, and which reports: of some jobs those that ever stood on them, or that
#: stand there now.
_JOBS: Final[dict[Asked, str]] = {
    "jobs": "job.id = any(%(jobs)s::uuid[])",
    "jobs_now": "job.id = any(%(jobs)s::uuid[])",
    "authority": "job.authority_id = %(authority)s",
}
_EVER: Final = "select report_id from job_report where job_id = any(%(jobs)s::uuid[])"
_REPORTS: Final[dict[Asked, str]] = {
    "jobs": f"link.report_id in ({_EVER})",
    "jobs_now": "link.job_id = any(%(jobs)s::uuid[])",
    "authority": "job.authority_id = %(authority)s",
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
  and job.merged_into is null
  and exists (select from job_report link where link.job_id = job.id and link.until is null)
union all
select {_dimensions(0, "report")}, false, false, false, false, 0::smallint, -1, -1::smallint
from job_report link
join job on job.id = link.job_id
join report on report.id = link.report_id {_joins("report")}
where link.until is null and {_REPORTS[asked]}
"""


#: One fold at a time; checks and rebuilds, which take long, are waited for by nobody. A lock of the
#: table and not of a number: it can be had before a transaction's only snapshot is taken.
LOCK: Final = "lock table counts_kept in share row exclusive mode"
LOCK_IF_FREE: Final = f"{LOCK} nowait"
ONE_MOMENT: Final = "set transaction isolation level repeatable read"

#: Some jobs among millions are looked up one by one: to read a whole table for a part of it costs
#: little each time, and much each of a hundred times.
PLANS: Final = """
select set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '1', true),
  set_config('work_mem', '64MB', true), set_config('jit', 'off', true)
"""

#: The database whose transactions a snapshot counts.
_HISTORY: Final = "(select system_identifier::text from pg_control_system())"

BEGIN: Final = f"""
insert into counts_kept (authority_id, seen, history, as_of)
select id, '1:1:', {_HISTORY}, now() from authority
where id not in (select authority_id from counts_kept)
"""


# The order makes the planner read the index from the snapshot on; see ``queries.syncing``.
def _changed(most: str) -> str:
    return f"""
(
  select id from job
  where authority_id = kept.authority_id
    and changed_xid >= pg_snapshot_xmin(kept.snapshot)
    and not pg_visible_in_snapshot(changed_xid, kept.snapshot)
  order by changed_xid limit {most}
)"""


_KEPT: Final = f"""
(
  select authority.id as authority_id, as_of,
    case when history = {_HISTORY} then seen else '1:1:' end::pg_snapshot as snapshot
  from authority left join counts_kept on counts_kept.authority_id = authority.id
)"""

#: What is new since each authority was counted: jobs that changed, and those that the clock passed.
TOUCHED: Final = f"""
select kept.authority_id, pg_current_snapshot()::text as seen, {_HISTORY} as history,
  now() as now, kept.as_of < now() - make_interval(secs => %(stale_s)s) as stale,
  array(
    select id from {_changed("%(most)s + 1")} changed
    union
    select id from job
    where authority_id = kept.authority_id and {OPEN_CONDITION}
      and due_at >= kept.as_of and due_at < now()
  ) as jobs
from {_KEPT} kept
"""

#: Jobs of all authorities that are still to be counted (of each, as many as are of interest), and
#: for how long the clock was not asked for some authority.
WAITING: Final = f"""
select
  coalesce(sum((select count(*) from {_changed("10000")} changed)), 0)::float8 as jobs,
  coalesce(extract(epoch from now() - min(kept.as_of)), 0)::float8 as age_s
from {_KEPT} kept
"""

#: Points found to be shared since the last fold, and the jobs that stand there.
NEWLY_SHARED: Final = f"""
with point as (
  update shared_point set counted = true where not counted returning lat, lng
),
square as (select {px("lng")} as px, {py("lat")} as py from point)
select link.job_id as job from square cross join authority
join counted on counted.kind = 0 and not counted.shared and counted.authority_id = authority.id
  and (counted.px >> 12) = (square.px >> 12) and (counted.py >> 12) = (square.py >> 12)
  and counted.px = square.px and counted.py = square.py
join job_report link on link.report_id = counted.id
union
select counted.id from square cross join authority
join counted on counted.kind = 1 and counted.is_open and not counted.shared
  and counted.authority_id = authority.id
  and (counted.px >> 12) = (square.px >> 12) and (counted.py >> 12) = (square.py >> 12)
  and counted.px = square.px and counted.py = square.py
"""

_SUMMED: Final = (
    *("kind", "authority_id", "area_id", "team_id", "day", "px", "py", "shared", "is_open"),
    *("overdue", "reopened", "on_time", "outcome", "closed_day", "took"),
)
#: What a fold takes of each row, and after it the category: the sign, and what sums are made of.
DELTA: Final = ("sign", *_SUMMED)


def _delta(sign: int, rows: str) -> str:
    columns = ", ".join(f"{name}::integer" for name in _SUMMED)
    return f"""
  select {sign} as sign, {columns}, category from {rows}"""


_LIST: Final = ", ".join(COLUMNS)
_SET: Final = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:])
_ROW: Final = ", ".join(f"{{0}}.{name}" for name in COLUMNS[2:])


def put(*, anew: bool, into: str = "counted") -> str:
    """Count some jobs and their reports as what they are now; return what that adds and takes off.

    The answer is one array for each of DELTA, and one of categories. ``anew``: nothing of this
    authority (of any, if it is null) stands in the sums yet, so what was counted there is not taken
    off again, and all that is counted there now is added.
    """
    elsewhere = "%(authority)s::integer is not null and authority_id <> %(authority)s::integer"
    new = "true" if anew else "is_new"
    return f"""
with desired as materialized ({looks("jobs_now" if anew else "jobs")}),
asked as materialized (
  select unnest(%(jobs)s::uuid[]) as id, 1::smallint as kind
  union
  select report_id, 0::smallint
  from {
        "job_report where until is null and job_id = any(%(jobs)s::uuid[])"
        if anew
        else f"({_EVER}) ever"
    }
),
old as materialized (select kept.* from asked join {into} kept using (id, kind)),
changed as materialized (
  select desired.*, old.id is null or ({_ROW.format("desired")}) <> ({_ROW.format("old")}) as is_new
  from desired left join old using (id, kind)
),
left_behind as materialized (
  select old.*, desired.id is null as is_lost
  from old left join changed desired using (id, kind)
  where desired.id is null or desired.is_new
),
dropped as (
  delete from {into} kept using left_behind lost
  where lost.is_lost and kept.id = lost.id and kept.kind = lost.kind
),
put as (
  insert into {into} ({_LIST}) select {_LIST} from changed where is_new
  on conflict (id, kind) do update set {_SET}
),
delta as (
  {_delta(1, f"changed where {new}")}
  union all
  {_delta(-1, f"left_behind where {elsewhere if anew else 'true'}")}
)
select {", ".join(f"array_agg({name})" for name in (*DELTA, "category"))} from delta
"""


AUTHORITY: Final = "select id from authority where slug = %(slug)s"

SEEN: Final = """
update counts_kept set seen = %(seen)s, history = %(history)s, as_of = %(now)s
where authority_id = %(authority)s
"""

#: What a check counts anew, beside what is kept.
AGAIN: Final = "_again"


def beside(table: str) -> str:
    """An empty table like another, until the end of the transaction."""
    return f"create temporary table {table}{AGAIN} (like {table} including indexes) on commit drop"


def differ(table: str, key: Iterable[str]) -> str:
    """Keys under which something else is kept than was counted, or one of them nothing."""
    names = ", ".join(key)
    return f"""
select {names}, kept is null as missing, again is null as too_much
from {table} kept full join {table}{AGAIN} again using ({names})
where kept is distinct from again limit %(limit)s
"""


CLEAR_HEAT: Final = """
delete from heat using heat_series
where heat_series.id = heat.series_id
  and (%(authority)s::integer is null or heat_series.name like %(authority)s::text || '/%%')
"""
CLEAR_FIGURES: Final = """
delete from figure_kept
where %(authority)s::integer is null or authority_id = %(authority)s::integer
"""

#: In order of time, so that a part of them is of few days, whose sums are then done with.
JOBS: Final = """
select id from job
where %(authority)s::integer is null or authority_id = %(authority)s::integer
order by created_at
"""

#: The first and the last day of anything, to within a year.
EXTENT: Final = """
select min(start), max(start) + 363 from figure_kept
where authority_id = %(authority)s and level = 0 and span = 364
"""

_FIGURES_NARROWED: Final = {
    "category": " and kept.category = any(%(categories)s::text[])",
    "area": " and kept.area_id = any(%(areas)s::integer[])",
    "team": " and kept.team_id = any(%(teams)s::integer[])",
}
_FIGURES_OF: Final = {"area": "kept.area_id", "team": "kept.team_id", "category": "kept.category"}


@cache
def figures(by: frozenset[str], narrowed: frozenset[str]) -> str:
    """The vectors of each group, one after another, by whether they are added or taken off."""
    columns = [
        name if part in by else f"null as {name.removeprefix('kept.')}"
        for part, name in _FIGURES_OF.items()
    ]
    grouped = ["part.bucket", "part.sign", *(_FIGURES_OF[part] for part in sorted(by))]
    return f"""
select part.bucket, part.sign, {", ".join(columns)}, string_agg(kept.counts, ''::bytea)
from unnest(
  %(spans)s::smallint[], %(starts)s::integer[], %(signs)s::integer[], %(buckets)s::integer[]
) part (span, start, sign, bucket)
join figure_kept kept
  on kept.authority_id = %(authority)s and kept.level = %(level)s
  and kept.span = part.span and kept.start = part.start
  {"".join(_FIGURES_NARROWED[part] for part in sorted(narrowed))}
group by {", ".join(grouped)}
"""


#: Until when the clock was asked for an authority.
AS_OF: Final = """
select coalesce((select as_of from counts_kept where authority_id = %(authority)s), now()) as as_of
"""
SHARED_POINTS: Final = f"""
select lat, lng, {px("lng")} as px, {py("lat")} as py from shared_point order by lat, lng
"""
