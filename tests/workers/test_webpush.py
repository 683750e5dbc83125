"""Push messages to browsers: what arrives, what a service may answer, and who is never called."""

import asyncio
import socket
import threading
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiohttp.resolver import ThreadedResolver

from reporting import status
from reporting.keys import Keys
from reporting.language import LANGUAGES
from reporting.notices import Notice
from tests.reporting.test_endpoints import HOSTILE
from tests.reporting.test_mailing import NEWS
from tests.reporting.test_notices import EVENTS, TYPED
from tests.support import push_service
from tests.support.push_service import Answer, Browser, PushService
from workers import pump as pumping
from workers import push as fcm
from workers import webpush
from workers.messages import Gone, Later, Outcome, Push, Refused, Sent
from workers.webpush import WebPush, open_webpush

KEYS = Keys("k" * 32)
PUBLIC = "https://report.shire.example"
UNREGISTERED = Gone("unsubscribed")


def push(address: str, title: str = "Your report KB-7F3K9Q", body: str = "Fixed.") -> Push:
    return Push(address, Notice(title, body), "cy", uuid4(), uuid4(), uuid4(), "KB-7F3K9Q", "fixed")


@pytest.fixture(scope="module")
def served() -> Iterator[PushService]:
    with push_service.running(PushService(key=KEYS.vapid_public_key)) as found:
        yield found


@pytest.fixture
def service(served: PushService) -> PushService:
    for each in (served.next, served.always, served.accepted, served.tries, served.browsers):
        each.clear()
    return served


@pytest.fixture
async def client() -> AsyncIterator[WebPush]:
    async with open_webpush(KEYS, PUBLIC, trial=True) as found:
        yield found


async def test_only_the_browser_reads_what_was_sent(service: PushService, client: WebPush) -> None:
    browser = service.browser("ann")
    message = push(browser.address)
    assert await client.send(message) == Sent()
    (arrived,) = service.accepted
    assert browser.read(arrived.body) == {
        "title": "Your report KB-7F3K9Q",
        "body": "Fixed.",
        "lang": "cy",
        "url": "/r/KB-7F3K9Q",
        "tag": str(message.job_id),
        "update": str(message.update_id),
    }
    assert b"KB-7F3K9Q" not in arrived.body
    assert arrived.headers["ttl"] == "86400"
    assert arrived.headers["urgency"] == "normal"
    topic = urlsafe_b64encode(message.job_id.bytes).rstrip(b"=").decode()
    assert arrived.headers["topic"] == topic
    with pytest.raises(Exception):  # noqa: B017 - whatever http_ece makes of it
        service.browser("eve").read(arrived.body)


async def test_the_longest_notice_fits(service: PushService, client: WebPush) -> None:
    """Welsh is longer than English, and a team may have any name of 200 letters."""
    message = push(service.browser("ann").address, body="ŵ" * 600)
    assert len(client.payload(message)) < 3000
    assert await client.send(message) == Sent()


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), Sent()),
        (Answer(202), Sent()),
        (Answer(404), UNREGISTERED),
        (Answer(410), UNREGISTERED),
        (Answer(400), Refused("http 400")),
        (Answer(413), Refused("http 413")),
        (Answer(401), Later("http 401")),
        (Answer(403), Later("http 403")),
        (Answer(429), Later("http 429")),
        (Answer(429, (("retry-after", "120"),)), Later("http 429", 120.0)),
        (Answer(429, (("retry-after", "soon"),)), Later("http 429")),
        (Answer(429, (("retry-after", "-5"),)), Later("http 429")),
        (Answer(500), Later("http 500")),
        (Answer(503, (("retry-after", "7"),)), Later("http 503", 7.0)),
    ],
)
async def test_an_answer_is_one_of_four_outcomes(
    service: PushService, client: WebPush, answer: Answer, outcome: Outcome
) -> None:
    service.always["/push/ann"] = answer
    assert await client.send(push(service.browser("ann").address)) == outcome


async def test_a_date_to_come_back_at_is_heeded(service: PushService, client: WebPush) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    service.always["/push/ann"] = Answer(503, (("retry-after", at),))
    outcome = await client.send(push(service.browser("ann").address))
    assert isinstance(outcome, Later)
    assert 3590 < (outcome.after_s or 0) <= 3600


async def test_a_service_that_hangs_is_given_up(
    service: PushService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webpush, "SEND_TIMEOUT_S", 0.3)
    held = threading.Event()
    service.always["/push/ann"] = Answer(hold=held)
    async with open_webpush(KEYS, PUBLIC, trial=True) as client:
        outcome = await client.send(push(service.browser("ann").address))
        held.set()
    assert outcome == Later("no answer in time")


async def test_a_service_that_is_not_there(client: WebPush) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    outcome = await client.send(push(Browser(f"http://127.0.0.1:{port}/1").address))
    assert isinstance(outcome, Later)
    assert outcome.error.startswith("unreachable: ")


async def test_an_endless_answer_is_not_read(client: WebPush) -> None:
    with answering(
        b"HTTP/1.1 201 Created\r\nContent-Length: 100000000000\r\n\r\n" + b"x" * 9000
    ) as url:
        assert await client.send(push(Browser(url).address)) == Sent()


async def test_keys_that_are_none_end_the_subscription(client: WebPush) -> None:
    broken = orjson.loads(Browser("http://127.0.0.1:9/1").address)
    broken["keys"]["p256dh"] = urlsafe_b64encode(b"\4" + bytes(64)).decode()
    assert isinstance(await client.send(push(orjson.dumps(broken).decode())), Gone)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize(("kind", "changes"), EVENTS)
