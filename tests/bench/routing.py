"""What routing costs beside the least that PostGIS could do, on 40, 700 and 8,000 ragged wards.

- One look-up: ``Router.assign`` (areas, rules' version, decision) against a bare prepared
  ``ST_Covers`` on the same parts, through the same client library. CPU of the backend and of both.
- Bulk: the command ``route`` (CSV in, CSV out) against a bare COPY of the two columns and one
  set-based assignment into a table.

Ours and the floor take turns in short rounds, so that whatever else the machine does falls on both.
The parts of a tiling are kept in ``.local/bench``: cutting 12 million vertices takes a minute.
"""

import argparse
import asyncio
import csv
import hashlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import shapely
from psycopg import AsyncConnection

from geo.points import Point
from reporting.commands.route import answer_file
from reporting.runtime import API_TIMEOUTS
from routing.assign import Router
from routing.categories import SHIPPED, read, store
from tests.bench import tilings
from tests.bench.cpu import of_s, own_s
from tests.bench.tilings import Tiling, tiling
from tests.support.scratch import ROOT, scratch

KEPT = ROOT / ".local" / "bench"
#: A phone's usual one; with it, ours also looks for wards that near.
ACCURACY_M = 10.0
AT = datetime(2026, 1, 1, 12, tzinfo=UTC)

#: The connection is set as those of the API are, but a floor may take its time.
AS_THE_API = " ".join(
    f"-c {name}={value}" for name, value in {**API_TIMEOUTS, "statement_timeout": "0"}.items()
)

AUTHORITY = """
insert into authority (slug, name, tier, fallback_team)
values ('tiling', 'A Tiling', 'unitary', 'tiling-triage');
insert into team (authority_id, slug, name)
select id, 'tiling-triage', 'Triage' from authority
union all select id, 'highways', 'Highways' from authority;
insert into responsibility (authority_id, team_id)
select authority_id, id from team where slug = 'highways';
insert into vintage (authority_id, kind, valid, state, source)
select id, 'ward', '[2020-01-01,)', 'active', '{}' from authority
"""

#: The whole polygon is never looked at; its box keeps the bench's database small.
AREA = """
insert into area (id, vintage_id, authority_id, kind, code, name, geom) overriding system value
select %s, vintage.id, authority_id, 'ward', 'W' || %s, 'Ward ' || %s,
  st_multi(st_envelope(st_geomfromwkb(%s, 4326)))
from vintage
"""

PARTS = """
insert into area_part (area_id, kind, in_force, geom)
select area_id, 'ward', '[2020-01-01 00:00Z,)', geom from parts order by area_id
"""

FLOOR = """
create table bare_part as select area_id, geom from area_part;
create index on bare_part using gist (geom);
grant select on bare_part to public;
analyze bare_part; analyze area_part; analyze area
"""

BARE = "select area_id from bare_part where st_covers(geom, st_setsrid(st_makepoint(%s, %s), 4326))"

BARE_BULK = """
create temporary table answered as
select stage.*, (
  select area_id from bare_part
  where st_covers(geom, st_setsrid(st_makepoint(stage.lon, stage.lat), 4326)) limit 1
)
from stage
"""


@dataclass
class Cost:
    """Seconds of one round: by the clock, of the client's CPU, of the backend's CPU."""

    wall: float
    client: float
    backend: float

    @property
    def cpu(self) -> float:
        return self.client + self.backend


