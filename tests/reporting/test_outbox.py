"""Claims, leases, order and the ledger, on two connections at once."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from psycopg import AsyncClientCursor, AsyncConnection

from reporting import outbox
from reporting.outbox import Result
from reporting.queries import outbox as queries
from reporting.runtime import Connection
from tests.conftest import Database
from tests.support.county import County
from tests.support.street import Street
from tests.support.until import until


@pytest.fixture
def street(county: County) -> Street:
    return Street(county)


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database.url, autocommit=True) as conn:
        yield conn


async def test_two_relays_never_claim_one_row(street: Street, other: Connection):
    for _ in range(6):
        await street.report(None)
    async with street.conn.transaction():
        first = await outbox.claim(street.conn, limit=4)
        second = await outbox.claim(other)
    ids = [row.id for row in first + second]
    assert len(ids) == len(set(ids)) == 6
    assert await outbox.claim(other) == []


async def test_a_lease_ends_and_each_is_longer(street: Street):
    await street.report(None)
    for attempt in range(3):
        (row,) = await outbox.claim(street.conn, lease_s=10)
        (lease_s,) = await street.one("select extract(epoch from next_at - now()) from outbox")
        assert 10 * 2**attempt - 1 < lease_s <= 10 * 2**attempt
        assert await outbox.claim(street.conn) == []
        await street.conn.execute("update outbox set next_at = now()")
    await outbox.done(street.conn, [row.id])
    assert await outbox.claim(street.conn) == []


async def test_what_was_released_is_due_again(street: Street):
    await street.report(None)
    assert await outbox.claim(street.conn)
    assert await outbox.release(street.conn) == 1
    assert await street.one("select attempts from outbox") == (0,)
    assert await outbox.claim(street.conn)


async def test_what_is_never_finished_is_buried_and_says_why(street: Street):
    await street.report(None)
    for _ in range(outbox.ATTEMPTS):
        (row,) = await outbox.claim(street.conn, lease_s=0)
    assert await outbox.claim(street.conn) == []
    await outbox.failed(street.conn, [row.id], error="ValueError")
    assert [buried.id for buried in await outbox.bury(street.conn)] == [row.id]
    (letter,) = await outbox.dead_letters(street.conn)
    assert letter["last_error"] == "ValueError"
    assert letter["reference"].startswith("KB-J")


async def test_a_notification_wakes_whoever_listens(street: Street, other: Connection):
    await other.execute("listen outbox")
    await street.report(None)
    heard = [note async for note in other.notifies(timeout=30, stop_after=1)]
    assert [note.payload for note in heard] == [""]


async def test_a_later_update_waits_for_the_earlier_ones_fan_out(street: Street, other: Connection):
    _, job = await street.report(await street.phone("one"))
    await street.update(job, status="fixed")
    first, second = await street.outbox_ids()
    async with street.conn.transaction():
        assert await outbox.fan_out(street.conn, [first])
        later = asyncio.create_task(outbox.fan_out(other, [second]))
        waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s"
        (name,) = await street.one("select current_database()")
        await until(lambda: street.one(waiting, name))
    assert await later == []  # the first had taken both
    log = await street.all("select id from job_update order by seq")
    assert [update for update, _ in await street.ledger("one")] == [update for (update,) in log]


async def test_fanning_out_twice_tells_once(street: Street):
    await street.report(await street.phone("one"))
    ids = await street.outbox_ids()
    assert len(await outbox.fan_out(street.conn, ids)) == 1
    await street.conn.execute("update outbox set done_at = null")
    assert await outbox.fan_out(street.conn, ids) == []
    assert len(await street.ledger("one")) == 1


async def test_only_the_oldest_of_a_subscription_is_claimed(street: Street, other: Connection):
    _, job = await street.report(await street.phone("one"))
    await street.update(job, status="fixed")
    (news,) = await outbox.fan_out(street.conn, await street.outbox_ids())
    assert news.channel == "fcm"
    many = {"channel": "fcm", "limit": 10}
    for chosen in (None, [news.subscription]):
        (head,) = await outbox.claim_deliveries(street.conn, chosen, **many, lease_s=0)
        assert head.status == "received"
    (head,) = await outbox.claim_deliveries(street.conn, None, **many, lease_s=60)
    assert await outbox.claim_deliveries(other, None, **many, lease_s=60) == []
    await outbox.settle(street.conn, [Result(head.id, "sent")])
    (following,) = await outbox.claim_deliveries(other, [news.subscription], **many, lease_s=60)
    assert following.status == "fixed"


@pytest.mark.parametrize("channel", ["webpush", "email"])
async def test_a_channel_claims_its_own_alone(street: Street, channel: str):
    await street.report(await street.phone("one"))
    (news,) = await outbox.fan_out(street.conn, await street.outbox_ids())
    for chosen in (None, [news.subscription]):
        claim = {"channel": channel, "limit": 10, "lease_s": 60}
        assert await outbox.claim_deliveries(street.conn, chosen, **claim) == []


async def test_what_waits_about_a_report_is_claimed_together(street: Street, other: Connection):
    phone = await street.phone("one")
    _, job = await street.report(phone)
    _, elsewhere = await street.report(phone)
    await street.update(job, status="in_progress")
    await street.update(elsewhere, status="in_progress")
    await street.update(job, status="fixed")
    await outbox.fan_out(street.conn, await street.outbox_ids())
    claim = {"channel": "fcm", "limit": 10, "lease_s": 60, "together": True}
    taken = await outbox.claim_deliveries(street.conn, None, **claim)
    assert [each.status for each in taken] == ["received", "in_progress", "fixed"]
    assert {each.job_id for each in taken} == {job}
    # Another process finds the whole of it taken, and nothing of the other report before it.
    assert await outbox.claim_deliveries(other, None, **claim) == []
    await outbox.settle(street.conn, [Result(each.id, "sent") for each in taken])
    following = await outbox.claim_deliveries(other, None, **claim)
    assert {each.job_id for each in following} == {elsewhere}
    assert len(following) == 2


async def test_whoever_left_an_address_hears_beside_their_phone(street: Street):
    reporter = await street.reader("ann@example.org")
    report, job = await street.report(await street.phone("one"), reporter=reporter)
    await street.report(await street.phone("two"), job)
    await street.update(job, status="fixed")
    told = await outbox.fan_out(street.conn, await street.outbox_ids())
    assert sorted(news.channel for news in told) == ["email", "fcm", "fcm"]
    assert len(await street.ledger("ann@example.org")) == 2
    (head,) = await outbox.claim_deliveries(
        street.conn, None, channel="email", limit=10, lease_s=60
    )
    assert (head.report_id, head.language, head.category) == (report, "cy", "Pothole")
    await street.conn.execute("delete from reporter")
    assert await street.ledger("ann@example.org") == []


async def test_an_ended_address_drops_what_waited_for_it(street: Street):
    await street.report(await street.phone("one"))
    (news,) = await outbox.fan_out(street.conn, await street.outbox_ids())
    subscription = news.subscription
    await outbox.end_subscription(street.conn, subscription, address="two", because="unregistered")
    assert [state for _, state in await street.ledger("one")] == ["pending"]
    await outbox.end_subscription(street.conn, subscription, address="one", because="unregistered")
    assert [state for _, state in await street.ledger("one")] == ["dropped"]


YEARS = """
set local session_replication_role = replica;
insert into job_update (
  job_id, seq, id, kind, actor, made_at, recorded_at, changes, previous_hash, hash
)
select md5((n / 5)::text)::uuid, n % 5 + 1, md5('u' || n)::uuid, 'changed', 'system', now(), now(),
  '{}', '', ''
