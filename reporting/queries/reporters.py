"""Statements on devices, on what a reporter sent, and on forgetting them."""

from reporting.queries.reports import ONE

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

#: The messages about a report, as far as they went to this device (null: to any).
MESSAGES = """
select delivery.update_id, delivery.state, delivery.created_at, delivery.sent_at
from delivery
join subscription on subscription.id = delivery.subscription_id
join report on report.id = delivery.report_id and report.device_id = subscription.device_id
where report.id = %(report)s
order by delivery.id
"""

#: Words and contact details of these reports. The reports stay, and so do job and chain.
FORGET_WORDS = "delete from report_words where report_id = any(%(reports)s)"
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
UNLINK = "update report set device_id = null where id = any(%(reports)s)"
OF_DEVICE = "select id from report where device_id = %(device)s"
