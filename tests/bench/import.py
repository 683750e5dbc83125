"""What taking over the past costs beside the least that PostgreSQL could do, in the same run.

- ours: ``import`` of a CSV with a map: read, routed, made into reports, jobs, links, assignments
  and chained updates, stored with a checkpoint; all but the counts, which are folded afterwards.
- bare: COPY of the CSV into a stage and one set-based ward assignment into one table with five
  indexes (``stack.md`` 5f): nothing is checked, no job, no log.
- same rows: COPY of the very rows that ours wrote into the tables they are in, with all their
  indexes, and one set-based ward assignment: what storing them costs by itself.

They take turns, so that whatever else the machine does falls on all. Memory is the peak of this
process.
"""

# ruff: noqa: N999 - a bench is called as what it measures

import argparse
import asyncio
import csv
import resource
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import psycopg
from psycopg import AsyncConnection

from reporting.commands.tables import Table, reading
from reporting.importing import mapping
from reporting.importing.running import IN_FLIGHT, Run
from reporting.runtime import WORKER_TIMEOUTS, Runtime, open_runtime
from reporting.settings import Settings
from routing.categories import SHIPPED, read, store
from tests.bench import floor
from tests.bench.cpu import of_s, own_s
from tests.bench.routing import lay
from tests.bench.tilings import Tiling
from tests.support.scratch import Database, scratch

MAP = """
authority = "tiling"
source = "bench"
columns = { id = "id", created = "created", closed = "closed", lat = "lat", lng = "lng" }
times.zone = "Europe/London"
category = { columns = ["kind"], values = { Pothole = "pothole", Rubbish = "fly_tipping" } }
status = { columns = ["state"], values = { Closed = "fixed", Open = "received" } }
"""
HEADER = ("id", "created", "closed", "state", "kind", "lat", "lng")
BEGAN = datetime(2021, 1, 4, 8)  # noqa: DTZ001 - local time, as old systems write it
#: Of all rows; the others are open.
CLOSED = 0.93

#: In an order in which each refers to those before it.
TABLES = (
    *("report", "job", "job_report", "job_update", "assignment", "imported"),
    *("checkpoint", "checkpoint_head"),
)
EMPTY = f"""
set session_replication_role = replica;
truncate {", ".join(TABLES)}, import_source, bench_report cascade;
set session_replication_role = origin
"""
STAGE = """
create unlogged table if not exists bench_stage (
  id text, created timestamp, closed timestamp, state text, kind text, lat float8, lng float8
);
truncate bench_stage
"""
ASSIGN = """
insert into bench_report (category, place, area_id, answers, created_at)
select case kind when 'Pothole' then 'pothole' else 'fly_tipping' end, place, (
    select area_id from bare_part where st_covers(geom, place) order by area_id limit 1
  ), '{}', created
from (
  select *, st_setsrid(st_makepoint(lng, lat), 4326) as place from bench_stage
) staged
"""
WARDS = """
create temporary table bench_wards as
select id, (
  select area_id from bare_part
  where st_covers(geom, st_setsrid(st_makepoint(lng, lat), 4326)) order by area_id limit 1
) from bench_stage
"""


@dataclass
class Cost:
    """One round: seconds by the clock, of this process's CPU, of the backends' CPU."""

    wall: float
    client: float
    backend: float


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench import", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wards", type=int, default=40)
    parser.add_argument(
        "--then", type=int, default=0, help="so many rows by ours alone, for the memory"
    )
    options = parser.parse_args(argv)
    with scratch("import") as database, tempfile.TemporaryDirectory() as folder:
        with psycopg.connect(database.admin_url, autocommit=True) as conn:
            ground, _ = lay(conn, options.wards)
            conn.execute(floor.TABLE)
        asyncio.run(_measure(database, ground, Path(folder), options))
    return 0


def dump(path: Path, ground: Tiling, count: int) -> Path:
    """A dump of so many rows in order of time, clustered about a town for every ward or so."""
    draw = np.random.default_rng(5)
    towns = ground.points(60, seed=6)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for first in range(0, count, 10_000):
            number = min(10_000, count - first)
            near = towns[draw.integers(0, len(towns), number)] + draw.normal(0, 0.03, (number, 2))
            places = np.clip(near, (ground.west, ground.south), (ground.east, ground.north))
            took = draw.exponential(20 * 86_400, number).tolist()
            closed = (draw.random(number) < CLOSED).tolist()
            for n, (lng, lat) in enumerate(places.round(6).tolist(), start=first):
                made = BEGAN + timedelta(seconds=97 * n)
                ended = made + timedelta(seconds=int(took[n - first]) + 60)
                is_closed = closed[n - first]
                kind = "Pothole" if n % 3 else "Rubbish"
                state = "Closed" if is_closed else "Open"
                writer.writerow((n, made, ended if is_closed else "", state, kind, lat, lng))
    return path


