"""Statements of the intake path, and of reading reports; nothing executes here.

Intake makes two round trips between BEGIN and COMMIT: LOOK reads all that is decided on, and one
statement put together by ``store`` writes all that follows from it.
"""

from functools import cache

from geo.lookup import AREA_IDS, NEAR_IDS
from geo.spatial import PLACE, box_around, metres_between, within_metres
from reporting.queries.jobs import INSERT_UPDATE, LOCKED_NOW
from reporting.status import OPEN_CONDITION as OPEN
from routing.duplicates import ACCURACY_COUNTED_M

#: The time of the report: now, or the one given for a report of the past.
_AT = "coalesce(%(at)s::timestamptz, now())"
_DATED = ("%(at)s", _AT)

#: How many open jobs around a place are weighed, the nearest first.
CANDIDATES = 8

_PHOTOS_TO_TAKE = """
  case when %(photos)s::uuid[] = '{}' then '{}'::bigint[] else array(
    select phash from photo
    where id = any(%(photos)s::uuid[]) and report_id is null and update_id is null
      and (device_id is null or device_id = %(device)s::uuid)
  ) end"""

_REACH = f"%(reach_m)s + least(coalesce(accuracy_m, 0), {ACCURACY_COUNTED_M})"
_AROUND = box_around(PLACE, f"(%(reach_m)s + {ACCURACY_COUNTED_M})")

#: Whether a job's place is one that very many reports share: nothing near it is near the defect.
ON_SHARED_POINT = """exists (
  select from shared_point where shared_point.lat = st_y(place) and shared_point.lng = st_x(place)
)"""

#: What duplicates.score asks of each open job that could be meant; null where there is none.
_CANDIDATES = f"""
  select json_agg(json_build_array(id, reference, metres, age_days, accuracy_m, answers, hashes))
  from (
    select
      job.id, reference, metres, accuracy_m, answers,
      (
        select extract(epoch from {_AT} - max(since)) / 86400 from job_report
        where job_id = job.id and until is null
      ) as age_days,
      case when %(photos)s::uuid[] <> '{{}}' then array(
        select phash from job_report link join photo on photo.report_id = link.report_id
        where link.job_id = job.id and link.until is null and phash is not null
        limit 20
      ) end as hashes
    from job, {metres_between("place", PLACE)} as metres
    where {OPEN} and category = %(category)s and place && {_AROUND} and metres <= {_REACH}
      and not {ON_SHARED_POINT}
    order by metres, id
    limit {CANDIDATES}
  ) near"""

#: Zones near enough for the category's risk to move by them. None is looked for where no distance
#: counts; those that hold the place are among its areas.
_ZONES = f"""
  case when %(zones_m)s::float8 > 0 then (
    select json_agg(json_build_array(area_id, distance_m))
    from areas_near({PLACE}, {_AT}, %(zones_m)s) where kind = 'zone'
  ) end"""

#: One row: the clock, the rules' version, the areas, two reference numbers, the hashes of those of
#: the photos that are there to be taken, the stored answer if this request came before, whether
#: very many reports share the place, the open jobs of the category that could be meant, and zones.
#: It relies on the locks that BEGIN took: nobody else who could answer it otherwise is between this
#: look and its own commit.
LOOK = f"""
select
  {_AT},
  (select version from rulebook),
  {AREA_IDS.replace(*_DATED)},
  {NEAR_IDS.replace(*_DATED)},
  nextval('reference_number'),
  nextval('reference_number'),
  {_PHOTOS_TO_TAKE},
  known.body_hash, known.status, known.answer,
  shared.found,
  case when not shared.found then ({_CANDIDATES}) end,
  {_ZONES}
from (
  select exists (select from shared_point where lat = %(lat)s and lng = %(lng)s) as found
) shared
left join idempotency_key known on known.scope = %(scope)s and known.key = %(key)s
"""
LOOK = " ".join(LOOK.split())

#: The same where the place is given in words only.
LOOK_WORDS = f"""
select
  {_AT},
  (select version from rulebook),
  '{{}}'::int[],
  '{{}}'::int[],
  nextval('reference_number'),
  nextval('reference_number'),
  {_PHOTOS_TO_TAKE},
  known.body_hash, known.status, known.answer,
  false,
  null,
  null
from (values (1)) as one
left join idempotency_key known on known.scope = %(scope)s and known.key = %(key)s
"""

#: What the reports on a job said, each once; so many reports say all there is to say.
_TOLD = """array(
    select distinct said.answers from (
      select report.answers from job_report link join report on report.id = link.report_id
      where link.job_id = job.id and link.until is null and report.withdrawn_at is null
        and report.category = job.category
      limit 100
    ) said
  )"""

_JOB_TO_JOIN = f"""
select
  job.id, job.reference, job.authority_id, job.team_id, job.version, job.chain_head, job.reports,
  job.priority, job.priority_by_hand, job.due_at, job.clock_stopped_at, job.status, job.category,
  job.answers, {LOCKED_NOW} as now, {_TOLD} as told
from job
where {OPEN} and {{condition}}
order by {{order}}
limit 1
for update
"""

#: The first of these jobs that is still open and the same authority's, locked.
JOIN_FIRST = _JOB_TO_JOIN.format(
    condition="id = any(%(jobs)s) and authority_id = %(authority)s",
    order="array_position(%(jobs)s, id)",
)

