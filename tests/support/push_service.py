"""A push service on a loopback socket, and the browsers behind it that can read what it carries.

It checks what RFC 8030 and 8292 ask for: the encryption's name, a lifetime, and a signature for
this very service by the key the browser subscribed with. A browser opens the message with its own
keys (http_ece), as Chromium and Firefox do.
"""

import asyncio
import base64
import json
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.utils import base64url_decode
from py_vapid import Vapid02

from tests.support.serving import served

#: What real services take at least (RFC 8030 section 7.2).
MESSAGE_BYTES = 4096


@dataclass(frozen=True)
class Answer:
    """What the service says to one message."""

    status: int = 201
    headers: tuple[tuple[str, str], ...] = ()
    #: Hold the answer back until this is set; by then the message has been taken.
    hold: threading.Event | None = None


@dataclass
class Browser:
    """One browser's subscription, and its keys."""

    url: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    @property
    def subscription(self) -> dict[str, Any]:
        """As ``PushSubscription.toJSON()`` gives it."""
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {
            "endpoint": self.url,
            "keys": {"p256dh": _text(point), "auth": _text(self.secret)},
        }

    @property
    def address(self) -> str:
        """As it is kept."""
        return json.dumps(self.subscription)

    def read(self, body: bytes) -> dict[str, Any]:
        """Open a message that was encrypted for it."""
        opened = http_ece.decrypt(
            body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"
        )
        return dict(json.loads(opened))


@dataclass(frozen=True)
class Accepted:
    """A message that the service took."""

    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@dataclass
class PushService:
    """The service. Tests read ``accepted`` and ``tries``, and set ``next`` and ``always``."""

    port: int = 0
    #: The application server's key; None: not looked at.
    key: str | None = None
    next: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Answer] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    browsers: dict[str, Browser] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def browser(self, name: str) -> Browser:
        """A browser that subscribed under a name."""
        path = f"/push/{name}"
        return self.browsers.setdefault(path, Browser(f"{self.url}{path}"))

    def read(self, name: str) -> list[dict[str, Any]]:
        """What a browser was told, in order, repeats included."""
        path = f"/push/{name}"
        return [self.browsers[path].read(each.body) for each in self.accepted if each.path == path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"]
        self.tries.append(path)
        queue = self.next[path]
        answer = queue.popleft() if queue else self.always.get(path, Answer())
        if answer.status == 201:
            answer = Answer(
                self._judge(scope["method"], headers, body), answer.headers, answer.hold
            )
        if answer.status == 201:
            self.accepted.append(Accepted(path, headers, body, time.time()))
        if answer.hold:
            await asyncio.to_thread(answer.hold.wait)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), value.encode()) for name, value in answer.headers],
            }
        )
        await send({"type": "http.response.body", "body": b""})

    def _judge(self, method: str, headers: dict[str, str], body: bytes) -> int:
        if method != "POST":
            return 405
        if headers.get("content-encoding") != "aes128gcm" or not headers.get("ttl", "").isdigit():
            return 400
        topic = headers.get("topic", "")
        if len(topic) > 32 or not set(topic) <= _BASE64URL:
            return 400
        if len(body) > MESSAGE_BYTES:
            return 413
        return 201 if self._signed(headers.get("authorization", "")) else 403

    def _signed(self, authorization: str) -> bool:
        if not authorization.startswith("vapid ") or not Vapid02.verify(authorization):
            return False
        parts = dict(part.split("=", 1) for part in authorization[6:].split(","))
        claims = json.loads(base64url_decode(parts["t"].split(".")[1]))
        return (
            claims["aud"] == self.url
            and time.time() < claims["exp"] <= time.time() + 24 * 3600
            and claims["sub"].startswith(("mailto:", "https://"))
            and self.key in {None, parts["k"]}
        )


_BASE64URL = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@contextmanager
def running(service: PushService) -> Iterator[PushService]:
    """Serve it."""
    with served(service, service.port) as service.port:
        yield service