def main(argv: list[str]) -> int:
    options = _options(argv)
    print(
        f"one look-up, {options.rounds} rounds of {options.lookups} each; CPU µs for each look-up"
    )
    print(
        "  wards    parts | backend: bare, ours (ratio), with accuracy | with the client: the same"
    )
    bulk: list[str] = []
    for size in options.sizes:
        with scratch(f"tiling{size}") as database:
            with psycopg.connect(database.admin_url, autocommit=True) as conn:
                ground, parts = lay(conn, size)
            one, many = asyncio.run(_measure(database.url, ground, options))
            print(f"{size:>7,} {parts:>8,} | {one}", flush=True)
            bulk.append(f"{size:>7,} | {many}")
    print(f"bulk, {options.points:,} rows, {options.bulk_rounds} rounds; rows a second")
    print("  wards |  by the clock: bare    route  ratio |  by CPU: bare    route  ratio")
    print("\n".join(bulk))
    return 0


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench routing", description=__doc__)
    parser.add_argument("--sizes", type=lambda text: [int(n) for n in text.split(",")])
    parser.set_defaults(sizes=[40, 700, 8000])
    parser.add_argument("--lookups", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--bulk-rounds", type=int, default=3)
    return parser.parse_args(argv)


def lay(conn: psycopg.Connection, size: int) -> tuple[Tiling, int]:
    """The tiling in the database, its parts from the file they were kept in if there is one."""
    recipe = hashlib.sha256(Path(tilings.__file__).read_bytes()).hexdigest()[:12]
    kept = KEPT / f"tiling-{size}-{recipe}.parts"
    frame = tilings.frame()
    conn.execute(AUTHORITY)
    conn.execute("create temporary table parts (area_id int, geom geometry)")
    if kept.exists():
        rows = [(n, frame.wkb) for n in range(1, size + 1)]
        into = "copy parts from stdin (format binary)"
        with kept.open("rb") as file, conn.cursor().copy(into) as copy:
            while block := file.read(1 << 20):
                copy.write(block)
    else:
        drawn = tiling(size).wards
        rows = [(n, shapely.box(*ward.bounds).wkb) for n, ward in enumerate(drawn, 1)]
        with conn.cursor() as cursor:
            cursor.executemany(
                "insert into parts select %s, st_subdivide(st_geomfromwkb(%s, 4326), 128)",
                [(n, ward.wkb) for n, ward in enumerate(drawn, 1)],
            )
        KEPT.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(".part")
        out_of = "copy parts to stdout (format binary)"
        with partial.open("wb") as file, conn.cursor().copy(out_of) as copy:
            for block in copy:
                file.write(block)
        partial.replace(kept)
    with conn.cursor() as cursor:
        cursor.executemany(AREA, [(n, n, n, box) for n, box in rows])
    conn.execute(PARTS)
    conn.execute(FLOOR)
    count = conn.execute("select count(*) from area_part").fetchone()
    return Tiling(*frame.bounds, []), count[0] if count else 0


async def _measure(url: str, ground: Tiling, options: argparse.Namespace) -> tuple[str, str]:
    async with await AsyncConnection.connect(
        url, autocommit=True, prepare_threshold=1, options=AS_THE_API
    ) as conn:
        await store(conn, read(SHIPPED.read_text("utf-8")))
        await conn.execute("update rulebook set version = version + 1")
        one = await _one_by_one(conn, ground, options)
        return one, await _all_at_once(conn, ground, options)


async def _one_by_one(conn: AsyncConnection, ground: Tiling, options: argparse.Namespace) -> str:
    places = ground.points(options.lookups).tolist()
    router = Router()
    sure = [Point(lat, lng) for lng, lat in places]
    unsure = [Point(lat, lng, ACCURACY_M) for lng, lat in places]

    async def bare() -> None:
        for lng, lat in places:
            cursor = await conn.execute(BARE, (lng, lat))
            await cursor.fetchone()

    def ours(points: list[Point]) -> Work:
        async def work() -> None:
            for point in points:
                await router.assign(conn, point, "pothole", AT)

        return work

    costs = await _in_turns(conn, [bare, ours(sure), ours(unsure)], options.rounds)
    cells = []
    for part in ("backend", "cpu"):
        floor, *others = (
            statistics.median(getattr(cost, part) for cost in kept) * 1e6 / options.lookups
            for kept in costs
        )
        cells.append(f"{floor:>8.1f}" + "".join(f" {o:>7.1f} ({o / floor:.2f})" for o in others))
    return " | ".join(cells)


async def _all_at_once(conn: AsyncConnection, ground: Tiling, options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "points.csv"), Path(folder, "answers.csv")
        with source.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("id", "lon", "lat"))
            places = ground.points(options.points, seed=2).round(6).tolist()
            writer.writerows((n, lng, lat) for n, (lng, lat) in enumerate(places))

        async def bare() -> None:
            await conn.execute("drop table if exists stage, answered")
            await conn.execute("create temporary table stage (id text, lon float8, lat float8)")
            async with conn.cursor().copy("copy stage from stdin (format csv, header)") as copy:
                with source.open("rb") as file:
                    while block := file.read(1 << 20):
                        await copy.write(block)
            await conn.execute(BARE_BULK)

        async def ours() -> None:
            await answer_file(conn, source, "pothole", AT, target)

        floor, cost = await _in_turns(conn, [bare, ours], options.bulk_rounds)
    columns = []
    for part in ("wall", "cpu"):
        low = options.points / statistics.median(getattr(c, part) for c in floor)
        high = options.points / statistics.median(getattr(c, part) for c in cost)
        columns.append((low, high, high / low))
    (a, b, c), (d, e, f) = columns
    return f"{a:>18,.0f} {b:>8,.0f} {c:>6.2f} | {d:>13,.0f} {e:>8,.0f} {f:>6.2f}"


Work = Callable[[], Awaitable[None]]


async def _in_turns(conn: AsyncConnection, works: list[Work], rounds: int) -> list[list[Cost]]:
    """What each round of each work cost, after one round that does not count."""
    costs: list[list[Cost]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, kept in zip(works, costs, strict=True):
            began = time.perf_counter(), own_s(), of_s(conn.info.backend_pid)
            await work()
            cost = Cost(
                time.perf_counter() - began[0],
                own_s() - began[1],
                of_s(conn.info.backend_pid) - began[2],
            )
            if number:
                kept.append(cost)
    return costs
