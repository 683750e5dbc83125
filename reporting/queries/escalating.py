"""Statements on warnings to supervisors: what to warn of, what was told, whom. None executes here.

``WATCHED`` is the condition of the partial index that finds what to warn of, word for word: jobs
that are ours to do, whose clock runs, and of whose being late nobody was told yet. So a backlog
that is known to be late costs nothing to look for what is late since.
"""

from reporting.queries.jobs import FACTS

OURS = "status in ('received', 'scheduled', 'in_progress')"
WATCHED = f"{OURS} and warned_late < reopened"

#: One run at a time; a second worker leaves it to the first.
TRY_LOCK = "select pg_try_advisory_xact_lock(1802658118), now()"

#: Of each job that needs it, the most serious thing that was not told since it was last opened.
#: Each row of what is asked is a range of the index. A job that somebody changes in this moment is
#: passed over, and found by the next run. It records what it finds.
WARN = f"""
with asked as (
  select * from unnest(
    %(authorities)s::integer[], %(categories)s::text[], %(priorities)s::smallint[],
    %(start_by)s::timestamptz[], %(near)s::timestamptz[]
  ) as asked (authority_id, category, priority, start_by, near)
), found as materialized (
  select job.id, job.reopened, it.kind
  from asked
  join job on job.authority_id = asked.authority_id and job.category = asked.category
    and job.priority = asked.priority and job.due_at <= greatest(asked.start_by, asked.near)
  cross join lateral (
    select may.kind
    from (values
      (1, 'overdue', job.due_at < %(now)s),
      (2, 'not_started', job.status <> 'in_progress' and job.due_at <= asked.start_by),
      (3, 'due_soon', job.due_at <= asked.near)
    ) as may (rank, kind, holds)
    where may.holds and not exists (
      select from escalation told
      where told.job_id = job.id and told.kind = may.kind and told.reopened = job.reopened
    )
    order by may.rank
    limit 1
  ) it
  where {WATCHED}
  order by job.due_at, job.id
  limit %(limit)s
  for update of job skip locked
), told as (
  insert into escalation (job_id, kind, reopened, at)
  select id, kind, reopened, %(now)s from found
  on conflict do nothing
  returning job_id, kind
), late as (
  update job set warned_late = job.reopened
  from found where found.id = job.id and found.kind = 'overdue'
)
select job.id, told.kind, job.authority_id, job.ward_area_id, job.division_area_id, job.priority,
  job.due_at
from told join job on job.id = told.job_id
"""

#: Who may be warned: the supervisors and admins of these authorities, and the areas of their wards.
PEOPLE = """
select staff.id, staff.authority_id, staff.role, staff.wards <> '{}' as has_wards,
  array(
    select area.id from area
    where area.authority_id = staff.authority_id
      and area.kind in ('ward', 'division') and area.code = any(staff.wards)
  ) as areas
from staff
where staff.authority_id = any(%(authorities)s::integer[]) and staff.disabled_at is null
  and staff.role in ('supervisor', 'admin')
order by staff.id
"""

#: A mail to one of them, and the row that has it sent.
MAIL = """
with mail as (
  insert into warning_mail (id, staff_id, warnings, more, created_at)
  values (%(id)s, %(staff)s, %(warnings)s::jsonb, %(more)s, %(now)s)
)
insert into outbox (topic, subject) values ('warning', %(id)s)
"""

LETTER = """
select mail.id, staff.email, mail.more, authority.name as authority, authority.timezone,
  mail.warnings
from warning_mail mail
join staff on staff.id = mail.staff_id
join authority on authority.id = staff.authority_id
where mail.id = %(id)s and mail.settled_at is null and staff.disabled_at is null
"""

#: Of the jobs in a mail, those that still are ours to do.
LINES = f"""
select job.id, job.reference, job.priority, job.due_at, job.category,
  coalesce(category.definition ->> 'name', job.category) as category_name, team.name as team,
  ward.name as ward
from job
join team on team.id = job.team_id
left join category on category.code = job.category
left join area ward on ward.id = job.ward_area_id
where job.id = any(%(jobs)s::uuid[]) and {OURS}
"""

SETTLED = """
update warning_mail set settled_at = now(), outcome = %(outcome)s
where id = %(id)s and settled_at is null
"""

#: What still stands of what was told, the job that is due first at the head. It is read from the
#: index of an authority's open jobs by due time, no further than warnings reach.
_STANDING = f"""
select {{what}}
from job
cross join lateral (
  select told.kind, told.at
  from escalation told
  where told.job_id = job.id and told.reopened = job.reopened and case told.kind
    when 'overdue' then job.due_at < now()
    when 'not_started' then job.priority = 1 and job.status <> 'in_progress'
    else true
  end
  order by array_position(array['overdue', 'not_started', 'due_soon'], told.kind)
  limit 1
) it
where job.authority_id = %(authority)s and job.due_at <= %(until)s
  and job.status not in ('fixed', 'closed') and job.{OURS}
  and (
    %(areas)s::integer[] is null
    or job.ward_area_id = any(%(areas)s::integer[])
    or job.division_area_id = any(%(areas)s::integer[])
  )
  and (
    %(after_due)s::timestamptz is null
    or (job.due_at, job.id) > (%(after_due)s::timestamptz, %(after_id)s::uuid)
  )
order by job.due_at, job.id
limit %(limit)s
"""
STANDING = _STANDING.format(what=f"job.id, {FACTS}, it.kind, it.at")
HOW_MANY = f"select count(*) from ({_STANDING.format(what='job.id')}) standing"
