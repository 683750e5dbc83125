"""Statements on rounds and the jobs they are made of; nothing executes here."""

from functools import cache

from reporting.queries.jobs import CONDITIONS
from reporting.status import OPEN_CONDITION as OPEN

#: More open jobs of a team than a day could hold; those that are due first.
MOST = 300

_WORK = """
select id, st_y(place) as lat, st_x(place) as lng, status, scheduled_for, priority, due_at
from job
"""


@cache
def todays(*, in_areas: bool) -> str:
    """A team's open jobs by due time."""
    areas = f"and {CONDITIONS['areas']}" if in_areas else ""
    return f"{_WORK} where team_id = %(team)s and {OPEN} {areas} order by due_at, id limit {MOST}"


@cache
def named(*, in_areas: bool) -> str:
    """Those of a team's jobs that somebody names, closed ones too."""
    areas = f"and {CONDITIONS['areas']}" if in_areas else ""
    return f"{_WORK} where id = any(%(jobs)s::uuid[]) and team_id = %(team)s {areas}"


KEEP = """
insert into work_round (staff_id, team_id, day, stops, start)
values (%(staff)s, %(team)s, %(day)s, %(stops)s::jsonb, %(start)s::jsonb)
on conflict (staff_id, team_id, day) do update
set stops = excluded.stops, start = excluded.start, made_at = now()
"""

#: Nobody asks for those of days gone by.
FORGET = """
delete from work_round
where staff_id = %(staff)s and team_id = %(team)s and day < %(day)s::date - 7
"""

KEPT = """
select stops, start from work_round
where staff_id = %(staff)s and team_id = %(team)s and day = %(day)s
"""