async def _measure(
    database: Database, ground: Tiling, folder: Path, options: argparse.Namespace
) -> None:
    file = dump(folder / "dump.csv", ground, options.rows)
    settings = Settings(
        database_url=database.url,
        photo_store=str(folder / "photos"),
        secret_key="a key for benches only, of more than 32 bytes",
        environment="development",
        pool_size=IN_FLIGHT + 2,
    )
    timeouts = {**WORKER_TIMEOUTS, "statement_timeout": "0"}
    admin = await AsyncConnection.connect(database.admin_url, autocommit=True)
    bare = await AsyncConnection.connect(database.url, autocommit=True)
    async with admin, bare, open_runtime(settings, timeouts=timeouts, application="b") as runtime:
        await store(admin, read(SHIPPED.read_text("utf-8")))
        await admin.execute("update rulebook set version = version + 1")
        await admin.execute(STAGE)
        await admin.execute("grant all on bench_stage, bench_report to public")
        works: dict[str, Callable[[], Awaitable[None]]] = {
            "bare": lambda: _bare(bare, file, ASSIGN),
            "ours": lambda: _ours(runtime, file),
            "same rows": lambda: _same(bare, file, folder),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in works}
        for number in range(options.rounds + 1):
            for name, work in works.items():
                if name == "same rows":
                    await _keep(admin, folder)
                await admin.execute(EMPTY)
                await admin.execute("truncate bench_stage; checkpoint")
                cost = await _cost(admin, work)
                if number:
                    costs[name].append(cost)
        _print(costs, options)
        print(f"memory at {options.rows:,} rows: {_peak()}")
        if options.then:
            await admin.execute(EMPTY)
            more = dump(folder / "more.csv", ground, options.then)
            began = time.perf_counter()
            await _ours(runtime, more)
            rate = options.then / (time.perf_counter() - began)
            print(f"memory at {options.then:,} rows: {_peak()}; {rate:,.0f} rows/s")


def _print(costs: dict[str, list[Cost]], options: argparse.Namespace) -> None:
    floors = {part: _median(costs["bare"], part) for part in ("wall", "cpu")}
    same = {part: _median(costs["same rows"], part) for part in ("wall", "cpu")}
    print(f"{options.rows:,} rows, {options.wards} wards, {options.rounds} rounds: medians")
    print("            rows/s  of bare  of same rows | CPU µs a row: client  backend  of bare")
    for name, kept in costs.items():
        wall, cpu = _median(kept, "wall"), _median(kept, "cpu")
        client, backend = (
            _median(kept, part) * 1e6 / options.rows for part in ("client", "backend")
        )
        print(
            f"{name:>10} {options.rows / wall:>8,.0f} {floors['wall'] / wall:>8.2f}"
            f" {same['wall'] / wall:>13.2f} | {client:>20.1f} {backend:>8.1f}"
            f" {floors['cpu'] / cpu:>8.2f}",
            flush=True,
        )


def _median(costs: list[Cost], part: str) -> float:
    if part == "cpu":
        return statistics.median(cost.client + cost.backend for cost in costs)
    return statistics.median(getattr(cost, part) for cost in costs)


async def _cost(admin: AsyncConnection, work: Callable[[], Awaitable[None]]) -> Cost:
    before = await _backends(admin)
    began, cpu = time.perf_counter(), own_s()
    await work()
    wall, client = time.perf_counter() - began, own_s() - cpu
    after = await _backends(admin)
    return Cost(wall, client, sum(s - before.get(pid, 0.0) for pid, s in after.items()))


async def _backends(admin: AsyncConnection) -> dict[int, float]:
    """CPU seconds of this database's backends."""
    cursor = await admin.execute(
        "select pid from pg_stat_activity where datname = current_database()"
        " and pid <> pg_backend_pid()"
    )
    return {pid: of_s(pid) for (pid,) in await cursor.fetchall()}


async def _bare(conn: AsyncConnection, file: Path, assign: str) -> None:
    async with conn.transaction():
        async with conn.cursor().copy("copy bench_stage from stdin (format csv, header)") as copy:
            with file.open("rb") as source:
                while block := source.read(1 << 20):
                    await copy.write(block)
        await conn.execute(assign)


async def _ours(runtime: Runtime, file: Path) -> None:
    def opened() -> AbstractContextManager[Table]:
        return reading(file)

    tally = await Run(runtime, mapping.read(MAP), "tiling", opened, datetime.now(UTC))()
    if tally.refused or tally.reports != tally.rows:
        raise AssertionError(f"rows were refused: {tally.rejected}")


async def _keep(admin: AsyncConnection, folder: Path) -> None:
    """What ours has written, as COPY gives it."""
    for table, columns in await _columns(admin):
        with (folder / f"{table}.copy").open("wb") as file:
            async with admin.cursor().copy(f"copy {table} ({columns}) to stdout") as copy:
                async for block in copy:
                    file.write(block)


async def _columns(conn: AsyncConnection) -> list[tuple[str, str]]:
    """The columns of each table that may be given."""
    cursor = await conn.execute(
        "select table_name, string_agg(column_name, ', ' order by ordinal_position)"
        " from information_schema.columns where table_schema = 'public' and is_identity = 'NO'"
        " and is_generated = 'NEVER' and column_name <> 'changed_xid'"
        " and not (table_name = 'checkpoint') and table_name = any(%s) group by 1",
        (list(TABLES),),
    )
    found = dict(await cursor.fetchall())
    return [(table, found[table]) for table in TABLES if table in found]


async def _same(conn: AsyncConnection, file: Path, folder: Path) -> None:
    await _bare(conn, file, WARDS)
    async with conn.transaction():
        for table, columns in await _columns(conn):
            if table == "checkpoint_head":  # it names checkpoints by their number
                continue
            async with conn.cursor().copy(f"copy {table} ({columns}) from stdin") as copy:
                for block in _blocks(folder / f"{table}.copy"):
                    await copy.write(block)
    await conn.execute("drop table bench_wards")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _peak() -> str:
    """The most memory of this process so far."""
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB"
