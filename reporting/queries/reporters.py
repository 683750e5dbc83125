"""Statements on devices, on what a reporter sent, and on forgetting them."""

from reporting.queries.tracking import ONE

ADD_DEVICE = """
insert into device (id, token_hash, platform, language)
values (%(id)s, %(token_hash)s, %(platform)s, %(language)s)
"""

#: A device has one live address for each way to push. A new one takes the old one's place, and with
#: it what waits to be sent; the same one again changes nothing.
SET_PUSH = """
insert into subscription (device_id, channel, address)
values (%(device)s, %(channel)s, %(address)s)
on conflict (device_id, channel) where ended_at is null
do update set address = excluded.address where subscription.address <> excluded.address
"""

#: Nothing more goes to a device, and what waited for it is dropped.
STOP_PUSH = """
with ended as (
  update subscription set ended_at = now(), ended_because = 'stopped by the device'
  where device_id = %(device)s and ended_at is null
  returning id
)
update delivery set state = 'dropped', last_error = 'stopped by the device'
from ended where delivery.subscription_id = ended.id and delivery.state = 'pending'
"""

#: Its subscriptions and their deliveries go with it; its reports stay, and are nobody's.
FORGET_DEVICE = "delete from device where id = %(device)s"
FORGET_ANSWERS = "delete from idempotency_key where scope = %(scope)s"

_PAGE = """
and (%(before)s::timestamptz is null
  or (report.created_at, report.id) < (%(before)s, %(before_id)s::uuid))
order by report.created_at desc, report.id desc
limit %(limit)s
"""
#: What a reporter sent, newest first: by their device, or the one report of a tracking token.
BY_DEVICE = ONE.format(condition=f"report.device_id = %(device)s {_PAGE}")
BY_TRACKING = ONE.format(condition=f"report.id = %(report)s {_PAGE}")

DEVICE = """
select id, platform, language, created_at from device where id = %(device)s
"""

SUBSCRIPTIONS = """
select channel, address, created_at, ended_at, ended_because
from subscription where device_id = %(device)s order by id
"""

#: The messages about a report that went to this reporter: to their device, or by e-mail.
MESSAGES = """
select delivery.update_id, subscription.channel, delivery.state, delivery.created_at,
  delivery.sent_at
from delivery
join subscription on subscription.id = delivery.subscription_id
join report on report.id = delivery.report_id
  and (report.device_id = subscription.device_id or report.reporter_id = subscription.reporter_id)
where report.id = %(report)s
order by delivery.id
"""

#: Where a reporter who left an address hears about a report.
MAILED = """
select subscription.channel, subscription.address, subscription.created_at, subscription.ended_at,
  subscription.ended_because
from subscription join report on report.reporter_id = subscription.reporter_id
where report.id = %(report)s order by subscription.id
"""

#: Reports over the limits that wait for a word by e-mail.
UNCONFIRMED = """
select body, created_at, expires_at, confirmed_at from unconfirmed
where device_id = %(device)s order by created_at
"""

#: Pictures that came from a device and that no report or update took.
LOOSE = """
select id, case when state = 'ready' and made is null then 'stored' else state end as state, review
from photo
where device_id = %(device)s and report_id is null and update_id is null order by uploaded_at, id
"""

#: Words and contact details of these reports. The reports stay, and so do job and chain.
FORGET_WORDS = "delete from report_words where report_id = any(%(reports)s)"
#: Whether an answer of a report was typed: a text that is not one of a question's choices.
_TYPED = """
  jsonb_typeof(value) = 'string' and not exists (
    select from category, jsonb_array_elements(definition -> 'questions') question
    where category.code = report.category
      and question ->> 'code' = key and question ->> 'kind' = 'choice'
  )
"""
#: A job has the answers of the report that made it. Before those of the reports are forgotten.
FORGET_TYPED_OF_JOBS = f"""
update job set answers = answers - array(
  select key from job_report link
  join report on report.id = link.report_id, jsonb_each(report.answers)
  where link.job_id = job.id and report.id = any(%(reports)s)
    and job.answers -> key = value and {_TYPED}
)
where id in (select job_id from job_report where report_id = any(%(reports)s))
"""
FORGET_TYPED = f"""
update report
set answers = answers - array(select key from jsonb_each(report.answers) where {_TYPED})
where id = any(%(reports)s)
"""
#: What they wrote with feedback. The log keeps that there were words, and a hash that without its
#: salt says nothing.
FORGET_FEEDBACK = """
delete from update_words using job_report link, job_update entry
where link.report_id = any(%(reports)s) and entry.job_id = link.job_id
  and entry.actor = 'report:' || link.report_id and update_words.update_id = entry.id
"""
FORGET_CONTACTS = """
delete from reporter
where id in (select reporter_id from report where id = any(%(reports)s))
"""
FORGET_MESSAGES = """
delete from delivery
using report, subscription
where report.id = any(%(reports)s) and delivery.report_id = report.id
  and subscription.id = delivery.subscription_id and subscription.device_id = report.device_id
"""
FORGET_FOLLOWED = "delete from idempotency_key where scope = any(%(scopes)s)"
#: Before the answers are forgotten: they say which report became of what was kept.
FORGET_CONFIRMED = """
delete from unconfirmed using idempotency_key answered
where answered.scope = unconfirmed.scope and answered.key = unconfirmed.key
  and convert_from(answered.answer, 'utf8')::jsonb ->> 'id' = any(%(reports)s::uuid[]::text[])
"""
FORGET_UNCONFIRMED = "delete from unconfirmed where device_id = %(device)s"
#: What came of pictures in part; gives what the store has of them.
FORGET_UPLOADS = "delete from upload where device_id = %(device)s returning parts"

#: The pictures they sent with a report or with feedback: the rows stay, so that a timeline says
#: there was one, and name no object any more; what they named is deleted after the commit, or swept
#: up at night if that is interrupted. One row for each, as it was.
FORGET_PHOTOS = """
with theirs as (
  select photo.id, photo.object_key, photo.made
  from photo
  where photo.report_id = any(%(reports)s)
    or photo.update_id in (
      select entry.id from job_report link join job_update entry
        on entry.job_id = link.job_id and entry.actor = 'report:' || link.report_id
      where link.report_id = any(%(reports)s)
    )
  for update
)
update photo set
  object_key = 'gone/' || photo.id, state = 'unreadable', review = 'hidden', made = null,
  regions = '[]', phash = null, taken_at = null, taken_place = null, device_id = null,
  original_gone_at = coalesce(photo.original_gone_at, now())
from theirs
where photo.id = theirs.id
returning theirs.object_key, theirs.made
"""
#: Those that no report or update took go with their rows.
FORGET_LOOSE = """
delete from photo where device_id = %(device)s and report_id is null and update_id is null
returning object_key, made
"""
UNLINK = "update report set device_id = null where id = any(%(reports)s)"
OF_DEVICE = "select id from report where device_id = %(device)s"
COUNT_OF_DEVICE = "select count(*) from report where device_id = %(device)s"
DEVICE_OF = "select device_id from report where id = %(report)s"
