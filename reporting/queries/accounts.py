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
