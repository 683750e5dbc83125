"""Statements that move reports from one job to another; nothing executes here.

Whoever moves reports holds the rows of both jobs (``queries.jobs.LOCK``), and of merges the cells
of both places, as intake takes them. Both jobs get an update in the same transaction, so that
whatever follows jobs by their versions sees the move without looking at the links.
"""

from reporting.queries.jobs import INSERT_UPDATE

#: Where some jobs are, to know which cells to lock.
PLACES = """
select id, authority_id, team_id, ward_area_id, division_area_id, category,
  st_y(place) as lat, st_x(place) as lng
from job where id = any(%(jobs)s::uuid[])
"""

LOCKS = """
select pg_advisory_xact_lock_shared(%(routing)s),
  (select count(pg_advisory_xact_lock(lock)) from unnest(%(locks)s::bigint[]) lock)
"""

#: The reports that stand on a job, in the order in which they were told.
STANDING = """
select
  report.id, report.category, report.answers, report.accuracy_m, report.flags,
  report.created_at, report.withdrawn_at, st_y(report.place) as lat, st_x(report.place) as lng
from job_report link
join report on report.id = link.report_id
where link.job_id = %(job)s and link.until is null
order by report.created_at, report.id
"""

#: End the links of some reports to a job, and begin those to another at the same instant.
MOVE = """
with ended as (
  update job_report set until = %(at)s
  where job_id = %(from)s and until is null and report_id = any(%(reports)s::uuid[])
  returning report_id
)
insert into job_report (report_id, job_id, since)
select report_id, %(to)s, %(at)s from ended
"""

#: How many reports stand on a job and were not taken back; what nobody stands behind any more still
#: has the one that it was made of, as long as any is there.
_REPORTS = """(
  select greatest(count(*) filter (where report.withdrawn_at is null), least(count(*), 1))
  from job_report link join report on report.id = link.report_id
  where link.job_id = %(update_job)s and link.until is null
)"""

_UPDATE = f"""
with update_row as ({INSERT_UPDATE}), outbox_row as (
  insert into outbox (topic, subject) select 'update', %(update_id)s where %(told)s
)
update job set
  reports = {_REPORTS}, version = %(update_seq)s, chain_head = %(update_hash)s,
  updated_at = %(update_recorded_at)s {{more}}
where id = %(update_job)s
"""

#: The update of a job that reports left or came to, after they were moved.
MOVED = _UPDATE.format(
    more="""
  , priority = %(priority)s, priority_by_hand = %(priority_by_hand)s, due_at = %(due_at)s,
  clock_stopped_at = %(clock_stopped_at)s
"""
)
#: Of a job that all its reports left; and of one that they come back to.
MERGED_AWAY = _UPDATE.format(
    more="""
  , status = 'closed', closed_reason = 'merged', closed_at = %(update_recorded_at)s,
  merged_into = %(into)s
"""
)
BROUGHT_BACK = _UPDATE.format(
    more=", status = %(status)s, closed_reason = null, closed_at = null, merged_into = null"
)

#: A job of some reports of another.
NEW_JOB = f"""
with update_row as ({INSERT_UPDATE}), outbox_row as (
  insert into outbox (topic, subject) values ('update', %(update_id)s)
), assignment_row as (
  insert into assignment (job_id, at, authority_id, team_id, reasons)
  values (%(update_job)s, %(update_recorded_at)s, %(authority)s, %(team)s, %(reasons)s::json)
)
insert into job (
  id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place,
  accuracy_m, answers, status, priority, due_at, reports, flags, version, chain_head, created_at,
  updated_at
) values (
  %(update_job)s, %(reference)s, %(authority)s, %(team)s, %(category)s, %(ward)s, %(division)s,
  st_setsrid(st_makepoint(%(lng)s::float8, %(lat)s::float8), 4326), %(accuracy_m)s,
  %(answers)s::jsonb, 'received', %(priority)s, %(due_at)s, %(reports)s, %(flags)s, %(update_seq)s,
  %(update_hash)s, %(update_recorded_at)s, %(update_recorded_at)s
)
"""

REFERENCE = "select nextval('reference_number')"

#: The links by which somebody without an account does the job go with its reports.
MOVE_HANDOVERS = """
update handover set job_id = %(to)s
where job_id = %(from)s and done_at is null and revoked_at is null and expires_at > %(at)s
returning id
"""
BRING_HANDOVERS = """
update handover set job_id = %(to)s where job_id = %(from)s and id = any(%(ids)s::uuid[])
"""

#: The update by which a job was merged away, and how the two jobs were before.
MERGE_OF = """
select gone.changes, arrived.seq,
  (select columns from job_before where update_id = gone.id) as before,
  (select columns from job_before where update_id = arrived.id) as before_there
from job
join job_update gone on gone.job_id = job.id and gone.seq = job.version
join job_update arrived on arrived.job_id = job.merged_into
  and arrived.recorded_at = gone.recorded_at and arrived.kind = 'moved_in'
where job.id = %(job)s
"""

#: How a job began.
FIRST = "select changes from job_update where job_id = %(job)s and seq = 1"

#: Whether anything was changed of a job after an update, but for what says nothing.
CHANGED_SINCE = """
select exists (
  select from job_update
  where job_id = %(job)s and seq > %(seq)s and (changes - %(says_nothing)s::text[]) <> '{}'
)
"""

#: How a job was before an update, so that the update can be undone.
KEEP_BEFORE = """
insert into job_before (update_id, columns) values (%(update)s, %(columns)s::jsonb)
on conflict do nothing
"""
DONE = """
select entry.job_id, entry.seq, entry.kind, before.columns,
  (
    select reasons from assignment
    where assignment.job_id = entry.job_id and assignment.at < entry.recorded_at
    order by assignment.id desc limit 1
  ) as reasons
from job_update entry
left join job_before before on before.update_id = entry.id
where entry.id = %(update)s
"""
