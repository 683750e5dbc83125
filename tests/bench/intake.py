"""What one accepted report costs, beside floors measured in the same run.

Closed-loop clients at 1, 8 and 32 send reports at distinct places without photos to one API
process; the same is asked of a hello route and of a route that does one raw INSERT.
"""

import argparse
import asyncio
import json
import random
import tempfile
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import psutil
import psycopg
from psycopg import AsyncConnection

from tests.bench import harness, pgbench
from tests.bench.floor import TABLE
from tests.bench.harness import Load
from tests.support.county import SIDE, SOUTH, County
from tests.support.scratch import Database, scratch

CLIENTS = (1, 8, 32)
ANSWERS = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}


def body(rng: random.Random) -> bytes:
    """A pothole at a place of its own."""
    place = {
        "lat": round(SOUTH + rng.random() * SIDE, 7),
        "lng": round(-1.0 + rng.random() * 4 * SIDE, 7),
        "accuracy_m": None,
    }
    return json.dumps(
        {
            "category": "pothole",
            "location": place,
            "answers": ANSWERS,
            "description": "Deep hole by the kerb, water stands in it",
        }
    ).encode()


class Row:
    """One line of the table."""

    def __init__(self, load: Load, web_ms: float, database_ms: float, worker_ms: float) -> None:
        self.load = load
        self.web_ms = web_ms
        self.database_ms = database_ms
        self.worker_ms = worker_ms

    @property
    def total_ms(self) -> float:
        """What the ratio is of: web process and PostgreSQL."""
        return self.web_ms + self.database_ms

    def line(self, name: str) -> str:
        """As printed."""
        load = self.load
        return (
            f"{name:<28}{load.per_second:>8.0f}{load.percentile(50):>9.2f}"
            f"{load.percentile(95):>9.2f}{load.percentile(99):>9.2f}{self.web_ms:>9.3f}"
            f"{self.database_ms:>9.3f}{self.worker_ms:>9.3f}{self.total_ms:>9.3f}"
        )


class Meter:
    """CPU of a web process, of its own backends, and of the worker (if any) with its backends."""

    def __init__(
        self,
        conn: psycopg.Connection[tuple[object, ...]],
        database: Database,
        web: psutil.Process,
        application: str,
        worker: psutil.Process | None = None,
    ) -> None:
        self.read = lambda: (
            harness.cpu(web),
            harness.backends_cpu(conn, database, application),
            harness.cpu(worker)
            + harness.backends_cpu(conn, database)
            - harness.backends_cpu(conn, database, "floor")
            - harness.backends_cpu(conn, database, "kerbline-api")
            if worker
            else 0.0,
        )

    async def run(self, url: str, requests: list[bytes], clients: int, expect: bytes) -> Row:
        before = self.read()
        load = await harness.closed_loop(url, requests, clients, expect=expect)
        after = self.read()
        used = [(b - a) * 1000 / len(requests) for a, b in zip(before, after, strict=True)]
        return Row(load, *used)


HEAD = (
    f"{'':<28}{'req/s':>8}{'p50 ms':>9}{'p95':>9}{'p99':>9}"
    f"{'web ms':>9}{'pg ms':>9}{'worker':>9}{'web+pg':>9}"
)


async def prepare(database: Database) -> None:
    """The county and the floor's table."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await County(conn).build()
        await conn.execute(TABLE)
        await conn.execute("grant all on bench_report to public")


async def measure(database: Database, count: int, *, worker: bool) -> None:
    """Print the table."""
    environment = harness.settings(database)
    rng = random.Random(2026)
    with ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        floor_url, floor = stack.enter_context(
            harness.server("-m", "tests.bench.floor", environment=environment)
        )
        relay = None
        if worker:
            relay = stack.enter_context(harness.process("-m", "workers", environment=environment))
        api_url, api = stack.enter_context(
            harness.server("-m", "reporting", "serve", environment=environment)
        )
        print(HEAD)
        for clients in CLIENTS:
            n = count if clients > 1 else count // 2
            hello = await Meter(conn, database, floor, "floor").run(
                floor_url, [harness.get("/healthz")] * n, clients, b"200"
            )
            raw = await Meter(conn, database, floor, "floor").run(
                floor_url, [harness.post("/raw", body(rng), {}) for _ in range(n)], clients, b"201"
            )
            reports = [
                harness.post("/v1/reports", body(rng), {"Idempotency-Key": str(uuid4())})
                for _ in range(n)
            ]
            ours = await Meter(conn, database, api, "kerbline-api", relay).run(
                api_url, reports, clients, b"201"
            )
            for name, row in (("hello", hello), ("raw insert", raw), ("report", ours)):
                print(row.line(f"{name}, {clients} clients"), flush=True)
            print(f"{'':<28}a report costs {ours.total_ms / raw.total_ms:.2f} raw inserts")
        with tempfile.TemporaryDirectory() as folder:
            for clients in CLIENTS:
                rate, each = pgbench.run(conn, database, clients, Path(folder))
                print(f"{f'pgbench, {clients} clients':<28}{rate:>8.0f}{'':>36}{each:>9.3f}")
        stored = conn.execute("select count(*), count(distinct job_id) from job_report").fetchone()
        print(f"reports stored, jobs: {stored}")


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench intake", description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="requests for each line")
    parser.add_argument("--no-worker", action="store_true")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        asyncio.run(prepare(database))
        asyncio.run(measure(database, options.count, worker=not options.no_worker))
