"""Statements on reports that wait for a word by e-mail."""

#: One whose time is over stands in nobody's way.
CLEAR = """
delete from unconfirmed
where scope = %(scope)s and key = %(key)s and expires_at < now() and confirmed_at is null
"""

#: The row and the mail, both or neither; a repeat finds what is there and asks for no mail.
KEEP = """
with kept as (
  insert into unconfirmed (id, scope, key, body_hash, body, device_id, language, expires_at)
  values (
    %(id)s, %(scope)s, %(key)s, %(body_hash)s, %(body)s, %(device)s, %(language)s,
    now() + make_interval(secs => %(kept_s)s)
  )
  on conflict (scope, key) do nothing
  returning id, expires_at, body_hash
), outbox_row as (
  insert into outbox (topic, subject) select 'confirm', id from kept
)
select id, expires_at, body_hash from kept
union all
select id, expires_at, body_hash from unconfirmed where scope = %(scope)s and key = %(key)s
limit 1
"""

FIND = """
select id, key, body_hash, body, device_id, language, created_at, expires_at, confirmed_at
from unconfirmed where id = %(id)s and expires_at > now()
"""

CONFIRMED = """
update unconfirmed set confirmed_at = now() where id = %(id)s and confirmed_at is null
"""

#: Whether a request was answered before, whatever the answer.
ANSWERED = "select 1 from idempotency_key where scope = %(scope)s and key = %(key)s"

#: Since when we know a device.
DEVICE_SINCE = "select now() - created_at from device where id = %(device)s"
