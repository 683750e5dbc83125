"""Every look-up goes through an index, with whatever plan PostgreSQL makes of it."""

from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql

from geo.points import Point
from geo.spatial import place_parameters
from routing import bulk, ties
from routing.assign import FIND
from tests.bench.routing import lay

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BIG = ("area_part", "area", "vintage")


@pytest.fixture
def ground(owner, database):
    """A county of 40 ragged wards in some 800 parts, and a connection to it."""
    with psycopg.connect(database.admin_url, autocommit=True, prepare_threshold=None) as conn:
        tiling, parts = lay(conn, 40)
        assert parts > 500
        try:
            yield conn, tiling
        finally:
            conn.execute("drop table bare_part")


def plan(conn, statement, values):
    return "\n".join(row[0] for row in conn.execute("explain " + statement, values))


def scans_nothing_big(found):
    return "area_part_geom" in found and not any(f"Seq Scan on {table}" in found for table in BIG)


@pytest.mark.parametrize("accuracy_m", [None, 15.0])
def test_one_look_up(ground, accuracy_m):
    conn, tiling = ground
    ((lng, lat),) = tiling.points(1)
    values = {**place_parameters(Point(lat, lng)), "at": NOW, "accuracy_m": accuracy_m}
    assert scans_nothing_big(plan(conn, FIND, values))


@pytest.mark.parametrize("mode", ["auto", "force_generic_plan"])
def test_a_prepared_look_up_after_it_has_run_often(ground, mode):
    conn, tiling = ground
    conn.execute(sql.SQL("set plan_cache_mode = {}").format(sql.Literal(mode)))
    statement = FIND
    for number, name in enumerate(("lng", "lat", "at", "accuracy_m"), 1):
        statement = statement.replace(f"%({name})s", f"${number}")
    conn.execute(f"prepare look_up (float8, float8, timestamptz, float8) as {statement}")
    found = ""
    for lng, lat in tiling.points(9).tolist():
        call = f"execute look_up ({lng}, {lat}, '{NOW}', 15)"
        assert conn.execute(call).fetchone()[0]
        found = plan(conn, call, None)
        assert scans_nothing_big(found)
    assert "in_force @> $3" in found  # the plan for any values


def test_a_chunk_in_bulk(ground):
    conn, tiling = ground
    conn.execute("begin")
    conn.execute(bulk.STAGE)
    with conn.cursor().copy(bulk.COPY) as copy:
        copy.write(bulk._rows(tiling.points(5000).tolist(), NOW))
    rows = list(range(0, 5000, 7))
    for statement, values in (
        (bulk.AREAS, {}),
        (bulk.NEAR, {"metres": 250, "rows": rows}),
        (bulk.SWAPPED, {"rows": rows}),
    ):
        assert scans_nothing_big(plan(conn, statement, values)), statement
    conn.execute("rollback")


def test_overlaps_of_a_few_zones_with_everything(ground):
    conn, _ = ground
    ids = [row[0] for row in conn.execute("select id from area order by id")]
    values = {"these": ids[:2], "those": ids, "overlap": 1.0}
    assert scans_nothing_big(plan(conn, ties.OVERLAPS, values))
