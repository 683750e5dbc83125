"""How PostgreSQL finds the jobs of a tile: by an index, and never more of them than may be read."""

from dataclasses import replace
from typing import Any

from geo.tiles import Tile, position
from reporting.asked import Asked
from reporting.auth import Scope
from reporting.jobs import listing
from reporting.queries import tiles as queries
from reporting.runtime import Connection, Runtime
from reporting.status import OPEN
from reporting.tiling import jobs
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.plans import nodes, plan_of, rows_read

JOBS, OPEN_JOBS = 20_000, 5_000
READ = 300
ASKED: dict[str, Asked] = {
    "open": Asked(statuses=OPEN),
    "overdue": Asked(statuses=OPEN, overdue=True),
    "a category": Asked(statuses=OPEN, categories=frozenset({"fly_tipping"})),
    "a ward": Asked(statuses=OPEN, wards=frozenset({"W2"})),
    "a team": Asked(statuses=OPEN, teams=frozenset({"shire-triage"})),
    "closed": Asked(statuses=frozenset({"fixed"})),
}


async def test_a_tile_of_jobs_reads_so_many_and_no_more(
    county: County, runtime: Runtime, owner: Connection
) -> None:
    await fill(county, JOBS, JOBS - OPEN_JOBS)
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    seen = Scope(county.authorities["shire"])
    wrong: list[Any] = []
    for z in (9, 12, 15):
        tile = Tile(z, *map(int, position(z, -0.97, 52.01)))
        for name, asked in ASKED.items():
            by_place = z >= jobs.PLACES_FROM_ZOOM
            found = listing.narrow(rules, seen, replace(asked, bbox=tile.box()), by_place=by_place)
            assert found is not None
            statement = queries.jobs(
                found.lane,
                tuple(sorted(found.names)),
                is_open=found.only_open,
                read=READ,
                most=100,
            )
            # The plan that the API asks for; one made for a box of all jobs would read the table.
            plan = await plan_of(
                owner, "force_generic_plan", statement, {**found.params, **tile.parameters()}
            )
            scans = [node for node in nodes(plan) if node.get("Relation Name") == "job"]
            read = sum(map(rows_read, scans))
            kinds = {node["Node Type"] for node in scans}
            # A ward is looked for in two indexes.
            if not scans or "Seq Scan" in kinds or read > READ * len(scans):
                wrong.append((z, name, kinds, read))
    assert not wrong, "\n".join(map(str, wrong))
