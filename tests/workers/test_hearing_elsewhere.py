"""From a committed update to mailboxes and browsers, through the same ledger as the phones."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from reporting import confirming, outbox
from reporting.keys import Keys
from reporting.notices import Facts, sentence
from reporting.queries import outbox as queries
from reporting.reports.values import Claim, Contact, NewReport
from reporting.settings import Settings
from tests.support import mailbox as server
from tests.support import push_service
from tests.support.fcm import FakeFcm
from tests.support.killable import worker
from tests.support.mailbox import Answer, Mailbox
from tests.support.push_service import PushService
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import IMPATIENT, Working, nothing_waits

ANN = "ann@example.org"


@pytest.fixture
def service(mail_settings: Settings) -> Iterator[PushService]:
    key = Keys(mail_settings.secret_key.get_secret_value()).vapid_public_key
    with push_service.running(PushService(key=key)) as found:
        yield found


async def browser(street: Street, service: PushService, name: str) -> UUID:
    """A device that is a browser with a live subscription."""
    device = await street.phone(None, "cy")
    await street.conn.execute(
        "insert into subscription (device_id, channel, address) values (%s, 'webpush', %s)",
        (device, service.browser(name).address),
    )
    return device


async def all_are(street: Street, state: str, many: int) -> bool:
    rows = await street.all("select state from delivery")
    return rows == [(state,)] * many


async def states(street: Street, address: str) -> list[str]:
    return [state for _, state in await street.ledger(address)]


async def test_a_reader_hears_of_everything_in_order_and_in_welsh(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    report, job = await street.report(None, reporter=await street.reader(ANN))
    async with working(mail_settings):
        await until(lambda: len(box.mails) == 1)
        await street.update(job, status="in_progress", message="Mind the cones.")
        await until(lambda: len(box.mails) == 2)
        await street.update(job)  # a note among the crew
        await street.update(job, status="fixed")
        await until(lambda: len(box.mails) == 3)
    first, second, third = box.mails
    assert first.id == f"<{report}@shire.example>"
    assert "Mae gennym eich adroddiad; bydd Highways yn edrych arno" in first.text
    assert f"{sentence('in_progress', Facts(), 'cy')}." in second.text
    assert "Mind the cones." in second.text
    assert "Wedi'i drwsio." in third.text
    assert {second.message["References"], third.message["References"]} == {first.id}
    assert {each.message["Content-Language"] for each in box.mails} == {"cy"}
    assert await states(street, ANN) == ["sent"] * 3


async def test_what_waited_comes_in_one_mail(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    _, job = await street.report(None, reporter=await street.reader(ANN, "en"))
    for status in ("scheduled", "in_progress", "fixed"):
        await street.update(job, status=status)
    async with working(mail_settings):
        await until(lambda: box.mails)
        await until(lambda: all_are(street, "sent", 4))
    (mail,) = box.mails
    told = ["We have it", "Work is planned", "A crew is on it", "Fixed."]
    places = [mail.text.index(sentence) for sentence in told]
    assert places == sorted(places)


async def test_a_phone_a_browser_and_a_mailbox_hear_of_one_job(
    street: Street,
    fcm: FakeFcm,
    box: Mailbox,
    service: PushService,
    mail_settings: Settings,
    working: Working,
):
    _, job = await street.report(await street.phone("phone"))
    await street.report(await browser(street, service, "web"), job)
    await street.report(None, job, reporter=await street.reader(ANN, "en"))
    async with working(mail_settings):
        await until(lambda: len(fcm.accepted) == 1 and len(box.mails) == 1)
        await until(lambda: len(service.accepted) == 1)
        fixed = str(await street.update(job, status="fixed", message="Ask for Ann on 01632 960001"))
        await until(lambda: fcm.updates("phone")[1:] == [fixed])
        await until(lambda: len(service.accepted) == 2)
        await until(lambda: len(box.mails) == 2)
    attached, told = service.read("web")
    assert attached["body"] == "Rydym yn gwybod amdano eisoes ac wedi ychwanegu eich adroddiad ato."
    assert (told["update"], told["body"]) == (fixed, "Wedi'i drwsio.")
    assert told["url"].startswith("/r/KB-R")
    # What the crew wrote is for the mailbox alone: pushes lie on locked screens.
    assert "Ann on" in box.mails[1].text
    assert "Ann on" not in str([each.message for each in fcm.accepted]) + str(told)


async def test_a_slow_mail_server_holds_no_phone_up(
    street: Street, fcm: FakeFcm, box: Mailbox, mail_settings: Settings, working: Working
):
    held = threading.Event()
    box.always["DATA"] = Answer(hold=held, takes=True)
    for number in range(5):
        await street.report(None, reporter=await street.reader(f"{number}@example.org"))
    async with working(mail_settings):
        await until(lambda: box.tries)
        jobs = [(await street.report(await street.phone(f"{n}")))[1] for n in range(30)]
        for job in jobs:
            await street.update(job, status="fixed")
        await until(lambda: len(fcm.accepted) == 60)
        assert len(box.mails) == 1
        held.set()
        await until(lambda: len({mail.to for mail in box.mails}) == 5)


async def test_a_bounce_ends_the_subscription(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    _, job = await street.report(None, reporter=await street.reader(ANN))
    await street.report(None, job, reporter=await street.reader("bob@example.org"))
    box.addresses[ANN] = server.NO_MAILBOX
    async with working(mail_settings):
        await until(lambda: len(box.mails) == 1)
        await street.update(job, status="fixed")
        await until(lambda: len(box.to("bob@example.org")) == 2)
    assert box.tries.count(ANN) == 1
    row = await street.one("select ended_because from subscription where address = %s", ANN)
    assert row == ("bounced",)
    assert set(await states(street, ANN)) == {"dropped"}


async def test_greylisted_it_waits_and_is_told_once(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    _, job = await street.report(None, reporter=await street.reader(ANN))
    box.next["RCPT"].extend([server.BUSY] * 2)
    box.next["DATA"].append(server.DROPPED)
    async with working(mail_settings):
        await until(lambda: box.mails)
        await street.update(job, status="fixed")
        await until(lambda: len(box.mails) == 2)
    assert len(box.tries) == 5
    assert await states(street, ANN) == ["sent"] * 2


async def test_a_mail_that_is_refused_is_a_dead_letter_without_the_address(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    await street.report(None, reporter=await street.reader(ANN))
    box.always["RCPT"] = Answer(f"554 5.7.1 <{ANN}> we take nothing from you")
    async with working(mail_settings):
        await until(lambda: outbox.dead_letters(street.conn))
    (letter,) = await outbox.dead_letters(street.conn)
    assert (letter["what"], letter["topic"], letter["last_error"]) == (
        "message",
        "email",
        "smtp 554",
    )
    assert ANN not in str(letter)


async def test_a_worker_killed_while_the_server_takes_the_mail(
    street: Street, box: Mailbox, mail_settings: Settings, redis: Redis, working: Working
):
    """It comes twice, under one Message-ID; nothing is lost and nothing overtaken."""
    _, job = await street.report(None, reporter=await street.reader(ANN, "en"))
    held = threading.Event()
    box.next["DATA"].append(Answer(hold=held, takes=True))
    with worker(mail_settings) as process:
        await until(lambda: box.tries)
        process.kill()
        process.wait()
    held.set()
    assert len(box.mails) == 1
    fixed = await street.update(job, status="fixed")
    # The killed process's lease ends (a minute, which no test should wait).
    await street.conn.execute("update delivery set next_at = now()")
    async with working(mail_settings):
        await until(lambda: "Fixed." in box.mails[-1].text)
    assert box.mails[0].id == box.mails[1].id
    assert [update for update, _ in await street.ledger(ANN)][-1] == fixed
    assert await states(street, ANN) == ["sent"] * 2


async def test_without_a_mail_server_mail_waits_and_is_dropped_and_phones_hear(
    street: Street, fcm: FakeFcm, box: Mailbox, fcm_settings: Settings, working: Working
):
    phone = await street.phone("phone")
    _, job = await street.report(phone, reporter=await street.reader(ANN))
    await street.update(job, status="fixed")
    async with street.conn.transaction():
        await outbox.fan_out(street.conn, await street.outbox_ids())
    await street.conn.execute(
        "update delivery set created_at = now() - interval '73 hours'"
        " where id = (select min(delivery.id) from delivery join subscription"
        " on subscription.id = subscription_id where channel = 'email')"
    )
    async with working(fcm_settings):
        await until(lambda: street.one("select 1 from delivery where state = 'dropped'"))
        await until(lambda: len(fcm.updates("phone")) == 2)
    (error,) = await street.one("select last_error from delivery where state = 'dropped'")
    assert error == "no mail server was configured"
    assert await states(street, ANN) == ["dropped", "pending"]


async def test_whoever_was_forgotten_or_unsubscribed_hears_no_more(
    street: Street, box: Mailbox, mail_settings: Settings, working: Working
):
    forgotten = await street.reader("forgotten@example.org")
    _, job = await street.report(None, reporter=forgotten)
    await street.report(None, job, reporter=await street.reader(ANN))
    await street.report(None, job, reporter=await street.reader("bob@example.org"))
    async with working(mail_settings):
        await until(lambda: len(box.mails) == 3)
        await street.conn.execute("delete from reporter where id = %s", (forgotten,))
        await street.conn.execute(
            "update subscription set ended_at = now() where address = %s", (ANN,)
        )
        await street.update(job, status="fixed")
        await until(lambda: len(box.to("bob@example.org")) == 2)
    assert len(box.mails) == 4


async def test_a_browser_that_unsubscribed_is_told_nothing_more(
    street: Street, service: PushService, mail_settings: Settings, working: Working
):
    _, job = await street.report(await browser(street, service, "web"))
    service.always["/push/web"] = push_service.Answer(410)
    await street.update(job, status="fixed")
    async with working(mail_settings):
        await until(lambda: street.one("select 1 from subscription where ended_at is not null"))
    assert service.tries == ["/push/web"]
    rows = await street.all(
        "select state, ended_because from delivery"
        " join subscription on subscription.id = subscription_id"
    )
    assert rows == [("dropped", "unsubscribed")] * 2


class TestConfirmation:
    """The mail that asks whether a report over the limits is meant."""

    @pytest.fixture
    async def asked(self, street: Street, box: Mailbox) -> UUID:
        return await self.keep(street)

    async def keep(self, street: Street, email: str | None = ANN) -> UUID:
        new = NewReport(
            category="pothole",
            place=None,
            place_text="By <b>the</b> gate",
            authority="shire",
            contact=Contact(email=email, language="cy", updates=()),
        )
        claim = Claim(uuid4(), None, uuid4().bytes)
        async with street.conn.transaction():
            kept = await confirming.keep(street.conn, claim, new, "en")
        return kept.id

    async def test_it_asks_once_by_a_link(
        self, street: Street, box: Mailbox, asked: UUID, mail_settings: Settings, working: Working
    ):
        box.next["RCPT"].append(server.BUSY)
        hasty = replace(IMPATIENT, relay=replace(IMPATIENT.relay, lease_s=0.2))
        async with working(mail_settings, hasty):
            await until(lambda: box.mails)
            await until(lambda: nothing_waits(street))
        (mail,) = box.mails
        token = Keys(mail_settings.secret_key.get_secret_value()).confirm_token(asked)
        assert f"{mail_settings.public_url}/confirm/{token}" in mail.text
        assert "Cadarnhewch eich adroddiad." in mail.text
        assert "gate" not in mail.message.as_string()
        assert mail.to == ANN

    async def test_it_asks_one_address_twice_an_hour_at_most(
        self, street: Street, box: Mailbox, asked: UUID, mail_settings: Settings, working: Working
    ):
        for _ in range(3):
            await self.keep(street)
        await self.keep(street, "bob@example.org")
        async with working(mail_settings):
            await until(lambda: nothing_waits(street))
        assert len(box.to(ANN)) == 2
        assert len(box.to("bob@example.org")) == 1

    async def test_what_was_confirmed_or_is_over_is_not_asked(
        self, street: Street, box: Mailbox, asked: UUID, mail_settings: Settings, working: Working
    ):
        await confirming.confirmed(street.conn, asked)
        over = await self.keep(street)
        await street.conn.execute(
            "update unconfirmed set expires_at = now() where id = %s", (over,)
        )
        await street.conn.execute(queries.RECORD, {"topic": "confirm", "subject": uuid4()})
        async with working(mail_settings):
            await until(lambda: nothing_waits(street))
        assert box.tries == []


async def test_a_report_by_the_api_is_answered_by_mail_and_one_click_ends_it(
    client: httpx.AsyncClient,
    street: Street,
    box: Mailbox,
    mail_settings: Settings,
    working: Working,
):
    """The whole story: report, mail, the mail program's own button (RFC 8058), silence."""
    sent = await client.post(
        "/v1/reports",
        json={
            "category": "pothole",
            "location": {"lat": 52.01, "lng": -0.99},
            "answers": {"where": "carriageway", "depth": "over_7cm"},
            "contact": {"email": ANN, "updates": ["email"]},
        },
        headers={"Idempotency-Key": str(uuid4())},
    )
    assert sent.status_code == 201, sent.text
    said = sent.json()
    async with working(mail_settings):
        await until(lambda: box.mails)
        (mail,) = box.mails
        assert said["tracking_url"] in mail.text
        link = mail.message["List-Unsubscribe"].strip("<>").removeprefix(mail_settings.public_url)
        for _ in range(2):
            # From the provider's machines: no cookie, another site or none, and nothing else.
            click = await client.post(
                link,
                content="List-Unsubscribe=One-Click",
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Origin": "https://mail.example",
                    "Sec-Fetch-Site": "cross-site",
                },
            )
            assert click.status_code == 200
            assert f"You will get no more e-mail about {said['reference']}" in click.text
        job = UUID(said["job"]["id"])
        (seq, head) = await street.one("select version, chain_head from job where id = %s", job)
        street.versions[job] = (seq, head)
        await street.update(job, status="fixed")
        await until(lambda: nothing_waits(street))
    assert len(box.mails) == 1
    (updates,) = await street.one("select updates from reporter")
    assert updates == []
