"""How fast the update log is proven: rows a second, and CPU microseconds for each.

The log has 10 updates for each job, one of them with words, and a checkpoint of every job.
"""

import argparse
import asyncio
import random
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from psycopg import AsyncConnection

from reporting import events, verify
from reporting.chain import GENESIS, Words
from reporting.keys import Keys
from tests.bench import cpu
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.scratch import Database, scratch

EACH = 10
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
KEYS = Keys("a key for benches only, of more than 32 bytes")
LOG = "job_id, seq, id, kind, actor, made_at, recorded_at, changes, words_hash, previous_hash, hash"


def entries(job: UUID, rng: random.Random) -> list[events.Entry]:
    """A job's life."""
    found: list[events.Entry] = []
    head = GENESIS
    for seq in range(EACH):
        at = BEGAN + timedelta(seconds=rng.random() * 1e7)
        event: events.Event = events.Changed({"priority": "P3", "due_at": "2026-01-01"})
        if seq == 0:
            event = events.Reported(job, "pothole", 52.0, -1.0, "shire", "highways", "W1", 2, at)
        found.append(
            events.entry(
                event,
                job_id=job,
                version=seq,
                head=head,
                id=UUID(int=rng.getrandbits(128)),
                actor=f"staff:{job}",
                made_at=at,
                recorded_at=at,
                words=Words(note="Filled, rolled and swept") if seq == EACH - 1 else None,
            )
        )
        head = found[-1].hash
    return found


async def build(conn: AsyncConnection, jobs: int) -> None:
    """Write the log and its checkpoints."""
    county = County(conn)
    await county.build()
    await fill(county, jobs, closed=0)
    rng = random.Random(1)
    cursor = await conn.execute("select id from job order by id")
    lives = [entries(job, rng) for (job,) in await cursor.fetchall()]
    async with conn.cursor().copy(f"copy job_update ({LOG}) from stdin") as copy:
        for entry in (entry for life in lives for entry in life):
            values = [getattr(entry, name) for name in LOG.split(", ")]
            values[7] = orjson.dumps(entry.changes).decode()
            await copy.write_row(values)
    async with conn.cursor().copy("copy update_words (update_id, salt, note) from stdin") as copy:
        for life in lives:
            await copy.write_row((life[-1].id, life[-1].salt, life[-1].words.note))
    await conn.execute(
        "update job set version = seq, chain_head = hash from job_update"
        " where job_id = job.id and seq = %s",
        (EACH,),
    )
    await conn.execute("vacuum analyze")
    number: int | None = 1
    while number is not None:
        async with conn.transaction():
            number = await verify.take_checkpoint(conn, KEYS)


async def measure(database: Database, jobs: int) -> None:
    """Print what it took."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        await build(conn, jobs)
        for _ in range(3):
            began, ours = time.perf_counter(), cpu.own_s()
            theirs = cpu.of_s(conn.info.backend_pid)
            proof = await verify.verify(conn, KEYS)
            assert proof.holds, proof.findings
            seconds = time.perf_counter() - began
            each = 1e6 / proof.updates
            own = (cpu.own_s() - ours) * each
            print(
                f"{proof.updates} updates, {proof.checkpoints} checkpoints: {seconds:.2f} s,"
                f" {proof.updates / seconds:,.0f} rows/s; CPU per row {own:.1f} µs"
                f" + PostgreSQL {(cpu.of_s(conn.info.backend_pid) - theirs) * each:.1f} µs"
            )


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench verify", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000)
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        asyncio.run(measure(database, options.jobs))
