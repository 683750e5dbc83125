"""What the gateway, Redis and a killed worker can do, and what the phones hear all the same."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from reporting import outbox
from reporting.settings import Settings
from tests.support import fcm as gateway
from tests.support.fcm import Answer, FakeFcm
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import IMPATIENT, Working


async def state_of(street: Street, address: str) -> list[str]:
    return [state for _, state in await street.ledger(address)]


async def subscription(street: Street, address: str) -> Any:
    return await street.one("select ended_because from subscription where address = %s", address)


async def test_an_unregistered_phone_is_told_nothing_more(
    street: Street, fcm: FakeFcm, working: Working
):
    removed, kept = await street.phone("removed"), await street.phone("kept")
    _, job = await street.report(kept)
    await street.report(removed, job)
    fcm.always["removed"] = gateway.UNREGISTERED
    for status in ("in_progress", "fixed"):
        await street.update(job, status=status)
    async with working():
        await until(lambda: len(fcm.updates("kept")) == 3)
        await until(lambda: "removed" in fcm.tries)
    assert fcm.tries.count("removed") == 1
    assert await subscription(street, "removed") == ("unregistered",)
    assert await state_of(street, "removed") == ["dropped"] * 3
    assert await state_of(street, "kept") == ["sent"] * 3


async def test_a_phone_that_gave_a_new_token_meanwhile_hears_there(
    street: Street, fcm: FakeFcm, working: Working
):
    phone = await street.phone("old")
    await street.report(phone)
    held = threading.Event()
    fcm.next["old"].append(replace(gateway.UNREGISTERED, hold=held))
    async with working():
        await until(lambda: "old" in fcm.tries)
        await street.conn.execute("update subscription set address = 'new'")
        held.set()
        await until(lambda: fcm.updates("new"))
    assert await subscription(street, "new") == (None,)
    assert await state_of(street, "new") == ["sent"]


@pytest.mark.parametrize(
    "answer", [gateway.NOT_FOUND, gateway.SENDER_MISMATCH, gateway.BAD_GATEWAY, gateway.quota()]
)
async def test_what_may_pass_is_tried_again_and_holds_nobody_else_up(
    street: Street, fcm: FakeFcm, working: Working, answer: Answer
):
    troubled, other = await street.phone("troubled"), await street.phone("other")
    _, job = await street.report(other)
    await street.report(troubled, job)
    await street.update(job, status="fixed")
    fcm.always["troubled"] = answer
    async with working():
        await until(lambda: len(fcm.updates("other")) == 2)
        await until(lambda: fcm.tries.count("troubled") >= 3)
        assert fcm.updates("troubled") == []
        del fcm.always["troubled"]
        await until(lambda: len(fcm.updates("troubled")) == 2)
    log = await street.all("select id from job_update where kind <> 'reported' order by seq")
    assert fcm.updates("troubled") == [str(update) for (update,) in log]
    assert await subscription(street, "troubled") == (None,)


async def test_a_gateway_that_is_down_is_tried_again(
    street: Street, fcm: FakeFcm, working: Working
):
    await street.report(await street.phone("one"))
    fcm.next["one"].extend([gateway.UNAVAILABLE] * 2)
    async with working():
        await until(lambda: fcm.updates("one"))
    assert fcm.tries == ["one"] * 3


async def test_retry_after_is_heeded(street: Street, fcm: FakeFcm, working: Working):
    await street.report(await street.phone("one"))
    fcm.next["one"].append(gateway.quota(3600))
    async with working():
        await until(lambda: street.one("select 1 from delivery where last_error is not null"))
    (wait_s,) = await street.one("select extract(epoch from next_at - now()) from delivery")
    assert 3500 < wait_s <= 3600
    assert fcm.tries == ["one"]


async def test_a_message_the_gateway_will_never_take_is_a_dead_letter(
    street: Street, fcm: FakeFcm, working: Working
):
    _, job = await street.report(await street.phone("one"))
    fcm.next["one"].append(gateway.INVALID)
    fixed = await street.update(job, status="fixed")
    async with working():
        await until(lambda: fcm.updates("one"))
    assert fcm.updates("one") == [str(fixed)]
    assert await state_of(street, "one") == ["dead", "sent"]
    assert await subscription(street, "one") == (None,)
    (letter,) = await outbox.dead_letters(street.conn)
    assert (letter["what"], letter["topic"]) == ("message", "fcm")
    assert letter["last_error"] == "InvalidArgumentError INVALID_ARGUMENT"


async def test_a_message_is_given_up_after_a_day_and_the_next_one_goes(
    street: Street, fcm: FakeFcm, working: Working
):
    _, job = await street.report(await street.phone("one"))
    fixed = await street.update(job, status="fixed")
    async with street.conn.transaction():
        await outbox.fan_out(street.conn, await street.outbox_ids())
    await street.conn.execute(
        "update delivery set created_at = now() - interval '25 hours'"
        " where id = (select min(id) from delivery)"
    )
    fcm.next["one"].append(gateway.quota())
    async with working():
        await until(lambda: fcm.updates("one"))
    assert fcm.updates("one") == [str(fixed)]
    assert await state_of(street, "one") == ["dead", "sent"]


async def test_refused_credentials_lose_nothing(street: Street, fcm: FakeFcm, working: Working):
    _, job = await street.report(await street.phone("one"))
    await street.update(job, status="fixed")
    fcm.refuse_tokens = True
    async with working():
        await until(lambda: street.one("select 1 from delivery where attempts >= 3"))
        assert fcm.tries == []
        fcm.refuse_tokens = False
        await until(lambda: len(fcm.updates("one")) == 2)
    assert await state_of(street, "one") == ["sent"] * 2


async def test_without_a_push_service_messages_wait_a_day_and_are_dropped(
    street: Street, settings: Settings, fcm: FakeFcm, working: Working
):
    _, job = await street.report(await street.phone("one"))
    await street.update(job, status="fixed")
    async with street.conn.transaction():
        await outbox.fan_out(street.conn, await street.outbox_ids())
    await street.conn.execute(
        "update delivery set created_at = now() - interval '25 hours'"
        " where id = (select min(id) from delivery)"
    )
    async with working(settings):
        await until(lambda: street.one("select 1 from delivery where state = 'dropped'"))
    assert await state_of(street, "one") == ["dropped", "pending"]
    async with working():
        await until(lambda: len(fcm.updates("one")) == 1)


async def test_a_slow_phone_holds_only_itself_up(street: Street, fcm: FakeFcm, working: Working):
    slow, quick = await street.phone("slow"), await street.phone("quick")
    _, job = await street.report(quick)
    await street.report(slow, job)
    await street.update(job, status="fixed")
    held = threading.Event()
    fcm.next["slow"].append(Answer(hold=held))
    patient = replace(IMPATIENT, pump=replace(IMPATIENT.pump, lease_s=30.0))
    async with working(policies=patient):
        await until(lambda: len(fcm.updates("quick")) == 2)
        assert len(fcm.updates("slow")) == 1
        held.set()
        await until(lambda: len(fcm.updates("slow")) == 2)
    assert fcm.shown("slow") == fcm.updates("slow")
