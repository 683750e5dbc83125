"""Statements about authorities; nothing executes here."""

ADD = """
insert into authority (slug, name, code, tier, timezone, calendar, fallback_team)
values (
  %(slug)s, %(name)s, %(code)s, %(tier)s, %(timezone)s, %(calendar)s, %(fallback_team)s
)
on conflict (slug) do nothing
returning id
"""

ADD_FALLBACK_TEAM = """
insert into team (authority_id, slug, name) values (%(authority)s, %(slug)s, %(name)s)
"""

#: The members that exist, with their tier and the upper-tier authority they are in already.
MEMBERS = """
select member.id, member.slug, member.tier, upper_tier.slug
from authority member
left join authority_member link on link.member_id = member.id
left join authority upper_tier on upper_tier.id = link.authority_id
where member.slug = any(%(slugs)s)
"""

ADD_MEMBER = "insert into authority_member (authority_id, member_id) values (%s, %s)"

SET_CALENDAR = "update authority set calendar = %(calendar)s where slug = %(slug)s"
