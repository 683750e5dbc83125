"""Statements on links by which somebody without an account does one job."""

from reporting.queries.photos import SHOWN

#: A link counts while whoever made it still has the job: a job that went to another authority took
#: its links' use with it.
_STATE = """
  case
    when handover.done_at is not null then 'done'
    when handover.revoked_at is not null or job.authority_id <> maker.authority_id then 'revoked'
    when handover.expires_at <= now() then 'expired'
    else 'live'
  end as state
"""

_HANDOVER = f"""
select
  handover.id, handover.job_id, job.reference, job.authority_id, job.team_id, job.ward_area_id,
  job.division_area_id, maker.name as made_by, handover.made_at, handover.expires_at,
  handover.name, handover.email, handover.message, handover.opened_at, handover.done_at,
  handover.revoked_at, {_STATE}
from handover
join job on job.id = handover.job_id
join staff maker on maker.id = handover.made_by
"""

OF_JOB = f"{_HANDOVER} where handover.job_id = %(job)s order by handover.made_at desc, handover.id"
ONE = f"{_HANDOVER} where handover.id = %(id)s"
BY_TOKEN = f"{_HANDOVER} where handover.token_hash = %(token_hash)s"

#: The job's row is locked before: whoever says something waits for who revokes, and the reverse.
LOCK = "select from handover where id = %(id)s for update"

MAKE = """
insert into handover (id, job_id, token_hash, made_by, made_at, expires_at, name, email, message)
values (
  %(id)s, %(job)s, %(token_hash)s, %(made_by)s, %(at)s,
  %(at)s::timestamptz + make_interval(days => %(days)s), %(name)s, %(email)s, %(message)s
)
on conflict do nothing
"""

LIVE = """
select count(*) from handover
where job_id = %(job)s and done_at is null and revoked_at is null and expires_at > now()
"""

OPENED = "update handover set opened_at = now() where id = %(id)s and opened_at is null"
DONE = "update handover set done_at = %(at)s where id = %(id)s"
REVOKE = """
update handover set revoked_at = %(at)s
where id = %(id)s and revoked_at is null and done_at is null
"""

#: What is shown of a job to whoever has a link to it.
JOB = """
select
  job.id, job.reference, job.authority_id, job.category, job.ward_area_id,
  st_y(job.place) as lat, st_x(job.place) as lng, job.status, job.priority, job.due_at
from job where id = %(job)s
"""

#: The reports that stand on it: their words for the screen, and the pictures in which somebody or
#: the finder has seen to the faces. Nothing that leads to a person.
REPORTS = f"""
select
  report.answers, report.category, report.withdrawn_at, words.description, words.place_text,
  words.held_for, words.released_at,
  array(
    select {SHOWN}
    from photo
    where photo.report_id = report.id and photo.state = 'ready' and photo.made is not null
      and photo.review in ('auto_ok', 'human_ok')
    order by photo.uploaded_at, photo.id
  ) as photos
from job_report link
join report on report.id = link.report_id and report.withdrawn_at is null
left join report_words words on words.report_id = report.id
where link.job_id = %(job)s and link.until is null
order by link.since, report.id
"""

#: What was said by a link.
SAID = """
select entry.recorded_at, entry.changes, words.note,
  (select count(*) from photo where photo.update_id = entry.id) as photos
from job_update entry
left join update_words words on words.update_id = entry.id
where entry.job_id = %(job)s and entry.actor = %(actor)s
order by entry.seq desc
limit 1
"""
