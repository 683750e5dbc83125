"""How PostgreSQL reads kept counts: ranges of indexes, whatever is asked of however many.

Both kinds of plan of a prepared statement are looked at: the one made for the values, and the
generic one that takes over after a few runs.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from geo.heat.reading import ROWS
from reporting.counting.folding import STALE_S
from reporting.counting.values import LOOK
from reporting.queries import counted_points, counting
from reporting.runtime import Connection
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.plans import MODES, nodes, plan_of, rows_read

#: Those that grow with the years.
GROWING = {"heat", "figure_kept", "counted", "job", "job_report", "report"}

HEAT = """
with series as (
  insert into heat_series (name)
  select '1/reports/' || category || '/'
  from unnest('{"",pothole,fly_tipping,drain}'::text[]) category
  returning id
)
insert into heat (series_id, z, span, start, x, y, counts)
select series.id, z, span, start * span, 100 + x, 100 + y, '\\x000001000000'
from series cross join unnest('{8,12}'::int[]) z cross join unnest('{1,7,28}'::int[]) span
cross join generate_series(0, 199) start cross join generate_series(0, 3) x
cross join generate_series(0, 3) y
"""
FIGURES = """
insert into figure_kept (authority_id, level, span, start, category, area_id, team_id, counts)
select authority, level, span, start * span, '', case when level = 1 then area else 0 end,
  case when level = 2 then area else 0 end, '\\x000001000000'
from generate_series(1, 5) authority cross join unnest('{1,2}'::int[]) level
cross join unnest('{1,7,28}'::int[]) span cross join generate_series(0, 199) start
cross join generate_series(1, 20) area
"""
#: 40 tiles of 1,000 reports over 500 days, an eighth of them with an open job.
COUNTED = """
insert into counted (id, kind, authority_id, area_id, team_id, category, day, px, py, shared,
  status, priority, is_open, overdue, reopened, on_time, outcome, closed_day, took)
select gen_random_uuid(), kind, 1, n % 9, 1, 'pothole', n % 500,
  (n % 8 << 12) + n % 4096, (n / 8 % 5 << 12) + n % 4093, n % 50 = 0, 'received', 2,
  kind = 1 and n % 8 = 0, n % 16 = 0, false, false, 0, -1, -1
