"""Statements on what staff look at before everyone may see it: pictures, and words held back."""

from geo.spatial import metres_between

#: The jobs of a Scope.
_IN_SCOPE = """
job.authority_id = %(authority)s
and (%(areas)s::integer[] is null
  or job.ward_area_id = any(%(areas)s) or job.division_area_id = any(%(areas)s))
"""

_PHOTO = f"""
select
  photo.id, photo.uploaded_at, photo.width, photo.height, photo.state, photo.made is not null
  as is_made, photo.review, photo.reviewed_at, staff.name as reviewed_by, photo.regions,
  photo.taken_at, st_y(photo.taken_place) as taken_lat, st_x(photo.taken_place) as taken_lng,
  {metres_between("photo.taken_place", "coalesce(report.place, job.place)")} as taken_away_m,
  photo.original_gone_at, report.id as report_id, report.reference as report_reference,
  coalesce(report.created_at, entry.recorded_at) as told_at,
  job.id as job_id, job.reference as job_reference, job.category,
  job.authority_id, job.team_id, job.ward_area_id, job.division_area_id
from photo
left join report on report.id = photo.report_id
left join job_report link on link.report_id = report.id and link.until is null
left join job_update entry on entry.id = photo.update_id
join job on job.id = coalesce(link.job_id, entry.job_id)
left join staff on staff.id = photo.reviewed_by
"""

#: A photo with the report or the update it belongs to. What is not attached is not here.
PHOTO = f"{_PHOTO} where photo.id = %(id)s"
#: Nobody else decides about it until the transaction ends.
PHOTO_LOCKED = f"{PHOTO} for update of photo"

#: The condition of the index ``ix_photo_to_check`` to the letter, which is how it comes to be used.
_MAY_WAIT = """
photo.state = 'ready'
and (photo.review = 'needs_check' or (photo.review = 'auto_ok' and photo.reviewed_at is null))
"""

#: What somebody has to look at: whatever is doubtful, and what nothing was found wrong with where
#: the category asks for a look at each. Nobody need look where no picture is ever public.
_WAITS = f"""
{_MAY_WAIT}
and (photo.review = 'needs_check' or job.category = any(%(checked)s::text[]))
and job.category <> all(%(never)s::text[])
and {_IN_SCOPE}
"""

#: In order of arrival, after a place in that order.
TO_CHECK = f"""
{_PHOTO}
where {_WAITS}
  and (photo.uploaded_at, photo.id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
order by photo.uploaded_at, photo.id
limit %(rows)s
"""

#: How many, at most so many.
COUNT_TO_CHECK = f"""
select count(*) from (
  select
  from photo
  left join job_report link on link.report_id = photo.report_id and link.until is null
  left join job_update entry on entry.id = photo.update_id
  join job on job.id = coalesce(link.job_id, entry.job_id)
  where {_WAITS}
  limit %(most)s
) waiting
"""

_WORDS = """
select
  report.id, report.reference, report.created_at, job.category,
  words.description, words.place_text, words.held_for, words.released_at,
  released.name as released_by,
  words.kept_at, kept.name as kept_by,
  job.id as job_id, job.reference as job_reference,
  job.authority_id, job.team_id, job.ward_area_id, job.division_area_id
from report_words words
join report on report.id = words.report_id
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id
left join staff released on released.id = words.released_by
left join staff kept on kept.id = words.kept_by
"""

#: The words of a report, held back or not.
WORDS = f"{_WORDS} where report.id = %(id)s"

#: The condition of the index ``ix_report_words_held``.
_HELD = "words.held_for <> '{}' and words.released_at is null and words.kept_at is null"

TO_READ = f"""
{_WORDS}
where {_HELD} and {_IN_SCOPE}
  and (report.created_at, report.id) > (%(after_at)s::timestamptz, %(after_id)s::uuid)
order by report.created_at, report.id
limit %(rows)s
"""

COUNT_TO_READ = f"""
select count(*) from (
  select
  from report_words words
  join job_report link on link.report_id = words.report_id and link.until is null
  join job on job.id = link.job_id
  where {_HELD} and {_IN_SCOPE}
  limit %(most)s
) waiting
"""

#: ``decision``: released, kept or none. What the screen had let through is held by hand.
DECIDE_WORDS = """
update report_words set
  released_at = case when %(decision)s = 'released' then now() end,
  released_by = case when %(decision)s = 'released' then %(by)s::uuid end,
  kept_at = case when %(decision)s = 'kept' then now() end,
  kept_by = case when %(decision)s = 'kept' then %(by)s::uuid end,
  held_for = case
    when %(decision)s = 'kept' and held_for = '{}' then array['staff'] else held_for
  end
where report_id = %(id)s
"""