def test_nothing_that_was_typed_is_in_a_push(client: WebPush, kind: str, changes: dict, code: str):
    """Of no event, in no language, to a browser or a phone: it is announced, not quoted."""
    for status_ in status.STATUSES:
        typed = replace(
            NEWS,
            kind=kind,
            changes=changes,
            status=status_,
            language=code,
            public_message=TYPED,
            waiting_for=TYPED,
        )
        message = pumping.push([typed])
        assert message.notice.body.endswith(".")
        for sent in (client.payload(message).decode(), str(fcm.encode(message))):
            assert NEWS.reference in sent
            assert not [word for word in (TYPED, "Ann", "01632") if word in sent]
            assert "kbt_" not in sent


def test_the_key_is_the_secrets_own() -> None:
    again, other = Keys("k" * 32), Keys("o" * 32)
    assert again.vapid_public_key == KEYS.vapid_public_key != other.vapid_public_key


@pytest.mark.parametrize(
    ("public_url", "subject"),
    [
        ("https://report.shire.example", "https://report.shire.example"),
        ("https://report.shire.example:8443/x", "https://report.shire.example"),
        ("http://127.0.0.1:8000", webpush.NOBODY),
        ("https://kerbline", webpush.NOBODY),
    ],
)
async def test_any_public_url_makes_a_signature(
    service: PushService, public_url: str, subject: str
) -> None:
    async with open_webpush(KEYS, public_url, trial=True) as client:
        assert client._subject == subject
        assert await client.send(push(service.browser("ann").address)) == Sent()


# --- Who is never called -------------------------------------------------------------------------


@dataclass
class Canary:
    """Listens on every address of this machine, and counts who comes."""

    port: int = 0
    hits: list[Any] = field(default_factory=list)


@contextmanager
def answering(answer: bytes, canary: Canary | None = None) -> Iterator[str]:
    """A socket that gives everybody this answer."""
    canary = canary or Canary()
    with socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        canary.port = listening.getsockname()[1]
        listening.settimeout(0.1)
        done = threading.Event()

        def serve() -> None:
            while not done.is_set():
                try:
                    conn, peer = listening.accept()
                except TimeoutError:
                    continue
                canary.hits.append(peer)
                with conn:
                    conn.settimeout(2)
                    conn.recv(65536)
                    conn.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{canary.port}/1"
        finally:
            done.set()
            thread.join(5)


@pytest.fixture
def canary() -> Iterator[Canary]:
    found = Canary()
    with answering(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", found):
        yield found
    assert found.hits == []


@pytest.fixture
async def real() -> AsyncIterator[WebPush]:
    """As in use."""
    async with open_webpush(KEYS, PUBLIC, trial=False) as found:
        yield found


@pytest.mark.parametrize("url", HOSTILE)
async def test_nothing_of_ours_is_called(canary: Canary, real: WebPush, url: str) -> None:
    """Whatever stands in the database, at the port where the canary sits too."""
    for each in (url, url.replace("/1", f":{canary.port}/1", 1)):
        outcome = await real.send(push(orjson.dumps({**BARE, "endpoint": each}).decode()))
        assert outcome == Gone("not a public address")


BARE = Browser("").subscription


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["fe80::1%lo"],
    ],
)
@pytest.mark.parametrize("beside", [[], ["93.184.215.14"]])
async def test_a_name_that_leads_to_us_is_not_followed(
    canary: Canary,
    real: WebPush,
    monkeypatch: pytest.MonkeyPatch,
    addresses: list[str],
    beside: list[str],
) -> None:
    """Nor where a good address stands beside it, nor when it led elsewhere a moment ago."""
    found = [*beside, *addresses]

    async def resolve(_: object, host: str, port: int = 0, family: int = 0) -> list[dict]:
        kinds = {"host": "", "port": canary.port, "proto": 0, "flags": 0, "hostname": host}
        return [
            {**kinds, "host": each, "family": socket.AF_INET6 if ":" in each else socket.AF_INET}
            for each in found
        ]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    url = "https://push.example.com/1"
    outcome = await real.send(push(orjson.dumps({**BARE, "endpoint": url}).decode()))
    assert outcome == Gone("not a public address")


async def test_the_resolver_itself_refuses_localhost() -> None:
    """By the machine's own table of names, without a stub."""
    resolver = webpush.PublicResolver()
    for name in ("localhost", socket.gethostname()):
        with pytest.raises((webpush.NotPublic, OSError)):
            await resolver.resolve(name, 443)
    await resolver.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["http://127.0.0.1:{port}/1", "http://[::1]:{port}/1", "//127.1:{port}"]
)
async def test_no_redirect_is_followed(
    canary: Canary, service: PushService, client: WebPush, status: int, to: str
) -> None:
    """Also not in a trial, where this machine may be called."""
    location = ("location", to.format(port=canary.port))
    service.always["/push/ann"] = Answer(status, (location,))
    outcome = await client.send(push(service.browser("ann").address))
    assert outcome == Refused(f"http {status}")
    assert service.tries == ["/push/ann"]


async def test_the_canary_sings() -> None:
    """The tests above would see a call: in a trial, this machine may be called."""
    canary = Canary()
    with answering(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", canary) as url:
        async with open_webpush(KEYS, PUBLIC, trial=True) as client:
            assert await client.send(push(Browser(url).address)) == Sent()
        await asyncio.sleep(0)
    assert len(canary.hits) == 1


async def test_a_proxy_of_the_environment_is_not_asked(
    canary: Canary, service: PushService, client: WebPush, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    assert await client.send(push(service.browser("ann").address)) == Sent()
