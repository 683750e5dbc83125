"""Statements of taking over the past; nothing executes here.

Rows go straight into their tables by COPY, which writes many at once: staging them first and
inserting from there costs PostgreSQL nearly twice as much.
"""

from typing import Final

#: One run for each source; held by the session, so that a killed one leaves nothing behind.
LOCK_RUN: Final = "select pg_try_advisory_lock(1802658117, %(authority)s)"
UNLOCK_RUN: Final = "select pg_advisory_unlock(1802658117, %(authority)s)"

FIND_SOURCE: Final = """
select id from import_source where authority_id = %(authority)s and name = %(name)s
"""
ADD_SOURCE: Final = """
insert into import_source (authority_id, name) values (%(authority)s, %(name)s)
on conflict (authority_id, name) do update set name = excluded.name
returning id
"""

#: Joined and not ``= any``: a chunk has thousands of keys.
KNOWN: Final = """
select known.key, known.row_hash
from unnest(%(keys)s::text[]) wanted (key)
join imported known on known.source_id = %(source)s and known.key = wanted.key
"""

#: While a chunk is built, its transaction has nothing to say to the server.
PATIENT: Final = "set local idle_in_transaction_session_timeout = 0"

NUMBERS: Final = "select nextval('reference_number') from generate_series(1, %(count)s)"

_COPIES: Final = {
    "reporter": "id, name, email, phone, updates, created_at",
    "report": (
        "id, reference, category, place, authority_id, ward_area_id, answers, flags, reporter_id,"
        " tracking_hash, created_at"
    ),
    "report_words": "report_id, description, place_text, held_for",
    # A job of the past is nobody's surprise: its supervisor counts as told that it is late.
    "job": (
        "id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place,"
        " status, closed_reason, priority, due_at, clock_stopped_at, reports, flags, version,"
        " chain_head, checkpointed_version, created_at, updated_at, closed_at, warned_late"
    ),
    "job_report": "report_id, job_id, since",
    "job_update": (
        "job_id, seq, id, kind, actor, made_at, recorded_at, changes, previous_hash, hash"
    ),
    "imported": "source_id, key, report_id, row_hash",
}
#: In an order in which nothing comes before what it names.
COPY: Final = {table: f"copy {table} ({columns}) from stdin" for table, columns in _COPIES.items()}

#: Reasons are long, and thousands of assignments share them: each goes over the line once.
STAGE_ASSIGNMENTS: Final = """
create temporary table import_reason (n int, reasons json) on commit drop;
create temporary table import_assignment (
  job_id uuid, at timestamptz, authority_id int, team_id int, n int
) on commit drop
"""
COPY_REASONS: Final = "copy import_reason from stdin"
COPY_ASSIGNMENTS: Final = "copy import_assignment from stdin"
ASSIGN: Final = """
insert into assignment (job_id, at, authority_id, team_id, reasons)
select job_id, at, authority_id, team_id, reasons
from import_assignment join import_reason using (n)
"""

#: The checkpoint's number is known last: others who take one wait from then on.
STAGE_HEADS: Final = """
create temporary table import_head (job_id uuid, seq int, hash bytea) on commit drop
"""
COPY_HEADS: Final = "copy import_head from stdin"
ADD_HEADS: Final = """
insert into checkpoint_head (checkpoint_id, job_id, seq, hash)
select %(checkpoint)s, job_id, seq, hash from import_head
"""
