"""Redis, PostgreSQL and workers that go away: everything waits, and everything arrives."""

import signal
import threading
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from reporting import outbox
from reporting.settings import Settings
from tests.support.fcm import Answer, FakeFcm
from tests.support.killable import own_redis, worker
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import IMPATIENT, Working

STATUSES = ("scheduled", "in_progress", "fixed")


async def told(street: Street, job: Any) -> list[str]:
    """The ids of a job's updates, in order."""
    log = await street.all("select id from job_update where job_id = %s order by seq", job)
    return [str(update) for (update,) in log]


async def test_what_waited_for_redis_is_told_when_it_is_back(
    street: Street, fcm: FakeFcm, fcm_settings: Settings, working: Working, tmp_path: Path
):
    _, job = await street.report(await street.phone("one"))
    with own_redis(tmp_path) as redis:
        settings = fcm_settings.model_copy(update={"redis_url": redis.url})
        async with working(settings):
            await until(lambda: len(fcm.accepted) == 1)
            redis.kill()
            for status in STATUSES:
                await street.update(job, status=status)
            assert len(await street.outbox_ids()) == 3
            redis.start()
            await until(lambda: len(fcm.accepted) == 4)
    assert fcm.updates("one") == await told(street, job)


async def test_a_worker_starts_before_redis_does(
    street: Street, fcm: FakeFcm, fcm_settings: Settings, working: Working, tmp_path: Path
):
    _, job = await street.report(await street.phone("one"))
    with own_redis(tmp_path) as redis:
        redis.kill()
        async with working(fcm_settings.model_copy(update={"redis_url": redis.url})):
            redis.start()
            await until(lambda: fcm.accepted)
    assert fcm.updates("one") == await told(street, job)


async def test_redis_forgets_what_it_was_handed(
    street: Street, fcm: FakeFcm, redis: Redis, working: Working
):
    _, job = await street.report(await street.phone("one"))
    async with working():
        await until(lambda: len(fcm.accepted) == 1)
        async with street.conn.transaction():
            # Handed on, as far as PostgreSQL knows, for an hour; Redis never gets to run it.
            await street.update(job, status="fixed")
            assert await outbox.claim(street.conn, lease_s=3600)
        await redis.flushall()
        await until(lambda: len(fcm.accepted) == 2)
    assert fcm.updates("one") == await told(street, job)


async def test_connections_to_the_database_are_cut_again_and_again(
    street: Street, fcm: FakeFcm, working: Working
):
    jobs = {
        name: (await street.report(await street.phone(name)))[1] for name in ("a", "b", "c", "d")
    }
    async with working():
        for status in STATUSES:
            for job in jobs.values():
                await street.update(job, status=status)
                await street.conn.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )
        for name, job in jobs.items():
            whole = await told(street, job)
            await until(lambda name=name, whole=whole: fcm.shown(name) == whole, within_s=40)


async def test_a_worker_killed_between_the_gateways_answer_and_the_ledger(
    street: Street, fcm: FakeFcm, fcm_settings: Settings, redis: Redis, working: Working
):
    """The gateway has the message and nobody wrote it down: it comes twice, under one id."""
    _, job = await street.report(await street.phone("one"))
    await street.update(job, status="fixed")
    held = threading.Event()
    fcm.next["one"].append(Answer(hold=held))
    with worker(fcm_settings) as process:
        await until(lambda: fcm.accepted)
        process.kill()
        process.wait()
    held.set()
    # The killed process's lease ends (half a minute, which no test should wait).
    await street.conn.execute("update delivery set next_at = now()")
    first, second = await told(street, job)
    async with working():
        await until(lambda: second in fcm.updates("one"))
    assert fcm.updates("one") == [first, first, second]
    assert fcm.shown("one") == [first, second]
    assert [state for _, state in await street.ledger("one")] == ["sent", "sent"]


async def test_told_to_stop_it_finishes_what_it_has_in_hand(
    street: Street, fcm: FakeFcm, fcm_settings: Settings, redis: Redis
):
    await street.report(await street.phone("one"))
    held = threading.Event()
    fcm.next["one"].append(Answer(hold=held))
    with worker(fcm_settings) as process:
        await until(lambda: fcm.accepted)
        process.send_signal(signal.SIGTERM)
        held.set()
        await until(lambda: process.poll() is not None)
        assert process.returncode == 0
    assert [state for _, state in await street.ledger("one")] == ["sent"]


async def test_a_row_that_cannot_be_done_becomes_a_dead_letter_that_can_be_revived(
    street: Street, fcm: FakeFcm, working: Working
):
    await street.conn.execute(
        "insert into outbox (topic, subject) values ('update', gen_random_uuid())"
    )
    hasty = IMPATIENT.relay.__class__(lease_s=0.001, sweep_s=0.05)
    async with working(policies=IMPATIENT.__class__(relay=hasty, pump=IMPATIENT.pump)):
        await until(lambda: outbox.dead_letters(street.conn))
    (letter,) = await outbox.dead_letters(street.conn)
    assert (letter["what"], letter["topic"], letter["attempts"]) == ("outbox", "update", 8)
    assert await outbox.revive(street.conn) == 1
    assert await outbox.dead_letters(street.conn) == []
