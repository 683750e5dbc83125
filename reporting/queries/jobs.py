"""Statements on jobs and their updates; nothing executes here."""

from collections.abc import Iterable
from functools import cache
from typing import Literal

from geo.spatial import in_bbox
from reporting.queries.photos import SHOWN
from reporting.status import OPEN_CONDITION as OPEN

#: One row of the log, from ``events.Entry.params()``. Intake puts it into its own statement.
INSERT_UPDATE = """
insert into job_update (
  job_id, seq, id, kind, actor, made_at, recorded_at, changes, words_hash, previous_hash, hash
) values (
  %(update_job)s, %(update_seq)s, %(update_id)s, %(update_kind)s, %(update_actor)s,
  %(update_made_at)s, %(update_recorded_at)s, %(update_changes)s::jsonb, %(update_words_hash)s,
  %(update_previous_hash)s, %(update_hash)s
)
"""

_WORDS = """
insert into update_words (update_id, salt, note, public_message, waiting_for)
values (
  %(update_id)s, %(update_salt)s, %(update_note)s, %(update_public_message)s,
  %(update_waiting_for)s
)
"""

_PHOTOS = """
update photo set update_id = %(update_id)s
where id = any(%(photos)s::uuid[]) and report_id is null and update_id is null
"""

_OUTBOX = "insert into outbox (topic, subject) values ('update', %(update_id)s)"

#: Ours, open and late; of a stopped clock, what it showed when it stopped (``status.overdue``).
OVERDUE = f"""(
  {OPEN} and status <> 'referred' and due_at < now()
  and coalesce(clock_stopped_at, now()) > due_at
)"""

#: What ``rows.JobFacts`` holds.
FACTS = f"""
  job.reference, job.authority_id, job.team_id, job.worker_id,
  case when job.worker_id is not null
    then (select staff.name from staff where staff.id = job.worker_id) end as worker,
  job.referred_to, job.category, job.ward_area_id,
  job.division_area_id, st_y(job.place) as lat, st_x(job.place) as lng, job.status,
  job.waiting_for, job.closed_reason, job.scheduled_for, job.priority, job.due_at,
  job.clock_stopped_at, job.reports, job.reopened, job.flags, job.version, job.created_at,
  job.updated_at, job.closed_at, {OVERDUE} as overdue, job.merged_into,
  case when job.merged_into is not null
    then (select reference from job other where other.id = job.merged_into) end as merged_reference
"""

_COLUMNS = f"job.id, {FACTS}"

ONE = f"select {_COLUMNS} from job where id = %(job)s"
SEVERAL = f"select {_COLUMNS} from job where id = any(%(jobs)s::uuid[])"

#: Taken before a job is routed anew, so that no activation of boundaries passes it by.
LOCK_ROUTING_SHARED = "select pg_advisory_xact_lock_shared(%(lock)s)"

#: The clock of a locked job: the transaction's, but always after the job's last update. The row's
#: lock decides whose update is the later one, and who began first may well come second.
LOCKED_NOW = "greatest(now(), job.updated_at + interval '1 microsecond')"

#: The rows' locks serialise the updates of a job; taken in order of id, so that nobody waits in a
#: circle.
LOCK = f"""
select {_COLUMNS}, job.chain_head, job.priority_by_hand, {LOCKED_NOW} as now
from job where id = any(%(jobs)s) order by id for update
"""

#: The reports that stand on some jobs, with their words and photos; nothing that leads to a person.
REPORTS = f"""
select
  link.job_id, report.id, report.reference, report.category, report.answers, report.flags,
  report.accuracy_m, st_y(report.place) as lat, st_x(report.place) as lng, report.observed_at,
  report.created_at,
  report.taken_by is not null as by_phone, report.withdrawn_at, link.since,
  words.description, words.place_text,
  array(
    select {SHOWN}
    from photo where photo.report_id = report.id order by photo.uploaded_at, photo.id
  ) as photos
from job_report link
join report on report.id = link.report_id
left join report_words words on words.report_id = report.id
where link.job_id = any(%(jobs)s::uuid[]) and link.until is null
order by link.job_id, link.since, report.id
"""

#: What was answered to a category's questions by those who reported a job, first of all at first.
ANSWERS = """
select job.answers from job where job.id = %(job)s and job.category = %(category)s
union all
select report.answers
from job_report link join report on report.id = link.report_id
where link.job_id = %(job)s and link.until is null and report.withdrawn_at is null
  and report.category = %(category)s
"""

