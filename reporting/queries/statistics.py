"""Statements about the sizes of wards; nothing executes here."""

#: How many live in some areas, and how large each is.
SIZES = """
select area.id, size.residents, coalesce(size.km2, area.km2)
from area left join area_size size on size.area_id = area.id
where area.id = any(%(areas)s::integer[])
"""

STORE_SIZE = """
insert into area_size (area_id, residents, km2)
values (%(area)s, %(residents)s, %(km2)s)
on conflict (area_id) do update set
  residents = excluded.residents, km2 = excluded.km2, loaded_at = now()
"""
