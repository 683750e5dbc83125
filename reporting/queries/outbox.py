"""Statements on the outbox, and on the ledger of deliveries that comes out of it.

The conditions of the partial indexes (``done_at is null and dead_at is null``, ``state =
'pending'``) stand here word for word, never as parameters: a prepared statement would lose them.
Where rows are found by their ids, the same conditions are written with ``coalesce``, which hides
them from the planner: it would read such an index from end to end, thinking it as empty as it was
when the statistics were made, and in a burst it is full of what has just been done.
"""

from functools import cache

#: What a verb puts into its own statement or transaction, beside the rows it is about.
RECORD = "insert into outbox (topic, subject) values (%(topic)s, %(subject)s)"

#: Take what is due for as long as the lease says, longer each time. What another relay is just
#: taking is passed over.
CLAIM = """
update outbox
set attempts = attempts + 1,
    next_at = now() + make_interval(secs => %(lease_s)s * power(2, attempts))
where id in (
  select id from outbox
  where done_at is null and dead_at is null and next_at <= now() and attempts < %(attempts)s
  order by next_at, id
  limit %(limit)s
  for update skip locked
)
returning id, topic
"""

#: What was tried often enough and came due once more.
BURY = """
update outbox
set dead_at = now(), last_error = coalesce(last_error, 'never finished')
where done_at is null and dead_at is null and next_at <= now() and attempts >= %(attempts)s
returning id, topic
"""

#: Give back what was claimed and not finished: whoever was to do it has lost it.
RELEASE = """
update outbox
set next_at = now(), attempts = attempts - 1
where done_at is null and dead_at is null and next_at > now() and attempts > 0
"""

PENDING = """
select id, topic, subject from outbox
where id = any(%(ids)s) and topic = %(topic)s and coalesce(done_at, dead_at) is null
order by id
"""

DONE = "update outbox set done_at = now() where id = any(%(ids)s) and done_at is null"

#: Why it could not be done; it comes back when the lease ends.
FAILED = """
update outbox set last_error = %(error)s
where id = any(%(ids)s) and coalesce(done_at, dead_at) is null
"""

#: Turn updates into deliveries, one for each live subscription, and mark the outbox rows done: of
#: the devices that sent the job's reports, and of the reporters who left an address with them.
#:
#: Order is kept because all waiting updates of a job are taken together, their outbox rows locked
#: in order of id: a second worker with a later update of the job waits here, and finds the earlier
#: ones done. The job's row lock makes their ids and commits follow its versions.
FAN_OUT = """
with asked as (
  select distinct told.job_id
  from outbox join job_update told on told.id = outbox.subject
  where outbox.id = any(%(ids)s) and outbox.topic = 'update'
    and coalesce(outbox.done_at, outbox.dead_at) is null
), due as materialized (
  select outbox.id, told.id as update_id, told.job_id, told.recorded_at, told.kind,
    told.changes ->> 'report' as report, told.changes -> 'reports' as reports
  from asked
  join job_update told on told.job_id = asked.job_id
  join outbox on outbox.subject = told.id
  where outbox.topic = 'update' and outbox.done_at is null and outbox.dead_at is null
  order by outbox.id
  for update of outbox
), told as (
  insert into delivery (update_id, subscription_id, report_id)
  select distinct on (due.id, subscription.id) due.update_id, subscription.id, report.id
  from due
  join job_report link on link.job_id = due.job_id
    and link.since <= due.recorded_at
    and (link.until is null or link.until > due.recorded_at)
  join report on report.id = link.report_id and report.withdrawn_at is null
  cross join lateral (
    select id from subscription
    where device_id = report.device_id
      and ended_at is null and created_at <= due.recorded_at
    union all
    select id from subscription
    where reporter_id = report.reporter_id
      and ended_at is null and created_at <= due.recorded_at
  ) subscription
  where not due.kind = any(%(only_the_named)s) or due.report = report.id::text
    or due.reports ? report.id::text
  order by due.id, subscription.id, link.since, report.id
  on conflict do nothing
  returning subscription_id
), done as (
  update outbox set done_at = now() from due where outbox.id = due.id
)
select distinct told.subscription_id as subscription, subscription.channel
from told join subscription on subscription.id = told.subscription_id
"""