from generate_series(1, 20000) n;
insert into outbox (topic, subject, done_at, dead_at)
select 'update', md5('u' || n)::uuid, case when n < 19950 then now() end,
  case when n = 19999 then now() end
from generate_series(1, 20000) n;
insert into delivery (update_id, subscription_id, report_id, state)
select md5('u' || n)::uuid, n % 5000, gen_random_uuid(),
  case when n < 19900 then 'sent' when n = 19999 then 'dead' else 'pending' end
from generate_series(1, 20000) n;
insert into subscription (device_id, channel, address)
select md5('d' || n)::uuid, (array['fcm', 'webpush'])[1 + n % 2], n from generate_series(1, 5000) n;
insert into subscription (reporter_id, channel, address)
select md5('r' || n)::uuid, 'email', n from generate_series(1, 5000) n;
analyze;
"""


@pytest.mark.parametrize(
    ("statement", "params", "indexes"),
    [
        (
            queries.CLAIM,
            {"limit": 500, "lease_s": 1.0, "attempts": 8},
            {"ix_outbox_due"},
        ),
        (
            queries.FAN_OUT,
            {"ids": [19950, 19951], "only_the_named": ["reported"]},
            {
                "ix_outbox_subject",
                "uq_job_update_id",
                "uq_subscription_live",
                "uq_subscription_reporter_live",
            },
        ),
        (
            queries.lease(of_any=False, together=False),
            {"limit": 20, "lease_s": 1.0, "subscriptions": [4901, 4902], "channel": "fcm"},
            {"ix_delivery_pending", "pk_subscription"},
        ),
        (
            queries.lease(of_any=True, together=False),
            {"limit": 20, "lease_s": 1.0, "channel": "webpush"},
            {"ix_delivery_pending", "pk_subscription"},
        ),
        (
            queries.lease(of_any=True, together=True),
            {"limit": 20, "lease_s": 1.0, "channel": "email"},
            {"ix_delivery_pending", "pk_subscription"},
        ),
        (queries.DEAD_LETTERS, {"limit": 100}, {"ix_outbox_dead", "ix_delivery_dead"}),
    ],
)
async def test_the_cost_is_that_of_what_waits(
    street: Street, statement: str, params: dict, indexes: set[str]
):
    """However many years of done rows there are."""
    async with street.conn.transaction(force_rollback=True):
        await street.conn.execute(YEARS)
        literal = AsyncClientCursor(street.conn).mogrify(statement, params)
        plan = str(await street.all(f"explain {literal}"))
    assert {index for index in indexes if index in plan} == indexes
    for table in ("outbox", "delivery", "job_update", "subscription"):
        assert f"Seq Scan on {table}" not in plan


async def test_recording_wakes_nobody_until_it_is_committed(street: Street, other: Connection):
    await other.execute("listen outbox")
    async with street.conn.transaction(force_rollback=True):
        await street.conn.execute(queries.RECORD, {"topic": "update", "subject": uuid4()})
    await street.conn.execute(queries.RECORD, {"topic": "update", "subject": uuid4()})
    heard = [note async for note in other.notifies(timeout=30, stop_after=1)]
    assert len(heard) == 1
    assert len(await street.outbox_ids()) == 1
