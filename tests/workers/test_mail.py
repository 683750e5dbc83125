"""What a mail server may answer, and what that means for the mail and the address."""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis

from reporting import mail_server
from reporting.keys import Keys
from reporting.mailing import Mail
from tests.reporting.test_mailing import NEWS, mail
from tests.support import mailbox as server
from tests.support.killable import free_port
from tests.support.mailbox import PASSWORD, USER, Answer, Mailbox
from tests.support.until import until
from workers import mail as sending
from workers.mail import TOO_MANY, Mailer, Sender
from workers.messages import Gone, Later, Refused, Sent
from workers.quota import CONFIRMATIONS, Quota
from workers.quota import NEWS as NEWS_RATES

FROM = "reports@shire.example"
LOGIN = f"{USER}:s3cret%2Fword@"


def numbered(number: int) -> Mail:
    return replace(mail(NEWS), id=f"mail-{number}")


@asynccontextmanager
async def mailer(
    url: str, tls: ssl.SSLContext | None = None, **more: bool
) -> AsyncIterator[Mailer]:
    found = Mailer(Sender(mail_server.parse(url), FROM, tls=tls, **more))
    try:
        yield found
    finally:
        await found.close()


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with server.running(Mailbox()) as found:
        yield found


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    folder: Path = tmp_path_factory.mktemp("tls")
    return server.certificate(folder)


async def test_a_mail_arrives_whole_and_the_connection_is_kept(box: Mailbox) -> None:
    async with mailer(box.url) as client:
        for number in range(5):
            assert await client.send(numbered(number)) == Sent()
    assert [each.id for each in box.mails] == [f"<mail-{n}@shire.example>" for n in range(5)]
    first = box.mails[0]
    assert (first.sender, first.to, first.user) == (FROM, "ann@example.org", None)
    assert first.text == mail(NEWS).text
    assert box.connections == 1


async def test_many_at_once_go_one_after_another(box: Mailbox) -> None:
    async with mailer(box.url) as client:
        outcomes = await asyncio.gather(*(client.send(numbered(n)) for n in range(20)))
    assert set(outcomes) == {Sent()}
    assert len({each.id for each in box.mails}) == 20
    assert box.connections == 1


@pytest.mark.parametrize(
    ("command", "answer", "outcome", "connections"),
    [
        ("RCPT", server.NO_MAILBOX, Gone("bounced"), 1),
        ("RCPT", server.REFUSED, Refused("smtp 550"), 1),
        ("RCPT", server.FULL, Refused("smtp 552"), 1),
        ("RCPT", Answer("550 no such user here"), Refused("smtp 550"), 1),
        ("RCPT", server.BUSY, Later("smtp 451"), 1),
        ("RCPT", server.CLOSING, Later("smtp 421"), 2),
        ("RCPT", server.DROPPED, Later("unreachable: SMTPServerDisconnected"), 2),
        ("MAIL", Answer("553 5.1.8 who are you"), Later("SMTPSenderRefused 553"), 1),
        ("MAIL", server.CLOSING, Later("SMTPSenderRefused 421"), 2),
        ("DATA", server.BUSY, Later("smtp 451"), 1),
        ("DATA", Answer("554 5.6.0 looks like spam"), Refused("smtp 554"), 1),
        # Nobody's mailbox is gone because a filter says so.
        ("DATA", Answer("550 5.1.1 no"), Refused("smtp 550"), 1),
        ("DATA", server.CLOSING, Later("smtp 421"), 2),
        ("DATA", server.DROPPED, Later("unreachable: SMTPServerDisconnected"), 2),
    ],
)
async def test_an_answer_is_one_of_four_outcomes(
    box: Mailbox, command: str, answer: Answer, outcome: object, connections: int
) -> None:
    box.next[command].append(answer)
    async with mailer(box.url) as client:
        assert await client.send(numbered(1)) == outcome
        assert box.mails == []
        # Whatever it was, the next mail goes.
        assert await client.send(numbered(2)) == Sent()
    assert [each.id for each in box.mails] == ["<mail-2@shire.example>"]
    assert box.connections == connections


