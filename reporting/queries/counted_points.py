"""Statements that read single points of what is counted; nothing executes here."""

from functools import cache
from typing import Final, Literal

Measure = Literal["reports", "open", "overdue"]

#: The conditions of the partial indexes, word for word, and what else a measure asks.
_OF: Final[dict[Measure, str]] = {
    "reports": "kind = 0 and not shared",
    "open": "kind = 1 and is_open and not shared",
    "overdue": "kind = 1 and is_open and not shared and overdue",
}

#: What narrows points down; all but the category are read from the rows themselves.
CONDITIONS: Final = {
    "categories": "category = any(%(categories)s::text[])",
    "areas": "area_id = any(%(areas)s::integer[])",
    "teams": "team_id = any(%(teams)s::integer[])",
    "statuses": "status = any(%(statuses)s::text[])",
    "priorities": "priority = any(%(priorities)s::smallint[])",
}
_COLUMNS: Final = {
    "categories": "category",
    "areas": "area_id",
    "teams": "team_id",
    "statuses": "status",
    "priorities": "priority",
}


@cache
def points(measure: Measure, conditions: tuple[str, ...]) -> str:
    """How many were read, and how many of them are in each cell of a tile, as arrays.

    Of each square (a tile of zoom 14), the newest of the days are read, and no more than so many:
    one range of an index, whatever the years. Conditions come after, so they cost nothing more.
    """
    columns = "".join(f", {_COLUMNS[name]}" for name in conditions)
    narrowed = "".join(f" and {CONDITIONS[name]}" for name in conditions)
    return f"""
with seen as materialized (
  select point.* from unnest(%(xs)s::integer[], %(ys)s::integer[], %(most)s::integer[])
    square (x, y, most)
  cross join lateral (
    select px, py{columns} from counted
    where {_OF[measure]} and authority_id = %(authority)s
      and (px >> 12) = square.x and (py >> 12) = square.y
      and day between %(first)s and %(last)s
    order by day desc limit square.most
  ) point
),
cell as (
  select ((py << %(up)s >> %(down)s) & 63) * 64 + ((px << %(up)s >> %(down)s) & 63) as cell,
    count(*)::integer as n
  from seen
  where px between %(west)s and %(east)s and py between %(north)s and %(south)s{narrowed}
  group by 1
)
select (select count(*) from seen), array_agg(cell), array_agg(n) from cell
"""