from generate_series(1, 40000) n cross join unnest('{0,1}'::int[]) kind
"""

TILE: dict[str, Any] = {
    "series": ["1/reports/pothole/", "1/reports/drain/"],
    "z": 12,
    "spans": [28, 28, 7, 1, 1],
    "starts": [28, 56, 84, 91, 92],
    "signs": [1, 1, 1, 1, -1],
    "west": 101,
    "east": 102,
    "north": 101,
    "south": 102,
}
POINTS: dict[str, Any] = {
    "authority": 1,
    "xs": [3],
    "ys": [2],
    "most": [5000],
    "first": 100,
    "last": 120,
    "up": 0,
    "down": 6,
    "west": 0,
    "east": 2**26,
    "north": 0,
    "south": 2**26,
    "categories": ["pothole"],
    "areas": [1, 2],
    "teams": [1],
    "statuses": ["received"],
    "priorities": [2],
}
FIGURE: dict[str, Any] = {
    "authority": 3,
    "level": 1,
    "categories": ["pothole"],
    "areas": [4],
    "teams": [1],
    "spans": [28, 7, 1],
    "starts": [28, 84, 91],
    "signs": [1, 1, 1],
    "buckets": [0, 0, 0],
}


@pytest.fixture
async def summed(owner: Connection) -> Connection:
    for statement in (HEAT, FIGURES, COUNTED):
        await owner.execute(statement)
    await owner.execute("vacuum (analyze) heat, heat_series, figure_kept, counted")
    return owner


def read(plan: dict[str, Any]) -> int:
    """How many rows were looked at in the tables that grow; nothing was read from end to end."""
    scans = [node for node in nodes(plan) if node.get("Relation Name") in GROWING]
    assert scans
    whole = [node for node in scans if node["Node Type"] == "Seq Scan"]
    assert not whole, whole
    return sum(map(rows_read, scans))


@pytest.mark.parametrize("mode", MODES)
async def test_a_tile_reads_the_rows_that_it_shows(summed: Connection, mode: str) -> None:
    shown = 2 * 5 * 4  # series, spans, tiles
    assert shown <= read(await plan_of(summed, mode, ROWS, TILE)) <= 2 * shown
    one = {**TILE, "series": TILE["series"][:1], "east": 101, "south": 101}
    assert read(await plan_of(summed, mode, ROWS, one)) == 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("conditions", [(), ("categories",), tuple(counted_points.CONDITIONS)])
async def test_points_of_some_days_are_one_range_of_an_index(
    summed: Connection, mode: str, conditions: tuple[str, ...]
) -> None:
    values = {
        name: value
        for name, value in POINTS.items()
        if name in conditions or name not in counted_points.CONDITIONS
    }
    plan = await plan_of(summed, mode, counted_points.points("reports", conditions), values)
    assert 0 < read(plan) <= 1000 * 21 / 500 * 2
    if set(conditions) <= {"categories"}:
        assert any(node["Node Type"] == "Index Only Scan" for node in nodes(plan))
    few = counted_points.points("reports", conditions)
    assert read(await plan_of(summed, mode, few, {**values, "most": [3], "first": 0})) == 3
    for measure in ("open", "overdue"):
        plan = await plan_of(summed, mode, counted_points.points(measure, conditions), values)
        assert "ix_counted_open_jobs" in {node.get("Index Name") for node in nodes(plan)}
        read(plan)


@pytest.mark.parametrize("mode", MODES)
async def test_figures_of_some_days_read_those_days(summed: Connection, mode: str) -> None:
    whole = counting.figures(frozenset({"area"}), frozenset())
    values = {name: FIGURE[name] for name in FIGURE if name not in ("categories", "areas", "teams")}
    assert read(await plan_of(summed, mode, whole, values)) == 3 * 20
    one = counting.figures(frozenset(), frozenset({"area"}))
    assert read(await plan_of(summed, mode, one, {**values, "areas": [4]})) <= 3 * 20


async def test_a_fold_reads_what_changed(county: County, owner: Connection) -> None:
    """Of twenty thousand jobs, the few that changed since the last."""
    await fill(county, 20_000, 15_000)
    await owner.execute(counting.BEGIN)
    # As if no transaction ran: that of another database would make the snapshot begin earlier.
    await owner.execute(
        "update counts_kept set seen = now.id || ':' || now.id || ':'"
        " from (select pg_current_xact_id()::text as id) now"
    )
    await owner.execute("update job set version = version + 1 where reference like '%%7'")
    cursor = await owner.execute("select count(*) from job where reference like '%%7'")
    [(changed,)] = await cursor.fetchall()
    await owner.execute("vacuum (analyze) job, counts_kept")
    values = {"most": 100_000, "stale_s": STALE_S}
    for mode in MODES:
        plan = await plan_of(owner, mode, counting.TOUCHED, values)
        assert changed <= read(plan) <= 2 * changed + 100
        assert read(await plan_of(owner, mode, counting.WAITING, {})) <= 2 * changed + 100


async def test_a_few_jobs_among_many_are_looked_up(county: County, owner: Connection) -> None:
    await fill(county, 20_000, 15_000)
    await owner.execute("vacuum (analyze) job, counted")
    cursor = await owner.execute("select array_agg(id) from (select id from job limit 100) few")
    [(jobs,)] = await cursor.fetchall()
    values = {
        **LOOK,
        "jobs": jobs,
        "as_of": datetime.now(UTC),
        "authority": None,
    }
    async with owner.transaction():
        await owner.execute(counting.PLANS)
        for anew in (False, True):
            plan = await plan_of(owner, MODES[0], counting.put(anew=anew), values)
            assert read(plan) <= 10 * len(jobs)