async def test_a_mail_that_was_taken_unheard_goes_twice_under_one_name(box: Mailbox) -> None:
    box.next["DATA"].append(server.TAKEN_AND_DROPPED)
    async with mailer(box.url) as client:
        assert isinstance(await client.send(numbered(1)), Later)
        assert await client.send(numbered(1)) == Sent()
    assert [each.id for each in box.mails] == ["<mail-1@shire.example>"] * 2


async def test_a_silent_server_is_given_up_and_left(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    async with mailer(box.url) as client:
        assert await client.send(numbered(0)) == Sent()
        box.always["DATA"] = Answer(hold=held)
        monkeypatch.setattr(sending, "SEND_TIMEOUT_S", 0.5)
        # The second waits for the first's connection, and no longer than its own time.
        outcomes = await asyncio.gather(client.send(numbered(1)), client.send(numbered(2)))
        assert outcomes == [Later("no answer in time")] * 2
        held.set()
        box.always.clear()
        monkeypatch.setattr(sending, "SEND_TIMEOUT_S", 20)
        assert await client.send(numbered(3)) == Sent()
    assert box.connections > 1
    assert [each.id for each in box.mails] == [f"<mail-{n}@shire.example>" for n in (0, 3)]


async def test_an_answer_at_the_last_moment_does_not_win_more_time(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.11 forgets to give up a wait that ends in the same turn of its loop."""
    held = threading.Event()
    async with mailer(box.url) as client:
        assert await client.send(numbered(0)) == Sent()
        box.next["RCPT"].append(Answer(takes=True, hold=held))
        box.next["DATA"].append(Answer(hold=threading.Event()))
        monkeypatch.setattr(sending, "SEND_TIMEOUT_S", 1)
        began = time.monotonic()
        sent = asyncio.create_task(client.send(numbered(1)))
        await until(lambda: len(box.tries) == 2)
        held.set()
        time.sleep(max(0.0, began + 1.5 - time.monotonic()))  # the loop stands still meanwhile
        assert await sent == Later("no answer in time")
        assert time.monotonic() - began < sending.ANSWER_TIMEOUT_S
        monkeypatch.setattr(sending, "SEND_TIMEOUT_S", 20)
        assert await client.send(numbered(2)) == Sent()


async def test_a_server_that_is_away_and_comes_back() -> None:
    away = Mailbox(port=free_port())
    async with mailer(away.url) as client:
        assert await client.send(numbered(1)) == Later("unreachable: SMTPConnectError")
        for number in (2, 3):  # and is restarted in between
            with server.running(away):
                await until(lambda number=number: _goes(client, number))


async def _goes(client: Mailer, number: int) -> bool:
    return await client.send(numbered(number)) == Sent()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
class TestEncryption:
    async def test_starttls_is_used_where_it_is_offered(
        self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        ours, theirs = contexts
        with server.running(Mailbox(), starttls=ours, needs_login=True) as box:
            url = box.url.replace("//", f"//{LOGIN}")
            for query in ("", "?starttls=required"):
                async with mailer(f"{url}{query}", theirs) as client:
                    assert await client.send(numbered(1)) == Sent()
        assert {(each.encrypted, each.user) for each in box.mails} == {(True, USER)}
        assert box.logins == 2

    async def test_tls_from_the_first_byte(
        self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        ours, theirs = contexts
        with server.running(Mailbox(), tls=ours, needs_login=True) as box:
            url = box.url.replace("smtp://", f"smtps://{LOGIN}")
            async with mailer(url, theirs) as client:
                assert await client.send(numbered(1)) == Sent()
        assert box.mails[0].user == USER

    async def test_a_certificate_nobody_vouches_for_gets_no_password(
        self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        ours, _ = contexts
        with server.running(Mailbox(), starttls=ours, needs_login=True) as box:
            async with mailer(box.url.replace("//", f"//{LOGIN}")) as client:
                assert isinstance(await client.send(numbered(1)), Later)
            assert (box.logins, box.mails) == (0, [])

    async def test_without_starttls_no_password_is_sent(self) -> None:
        """Also if it was offered yesterday: somebody in between can take the offer away."""
        with server.running(Mailbox(), needs_login=True, login_in_the_clear=True) as box:
            url = box.url.replace("//", f"//{LOGIN}")
            for query in ("", "?starttls=required", "?starttls=never"):
                async with mailer(f"{url}{query}") as client:
                    assert await client.send(numbered(1)) == Later("unreachable: SMTPException")
            assert (box.logins, box.mails) == (0, [])
            async with mailer(url, in_the_clear=True) as client:
                assert await client.send(numbered(1)) == Sent()
            assert box.logins == 1

    async def test_a_wrong_password_is_nobodys_address(
        self, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
    ) -> None:
        ours, theirs = contexts
        with server.running(Mailbox(), starttls=ours, needs_login=True) as box:
            async with mailer(box.url.replace("//", f"//{USER}:wrong@"), theirs) as client:
                for _ in range(2):
                    outcome = await client.send(numbered(1))
                    assert outcome == Later("SMTPAuthenticationError 535")
        assert PASSWORD not in str(outcome)


class TestQuota:
    """How much one address gets."""

    @pytest.fixture
    def quota(self, redis: Redis) -> Quota:
        return Quota(redis, Keys("k" * 32))

    async def test_two_mails_that_ask_in_an_hour(self, quota: Quota) -> None:
        address = "ann@example.org"
        for number in (1, 2, 2, 1):  # the same again counts once
            assert await quota.take(address, str(number), CONFIRMATIONS) == 0
        assert 3500 < await quota.take(address, "3", CONFIRMATIONS) <= 3600
        assert 3500 < await quota.take("ANN@example.org", "3", CONFIRMATIONS) <= 3600
        assert await quota.take("bob@example.org", "3", CONFIRMATIONS) == 0
        assert await quota.take(address, "3", NEWS_RATES) == 0

    async def test_five_in_a_day(self, quota: Quota, monkeypatch: pytest.MonkeyPatch) -> None:
        clock = [1_800_000_000.0]
        monkeypatch.setattr("workers.quota.time.time", lambda: clock[0])
        for number in range(5):
            assert await quota.take("ann@example.org", str(number), CONFIRMATIONS) == 0
            clock[0] += 3601
        wait_s = await quota.take("ann@example.org", "5", CONFIRMATIONS)
        assert wait_s == pytest.approx(24 * 3600 - 5 * 3601)
        clock[0] += wait_s + 1
        assert await quota.take("ann@example.org", "5", CONFIRMATIONS) == 0

    async def test_a_mail_over_it_waits(self, box: Mailbox, quota: Quota) -> None:
        client = Mailer(Sender(mail_server.parse(box.url), FROM), quota)
        for number in range(12):
            assert await client.send(numbered(number)) == Sent()
        outcome = await client.send(numbered(12))
        assert isinstance(outcome, Later)
        assert outcome.error == TOO_MANY
        assert 3500 < (outcome.after_s or 0) <= 3600
        assert await client.send(numbered(3)) == Sent()  # once more, as after a lost answer
        await client.close()

    async def test_no_address_stands_in_redis(self, quota: Quota, redis: Redis) -> None:
        await quota.take("ann@example.org", "1", CONFIRMATIONS)
        names = [name.decode() async for name in redis.scan_iter("kerbline:mailed*")]
        assert len(names) == 1
        assert "ann" not in names[0]
        assert 0 < await redis.ttl(names[0]) <= 24 * 3600

    async def test_without_redis_nothing_is_held_back(self) -> None:
        quota = Quota(Redis(port=free_port()), Keys("k" * 32))
        for number in range(5):
            assert await quota.take("ann@example.org", str(number), CONFIRMATIONS) == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "smtp://",
        "mail.example:25",
        "smtp://mail.example/inbox",
        "smtp://mail.example?starttls=maybe",
        "smtp://mail.example?tls=1",
        "smtp://u:secret@mail.example:port",
    ],
)
def test_what_is_no_mail_server(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        mail_server.parse(url)
    assert "secret" not in str(refused.value)


def test_a_mail_server() -> None:
    found = mail_server.parse("smtp://u%40x:p%3A%2F@mail.example?starttls=required")
    assert (found.host, found.port, found.username, found.password) == (
        "mail.example",
        587,
        "u@x",
        "p:/",
    )
    assert (found.tls, found.starttls) == (False, "required")
    assert "p:/" not in repr(found)
    assert mail_server.parse("smtps://mail.example").port == 465