#: The job a resident named, if it is open, of the category and within 500 m (anywhere, for a place
#: in words). One that was merged away stands for the job that its reports went to. Of the category
#: it is as well when a report on it is: staff may have put the job right while the resident was out
#: of signal.
JOIN_NAMED = _JOB_TO_JOIN.format(
    condition=(
        "id = ("
        " with recursive named as ("
        " select id, merged_into from job where reference = %(reference)s union all"
        " select next.id, next.merged_into from named join job next on next.id = named.merged_into"
        " ) select id from named where merged_into is null"
        ") and (category = %(category)s or exists ("
        " select from job_report link join report on report.id = link.report_id"
        " where link.job_id = job.id and link.until is null"
        " and report.category = %(category)s"
        ")) and (%(lng)s::float8 is null or place is null or "
        + within_metres(
            "place", "st_setsrid(st_makepoint(%(lng)s::float8, %(lat)s::float8), 4326)", "500"
        )
        + ")"
    ),
    order="id",
)

_PLACE_OR_NULL = (
    "case when %(lng)s::float8 is null then null"
    " else st_setsrid(st_makepoint(%(lng)s::float8, %(lat)s::float8), 4326) end"
)

_REPORTER = """
reporter_row as (
  insert into reporter (id, name, email, phone, language, updates)
  values (%(reporter)s, %(name)s, %(email)s, %(phone)s, %(language)s, %(updates)s)
),
subscription_row as (
  insert into subscription (reporter_id, channel, address, created_at)
  select %(reporter)s, 'email', %(email)s, %(update_recorded_at)s
  where 'email' = any(%(updates)s)
)"""

_NEW_JOB = f"""
job_row as (
  insert into job (
    id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place,
    accuracy_m, answers, status, priority, due_at, flags, version, chain_head, created_at,
    updated_at
  ) values (
    %(update_job)s, %(job_reference)s, %(authority)s, %(team)s, %(category)s, %(ward)s,
    %(division)s, {_PLACE_OR_NULL}, %(accuracy_m)s, %(answers)s::jsonb, 'received', %(priority)s,
    %(due_at)s, %(flags)s, %(update_seq)s, %(update_hash)s, %(update_recorded_at)s,
    %(update_recorded_at)s
  )
),
assignment_row as (
  insert into assignment (job_id, at, authority_id, team_id, reasons)
  values (%(update_job)s, %(update_recorded_at)s, %(authority)s, %(team)s, %(reasons)s::json)
)"""

_JOINED_JOB = """
job_row as (
  update job set
    version = %(update_seq)s, chain_head = %(update_hash)s, reports = reports + 1,
    priority = %(priority)s, due_at = %(due_at)s, clock_stopped_at = %(clock_stopped_at)s,
    updated_at = %(update_recorded_at)s
  where id = %(update_job)s
)"""

_REPORT = f"""
update_row as ({INSERT_UPDATE}),
report_row as (
  insert into report (
    id, reference, category, place, accuracy_m, authority_id, ward_area_id, answers, flags,
    device_id, reporter_id, taken_by, tracking_hash, observed_at, created_at
  ) values (
    %(report)s, %(reference)s, %(category)s, {_PLACE_OR_NULL}, %(accuracy_m)s,
    %(authority)s, %(ward)s, %(answers)s::jsonb, %(flags)s, %(device)s, %(reporter)s,
    %(taken_by)s, %(tracking_hash)s, %(observed_at)s, %(update_recorded_at)s
  )
),
link_row as (
  insert into job_report (report_id, job_id, since)
  values (%(report)s, %(update_job)s, %(update_recorded_at)s)
),
outbox_row as (
  insert into outbox (topic, subject) values ('update', %(update_id)s)
),
known_row as (
  insert into idempotency_key (scope, key, body_hash, status, answer)
  values (%(scope)s, %(key)s, %(body_hash)s, 201, %(answer)s)
)"""

_WORDS = """
words_row as (
  insert into report_words (report_id, description, place_text, held_for)
  values (%(report)s, %(description)s, %(place_text)s, %(held_for)s)
)"""

_PHOTOS = """
photo_rows as (
  update photo set report_id = %(report)s
  where id = any(%(photos)s::uuid[]) and report_id is null and update_id is null
  returning id
)"""


@cache
def store(*, new_job: bool, reporter: bool, words: bool, photos: bool) -> str:
    """The statement that writes a report and all that follows from it.

    One row: how many photos it took. Foreign keys are checked when the statement ends, so the
    order of its parts is for the reader. White space is folded and no value has two names because
    psycopg reads a statement of more than 4,096 characters or 50 parameters anew each time, which
    costs a quarter of a millisecond.
    """
    parts = [
        *([_REPORTER] if reporter else []),
        _NEW_JOB if new_job else _JOINED_JOB,
        _REPORT,
        *([_WORDS] if words else []),
        *([_PHOTOS] if photos else []),
    ]
    taken = "(select count(*) from photo_rows)" if photos else "0"
    return " ".join(f"with{','.join(parts)} select {taken}".split())


#: Open jobs near a place, nearest first, as anyone may see them; none that may be anywhere.
NEARBY = f"""
select
  id, reference, category, status, reports, created_at, scheduled_for, waiting_for,
  st_y(place) as lat, st_x(place) as lng, distance_m
from job, {metres_between("place", PLACE)} as distance_m
where {OPEN} and category = %(category)s and place && {box_around(PLACE, "%(radius_m)s")}
  and distance_m <= %(radius_m)s and not {ON_SHARED_POINT}
order by distance_m, id
limit 20
"""
