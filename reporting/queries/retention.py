"""What is deleted when its time is over; a batch at a time, so that no lock is held for long."""

IDEMPOTENCY_KEYS = """
delete from idempotency_key
where (scope, key) in (
  select scope, key from idempotency_key
  where created_at < now() - make_interval(secs => %(age_s)s)
  order by created_at
  limit %(limit)s
)
"""

STAFF_TOKENS = """
delete from staff_token
where token_hash in (select token_hash from staff_token where expires_at < now() limit %(limit)s)
"""

#: A dead letter stays until somebody has seen to it.
OUTBOX = """
delete from outbox
where id in (
  select id from outbox
  where done_at < now() - make_interval(secs => %(age_s)s)
  limit %(limit)s
)
"""

#: With all that stands in them.
UNCONFIRMED = """
delete from unconfirmed
where id in (select id from unconfirmed where expires_at < now() limit %(limit)s)
"""
