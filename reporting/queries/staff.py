"""Statements on staff accounts, their sessions and their tries to log in; nothing executes here."""

#: Who holds a staff bearer, with every right-giving fact as it stands now. The areas are those of
#: the account's wards in all vintages: a job keeps the ward it was given by.
BY_BEARER = """
select
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
  and staff_token.expires_at > now()
  and staff.disabled_at is null
"""

DEVICE_BY_BEARER = "select id from device where token_hash = %(token_hash)s"
REPORT_BY_BEARER = "select id from report where tracking_hash = %(token_hash)s"

TEAMS = """
select team.slug, team.name from team
where team.id = any(%(teams)s) order by team.slug
"""

OPEN_SESSION = """
insert into staff_token (token_hash, staff_id, expires_at)
values (%(token_hash)s, %(staff)s, now() + make_interval(secs => %(seconds)s))
"""

#: Sessions that ended are of no use to anybody; each log-in sweeps the account's own.
FORGET_EXPIRED = "delete from staff_token where staff_id = %(staff)s and expires_at <= now()"

END_SESSION = "delete from staff_token where token_hash = %(token_hash)s"

#: In a statement of its own, before the count: a statement's snapshot is older than a lock taken
#: inside it. The callers give the two numbers in order.
LOCK_TRIES = "select pg_advisory_xact_lock(n) from unnest(%(numbers)s::bigint[]) n"

COUNT_TRIES = """
select
  count(*) filter (where account = %(account)s and address = %(address)s),
  count(*) filter (where address = %(address)s),
  count(*) filter (where account = %(account)s),
  exists (
    select from login_try known
    where known.account = %(account)s and known.address = %(address)s and known.succeeded
  )
from login_try
where (account = %(account)s or address = %(address)s)
  and not succeeded
  and at > now() - make_interval(secs => %(seconds)s)
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
select id, password_hash from staff where email = %(email)s and disabled_at is null
"""

SET_CREDENTIALS = "update staff set password_hash = %(password_hash)s where id = %(staff)s"

AUTHORITY = "select id from authority where slug = %(slug)s"

TEAM_IDS = "select id, slug from team where authority_id = %(authority)s and slug = any(%(slugs)s)"

WARD_CODES = """
select distinct code from area
where authority_id = %(authority)s and kind in ('ward', 'division') and code = any(%(codes)s)
"""

ADD = """
insert into staff (id, email, name, role, authority_id, wards, password_hash)
values (
  %(id)s, %(email)s, %(name)s, %(role)s, %(authority)s, %(wards)s, %(password_hash)s
)
on conflict (email) do nothing
"""

ADD_TEAMS = """
insert into staff_team (staff_id, team_id) select %(staff)s, unnest(%(teams)s::integer[])
"""
