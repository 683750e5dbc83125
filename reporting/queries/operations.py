"""What an operator asks of the database: is it ours, and what is waiting in it."""

from reporting.queries.counting import WAITING as COUNTS_WAITING

#: The version of the schema; fails where there is none.
SCHEMA_VERSION = "select version_num from alembic_version"

#: name, label, state, value: the gauges of /metrics. Each branch reads a partial index, whose
#: size is what is waiting and not what ever was.
WAITING = f"""
select 'kerbline_outbox', topic, 'due', count(*)::float8
from outbox where done_at is null and dead_at is null group by topic
union all
select 'kerbline_outbox_oldest_seconds', topic, 'due', extract(epoch from now() - min(created_at))
from outbox where done_at is null and dead_at is null group by topic
union all
select 'kerbline_outbox', topic, 'dead', count(*)::float8
from outbox where dead_at is not null group by topic
union all
select 'kerbline_deliveries', channel, 'pending', coalesce(found.messages, 0)::float8
from unnest(array['fcm', 'webpush', 'email']) as channel
left join (
  select subscription.channel, count(*) as messages
  from delivery join subscription on subscription.id = delivery.subscription_id
  where delivery.state = 'pending' group by subscription.channel
) found using (channel)
union all
select 'kerbline_deliveries', channel, 'dead', coalesce(found.messages, 0)::float8
from unnest(array['fcm', 'webpush', 'email']) as channel
left join (
  select subscription.channel, count(*) as messages
  from delivery join subscription on subscription.id = delivery.subscription_id
  where delivery.state = 'dead' group by subscription.channel
) found using (channel)
union all
select 'kerbline_warnings', kind, 'past_day', coalesce(found.warnings, 0)::float8
from unnest(array['overdue', 'not_started', 'due_soon']) as kind
left join (
  select escalation.kind, count(*) as warnings
  from escalation where at > now() - interval '1 day' group by escalation.kind
) found using (kind)
union all
select found.name, 'counts', found.state, found.value
from ({COUNTS_WAITING}) counts cross join lateral (values
  ('kerbline_counts_waiting', 'jobs', counts.jobs),
  ('kerbline_counts_age_seconds', 'oldest', counts.age_s)
) found (name, state, value)
union all
select 'kerbline_database_connections', application_name, coalesce(state, 'unknown'),
  count(*)::float8
from pg_stat_activity
where datname = current_database() and usename = current_user
group by application_name, state
"""
