"""What arq runs: how a batch fails, what is forgotten, and the form in which jobs are handed on."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import msgpack
import pytest
from arq.connections import ArqRedis
from arq.worker import Retry
from psycopg import OperationalError
from redis.asyncio import ConnectionPool, Redis

from reporting import outbox, retention
from reporting.outbox import Claimed
from reporting.runtime import Runtime
from reporting.settings import Settings
from tests.support.street import Street
from workers.jobs.checkpoint import checkpoint
from workers.jobs.handling import Context, handle
from workers.jobs.retention import forget_the_old, reroute
from workers.main import QUEUES, TARGETS, Queue, make_worker
from workers.relay import Target, enqueue


async def test_one_bad_row_does_not_hold_up_its_batch(street: Street, runtime: Runtime):
    for _ in range(3):
        await street.report(None)
    first, bad, last = await street.outbox_ids()

    async def do(ctx: Context, ids: Sequence[int]) -> None:
        async with runtime.unit() as conn:
            await outbox.done(conn, ids)
            if bad in ids:
                raise ValueError("something personal")

    await handle({"runtime": runtime}, [first, bad, last], do)
    assert await street.outbox_ids() == [bad]
    assert await street.one("select last_error from outbox where id = %s", bad) == (
        "builtins.ValueError",
    )


async def test_a_database_that_is_away_is_tried_again_soon(runtime: Runtime):
    async def away(ctx: Context, ids: Sequence[int]) -> None:
        raise OperationalError

    with pytest.raises(Retry):
        await handle({"runtime": runtime}, [1], away)


async def test_jobs_are_handed_on_in_arqs_own_form_many_ids_to_each(redis: Redis):
    rows = [Claimed(number, "update") for number in range(120)]
    await enqueue(
        redis, {"update": Target("q", "notify", ids=50)}, [*rows, Claimed(500, "unheard-of")]
    )
    arq = ArqRedis(redis.connection_pool, job_deserializer=msgpack.unpackb)
    jobs = sorted(await arq.queued_jobs(queue_name="q"), key=lambda job: job.args[0])
    assert [job.function for job in jobs] == ["notify"] * 3
    assert [len(job.args[0]) for job in jobs] == [50, 50, 20]
    assert [number for job in jobs for number in job.args[0]] == list(range(120))


@pytest.mark.parametrize("queue", QUEUES)
async def test_arq_is_a_wake_up_and_nothing_more(settings: Settings, queue: Queue):
    worker = make_worker(queue, settings.redis_url, {})
    assert worker.keep_result_s == 0
    assert worker.job_serializer is msgpack.packb
    assert worker.job_deserializer is msgpack.unpackb
    pool: ConnectionPool = worker.pool.connection_pool
    assert pool.connection_kwargs["socket_timeout"]
    await pool.disconnect()


def test_every_topic_has_a_queue_that_runs_it():
    runs = {(queue.name, function.__name__) for queue in QUEUES for function in queue.functions}
    assert {(target.queue, target.function) for target in TARGETS.values()} == runs


async def test_what_is_too_old_is_forgotten_and_nothing_else(street: Street, runtime: Runtime):
    for age in ("31 days", "29 days"):
        await street.conn.execute(
            "insert into idempotency_key (scope, key, body_hash, status, answer, created_at)"
            " values (%s, %s, '', 201, '', now() - %s::interval)",
            (age, uuid4(), age),
        )
    for age, finished in (("8 days", "done_at"), ("6 days", "done_at"), ("90 days", "dead_at")):
        await street.conn.execute(
            f"insert into outbox (topic, subject, {finished})"
            " values (%s, gen_random_uuid(), now() - %s::interval)",
            (f"{finished} {age}", age),
        )
    await street.conn.execute("insert into outbox (topic, subject) values ('x', %s)", (uuid4(),))
    await forget_the_old({"runtime": runtime})
    assert await street.all("select scope from idempotency_key") == [("29 days",)]
    assert await street.all("select topic from outbox order by id") == [
        ("done_at 6 days",),
        ("dead_at 90 days",),
        ("x",),
    ]


async def test_more_than_a_batch_is_forgotten(
    street: Street, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 2)
    await street.conn.execute(
        "insert into outbox (topic, subject, done_at)"
        " select 'update', gen_random_uuid(), '2020-01-01' from generate_series(1, 5)"
    )
    await forget_the_old({"runtime": runtime})
    assert await street.all("select id from outbox") == []


async def test_the_clocks_jobs_run_on_an_ordinary_database(street: Street, runtime: Runtime):
    await street.report(None)
    await reroute({"runtime": runtime})
    await checkpoint({"runtime": runtime})
    await checkpoint({"runtime": runtime})
    ((heads, at),) = await street.all("select heads, at from checkpoint")
    assert heads == 1
    assert at <= datetime.now(UTC)
