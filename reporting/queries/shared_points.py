"""Statements on points that very many reports share; nothing executes here."""

#: Places of the last days that hold far more reports than a place can have. Reads those days'
#: reports by ix_report_created, and only the few places that pass the first count a second time.
#: ``kinds`` is how many categories there are, weighed: the inverse of the chance that two reports
#: are of one category (Simpson's index), so one stray report of another kind adds almost nothing.
FIND = """
with recent as materialized (
  select place, category, created_at from report
  where created_at > coalesce(%(at)s::timestamptz, now()) - make_interval(days => %(days)s)
    and created_at <= coalesce(%(at)s::timestamptz, now())
    and place is not null
),
overall as (
  select sum(n) as reports, sum(n) ^ 2 / sum(n ^ 2) as kinds
  from (select count(*) as n from recent group by category) by_kind
),
crowded as (
  select place, count(*) as reports, count(distinct created_at::date) as days
  from recent group by place
  having count(*) >= %(reports)s and count(distinct created_at::date) >= %(on_days)s
),
by_kind as (
  select crowded.place, crowded.reports, count(*) as n
  from crowded join recent using (place)
  group by crowded.place, crowded.reports, recent.category
),
found as (
  select place, reports, sum(n) ^ 2 / sum(n ^ 2) as kinds
  from by_kind group by place, reports
)
insert into shared_point (lat, lng, reports)
select st_y(place), st_x(place), found.reports
from found, overall
where found.kinds >= greatest(%(kinds_least)s, least(%(kinds)s, %(kinds_share)s * overall.kinds))
  or (found.reports >= %(many)s and found.reports >= %(share)s * overall.reports)
on conflict (lat, lng) do update set reports = excluded.reports
returning lat, lng, reports, xmax = 0 as is_new
"""
