"""What a map costs after ten years, beside the first months: tiles, wards and figures over HTTP.

For each number of reports a scratch database is filled (``tests/support/years.py``: the same city,
the same reports a day, more years) and counted, and a real API process serves it to one signed-in
supervisor. All are asked in turns, one request at a time, so that a busy machine is busy for all.
The views are fixed: tiles about the middle of the city at z8, z10, z12 and z14, without dates, with
the last 30 days, and with 65 days that begin and end in the middle of a week. Beside them, in the
same run, the naive query: ST_AsMVT over the points themselves.

``p50`` and ``p95`` are from sending a request to having the last byte; ``cpu`` is what the API and
its PostgreSQL connections used for one. Aims: p95 at 5 million at most 1.3 times that at 100,000
(z14: 2), 25 ms and 150 KB for a tile, 10 ms for the ward map, 30 ms for a ward's summary.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import quantiles
from typing import Any
from urllib.parse import urlencode

import httpx
import psutil
import psycopg
from psycopg import AsyncConnection

from geo.tiles import Tile, encoded, position
from reporting.counting import folding
from tests.bench import harness
from tests.support import years
from tests.support.county import County
from tests.support.people import Headers, People
from tests.support.scratch import Database, scratch

SIZES = (100_000, 1_000_000, 5_000_000)
ZOOMS = (8, 10, 12, 14)
#: Tiles of a view: what a screen shows of the city's middle.
ACROSS = {8: 1, 10: 2, 12: 3, 14: 4}
MIDDLE = (-2.59, 51.4545)
ROUNDS = 12

#: The places themselves, as a tile.
NAIVE = encoded(
    {
        "points": """
select st_asmvtgeom(st_transform(report.place, 3857), tile.web) as geom, report.category
from report cross join tile
where report.authority_id = %(authority)s and report.place && (select box from tile)
  and report.created_at >= %(since)s and report.created_at < %(until)s
"""
    }
)


@dataclass(frozen=True)
class View:
    """What is asked for again and again."""

    name: str
    paths: list[str]
    #: Of tiles: which, and the days, for the naive query.
    tiles: list[Tile] = field(default_factory=list)
    days: tuple[date, date] | None = None


def views() -> list[View]:
    """The fixed ones."""
    today = date.today()  # noqa: DTZ011 - the city's own zone is the machine's, near enough
    spans = {
        "all": None,
        "30 days": (today - timedelta(days=29), today),
        "65 days": (today - timedelta(days=67), today - timedelta(days=3)),
    }
    found = [
        View(
            f"heat z{z}, {name}",
            [f"/v1/tiles/heat/{t.z}/{t.x}/{t.y}.mvt{query(days)}" for t in tiles],
            tiles,
            days,
        )
        for z in ZOOMS
        for tiles in [about(z)]
        for name, days in spans.items()
    ]
    for z in ZOOMS:
        found.append(
            View(
                f"heat z{z}, a category",
                [f"/v1/tiles/heat/{t.z}/{t.x}/{t.y}.mvt?category=fly_tipping" for t in about(z)],
            )
        )
    for z in (10, 12, 14):
        for name in ("open", "overdue"):
            path = f"/v1/tiles/heat/{{}}.mvt?measure={name}"
            found.append(View(f"heat z{z}, {name}", [path.format(at(t)) for t in about(z)]))
    for z in (12, 14):
        found.append(View(f"jobs z{z}", [f"/v1/tiles/jobs/{at(t)}.mvt" for t in about(z)]))
        found.append(
            View(
                f"heat z{z}, a team",
                [f"/v1/tiles/heat/{at(t)}.mvt?team=cleansing" for t in about(z)],
            )
        )
    for z in (8, 10, 12, 14):
        found.append(View(f"wards z{z}", [f"/v1/tiles/wards/{at(t)}.mvt" for t in about(z)]))
    month = query(spans["30 days"]).removeprefix("?")
    long = query((today - timedelta(days=67), today - timedelta(days=3))).removeprefix("?")
    found += [
        View("ward map: shapes, public", ["/v1/wards?authority=bristol"]),
        View("ward map: figures, 30 days", [f"/v1/statistics?group_by=ward&{month}"]),
        View("ward map: figures, 65 days", [f"/v1/statistics?group_by=ward&{long}"]),
        View("a ward's summary", [f"/v1/wards/bristol/WARD/summary?{month}"]),
    ]
    return found


def at(tile: Tile) -> str:
    return f"{tile.z}/{tile.x}/{tile.y}"


def query(days: tuple[date, date] | None) -> str:
    return f"?{urlencode({'from': days[0], 'to': days[1]})}" if days else ""


def about(z: int) -> list[Tile]:
    """The tiles of a screen about the middle."""
    x, y = position(z, *MIDDLE)
    side = ACROSS[z]
    west, north = int(x - (side - 1) / 2), int(y - (side - 1) / 2)
    return [Tile(z, west + i, north + j) for j in range(side) for i in range(side)]


@dataclass
class Served:
    """A database of so many reports, and the process that serves it."""

    reports: int
    database: Database
    conn: psycopg.Connection[Any]
    url: str
    process: psutil.Process
    client: httpx.Client
    authority: int
    ward: str

    def cpu(self) -> float:
        return harness.cpu(self.process) + harness.backends_cpu(
            self.conn, self.database, "kerbline-api"
        )


@dataclass
class Measured:
    """What came of a view."""

    ms: list[float] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    cpu_ms: float = 0.0

    def percentile(self, p: int) -> float:
        return quantiles(self.ms, n=100, method="inclusive")[p - 1]


async def prepare(database: Database, reports: int) -> tuple[Headers, int]:
    """Fill and count it; a supervisor's bearer, and the city."""
    began = time.monotonic()
    with psycopg.connect(database.admin_url, autocommit=True) as conn:
        authorities = years.build(conn, reports)
    filled = time.monotonic()
    async with await AsyncConnection.connect(database.admin_url) as conn:
        await folding.rebuild(conn)
        await conn.commit()
        await conn.set_autocommit(True)
        counted = time.monotonic()
        await conn.execute("vacuum (analyze)")
        county = County(conn, authorities=authorities)
        who = await People(county).staff("supervisor", "bristol")
        cursor = await conn.execute("select pg_size_pretty(pg_database_size(current_database()))")
        [(size,)] = await cursor.fetchall()
    print(
        f"{reports:>10,} reports: written in {filled - began:.0f} s,"
        f" counted in {counted - filled:.0f} s; {size}",
        flush=True,
    )
    return who, authorities["bristol"]


