"""Statements on log-ins at the identity provider; nothing executes here."""

BEGIN = """
insert into oidc_attempt (state_hash, nonce, code_verifier, next, tablet, expires_at)
values (
  %(state_hash)s, %(nonce)s, %(code_verifier)s, %(next)s, %(tablet)s,
  now() + make_interval(secs => %(seconds)s)
)
"""

#: Each log-in that begins sweeps up some of those that nobody finished.
FORGET = """
delete from oidc_attempt where state_hash in (
  select state_hash from oidc_attempt where expires_at <= now() order by expires_at limit 100
)
"""

#: Taken once: whoever comes second finds none.
TAKE = """
delete from oidc_attempt where state_hash = %(state_hash)s
returning nonce, code_verifier, next, tablet, expires_at > now()
"""

BY_SUBJECT = "select id, disabled_at is null from staff where oidc_subject = %(subject)s"

BY_EMAIL = """
select id, disabled_at is null and oidc_subject is null from staff where email = %(email)s
for update
"""

LINK = "update staff set oidc_subject = %(subject)s where id = %(staff)s"

TELL = """
insert into staff_entry (staff_id, actor, what, details)
values (%(staff)s, 'system', 'oidc_linked', %(details)s::jsonb)
"""