_UPDATES = f"""
select
  entry.job_id, entry.id, entry.seq, entry.kind, entry.actor, entry.made_at, entry.recorded_at,
  entry.changes,
  words.note, words.public_message, words.waiting_for,
  coalesce(staff.name, contractor.name) as name,
  case when entry.changes ? 'worker' then (
    select worker.name from staff worker where worker.id = (entry.changes ->> 'worker')::uuid
  ) end as worker,
  array(
    select {SHOWN}
    from photo where photo.update_id = entry.id order by photo.uploaded_at, photo.id
  ) as photos
from job_update entry
left join update_words words on words.update_id = entry.id
left join staff on staff.id = case
  when left(entry.actor, 6) = 'staff:' then substr(entry.actor, 7)::uuid
end
left join handover contractor on contractor.id = case
  when left(entry.actor, 9) = 'handover:' then substr(entry.actor, 10)::uuid
end
"""

#: What happened to some jobs since a version, oldest first.
UPDATES = f"""{_UPDATES}
where entry.job_id = any(%(jobs)s::uuid[]) and entry.seq > %(since)s
order by entry.job_id, entry.seq
"""
UPDATES_BY_ID = f"{_UPDATES} where entry.id = any(%(ids)s::uuid[])"

#: What is known of the places of some jobs: the zones in which routing found each when it last
#: looked. A team that somebody named is an assignment too, without areas.
PLACES = """
select
  asked.job_id,
  array(
    select jsonb_build_object(
      'type', area ->> 'zone_type', 'name', area ->> 'name', 'code', area ->> 'code'
    )
    from json_array_elements(found.areas) area where area ->> 'kind' = 'zone'
  ) as zones
from unnest(%(jobs)s::uuid[]) asked (job_id)
cross join lateral (
  select reasons -> 'areas' as areas from assignment
  where assignment.job_id = asked.job_id and reasons -> 'areas' is not null
  order by id desc limit 1
) found
"""

#: An update that came before under this id, wherever.
KNOWN_UPDATE = """
select entry.job_id, entry.seq, entry.actor, words.note, words.public_message,
  words.update_id is null and entry.words_hash is not null as erased
from job_update entry
left join update_words words on words.update_id = entry.id
where entry.id = %(id)s
"""

#: Somebody who may be on a job of this team: one of its crews, or who answers for the authority.
WORKER = """
select staff.id from staff
where staff.id = %(worker)s and staff.authority_id = %(authority)s and staff.disabled_at is null
  and (
    staff.role in ('supervisor', 'admin')
    or exists (
      select from staff_team member
      where member.staff_id = staff.id and member.team_id = %(team)s
    )
  )
"""

#: Photos that were uploaded and belong to nothing yet, locked until they do.
LOOSE_PHOTOS = """
select id, encode(sha256, 'hex') as sha256 from photo
where id = any(%(photos)s::uuid[]) and report_id is null and update_id is null
for update
"""

#: How often it was passed from one authority here to another.
REFERRED_TIMES = """
select count(*) from assignment where job_id = %(job)s and reasons ->> 'why' = 'referred'
"""

ASSIGNMENTS = """
select
  assignment.at, assignment.reasons, authority.slug as authority, authority.name as authority_name,
  team.slug as team, team.name as team_name
from assignment
join authority on authority.id = assignment.authority_id
join team on team.id = assignment.team_id
where assignment.job_id = %(job)s
order by assignment.id desc
"""

# Where staff have put it themselves, no phone was unsure.
_CHANGED_JOB = """
job_row as (
  update job set
    authority_id = %(authority)s, team_id = %(team)s, worker_id = %(worker)s,
    referred_to = %(referred_to)s, category = %(category)s,
    ward_area_id = %(ward)s, division_area_id = %(division)s,
    place = st_setsrid(st_makepoint(%(lng)s, %(lat)s), 4326),
    accuracy_m = case when st_x(place) = %(lng)s and st_y(place) = %(lat)s then accuracy_m end,
    status = %(status)s, waiting_for = %(waiting_for)s, closed_reason = %(closed_reason)s,
    scheduled_for = %(scheduled_for)s, priority = %(priority)s,
    priority_by_hand = %(priority_by_hand)s, due_at = %(due_at)s,
    clock_stopped_at = %(clock_stopped_at)s, reopened = %(reopened)s, flags = %(flags)s,
    closed_at = %(closed_at)s, version = %(update_seq)s, chain_head = %(update_hash)s,
    updated_at = %(update_recorded_at)s
  where id = %(update_job)s
)"""

_NOTED_JOB = """
job_row as (
  update job set
    version = %(update_seq)s, chain_head = %(update_hash)s, updated_at = %(update_recorded_at)s
  where id = %(update_job)s
)"""

