"""Whether asking what is open near by costs more with a country of jobs than with one city.

Two databases: one city of open jobs, and that same city among others as dense, all over a country.
The same places of that city are asked of both over HTTP, in turns, and the answers are compared
byte by byte. The ratios are what counts: CPU of the API and of PostgreSQL for each request, and
the 95th percentile of the waits.
"""

import argparse
import asyncio
import json
import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
import psutil
import psycopg
from psycopg import AsyncConnection

from tests.bench import harness
from tests.support.county import County
from tests.support.scratch import Database, scratch

#: The first city's south-west corner, and how large a city is: about 10 km each way.
SOUTH, WEST = 50.6, -3.9
HEIGHT, WIDTH = 0.09, 0.14
#: From one city to the next.
NORTHWARD, EASTWARD = 0.45, 0.55
ACROSS = 10
CATEGORIES = ("pothole", "fly_tipping")

#: Every job of a city lies where its number says, so the first city is the same in both databases.
FILL = """
insert into job (
  id, reference, authority_id, team_id, category, place, status, priority, due_at, version,
  chain_head, created_at, updated_at
)
select
  md5('job' || n)::uuid, 'J' || n, 1, 1, (%(categories)s::text[])[n %% 2 + 1],
  st_setsrid(st_makepoint(
    %(west)s + n / %(each)s %% %(across)s * %(eastward)s
      + %(width)s * ('x' || left(md5('x' || n), 8))::bit(32)::bigint / 4294967296.0,
    %(south)s + n / %(each)s / %(across)s * %(northward)s
      + %(height)s * ('x' || left(md5('y' || n), 8))::bit(32)::bigint / 4294967296.0
  ), 4326),
  'received', 3, '2026-01-01', 1, '', '2026-01-01', '2026-01-01'
from generate_series(0, %(jobs)s - 1) n
"""


async def prepare(database: Database, jobs: int, each: int) -> None:
    """Categories, and so many jobs, as many in each city."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await County(conn).build()
        await conn.execute(
            FILL,
            {
                "jobs": jobs,
                "each": each,
                "categories": list(CATEGORIES),
                "west": WEST,
                "south": SOUTH,
                "width": WIDTH,
                "height": HEIGHT,
                "across": ACROSS,
                "eastward": EASTWARD,
                "northward": NORTHWARD,
            },
        )
        await conn.execute("vacuum analyze job")


def paths(count: int) -> list[str]:
    """Questions from places well inside the first city."""
    rng = random.Random(2026)
    return [
        f"/v1/reports/nearby?lat={SOUTH + HEIGHT * rng.uniform(0.05, 0.95):.6f}"
        f"&lng={WEST + WIDTH * rng.uniform(0.05, 0.95):.6f}&category={rng.choice(CATEGORIES)}"
        for _ in range(count)
    ]


@dataclass
class Side:
    """One database with its API, and what has been measured of it."""

    name: str
    database: Database
    conn: psycopg.Connection[tuple[object, ...]]
    url: str
    api: psutil.Process
    waits_ms: list[float] = field(default_factory=list)
    web_s: float = 0.0
    database_s: float = 0.0

    async def measure(self, requests: list[bytes], clients: int) -> None:
        """One round, added to those before."""
        before = self._cpu()
        load = await harness.closed_loop(self.url, requests, clients, expect=b"200")
        after = self._cpu()
        self.waits_ms += load.latencies_ms
        self.web_s += after[0] - before[0]
        self.database_s += after[1] - before[1]

    def _cpu(self) -> tuple[float, float]:
        return harness.cpu(self.api), harness.backends_cpu(self.conn, self.database, "kerbline-api")

    @property
    def figures(self) -> tuple[float, ...]:
        """CPU ms of the API, of PostgreSQL and of both, and the waits, for each request."""
        count = len(self.waits_ms)
        web, database = 1000 * self.web_s / count, 1000 * self.database_s / count
        cuts = quantiles(self.waits_ms, n=100, method="inclusive")
        return web, database, web + database, cuts[49], cuts[94]


def same_answers(sides: list[Side], asked: list[str]) -> tuple[int, int]:
    """How many jobs the answers held, and at most; both sides gave the same bytes."""
    held = []
    for path in asked:
        one, other = (httpx.get(side.url + path).content for side in sides)
        if one != other:
            raise RuntimeError(f"the answers to {path} differ")
        held.append(len(json.loads(one)["items"]))
    return sum(held), max(held)


HEAD = f"{'':<32}{'web ms':>9}{'pg ms':>9}{'both':>9}{'p50 ms':>9}{'p95 ms':>9}"


def line(name: str, figures: tuple[float, ...]) -> str:
    """As printed."""
    return f"{name:<32}" + "".join(f"{figure:>9.3f}" for figure in figures)


async def measure(options: argparse.Namespace, city: Database, country: Database) -> None:
    """Print the table."""
    print(f"filling: {options.city} jobs over one city, {options.country} over a country")
    await prepare(city, options.city, options.city)
    await prepare(country, options.country, options.city)
    asked = paths(options.count)
    requests = [harness.get(path) for path in asked]
    with ExitStack() as stack:
        sides = []
        for name, database in (("one city", city), ("a country", country)):
            conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
            url, api = stack.enter_context(
                harness.server("-m", "reporting", "serve", environment=harness.settings(database))
            )
            sides.append(Side(name, database, conn, url, api))
        total, most = same_answers(sides, asked[:300])
        print(f"300 answers alike, byte by byte: {total / 300:.1f} jobs in each, at most {most}")
        for side in sides:  # connections and plans are there
            await harness.closed_loop(side.url, requests[:500], options.clients, expect=b"200")
        for number in range(options.rounds):
            for side in sides if number % 2 else reversed(sides):
                await side.measure(requests, options.clients)
        print(HEAD)
        for side in sides:
            print(line(f"{side.name}, {options.clients} clients", side.figures))
        one, other = (side.figures for side in sides)
        ratios = tuple(b / a for a, b in zip(one, other, strict=True))
        print(line("a country against one city", ratios))


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench nearby", description=__doc__)
    parser.add_argument("--city", type=int, default=10_000, help="open jobs of one city")
    parser.add_argument("--country", type=int, default=1_000_000)
    parser.add_argument("--count", type=int, default=1000, help="requests of each round")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--clients", type=int, default=2)
    options = parser.parse_args(argv)
    with scratch("benchcity") as city, scratch("benchcountry") as country:
        asyncio.run(measure(options, city, country))
