"""Statements on staff accounts, their sessions and their tries to log in; nothing executes here."""

#: Who holds a staff bearer, with every right-giving fact as it stands now. The areas are those of
#: the account's wards in all vintages: a job keeps the ward it was given by. A session that was
#: revoked is told apart from one that ran out, also when it would have run out since.
BY_BEARER = """
select
  staff_token.id as session,
  staff_token.revoked_at is not null or staff.disabled_at is not null as revoked,
  staff_token.expires_at <= now() as expired,
  coalesce(staff_token.last_seen_at, staff_token.created_at)
    < now() - make_interval(secs => %(unseen)s) as unseen,
  staff.id, staff.email, staff.name, staff.role, staff.authority_id,
  authority.slug, authority.name, staff.wards,
  array(
    select staff_team.team_id from staff_team
    where staff_team.staff_id = staff.id order by staff_team.team_id
  ),
  array(
    select area.id from area
    where area.authority_id = staff.authority_id
      and area.kind in ('ward', 'division') and area.code = any(staff.wards)
    order by area.id
  )
from staff_token
join staff on staff.id = staff_token.staff_id
join authority on authority.id = staff.authority_id
where staff_token.token_hash = %(token_hash)s
"""

#: Who asks while another request notes the same waits for nobody.
SEEN = """
update staff_token set last_seen_at = now()
where id = (
  select id from staff_token where id = %(session)s for no key update skip locked
)
"""

DEVICE_BY_BEARER = "select id from device where token_hash = %(token_hash)s"
REPORT_BY_BEARER = "select id from report where tracking_hash = %(token_hash)s"

TEAMS = """
select team.slug, team.name from team
where team.id = any(%(teams)s) order by team.slug
"""

OPEN_SESSION = """
insert into staff_token (token_hash, staff_id, expires_at, tablet, name, last_seen_at)
values (
  %(token_hash)s, %(staff)s, now() + make_interval(secs => %(seconds)s), %(tablet)s, %(name)s,
  now()
)
"""

#: Sessions that ended are of no use to anybody; each log-in sweeps the account's own. A revoked one
#: is kept for as long as a tablet may lie in a drawer and has to be told.
FORGET_EXPIRED = """
delete from staff_token
where staff_id = %(staff)s and expires_at <= now()
  and (revoked_at is null or revoked_at < now() - interval '1 year')
"""

END_SESSION = "delete from staff_token where token_hash = %(token_hash)s"

#: In a statement of its own, before the count: a statement's snapshot is older than a lock taken
#: inside it. The callers give the two numbers in order.
LOCK_TRIES = "select pg_advisory_xact_lock(n) from unnest(%(numbers)s::bigint[]) n"

#: The place that is known, if one is; the tries from it; those from anywhere unknown; and those of
#: the address at whatever account.
COUNT_TRIES = """
with place as materialized (
  select distinct address from login_try where account = %(account)s and succeeded
), tried as materialized (
  select account, address from login_try
  where (account = %(account)s or address = %(address)s)
    and not succeeded
    and at > now() - make_interval(secs => %(seconds)s)
)
select
  case
    when exists (select from place where address = %(tablet)s) then 'tablet'
    when exists (select from place where address = %(address)s) then 'address'
  end,
  count(*) filter (where account = %(account)s and address = %(tablet)s),
  count(*) filter (where account = %(account)s and address = %(address)s),
  count(*) filter (where account = %(account)s and address not in (select address from place)),
  count(*) filter (where address = %(address)s)
from tried
"""

ADD_TRY = """
insert into login_try (account, address) values (%(account)s, %(address)s) returning id
"""

DROP_TRY = "delete from login_try where id = %(id)s"

#: A right password: the pair's failed tries are forgiven and the address is known from now on.
FORGIVE = """
delete from login_try where account = %(account)s and address = %(address)s
"""
KNOW_ADDRESS = """
insert into login_try (account, address, succeeded) values (%(account)s, %(address)s, true)
"""

FORGET_TRIES = """
delete from login_try
where at < now() - make_interval(secs => case when succeeded then %(known)s else %(failed)s end)
"""

CREDENTIALS = """
select id, password_hash, totp_since is not null as has_totp
from staff where email = %(email)s and disabled_at is null
"""

#: One that was changed meanwhile stands.
RENEW_HASH = """
update staff set password_hash = %(password_hash)s
where id = %(staff)s and password_hash = %(before)s and password_hash <> %(password_hash)s
"""

TOTP = """
select totp_secret, totp_since from staff
where id = %(staff)s and totp_secret is not null for update
"""

#: A null step is none.
USE_STEP = """
update staff set totp_step = %(step)s
where id = %(staff)s and %(step)s > coalesce(totp_step, 0)
"""
