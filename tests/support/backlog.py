"""Thousands of jobs straight in SQL: years of closed ones, and behind them those that are open."""

from tests.support.county import County

FILL = """
insert into job (
  id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place, status,
  priority, due_at, version, chain_head, created_at, updated_at
)
select
  gen_random_uuid(), n, %(shire)s, case n %% 10 when 0 then %(triage)s else %(highways)s end,
  case n %% 5 when 0 then 'fly_tipping' else 'pothole' end,
  (%(wards)s::int[])[n %% 4 + 1], (%(divisions)s::int[])[n %% 4 / 2 + 1],
  st_setsrid(st_makepoint(-1 + 0.08 * (n %% 997) / 997.0, 52 + 0.02 * (n %% 991) / 991.0), 4326),
  case when n <= %(closed)s then 'fixed' else 'received' end, n %% 4 + 1,
  '2024-01-01'::timestamptz + n * interval '1 hour', 1, '', now(), now()
from generate_series(1, %(jobs)s) n
"""


async def fill(county: County, jobs: int, closed: int) -> None:
    """So many jobs of the shire, so many of them closed; nine of ten are the highways team's."""
    await county.conn.execute(
        FILL,
        {
            "shire": county.authorities["shire"],
            "triage": county.teams["shire/shire-triage"],
            "highways": county.teams["shire/highways"],
            "wards": [county.areas[code] for code in ("W1", "W2", "E1", "E2")],
            "divisions": [county.areas[code] for code in ("D1", "D2")],
            "jobs": jobs,
            "closed": closed,
        },
    )
    await county.conn.execute("vacuum analyze job")
