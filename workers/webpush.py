"""Push messages to browsers: encrypted for the page, signed for the push service (VAPID).

pywebpush encrypts and signs. The request is our own, because the address came from a stranger: a
name is resolved here, nothing but the public internet is connected to, no redirect is followed,
and little of the answer is read.
"""

import asyncio
import socket
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import orjson
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from py_vapid import Vapid02
from pywebpush import WebPusher

from reporting import endpoints
from reporting.errors import EndpointRefused
from reporting.keys import Keys
from workers.messages import TIME_TO_LIVE_S, Gone, Later, Outcome, Push, Refused, Sent

#: All of one send: the name, the connection, the answer.
SEND_TIMEOUT_S: Final = 15.0
CONNECT_TIMEOUT_S: Final = 5.0
#: A signature serves for so long; push services refuse those for more than a day.
SIGNED_S: Final = 12 * 3600
#: Who we are, to the push service, where our own address is no https one.
NOBODY: Final = "mailto:nobody@kerbline.example"
_NEVER: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})
_ENDED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_OURS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

log = structlog.get_logger("kerbline.webpush")


class NotPublic(Exception):
    """A name leads to an address that is not on the public internet."""


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. The connection goes to what is given here."""

    def __init__(self) -> None:
        self._inner = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Raise NotPublic if any of the addresses is not."""
        found = await self._inner.resolve(host, port, family)
        if not all(
            endpoints.is_public(ip_address(each["host"].partition("%")[0])) for each in found
        ):
            raise NotPublic
        return found

    async def close(self) -> None:
        """Let go of nothing."""
        await self._inner.close()


class WebPush:
    """The push services of browsers, whichever a subscription names."""

    def __init__(
        self, session: aiohttp.ClientSession, keys: Keys, public_url: str, *, trial: bool
    ) -> None:
        self._session = session
        self._vapid = Vapid02(keys.vapid)
        self._subject = _subject(public_url)
        self._trial = trial

    async def send(self, message: Push) -> Outcome:
        """Send one message, and say what came of it. Raises nothing that an endpoint can cause."""
        subscription = orjson.loads(message.address)
        endpoint: str = subscription["endpoint"]
        try:
            endpoints.check(endpoint, trial=self._trial)
        except EndpointRefused:
            return Gone("not a public address")
        try:
            body = WebPusher(subscription).encode(self.payload(message))["body"]
        except ValueError as error:  # its keys are no point of the curve
            return Gone(f"malformed: {type(error).__name__}")
        try:
            async with (
                asyncio.timeout(SEND_TIMEOUT_S),
                self._session.post(
                    endpoint,
                    data=body,
                    headers=self._headers(endpoint, message),
                    allow_redirects=False,
                ) as answer,
            ):
                return outcome(answer.status, answer.headers.get("Retry-After"))
        except NotPublic:
            return Gone("not a public address")
        except TimeoutError:
            return Later("no answer in time")
        except (aiohttp.ClientError, OSError) as error:
            return Later(f"unreachable: {type(error).__name__}")

    def payload(self, message: Push) -> bytes:
        """What the page's worker shows, at its own address. ``update`` lets it show each once."""
        return orjson.dumps(
            {
                "title": message.notice.title,
                "body": message.notice.body,
                "lang": message.language,
                "url": f"/r/{message.reference}",
                "tag": str(message.job_id),
                "update": str(message.update_id),
            }
        )

    def _headers(self, endpoint: str, message: Push) -> dict[str, str]:
        """A later message about a job takes the place of one that still waits for the browser."""
        parts = urlsplit(endpoint)
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "exp": int(time.time()) + SIGNED_S,
            "sub": self._subject,
        }
        return {
            **self._vapid.sign(claims),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TIME_TO_LIVE_S),
            "Urgency": "normal",
            "Topic": urlsafe_b64encode(message.job_id.bytes).rstrip(b"=").decode(),
        }


@asynccontextmanager
async def open_webpush(keys: Keys, public_url: str, *, trial: bool) -> AsyncIterator[WebPush]:
    """A client for any push service; it connects when there is something to send."""
    connector = aiohttp.TCPConnector(resolver=PublicResolver(), limit=50, ttl_dns_cache=60)
    timeout = aiohttp.ClientTimeout(total=SEND_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as session:
        yield WebPush(session, keys, public_url, trial=trial)


def outcome(status: int, retry_after: str | None) -> Outcome:
    """What an answer of a push service means (RFC 8030) for the subscription and the message."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent()
    error = f"http {status}"
    if status in _ENDED:
        return Gone("unsubscribed")
    if status in _OURS:
        # A key that is not the one it subscribed with, or a wrong clock: no address is to blame.
        log.error("webpush_refused", status=status, hint="was KERBLINE_SECRET_KEY changed?")
        return Later(error)
    if status in _NEVER or status < HTTPStatus.BAD_REQUEST:
        return Refused(error)
    return Later(error, _seconds(retry_after))


def _subject(public_url: str) -> str:
    """Whom a push service may turn to; it takes no port there."""
    parts = urlsplit(public_url)
    is_known = parts.scheme == "https" and "." in (parts.hostname or "")
    return f"https://{parts.hostname}" if is_known else NOBODY


def _seconds(retry_after: str | None) -> float | None:
    """What was asked for, as a number or as a date."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
