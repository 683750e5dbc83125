"""Statements on who hears back by e-mail."""

#: What a subscription is about. One reporter has one report; a second is another reporter.
SUBSCRIBED = """
select subscription.id, report.reference, reporter.language,
  subscription.ended_at is not null as ended
from subscription
join reporter on reporter.id = subscription.reporter_id
join report on report.reporter_id = reporter.id
where subscription.id = %(subscription)s and subscription.channel = 'email'
order by report.created_at
limit 1
"""

#: The reporter's own wish, so it is theirs that changes too: nothing subscribes them again.
UNSUBSCRIBE = """
with ended as (
  update subscription
  set ended_at = now(), ended_because = 'unsubscribed'
  where id = %(subscription)s and channel = 'email' and ended_at is null
  returning id, reporter_id
), wish as (
  update reporter set updates = array_remove(updates, 'email')
  from ended where reporter.id = ended.reporter_id
)
update delivery set state = 'dropped', last_error = 'unsubscribed'
from ended
where delivery.subscription_id = ended.id and delivery.state = 'pending'
"""
