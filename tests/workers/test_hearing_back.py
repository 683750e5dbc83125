"""From a committed update to the phones, through Redis, arq and the gateway's socket."""

from dataclasses import replace

from reporting import outbox
from tests.support.fcm import FakeFcm
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import IMPATIENT, Working


async def test_each_phone_hears_every_update_once_and_in_order(
    street: Street, fcm: FakeFcm, working: Working
):
    phone = await street.phone("one")
    _, job = await street.report(phone)
    async with working():
        await street.update(job, status="in_progress")
        await street.update(job, status="fixed")
        await until(lambda: len(fcm.updates("one")) == 3)
    log = await street.all("select id from job_update order by seq")
    assert fcm.updates("one") == [str(update) for (update,) in log]
    assert [state for _, state in await street.ledger("one")] == ["sent"] * 3
    assert await street.outbox_ids() == []


async def test_everyone_on_the_job_hears_and_nobody_else(
    street: Street, fcm: FakeFcm, working: Working
):
    first, second, stranger = [await street.phone(name) for name in ("first", "second", "other")]
    _, job = await street.report(first)
    await street.report(stranger)
    await street.report(second, job)
    await street.report(None, job)
    fixed = await street.update(job, status="fixed")
    async with working():
        await until(lambda: len(fcm.accepted) == 5)
    log = await street.all("select id from job_update where job_id = %s order by seq", job)
    received, attached, *_ = [str(update) for (update,) in log]
    assert fcm.updates("first") == [received, str(fixed)]
    assert fcm.updates("second") == [attached, str(fixed)]
    assert len(fcm.updates("other")) == 1


async def test_two_reports_of_one_phone_on_one_job_are_told_once(
    street: Street, fcm: FakeFcm, working: Working
):
    phone = await street.phone("one")
    _, job = await street.report(phone)
    await street.report(phone, job)
    fixed = await street.update(job, status="fixed")
    async with working():
        await until(lambda: str(fixed) in fcm.updates("one"))
    assert fcm.updates("one").count(str(fixed)) == 1
    assert len(await street.ledger("one")) == 3


async def test_who_comes_later_or_has_left_is_not_told(
    street: Street, fcm: FakeFcm, working: Working
):
    here, gone = await street.phone("here"), await street.phone("gone")
    _, job = await street.report(here)
    left, _ = await street.report(gone, job)
    await street.conn.execute("update job_report set until = now() where report_id = %s", (left,))
    fixed = str(await street.update(job, status="fixed"))
    late = await street.phone("late")
    await street.report(late, job)
    async with working():
        await until(lambda: len(fcm.accepted) == 4)
    assert fixed in fcm.updates("here")
    assert fixed not in fcm.updates("gone")
    assert fixed not in fcm.updates("late")


async def test_words_are_plain_and_name_nobody(street: Street, fcm: FakeFcm, working: Working):
    phone = await street.phone("one")
    report, job = await street.report(phone)
    await street.update(job, status="waiting", message="Ask for Ann on 01632 960001.")
    await street.update(job, message="Ann will be there on Monday.")
    await street.update(job, status="closed", reason="not_found")
    async with working():
        await until(lambda: len(fcm.accepted) == 4)
    (reference,) = await street.one("select reference from report where id = %s", report)
    shown = [accepted.message["notification"] for accepted in fcm.accepted]
    assert {notice["title"] for notice in shown} == {f"Your report {reference}"}
    assert [notice["body"] for notice in shown] == [
        "We have it; Highways will look at it by 17:00 on Friday 4 January.",
        "It has to wait for something; open it to read more.",
        "There is a message for you; open it to read it.",
        "Closed without work: we could not find it.",
    ]
    assert "Ann" not in str([accepted.message for accepted in fcm.accepted])


async def test_a_note_among_the_crew_tells_nobody(street: Street, fcm: FakeFcm, working: Working):
    phone = await street.phone("one")
    _, job = await street.report(phone)
    await street.update(job)
    await street.update(job, priority="P1")
    fixed = await street.update(job, status="fixed")
    async with working():
        await until(lambda: str(fixed) in fcm.updates("one"))
    assert len(fcm.updates("one")) == 2


async def test_two_workers_at_once_tell_once(street: Street, fcm: FakeFcm, working: Working):
    phones = [f"phone {n}" for n in range(20)]
    jobs = [(await street.report(await street.phone(name)))[1] for name in phones]
    async with working(), working():
        for status in ("scheduled", "in_progress", "fixed"):
            for job in jobs:
                await street.update(job, status=status)
        await until(lambda: len(fcm.accepted) >= 80)
    for name, job in zip(phones, jobs, strict=True):
        log = await street.all("select id from job_update where job_id = %s order by seq", job)
        assert fcm.updates(name) == [str(update) for (update,) in log]


async def test_a_backlog_is_told_in_order_however_it_was_dispatched(
    street: Street, fcm: FakeFcm, working: Working
):
    """The rows of one job come to the fan-out apart and backwards, as after retries."""
    phone = await street.phone("one")
    _, job = await street.report(phone)
    for status in ("scheduled", "in_progress", "fixed"):
        await street.update(job, status=status)
    ids = await street.outbox_ids()
    async with street.conn.transaction():
        assert len(await outbox.fan_out(street.conn, ids[2:])) == 1
    assert await street.outbox_ids() == []
    async with working():
        await until(lambda: len(fcm.accepted) == 4)
    log = await street.all("select id from job_update order by seq")
    assert fcm.updates("one") == [str(update) for (update,) in log]


async def test_a_busy_second_is_one_look(street: Street, fcm: FakeFcm, working: Working):
    """Sixty notifications that came while the relay gathered are answered at once, not in turn."""
    jobs = [(await street.report(await street.phone(f"phone {n}")))[1] for n in range(60)]
    gathering = replace(IMPATIENT, relay=replace(IMPATIENT.relay, gather_s=1.0))
    async with working(policies=gathering):
        await until(lambda: len(fcm.accepted) == 60)
        for job in jobs:
            await street.update(job, status="fixed")
        await until(lambda: len(fcm.accepted) == 120)