_LEASE = """
with head as (
  select distinct on (subscription_id) id
  from delivery
  where state = 'pending' {which}
  order by subscription_id, id
), due as (
  select delivery.id, delivery.subscription_id, delivery.report_id
  from head
  join delivery on delivery.id = head.id
  join subscription on subscription.id = delivery.subscription_id
  where coalesce(delivery.state, '') = 'pending' and delivery.next_at <= now()
    and subscription.channel = %(channel)s
  order by delivery.id
  limit %(limit)s
  for update of delivery skip locked
), chosen as ({chosen}), taken as (
  update delivery
  set attempts = attempts + 1, next_at = now() + make_interval(secs => %(lease_s)s)
  from chosen
  where delivery.id = chosen.id
  returning delivery.*
)
select
  taken.id, taken.subscription_id, taken.attempts, taken.update_id, taken.report_id,
  taken.created_at, subscription.address, subscription.ended_at is not null as ended,
  told.kind, told.changes, coalesce(told.changes ->> 'status', job.status) as status,
  told.recorded_at, job.id as job_id, job.due_at, job.scheduled_for, job.closed_reason,
  (select definition ->> 'name' from category where code = job.category) as category,
  words.public_message, words.waiting_for,
  (select name from authority where slug = told.changes ->> 'authority') as passed_to,
  coalesce(
    (select language from device where id = subscription.device_id),
    (select language from reporter where id = subscription.reporter_id)
  ) as language,
  (select reference from report where id = taken.report_id) as reference,
  (select name from team where id = job.team_id) as team,
  authority.name as authority, authority.timezone
from taken
join subscription on subscription.id = taken.subscription_id
join job_update told on told.id = taken.update_id
join job on job.id = told.job_id
join authority on authority.id = job.authority_id
left join update_words words on words.update_id = told.id
order by taken.id
"""
_ONLY_THE_HEAD = "select id from due"
#: With whatever else waits about its report, in one message.
_AND_WHAT_FOLLOWS = """
  select waiting.id
  from due
  cross join lateral (
    select id from delivery
    where subscription_id = due.subscription_id and state = 'pending'
      and report_id = due.report_id
    order by id
    limit 20
  ) waiting
"""


@cache
def lease(*, of_any: bool, together: bool) -> str:
    """Lease the oldest waiting delivery of each of the channel's subscriptions, if it is due.

    A later one waits for it, whatever happens to it: so each subscriber hears in order.
    """
    return _LEASE.format(
        which="" if of_any else "and subscription_id = any(%(subscriptions)s)",
        chosen=_AND_WHAT_FOLLOWS if together else _ONLY_THE_HEAD,
    )


#: What became of deliveries. One that may be tried again is dead when it is too old.
SETTLE = """
update delivery
set state = case
      when result.state = 'pending'
        and delivery.created_at < now() - make_interval(secs => %(give_up_s)s) then 'dead'
      else result.state
    end,
    sent_at = case when result.state = 'sent' then now() end,
    next_at = now() + make_interval(secs => result.delay_s),
    last_error = result.error
from unnest(
  %(ids)s::bigint[], %(states)s::text[], %(delays)s::double precision[], %(errors)s::text[]
) as result (id, state, delay_s, error)
where delivery.id = result.id and coalesce(delivery.state, '') = 'pending'
returning delivery.id, delivery.state, delivery.subscription_id,
  exists (
    select from delivery waiting
    where waiting.subscription_id = delivery.subscription_id and waiting.state = 'pending'
      and waiting.id <> delivery.id
  ) as more
"""

#: The address is dead. If the device gave a new one meanwhile, this changes nothing.
END_SUBSCRIPTION = """
with ended as (
  update subscription
  set ended_at = now(), ended_because = %(because)s
  where id = %(subscription)s and address = %(address)s and ended_at is null
  returning id
)
update delivery set state = 'dropped', last_error = %(because)s
from ended
where delivery.subscription_id = ended.id and delivery.state = 'pending'
"""

#: Where a channel is not set up, messages wait for it as long as they would for a broken one.
DROP_UNSENDABLE = """
update delivery set state = 'dropped', last_error = %(because)s
from subscription
where subscription.id = delivery.subscription_id and subscription.channel = %(channel)s
  and delivery.state = 'pending'
  and delivery.created_at < now() - make_interval(secs => %(give_up_s)s)
"""

#: What staff should know went wrong: nothing personal, newest first.
DEAD_LETTERS = """
select 'outbox' as what, outbox.id, outbox.topic, coalesce(job.reference, photo_of.reference)
    as reference, outbox.created_at, outbox.dead_at as since, outbox.attempts, outbox.last_error
from outbox
left join job_update told on outbox.topic = 'update' and told.id = outbox.subject
left join job on job.id = told.job_id
left join photo on outbox.topic = 'photo' and photo.id = outbox.subject
left join report photo_of on photo_of.id = photo.report_id
where outbox.dead_at is not null
union all
select 'message', delivery.id, subscription.channel, report.reference, delivery.created_at,
  delivery.next_at, delivery.attempts, delivery.last_error
from delivery
join report on report.id = delivery.report_id
join subscription on subscription.id = delivery.subscription_id
where delivery.state = 'dead'
order by since desc
limit %(limit)s
"""

#: Once more from the beginning, when what was wrong has been put right.
REVIVE = """
update outbox set dead_at = null, attempts = 0, next_at = now() where dead_at is not null
"""
