"""Statements on photos."""

_COLUMNS = """
photo.id, photo.object_key, photo.sha256, photo.bytes, photo.media_type,
photo.width, photo.height, photo.state, photo.device_id,
photo.review, photo.reviewed_at, photo.reviewed_by, photo.regions, photo.made, photo.phash,
photo.taken_at, st_y(photo.taken_place) as taken_lat, st_x(photo.taken_place) as taken_lng,
photo.original_gone_at
"""

#: The state as all but a few see it: while nobody has looked for faces, it is being made ready.
SHOWN_STATE = (
    "case when photo.state = 'ready' and photo.made is null then 'stored' else photo.state end"
)
#: A photo as the views take it: ``{id, state, review}``.
SHOWN = f"""jsonb_build_object(
  'id', photo.id, 'state', {SHOWN_STATE}, 'review', photo.review
)"""

FIND = f"select {_COLUMNS} from photo where id = %(id)s"

#: The row and the wake-up for the worker, both or neither. No row: the id is taken.
RECORD = f"""
with photo_row as (
  insert into photo (id, object_key, sha256, bytes, media_type, width, height, device_id)
  values (
    %(id)s, %(object_key)s, %(sha256)s, %(bytes)s, %(media_type)s, %(width)s, %(height)s,
    %(device)s
  )
  on conflict (id) do nothing
  returning *
), outbox_row as (
  insert into outbox (topic, subject) select 'photo', id from photo_row
)
select {_COLUMNS} from photo_row photo
"""

#: A photo with the report it shows and the job that report, or the crew's update, stands on.
#: What is not attached has neither.
WITH_JOB = f"""
select {_COLUMNS},
  report.id as report_id, report.device_id as report_device_id,
  job.authority_id, job.team_id, job.ward_area_id, job.division_area_id, job.category,
  report.withdrawn_at is not null as withdrawn
from photo
left join report on report.id = photo.report_id
left join job_report link on link.report_id = report.id and link.until is null
left join job_update entry on entry.id = photo.update_id
left join job on job.id = coalesce(link.job_id, entry.job_id)
where photo.id = %(id)s
"""

#: What became of it, if nothing has happened since it was looked at: it was not made ready, and no
#: staff has decided anything.
SETTLE = """
update photo set
  state = %(state)s, width = %(width)s, height = %(height)s, made = %(made)s, review = %(review)s,
  regions = %(regions)s, phash = %(phash)s, taken_at = %(taken_at)s,
  taken_place = st_setsrid(st_makepoint(%(taken_lng)s::float8, %(taken_lat)s::float8), 4326)
where id = %(id)s and object_key = %(object_key)s and state = 'stored'
  and reviewed_at is not distinct from %(reviewed_at)s
"""

#: Uploaded and never sent with a report or an update. One that is being attached right now is
#: passed over; one in these rows cannot be attached until we are done.
LOOSE = """
select id, object_key, made from photo
where report_id is null and update_id is null
  and uploaded_at < now() - make_interval(secs => %(older_than_s)s)
order by uploaded_at
limit %(limit)s
for update skip locked
"""

FORGET = "delete from photo where id = any(%(ids)s)"

#: The objects that rows name, of these photos.
NAMED = """
select object_key, made, original_gone_at is not null from photo where id = any(%(ids)s)
"""

#: The parts that are here of them while they are on their way.
PARTS = "select unnest(parts) from upload where photo_id = any(%(ids)s)"

LOCK = f"select {_COLUMNS} from photo where id = %(id)s for update"

#: What staff decided, and the wake-up for the worker if its copies are to be made again.
REVIEW = f"""
with photo_row as (
  update photo set review = %(review)s, reviewed_at = clock_timestamp(), reviewed_by = %(by)s,
    regions = %(regions)s, state = case when %(again)s then 'stored' else state end
  where id = %(id)s
  returning *
), outbox_row as (
  insert into outbox (topic, subject) select 'photo', id from photo_row where %(again)s
)
select {_COLUMNS} from photo_row photo
"""

#: Originals that are no longer needed: the job, as it stands now, was closed so long ago. Newer
#: pictures are not looked at. One that somebody works on is left for the next time.
ORIGINALS = """
select photo.id, photo.object_key from photo
left join job_report link on link.report_id = photo.report_id and link.until is null
left join job_update entry on entry.id = photo.update_id
join job on job.id = coalesce(link.job_id, entry.job_id)
where photo.original_gone_at is null
  and photo.uploaded_at < now() - make_interval(secs => %(older_than_s)s)
  and photo.state <> 'stored'
  and job.closed_at < now() - make_interval(secs => %(older_than_s)s)
order by photo.uploaded_at
limit %(limit)s
for update of photo skip locked
"""

ORIGINALS_GONE = "update photo set original_gone_at = now() where id = any(%(ids)s)"
