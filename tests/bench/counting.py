"""What keeping the counts costs intake, with and without it in turns, in the same run.

Closed-loop clients send reports at distinct places to one API process while another process folds
what came, every three seconds as a worker does; then the same while it stands still. Printed are
reports a second, and the CPU that counting used for each report (until all were counted) beside
what taking it used. Aim: at most 15 % of throughput.
"""

import argparse
import asyncio
import random
import time
from statistics import median
from uuid import uuid4

import psutil
import psycopg

from reporting.queries.counting import WAITING
from reporting.runtime import WORKER_TIMEOUTS, open_runtime
from reporting.settings import Settings
from tests.bench import harness
from tests.bench.intake import body, prepare
from tests.support.scratch import Database, scratch
from workers.jobs.heat import Counter

CLIENTS = 8
#: Longer than this, and nobody folds.
PATIENCE_S = 120.0


async def fold_on() -> None:
    """What the worker does with counts, and nothing else."""
    async with open_runtime(
        Settings(pool_size=1), timeouts=WORKER_TIMEOUTS, application="counter"
    ) as runtime:
        await Counter(runtime).run(asyncio.Event())


def waiting(conn: psycopg.Connection[tuple[object, ...]]) -> int:
    """Jobs that are still to be counted."""
    [(jobs, _)] = conn.execute(WAITING).fetchall()
    return int(float(str(jobs)))


def all_counted(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    """Return when nothing waits."""
    limit = time.monotonic() + PATIENCE_S
    while waiting(conn):
        if time.monotonic() > limit:
            raise RuntimeError("nobody folds; BENCH_LOUD=1 shows why")
        time.sleep(0.1)


async def measure(database: Database, rounds: int, count: int) -> None:
    """Print a line for each round, and what they come to."""
    environment = harness.settings(database)
    rng = random.Random(2026)
    with (
        psycopg.connect(database.admin_url, autocommit=True) as conn,
        harness.process("-m", "tests.bench.counting", "--fold", environment=environment) as counter,
        harness.server("-m", "reporting", "serve", environment=environment) as (url, api),
    ):
        print(f"{'':<10}{'reports/s':>10}{'p95 ms':>8}{'intake ms':>11}{'counting ms':>13}")
        rates: dict[bool, list[float]] = {True: [], False: []}
        costs: dict[str, list[float]] = {"intake": [], "counting": []}
        for number in range(2 * rounds + 1):
            counting = number % 2 == 0
            all_counted(conn)
            if not counting:
                counter.suspend()
            requests = [
                harness.post("/v1/reports", body(rng), {"Idempotency-Key": str(uuid4())})
                for _ in range(count)
            ]
            before = used(conn, database, api, counter)
            load = await harness.closed_loop(url, requests, CLIENTS, expect=b"201")
            counter.resume()
            if counting:
                all_counted(conn)
            intake, counted = (
                (b - a) * 1000 / count
                for a, b in zip(before, used(conn, database, api, counter), strict=True)
            )
            print(
                f"{'counting' if counting else 'without':<10}{load.per_second:>10.0f}"
                f"{load.percentile(95):>8.1f}{intake:>11.3f}{counted if counting else 0:>13.3f}",
                flush=True,
            )
            if number:  # the first warms up
                rates[counting].append(load.per_second)
                costs["intake"].append(intake)
                if counting:
                    costs["counting"].append(counted)
        kept, free = median(rates[True]), median(rates[False])
        print(f"throughput with counting is {kept / free:.1%} of that without")
        share = median(costs["counting"]) / median(costs["intake"])
        print(f"counting a report uses {share:.1%} of the CPU that taking it uses")


def used(
    conn: psycopg.Connection[tuple[object, ...]],
    database: Database,
    api: psutil.Process,
    counter: psutil.Process,
) -> tuple[float, float]:
    """CPU seconds of intake and of counting, each with its backends."""
    return (
        harness.cpu(api) + harness.backends_cpu(conn, database, "kerbline-api"),
        harness.cpu(counter) + harness.backends_cpu(conn, database, "counter"),
    )


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench counting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=4000, help="reports in each half of a round")
    options = parser.parse_args(argv)
    with scratch("counting") as database:
        asyncio.run(prepare(database))
        asyncio.run(measure(database, options.rounds, options.count))


if __name__ == "__main__":
    asyncio.run(fold_on())
