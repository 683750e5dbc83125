"""How PostgreSQL finds a page of jobs: by an index, whatever is asked, and not by reading them all.

Both kinds of plan of a prepared statement are looked at: the one made for the values, and the
generic one that takes over after a few runs.
"""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg import AsyncClientCursor

from geo.points import BBox
from reporting.auth import Scope
from reporting.jobs import Asked, listing
from reporting.runtime import Connection, Runtime
from reporting.status import OPEN
from tests.support.county import County

JOBS, OPEN_JOBS = 20_000, 5_000
#: What a page of 51 may read: in lists without a further filter a page for each lane; a filter may
#: pass over the open jobs, but never over the years of closed ones.
PAGE_READ = 500
PLAIN = {
    (scope, asked) for scope in ("authority", "team", "wards") for asked in ("all", "open")
} - {("wards", "all")}

SEED = """
insert into job (
  id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place, status,
  closed_reason, priority, due_at, version, chain_head, created_at, updated_at
)
select
  gen_random_uuid(), n, %(shire)s, case n %% 10 when 0 then %(triage)s else %(highways)s end,
  case n %% 5 when 0 then 'fly_tipping' else 'pothole' end,
  (%(wards)s::int[])[n %% 4 + 1], (%(divisions)s::int[])[n %% 4 / 2 + 1],
  st_setsrid(st_makepoint(-1 + 0.08 * (n %% 997) / 997.0, 52 + 0.02 * (n %% 991) / 991.0), 4326),
  -- Years of closed jobs, due before all that are open.
  case when n <= %(closed)s then 'fixed' else 'received' end, null, n %% 4 + 1,
  '2024-01-01'::timestamptz + n * interval '1 hour', 1, '', now(), now()
from generate_series(1, %(jobs)s) n
"""


@dataclass
class Filled:
    county: County
    rules: Any
    conn: Connection


@pytest.fixture
async def filled(county: County, runtime: Runtime, owner: Connection) -> Filled:
    await owner.execute(
        SEED,
        {
            "shire": county.authorities["shire"],
            "triage": county.teams["shire/shire-triage"],
            "highways": county.teams["shire/highways"],
            "wards": [county.areas[code] for code in ("W1", "W2", "E1", "E2")],
            "divisions": [county.areas[code] for code in ("D1", "D2")],
            "jobs": JOBS,
            "closed": JOBS - OPEN_JOBS,
        },
    )
    await owner.execute("vacuum analyze job")
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    return Filled(county, rules, owner)


def scan_nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    found = [plan] if plan.get("Relation Name") == "job" else []
    for inner in plan.get("Plans", ()):
        found += scan_nodes(inner)
    return found


async def plan_of(conn: Connection, mode: str, statement: str, params: dict[str, Any]) -> Any:
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    text = re.sub(r"%\((\w+)\)s", number, statement)
    await conn.execute(f"set plan_cache_mode = {mode}")
    await conn.execute(f"prepare listed as {text}")
    try:
        cursor = AsyncClientCursor(conn)
        holes = ", ".join("%s" for _ in names)
        call = f"execute listed ({holes})" if names else "execute listed"
        await cursor.execute(
            f"explain (analyze, format json) {call}", [params[name] for name in names]
        )
        row = await cursor.fetchone()
        return row[0][0]["Plan"]
    finally:
        await conn.execute("deallocate listed")
        await conn.execute("set plan_cache_mode = auto")


SCOPES = ["authority", "team", "wards", "divisions"]
ASKED: dict[str, Asked] = {
    "all": Asked(),
    "open": Asked(statuses=OPEN),
    "one status": Asked(statuses=frozenset({"received"})),
    "closed": Asked(statuses=frozenset({"fixed"})),
    "overdue": Asked(overdue=True),
    "a ward, open": Asked(wards=frozenset({"W2"}), statuses=OPEN),
    "a ward": Asked(wards=frozenset({"W2"})),
    "a team, open": Asked(teams=frozenset({"highways"}), statuses=OPEN),
    "a category": Asked(categories=frozenset({"pothole"})),
    "priorities": Asked(priorities=frozenset({1, 2}), statuses=OPEN),
    "a box, open": Asked(bbox=BBox(-0.99, 52.005, -0.985, 52.01), statuses=OPEN),
}


def scope_of(filled: Filled, name: str) -> Scope:
    county = filled.county
    shire = county.authorities["shire"]
    match name:
        case "team":
            return Scope(shire, teams=frozenset({county.teams["shire/highways"]}))
        case "wards":
            return Scope(shire, areas=frozenset({county.areas["W1"], county.areas["W2"]}))
        case "divisions":
            return Scope(shire, areas=frozenset({county.areas["D1"]}))
        case _:
            return Scope(shire)


async def test_every_page_comes_from_an_index(filled: Filled) -> None:
    wrong = []
    tried = 0
    for scope in SCOPES:
        for name, asked in ASKED.items():
            for after in (None, ("2025-10-01T00:00:00Z", "00000000-0000-0000-0000-000000000000")):
                found = listing.find(filled.rules, scope_of(filled, scope), asked, after, 50)
                if found is None:
                    continue
                for mode in ("force_generic_plan", "force_custom_plan"):
                    tried += 1
                    plan = await plan_of(filled.conn, mode, *found)
                    scans = scan_nodes(plan)
                    read = sum(
                        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
                        * node["Actual Loops"]
                        for node in scans
                    )
                    kinds = {node["Node Type"] for node in scans}
                    most = PAGE_READ if (scope, name) in PLAIN else OPEN_JOBS
                    if not scans or "Seq Scan" in kinds or read > most:
                        wrong.append((scope, name, after is not None, mode, kinds, read))
    assert tried > 100
    assert not wrong, "\n".join(map(str, wrong))
