"""Statements on one report as people follow it, and on what its reporter does to it."""

from reporting.queries.photos import SHOWN, SHOWN_STATE

#: A report by id or reference, with its job as it stands.
ONE = """
select
  report.id, report.reference, report.category,
  st_y(report.place) as lat, st_x(report.place) as lng, report.accuracy_m,
  report.authority_id, report.ward_area_id, report.answers, report.flags,
  report.device_id, report.reporter_id, report.tracking_hash, report.observed_at,
  report.created_at, report.withdrawn_at,
  words.description, words.place_text, words.held_for, words.released_at,
  reporter.name, reporter.email, reporter.phone, reporter.language, reporter.updates,
  job.id as job_id, job.reference as job_reference, job.reports as job_reports, job.status,
  job.category as job_category, job.waiting_for, job.closed_reason, job.scheduled_for,
  job.priority, job.due_at, job.version, job.team_id, job.authority_id as job_authority_id,
  job.updated_at, job.closed_at, job.referred_to,
  'referred_here' = any(job.flags) as referred_here, link.since
from report
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id
left join report_words words on words.report_id = report.id
left join reporter on reporter.id = report.reporter_id
where {condition}
"""
ONE_BY_ID = ONE.format(condition="report.id = %(id)s")
ONE_BY_REFERENCE = ONE.format(condition="report.reference = %(reference)s")

#: What happened to the jobs that the report stood on, one after the other, oldest first, with the
#: words for reporters and the pictures of each: ``since`` and ``until`` say from when until when it
#: stood there. ``own_words`` are what a reporter wrote with it, for that reporter only.
TIMELINE = f"""
select
  link.job_id, link.since, link.until, entry.id, entry.seq, entry.kind, entry.actor,
  entry.recorded_at, entry.changes,
  words.public_message,
  case when left(entry.actor, 7) = 'report:' then words.note end as own_words,
  case when entry.changes ->> 'status' = 'referred' then (
    select authority.name from authority where authority.slug = entry.changes ->> 'authority'
  ) end as passed_here,
  case when entry.changes ->> 'status' = 'referred' then words.waiting_for end as passed_outside,
  (
    select coalesce(jsonb_agg({SHOWN} order by id), '[]')
    from photo where photo.update_id = entry.id
  ) as photos
from job_report link
join job_update entry on entry.job_id = link.job_id
  and (link.until is null or entry.recorded_at < link.until)
left join update_words words on words.update_id = entry.id
where link.report_id = %(report)s
order by link.since, link.job_id, entry.seq
"""

PHOTOS = f"""
select id, {SHOWN_STATE} as state, review
from photo where report_id = %(report)s order by uploaded_at, id
"""

#: Where jobs stand now: what changed is looked for by these versions.
VERSIONS = "select id, version from job where id = any(%(jobs)s)"

#: The job a report stands on, locked as ``queries.jobs.LOCK`` does it, with the report's own facts.
JOB_OF = "select job_id from job_report where report_id = %(report)s and until is null"
WITHDRAWN_AT = "select withdrawn_at from report where id = %(report)s"

#: Reports that stand on a job and were not taken back.
STANDING = """
select count(*) from job_report link join report on report.id = link.report_id
where link.job_id = %(job)s and link.until is null and report.withdrawn_at is null
"""

#: What a reporter has said of a job in a day.
SAID_TODAY = """
select count(*) from job_update
where job_id = %(job)s and kind = 'feedback' and actor = %(actor)s
  and recorded_at > now() - interval '1 day'
"""

WITHDRAW = "update report set withdrawn_at = %(at)s where id = %(report)s"
ONE_LESS = "update job set reports = reports - 1 where id = %(job)s and reports > 1"

#: Pictures that were uploaded, belong to nothing yet, and may be this reporter's.
LOOSE_PHOTOS = """
select id, encode(sha256, 'hex') as sha256 from photo
where id = any(%(photos)s::uuid[]) and report_id is null and update_id is null
  and (
    device_id is null or device_id = %(device)s::uuid
    or device_id = (select device_id from report where id = %(report)s)
  )
for update
"""

#: The stored answer to a request that came before.
KNOWN = """
select body_hash, answer from idempotency_key where scope = %(scope)s and key = %(key)s
"""
KEEP = """
insert into idempotency_key (scope, key, body_hash, status, answer)
values (%(scope)s, %(key)s, %(body_hash)s, %(status)s, %(answer)s)
"""

#: Two who say at once how they wish to be reached would each leave a row.
LOCK_REPORT = "select from report where id = %(report)s for update"

#: How somebody wishes to be reached about a report, in place of what was there.
SET_CONTACT = """
with known as (
  select reporter_id from report where id = %(report)s
), reporter_row as (
  insert into reporter (id, name, email, phone, language, updates)
  values (
    coalesce((select reporter_id from known), %(fresh)s), %(name)s, %(email)s, %(phone)s,
    %(language)s, %(updates)s
  )
  on conflict (id) do update set
    name = excluded.name, email = excluded.email, phone = excluded.phone,
    language = excluded.language, updates = excluded.updates
  returning id
)
update report set reporter_id = reporter_row.id from reporter_row where report.id = %(report)s
returning reporter_row.id
"""
#: Without anything left to reach them by, nothing is kept; subscriptions go with the row.
CLEAR_CONTACT = """
delete from reporter where id = (select reporter_id from report where id = %(report)s)
"""
#: The same address again changes nothing; another takes over what still waits to be sent.
SUBSCRIBE = """
insert into subscription (reporter_id, channel, address)
values (%(reporter)s, 'email', %(address)s)
on conflict (reporter_id, channel) where ended_at is null
do update set address = excluded.address where subscription.address <> excluded.address
"""
STOP = """
with ended as (
  update subscription set ended_at = now(), ended_because = 'stopped by the reporter'
  where reporter_id = %(reporter)s and channel = 'email' and ended_at is null
  returning id
)
update delivery set state = 'dropped', last_error = 'stopped by the reporter'
from ended where delivery.subscription_id = ended.id and delivery.state = 'pending'
"""
