"""Statements on what the worker found of trends. None executes here.

Reading: what was found for one authority, within the areas somebody answers for. Every read is a
few rows of one authority; nothing is worked out.
"""

RUN = "select at, facts from trend_run where authority_id = %(authority)s and kind = %(kind)s"

#: What grew most beyond the usual at the head.
GROWING = """
select id, category, area_id, lat, lng, radius_m, recent, usual, year_before, reports, score, q
from growing_place
where authority_id = %(authority)s
  and (%(areas)s::integer[] is null or area_id = any(%(areas)s::integer[]))
order by recent - usual desc, id
"""

#: The jobs are named in the order in which they were fixed. What has come in there since is
#: whatever is open within the same circle.
REPEATS = """
select spot.id, spot.category, spot.area_id, spot.lat, spot.lng, spot.radius_m, spot.fixed,
  spot.first_at, spot.last_at,
  (
    select json_agg(json_build_object(
        'id', job.id, 'reference', job.reference, 'closed_at', job.closed_at)
      order by job.closed_at, job.id)
    from job where job.id = any(spot.jobs)
  ) as jobs
from repeat_spot spot
where spot.authority_id = %(authority)s
  and (%(areas)s::integer[] is null or spot.area_id = any(%(areas)s::integer[]))
order by spot.fixed desc, spot.last_at desc, spot.id
"""

#: The whole authority is area 0; who answers for some wards is not shown it.
FORECASTS = """
select category, area_id, months, refused, method, backtest, history
from forecast
where authority_id = %(authority)s
  and (%(areas)s::integer[] is null or area_id = any(%(areas)s::integer[]))
  and (%(categories)s::text[] is null or category = any(%(categories)s::text[]))
  and (%(wards)s::integer[] is null or area_id = any(%(wards)s::integer[]))
order by category, area_id
"""

KEEP_RUN = """
insert into trend_run (authority_id, kind, at, facts)
values (%(authority)s, %(kind)s, %(at)s, %(facts)s::jsonb)
on conflict (authority_id, kind) do update set at = excluded.at, facts = excluded.facts
"""
CLEAR_GROWING = "delete from growing_place where authority_id = %(authority)s"
KEEP_GROWING = """
insert into growing_place (authority_id, category, area_id, lat, lng, radius_m, recent, usual,
  year_before, reports, score, q)
values (%(authority)s, %(category)s, %(area_id)s, %(lat)s, %(lng)s, %(radius_m)s, %(recent)s,
  %(usual)s, %(year_before)s, %(reports)s, %(score)s, %(q)s)
"""
CLEAR_REPEATS = "delete from repeat_spot where authority_id = %(authority)s"
KEEP_REPEAT = """
insert into repeat_spot (authority_id, category, area_id, lat, lng, radius_m, fixed, first_at,
  last_at, jobs)
values (%(authority)s, %(category)s, %(area_id)s, %(lat)s, %(lng)s, %(radius_m)s, %(fixed)s,
  %(first_at)s, %(last_at)s, %(jobs)s)
"""
CLEAR_FORECASTS = "delete from forecast where authority_id = %(authority)s"
KEEP_FORECAST = """
insert into forecast (authority_id, category, area_id, months, refused, method, backtest, history)
values (%(authority)s, %(category)s, %(area_id)s, %(months)s::jsonb, %(refused)s, %(method)s,
  %(backtest)s::jsonb, %(history)s::jsonb)
"""