def serve(stack: ExitStack, reports: int) -> Served:
    """A database and its API."""
    database = stack.enter_context(scratch(f"maps{reports}"))
    who, authority = asyncio.run(prepare(database, reports))
    url, process = stack.enter_context(
        harness.server("-m", "reporting", "serve", environment=harness.settings(database))
    )
    conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
    [(ward,)] = conn.execute(
        "select code from area where authority_id = %s order by code limit 1", (authority,)
    ).fetchall()
    client = stack.enter_context(httpx.Client(base_url=url, headers=who, timeout=60))
    return Served(reports, database, conn, url, process, client, authority, ward)


def ask(served: Served, view: View, found: Measured) -> None:
    """Each path of a view once."""
    before = served.cpu()
    for path in view.paths:
        began = time.perf_counter()
        answer = served.client.get(path.replace("WARD", served.ward))
        found.ms.append((time.perf_counter() - began) * 1000)
        found.bytes.append(len(answer.content))
        found.statuses.add(answer.status_code)
    found.cpu_ms += (served.cpu() - before) * 1000


def naive(served: Served, view: View) -> tuple[float, int]:
    """The slowest of a view's tiles, and the bytes of the largest."""
    times, sizes = [], []
    for tile in view.tiles[: 1 if served.reports > 1_000_000 else 4]:
        since, until = view.days or (date(2000, 1, 1), date(2100, 1, 1))
        values = {
            **tile.parameters(),
            "authority": served.authority,
            "since": since,
            "until": until + timedelta(days=1),
        }
        began = time.perf_counter()
        [(body,)] = served.conn.execute(NAIVE, values).fetchall()
        times.append((time.perf_counter() - began) * 1000)
        sizes.append(len(body))
    return max(times), max(sizes)


def measure(all_served: list[Served], rounds: int, wanted: Callable[[View], bool]) -> None:
    """Print the table."""
    print(
        f"\n{'':<28}{'reports':>10}{'p50 ms':>9}{'p95':>8}{'cpu ms':>8}{'KB':>7}"
        f"{'naive ms':>10}{'naive KB':>10}   p95 beside {all_served[0].reports:,}"
    )
    for view in filter(wanted, views()):
        found = {served.reports: Measured() for served in all_served}
        for served in all_served:
            ask(served, view, Measured())  # statements are prepared, pages are in memory
            ask(served, view, Measured())
        for _ in range(max(rounds, 2 * rounds // len(view.paths))):
            for served in all_served:
                ask(served, view, found[served.reports])
        first = None
        for served in all_served:
            it = found[served.reports]
            beside = f"{it.percentile(95) / first:>8.2f}" if first else ""
            first = first or it.percentile(95)
            slow, large = naive(served, view) if view.tiles else (0.0, 0)
            by_hand = f"{slow:>10.1f}{large / 1000:>10.1f}" if view.tiles else " " * 20
            wrong = "" if it.statuses <= {200, 204} else f"  answered {it.statuses}"
            print(
                f"{view.name:<28}{served.reports:>10,}{it.percentile(50):>9.1f}"
                f"{it.percentile(95):>8.1f}{it.cpu_ms / len(it.ms):>8.1f}"
                f"{max(it.bytes) / 1000:>7.1f}{by_hand}{beside}{wrong}",
                flush=True,
            )


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench maps", description=__doc__)
    parser.add_argument(
        "--reports", default=",".join(map(str, SIZES)), help="how many, with commas"
    )
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", default="", help="views whose names begin so")
    options = parser.parse_args(argv)
    sizes = [int(size) for size in options.reports.split(",")]
    with ExitStack() as stack:
        all_served = [serve(stack, size) for size in sizes]
        print(f"load before measuring: {os.getloadavg()[0]:.1f}")
        measure(all_served, options.rounds, lambda view: view.name.startswith(options.only))
        print(f"load after measuring: {os.getloadavg()[0]:.1f}")
