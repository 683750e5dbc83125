"""Statements on the accounts of staff and what is done to them; nothing executes here."""

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

NOTE = """
insert into staff_entry (staff_id, actor, what, details)
values (%(staff)s, %(actor)s, %(what)s, %(details)s)
"""

ENTRIES = """
select entry.at, entry.actor, actor.name as by, entry.what, entry.details
from staff_entry entry
left join staff actor on 'staff:' || actor.id = entry.actor
where entry.staff_id = %(staff)s order by entry.id desc limit 100
"""

#: Accounts of one authority, as lists and pages show them.
_ACCOUNT = """
select
  staff.id, staff.email, staff.name, staff.role, staff.authority_id, staff.wards,
  coalesce((
    select jsonb_agg(jsonb_build_object('slug', team.slug, 'name', team.name) order by team.slug)
    from staff_team join team on team.id = staff_team.team_id
    where staff_team.staff_id = staff.id
  ), '[]') as teams,
  staff.totp_since is not null as has_totp, staff.password_hash is not null as has_password,
  staff.oidc_subject is not null as has_provider,
  staff.created_at, staff.disabled_at,
  (select max(last_seen_at) from staff_token where staff_token.staff_id = staff.id) as last_seen_at,
  (
    select max(expires_at) from staff_invitation
    where staff_invitation.staff_id = staff.id and used_at is null and expires_at > now()
  ) as invited_until
from staff
"""

LIST = (
    _ACCOUNT
    + """
where staff.authority_id = %(authority)s and (%(role)s::text is null or staff.role = %(role)s)
order by staff.disabled_at is not null, lower(staff.name), staff.email
"""
)

ONE = _ACCOUNT + "where staff.id = %(staff)s"

BY_EMAIL = _ACCOUNT + "where staff.email = %(email)s"

#: Who changes an account does so alone.
LOCK = "select from staff where id = %(staff)s for no key update"

#: The admins who can sign in; locked, so that two do not disable each other. Asked for before any
#: single account is locked.
ADMINS = """
select id from staff
where authority_id = %(authority)s and role = 'admin' and disabled_at is null
order by id for no key update
"""

CHANGE = """
update staff set email = %(email)s, name = %(name)s, role = %(role)s, wards = %(wards)s
where id = %(staff)s
  and not exists (
    select from staff other where other.email = %(email)s and other.id <> %(staff)s
  )
"""

FORGET_TEAMS = "delete from staff_team where staff_id = %(staff)s"

DISABLE = "update staff set disabled_at = now() where id = %(staff)s"

ENABLE = "update staff set disabled_at = null where id = %(staff)s"

#: A place must not stay known of an account that was taken away.
REVOKE_ALL = """
update staff_token set revoked_at = now(), revoked_by = %(by)s
where staff_id = %(staff)s and revoked_at is null and expires_at > now()
"""

REVOKE = """
update staff_token set revoked_at = now(), revoked_by = %(by)s
where id = %(session)s and staff_id = %(staff)s and revoked_at is null and expires_at > now()
returning coalesce(name, '')
"""

#: Ended, not revoked: nothing on a device goes, it only has to sign in again.
END_OTHERS = """
delete from staff_token
where staff_id = %(staff)s and id is distinct from %(session)s and revoked_at is null
"""

SESSIONS = """
select id, name, tablet is not null as is_tablet, created_at, last_seen_at, expires_at
from staff_token
where staff_id = %(staff)s and revoked_at is null and expires_at > now()
order by coalesce(last_seen_at, created_at) desc, id
"""

SESSION_OWNER = "select staff_id from staff_token where id = %(session)s"

INVITE = """
insert into staff_invitation (token_hash, staff_id, made_by, expires_at)
values (%(token_hash)s, %(staff)s, %(by)s, now() + make_interval(secs => %(seconds)s))
"""

#: Only the last one is good.
FORGET_INVITATIONS = "delete from staff_invitation where staff_id = %(staff)s and used_at is null"

INVITED = """
select staff.id, staff.email, staff.name, staff.role, authority.name as authority,
  staff_invitation.expires_at, authority.timezone
from staff_invitation
join staff on staff.id = staff_invitation.staff_id
join authority on authority.id = staff.authority_id
where staff_invitation.token_hash = %(token_hash)s
  and staff_invitation.used_at is null and staff_invitation.expires_at > now()
  and staff.disabled_at is null
"""

#: One of two who take it up at once finds it used.
TAKE_UP = """
update staff_invitation set used_at = now()
where token_hash = %(token_hash)s and used_at is null and expires_at > now()
"""

SET_HASH = "update staff set password_hash = %(password_hash)s where id = %(staff)s"

HASH = "select password_hash from staff where id = %(staff)s"

BEGIN_TOTP = """
update staff set totp_secret = %(secret)s, totp_since = null, totp_step = null
where id = %(staff)s and totp_since is null
"""

CONFIRM_TOTP = "update staff set totp_since = now() where id = %(staff)s and totp_since is null"

END_TOTP = """
update staff set totp_secret = null, totp_since = null, totp_step = null
where id = %(staff)s and totp_secret is not null
"""

TEAMS = "select slug, name from team where authority_id = %(authority)s order by name, slug"

LINES = """
select
  staff.email, staff.role, authority.slug,
  case when staff.disabled_at is null then '' else 'disabled' end
from staff join authority on authority.id = staff.authority_id
where %(authority)s::text is null or authority.slug = %(authority)s
order by authority.slug, staff.role, staff.email
"""
