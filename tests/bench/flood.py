"""A flood from one address, and what the others feel of it.

One API process with its limits on, behind a trusted address, as behind a proxy. Phones of other
addresses, each with a device of its own, report at a steady rate; in the middle third one address
sends a thousand reports a second, in an open loop, from a process of its own. Both share the
machine with the server, so what is printed is what was reached, not what was wished. Each phone's
report that was answered must be in the database.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import AsyncConnection
from redis import Redis

from reporting import keys
from tests.bench import harness
from tests.bench.flooding import ADDRESS
from tests.support.county import SIDE, SOUTH, County
from tests.support.scratch import Database, scratch, with_database

ANSWERS = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
REDIS_NUMBER = 41
#: Tries of one report; an app would go on for days.
TRIES = 5


@dataclass
class Phones:
    """What the others saw."""

    latencies_ms: list[float] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def line(self, name: str) -> str:
        """As printed."""
        cut = quantiles(self.latencies_ms, n=100, method="inclusive")
        return (
            f"{name:<26}{len(self.latencies_ms):>8}{len(self.accepted):>10}{len(self.refused):>9}"
            f"{cut[49]:>9.1f}{cut[94]:>9.1f}{cut[98]:>9.1f}"
        )


async def prepare(database: Database, phones: int) -> list[str]:
    """The county, and devices that are a day old."""
    bearers = [keys.new_token(keys.DEVICE) for _ in range(phones)]
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await County(conn).build()
        await conn.execute(
            "insert into device (id, token_hash, created_at)"
            " select gen_random_uuid(), hash, now() - interval '1 day'"
            " from unnest(%s::bytea[]) hash",
            ([keys.token_hash(bearer) for bearer in bearers],),
        )
        await conn.execute("analyze")
    return bearers


async def report(port: int, bearer: str, number: int, rng: random.Random, saw: Phones) -> None:
    """One phone, one report, on a connection of its own; again if it is told to."""
    lat = SOUTH + SIDE * (0.02 + 0.96 * rng.random())
    place = {"lat": lat, "lng": -1.0 + 4 * SIDE * (0.01 + 0.98 * rng.random())}
    body = json.dumps({"category": "pothole", "location": place, "answers": ANSWERS}).encode()
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Idempotency-Key": str(uuid4()),
        "X-Forwarded-For": f"198.18.{number // 250 % 250}.{number % 250 + 1}",
        "Connection": "close",
    }
    began, status, answer = time.perf_counter(), 0, b""
    for _ in range(TRIES):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(harness.post("/v1/reports", body, headers))
        answer = await reader.read()
        writer.close()
        status = int(answer[9:12] or 0)
        if status == 201:
            break
        await asyncio.sleep(1)
    saw.latencies_ms.append((time.perf_counter() - began) * 1000)
    if status == 201:
        saw.accepted.append(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])
    else:
        saw.refused.append(str(status))


async def steadily(
    port: int, bearers: list[str], rate: float, seconds: float, rng: random.Random
) -> Phones:
    """Reports of other phones at random moments, at this rate on average."""
    saw, began = Phones(), time.monotonic()
    due, tasks = 0.0, []
    while due < seconds:
        await asyncio.sleep(max(0.0, began + due - time.monotonic()))
        number = rng.randrange(len(bearers))
        tasks.append(asyncio.create_task(report(port, bearers.pop(), number, rng, saw)))
        due += rng.expovariate(rate)
    await asyncio.gather(*tasks)
    return saw


async def measure(database: Database, bearers: list[str], options: argparse.Namespace) -> None:
    """Print the tables."""
    redis_url = with_database(os.environ["KERBLINE_TEST_REDIS_URL"], str(options.redis))
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    environment = harness.settings(
        database,
        KERBLINE_REDIS_URL=redis_url,
        KERBLINE_LIMITS="on",
        KERBLINE_TRUSTED_PROXIES="127.0.0.1",
    )
    rng = random.Random(2026)
    with ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        url, server = stack.enter_context(
            harness.server("-m", "reporting", "serve", environment=environment)
        )
        port = urlsplit(url).port
        assert port

        def go(seconds: float) -> Any:
            return steadily(port, bearers, options.rate, seconds, rng)

        await go(5)  # warm
        head = ("reports", "accepted", "refused", "p50 ms", "p95", "p99")
        widths = (8, 10, 9, 9, 9, 9)
        titles = "".join(f"{name:>{width}}" for name, width in zip(head, widths, strict=True))
        print(f"{f'others, {options.rate:g}/s':<26}{titles}")
        before = await go(options.seconds)
        print(before.line("before"), flush=True)
        flooder = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.bench.flooding", str(port)),
            *(str(options.flood), str(options.seconds + 2), "20"),
            stdout=asyncio.subprocess.PIPE,
        )
        await asyncio.sleep(1)
        used, began = harness.cpu(server), time.monotonic()
        during = await go(options.seconds)
        used = (harness.cpu(server) - used) / (time.monotonic() - began)
        told, _ = await flooder.communicate()
        print(during.line("during the flood"), flush=True)
        after = await go(options.seconds / 2)
        print(after.line("after"), flush=True)
        p95 = [
            quantiles(each.latencies_ms, n=100, method="inclusive")[94] for each in (before, during)
        ]
        print(f"p95 during / before: {p95[1] / p95[0]:.2f}")
        print(f"the server used {used:.2f} of a core during the flood")
        flood = json.loads(told)
        print(
            f"the flood from {ADDRESS}: {flood['sent'] / flood['seconds']:.0f}/s sent,"
            f" {flood['held_back'] / flood['seconds']:.0f}/s held back, answers {flood['answers']}"
        )
        accepted = before.accepted + during.accepted + after.accepted
        row = conn.execute(
            "select count(*) from report where id = any(%s::uuid[])", (accepted,)
        ).fetchone()
        stored = conn.execute("select count(*) from report where device_id is null").fetchone()
        assert row
        assert stored
        print(f"accepted and in the database: {row[0]} of {len(accepted)}")
        print(f"reports of the flood that were stored: {stored[0]}")


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench flood", description=__doc__)
    parser.add_argument("--flood", type=float, default=1000, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=10, help="reports of others a second")
    parser.add_argument("--redis", type=int, default=REDIS_NUMBER, help="number of its database")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        phones = int(options.rate * (options.seconds * 2.5 + 5) * 1.5) + 100
        bearers = asyncio.run(prepare(database, phones))
        asyncio.run(measure(database, bearers, options))