_ASSIGNMENT = """
insert into assignment (job_id, at, authority_id, team_id, reasons)
values (%(update_job)s, %(update_recorded_at)s, %(authority)s, %(team)s, %(reasons)s::jsonb)
"""

Part = Literal["fields", "words", "photos", "assignment", "outbox"]


@cache
def append(parts: frozenset[Part]) -> str:
    """The statement that adds an update to a locked job, with the parts that this one has.

    Foreign keys are checked when the statement ends, so the order of its parts is for the reader.
    """
    optional: Iterable[tuple[Part, str]] = (
        ("words", _WORDS),
        ("photos", _PHOTOS),
        ("assignment", _ASSIGNMENT),
        ("outbox", _OUTBOX),
    )
    rows = [
        _CHANGED_JOB if "fields" in parts else _NOTED_JOB,
        f"update_row as ({INSERT_UPDATE})",
        *(f"{name}_row as ({statement})" for name, statement in optional if name in parts),
    ]
    return f"with {','.join(rows)}\nselect 1"


#: How a page of jobs is found: by the jobs of some teams, wards or divisions, or authorities, each
#: read from its own index in order of due time and then merged; or by the place of open jobs.
Lane = Literal["team", "ward", "authority", "place"]

LANES: dict[Lane, tuple[str, ...]] = {
    "team": ("team_id = any_of.lane",),
    "authority": ("authority_id = any_of.lane",),
    # A job lies in a ward and, in two-tier counties, in a division too; it must come once.
    "ward": (
        "ward_area_id = any_of.lane",
        """division_area_id = any_of.lane
           and (ward_area_id is null or ward_area_id <> all(%(lanes)s::integer[]))""",
    ),
}

#: By position as in ``rows.ListedJob``.
LISTED = f"""
  {FACTS}, job.id::text as listed_id,
  (select version from rulebook where id = 1) as rules_version
"""

_LANE = """
select job.* from unnest(%(lanes)s::integer[]) any_of (lane) cross join lateral (
  select * from job where {lane} and {conditions} order by due_at, id limit {rows}
) job
"""


def _in_areas(name: str) -> str:
    ids = f"%({name})s::integer[]"
    return f"(ward_area_id = any({ids}) or division_area_id = any({ids}))"


#: What narrows a page; each is used only when it was asked for, so that the text of a statement
#: names just the columns it needs.
CONDITIONS = {
    # "is true" keeps the planner from reading a whole authority in order of due time where the lane
    # is a team or ward with few jobs; unlike "+ 0" it leaves the estimate of rows as it is.
    "authority": "(authority_id = %(authority)s) is true",
    "teams": "team_id = any(%(teams)s::integer[])",
    "areas": _in_areas("areas"),
    "asked_areas": _in_areas("asked_areas"),
    "categories": "category = any(%(categories)s::text[])",
    "statuses": "status = any(%(statuses)s::text[])",
    "priorities": "priority = any(%(priorities)s::smallint[])",
    # Written out, never as a parameter: a prepared statement would lose the partial indexes.
    "open": OPEN,
    # Where the work goes on in another job, that one is listed.
    "standing": "merged_into is null",
    "overdue": OVERDUE,
    "not_overdue": f"not {OVERDUE}",
    "bbox": in_bbox("place"),
    # Nothing is due before it was made: what says so lets the indexes by due time begin there.
    "since": "created_at >= %(since)s::timestamptz and due_at >= %(since)s::timestamptz",
    "until": "created_at < %(until)s::timestamptz",
    "due_by": "due_at < %(due_by)s::timestamptz",
    "after": "(due_at, id) > (%(after_due)s::timestamptz, %(after_id)s::uuid)",
}


@cache
def page(lane: Lane, conditions: tuple[str, ...], rows: int) -> str:
    """The statement of one page of jobs, by due time and id; at most so many rows.

    The number is written out: for a parameter the planner of a prepared statement would guess a
    tenth of the table, and sort it.
    The cost is that of the page and of what the conditions pass over in the lanes, not of the jobs
    there ever were.
    """
    narrowed = " and ".join(CONDITIONS[name] for name in conditions) or "true"
    if lane == "place":
        return f"""
select {LISTED} from job where {narrowed} order by job.due_at, job.id limit {rows}
"""
    lanes = " union all ".join(
        f"({_LANE.format(lane=each, conditions=narrowed, rows=rows)})" for each in LANES[lane]
    )
    return f"""
select {LISTED} from ({lanes}) job order by job.due_at, job.id limit {rows}
"""
