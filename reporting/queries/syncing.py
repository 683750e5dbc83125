"""Statements of tablets: what changed since they last asked, and what became of what they did.

A cursor is a snapshot of the database. What is new since is what it does not see: a transaction
that ran then and commits late is among it, whatever its times say. Nothing older than the oldest
transaction that ran then need be looked at, which is where the indexes begin.
"""

from functools import cache
from typing import Literal

from reporting.queries.jobs import LISTED

Lane = Literal["team", "authority"]

#: More changes than this since a cursor, and beginning again costs less than catching up.
MOST_CHANGES = 10_000

_NEW = """
{table}changed_xid >= pg_snapshot_xmin(%(since)s::pg_snapshot)
and not pg_visible_in_snapshot({table}changed_xid, %(since)s::pg_snapshot)
"""
_NEW_HERE = _NEW.format(table="")

# The order and the limit are what makes the planner read the index from the snapshot on: of a
# comparison with a value it does not know it expects a third of the table.
_IN_LANES = f"""
select new.* from unnest(%(lanes)s::integer[]) any_of (lane) cross join lateral (
  select {{columns}} from {{table}} where {{lane}}_id = any_of.lane and {_NEW_HERE}
  order by changed_xid limit {MOST_CHANGES + 1}
) new
"""

_TOUCHED = f"""
select job_id from job_touch where {_NEW_HERE}
order by changed_xid limit {MOST_CHANGES + 1}
"""

_AREAS = "({table}ward_area_id = any(%(areas)s) or {table}division_area_id = any(%(areas)s))"

#: The database as it is now: its snapshot, the day, and which database it is. One that was restored
#: or whose standby took over has another name or time line, and its transactions other numbers.
NOW = """
select
  pg_current_snapshot()::text as snapshot,
  (select system_identifier from pg_control_system())::text || ':'
    || left(pg_walfile_name(pg_current_wal_lsn()), 8) as history,
  (extract(epoch from now()) / 86400)::integer as day
"""


@cache
def look(lane: Lane) -> str:
    """``NOW``, and how much is new since a snapshot: changed, touched, departed."""
    changed = _IN_LANES.format(columns="id", table="job", lane=lane)
    departed = _IN_LANES.format(columns="id", table="job_departure", lane=lane)
    return f"""
select now_is.*,
  (select count(*) from ({changed}) each) as changed,
  (select count(*) from ({_TOUCHED}) each) as touched,
  (select count(*) from ({departed}) each) as departed
from ({NOW}) now_is
"""


@cache
def changed(lane: Lane, *, areas: bool, rows: int) -> str:
    """Jobs in the lanes that are new since a snapshot, by id; at most so many rows."""
    found = _IN_LANES.format(columns="id", table="job", lane=lane)
    narrowed = f"and {_AREAS.format(table='job.')}" if areas else ""
    return f"""
select {LISTED} from job
where job.id = any(array(
    select id from ({found}) each where id > %(after)s
    union
    select job_id from ({_TOUCHED}) each where job_id > %(after)s
    order by 1
  ))
  and job.{lane}_id = any(%(lanes)s::integer[]) and job.merged_into is null {narrowed}
order by job.id limit {rows}
"""


@cache
def gone(lane: Lane, *, areas: bool) -> str:
    """Jobs that left the lanes (and areas), or were merged away, since a snapshot; not back."""
    departed = _IN_LANES.format(
        columns="job_id, ward_area_id, division_area_id", table="job_departure", lane=lane
    )
    was = _AREAS.format(table="left_it.") if areas else "true"
    still = f"and coalesce({_AREAS.format(table='job.')}, false)" if areas else ""
    return f"""
select distinct left_it.job_id::text from ({departed}) left_it
join job on job.id = left_it.job_id
where {was} and not (
  job.{lane}_id = any(%(lanes)s::integer[]) and job.merged_into is null {still}
)
order by 1
"""


#: What a tablet did to a job before, and what became of an operation, wherever.
OPERATIONS = """
select id, staff_id, tablet, device_seq, job_id, outcome, answer from operation
where id = %(id)s or (job_id = %(job)s and tablet = %(tablet)s and staff_id = %(staff)s)
"""

#: The first outcome is the one that counts.
KEEP = """
insert into operation (id, staff_id, tablet, device_seq, job_id, outcome, answer, made_at)
values (
  %(id)s, %(staff)s, %(tablet)s, %(device_seq)s, %(job)s, %(outcome)s, %(answer)s::jsonb,
  %(made_at)s
)
on conflict (id) do nothing
"""
