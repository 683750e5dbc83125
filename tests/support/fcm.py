"""A push gateway that speaks FCM HTTP v1 on a loopback socket, with Google's token endpoint.

It answers what Google documents: it checks the signed assertion, the bearer and the message, and
gives each kind of refusal in Google's form. Nothing in ``firebase_admin`` is replaced; it only has
to be pointed here. ``test_fcm.py`` shows that the real client finds each answer what it expects.

``python -m tests.support.fcm --port N --record FILE`` runs it alone; every accepted message is a
line of JSON in the file.
"""

import argparse
import asyncio
import json
import secrets
import socket
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import parse_qs

import uvicorn
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from jwt.utils import base64url_decode

from tests.support.serving import served

PROJECT = "kerbline-test"
EMAIL = f"worker@{PROJECT}.iam.gserviceaccount.com"
#: What google-auth puts into the assertion, wherever it is sent.
AUDIENCE = "https://oauth2.googleapis.com/token"
SCOPES = {
    "https://www.googleapis.com/auth/firebase.messaging",
    "https://www.googleapis.com/auth/cloud-platform",
}
MESSAGE_BYTES = 4096
FIELDS = {
    "name",
    "data",
    "notification",
    "android",
    "webpush",
    "apns",
    "fcm_options",
    "fcmOptions",
    "token",
    "fid",
    "topic",
    "condition",
}
TARGETS = {"token", "fid", "topic", "condition"}
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"


@dataclass(frozen=True)
class Answer:
    """What the gateway says to one message."""

    status: int = 200
    code: str = ""
    #: FCM's own error code; empty leaves the detail out, as a wrong URL would.
    fcm: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    #: Hold the answer back until this is set; by then an accepted message has been taken.
    hold: threading.Event | None = None
    html: bool = False


OK = Answer()
UNREGISTERED = Answer(404, "NOT_FOUND", "UNREGISTERED")
NOT_FOUND = Answer(404, "NOT_FOUND")
INVALID = Answer(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
SENDER_MISMATCH = Answer(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH")
THIRD_PARTY_AUTH = Answer(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
UNAVAILABLE = Answer(503, "UNAVAILABLE", "UNAVAILABLE")
INTERNAL = Answer(500, "INTERNAL", "INTERNAL")
BAD_GATEWAY = Answer(502, html=True)


def quota(retry_after_s: int | None = None) -> Answer:
    """Too many messages for now."""
    headers = () if retry_after_s is None else (("retry-after", str(retry_after_s)),)
    return Answer(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", headers)


@dataclass(frozen=True)
class Accepted:
    """A message that the gateway took."""

    token: str
    message: dict[str, Any]
    at: float

    @property
    def update(self) -> str:
        """The id of the update it tells of."""
        return str(self.message["data"]["update"])


@dataclass
class FakeFcm:
    """The gateway. Tests read ``accepted`` and ``tries``, and set ``next`` and ``always``."""

    record: TextIO | None = None
    #: Answers for a token's next messages; used up one by one.
    next: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    #: Answers for every message to a token.
    always: dict[str, Answer] = field(default_factory=dict)
    #: The answer to everything else.
    default: Answer = OK
    refuse_tokens: bool = False
    accepted: list[Accepted] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    assertions: int = 0
    refusals: int = 0
    bearers: set[str] = field(default_factory=set)
    port: int = 0
    key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @property
    def url(self) -> str:
        """What ``KERBLINE_FCM_ENDPOINT`` is set to."""
        return f"http://127.0.0.1:{self.port}"

    def credentials(self, path: Path) -> Path:
        """Write the service-account file that belongs to this gateway."""
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
        account = {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "1",
            "private_key": pem,
            "client_email": EMAIL,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }
        path.write_text(json.dumps(account))
        return path

    def updates(self, token: str) -> list[str]:
        """The ids of updates that a phone got, in the order they came, repeats included."""
        return [message.update for message in self.accepted if message.token == token]

    def shown(self, token: str) -> list[str]:
        """The same as a phone shows it: a repeated id is not shown again."""
        return list(dict.fromkeys(self.updates(token)))

    def reset(self) -> None:
        """As it was in the beginning; bearers stay good."""
        self.next.clear()
        self.always.clear()
        self.default = OK
        self.refuse_tokens = False
        self.accepted.clear()
        self.tries.clear()
        self.refusals = 0

    def forget_bearers(self) -> None:
        """As when Google revokes them: the client has to fetch another."""
        self.bearers.clear()

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
        extra: tuple[tuple[str, str], ...] = ()
        media = "application/json"
        if path == "/token":
            status, content = self._token(body)
        elif path == f"/v1/projects/{PROJECT}/messages:send":
            status, content, extra, media = await self._send(headers, body)
        else:
            status, content = _error(404, "NOT_FOUND", "")
        raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        fields = [("content-type", media), ("content-length", str(len(raw))), *extra]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode(), value.encode()) for name, value in fields],
            }
        )
        await send({"type": "http.response.body", "body": raw})

    def _token(self, body: bytes) -> tuple[int, Any]:
        form = parse_qs(body.decode())
        refusal = (400, {"error": "invalid_grant", "error_description": "refused"})
        if self.refuse_tokens:
            self.refusals += 1
            return refusal
        if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            return refusal
        head, claims, signature = form["assertion"][0].split(".")
        try:
            self.key.public_key().verify(
                base64url_decode(signature),
                f"{head}.{claims}".encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
        except InvalidSignature:
            return refusal
        said = json.loads(base64url_decode(claims))
        if json.loads(base64url_decode(head))["alg"] != "RS256" or said["iss"] != EMAIL:
            return refusal
        if said["aud"] != AUDIENCE or not said["iat"] - 300 < time.time() < said["exp"]:
            return refusal
        if not SCOPES & set(said["scope"].split()):
            return refusal
        self.assertions += 1
        bearer = secrets.token_urlsafe(16)
        self.bearers.add(bearer)
        return 200, {"access_token": bearer, "expires_in": 3600, "token_type": "Bearer"}

    async def _send(
        self, headers: dict[str, str], body: bytes
    ) -> tuple[int, Any, tuple[tuple[str, str], ...], str]:
        if headers.get("authorization", "").removeprefix("Bearer ") not in self.bearers:
            return *_error(401, "UNAUTHENTICATED", ""), (), "application/json"
        message = json.loads(body).get("message", {})
        if _malformed(message):
            return *_error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), (), "application/json"
        token = message.get("token") or message.get("fid")
        self.tries.append(token)
        queue = self.next[token]
        answer = queue.popleft() if queue else self.always.get(token, self.default)
        if answer.html:
            return answer.status, "<html>Bad gateway</html>", (), "text/html"
        if answer.status != 200:
            if answer.hold:
                await asyncio.to_thread(answer.hold.wait)
            return (
                *_error(answer.status, answer.code, answer.fcm),
                answer.headers,
                "application/json",
            )
        found = Accepted(token, message, time.time())
        self.accepted.append(found)
        if self.record:
            self.record.write(
                json.dumps({"token": token, "at": found.at, "data": message.get("data")}) + "\n"
            )
            self.record.flush()
        if answer.hold:
            await asyncio.to_thread(answer.hold.wait)
        name = f"projects/{PROJECT}/messages/{len(self.accepted)}"
        return 200, {"name": name}, (), "application/json"


def _error(status: int, code: str, fcm: str) -> tuple[int, Any]:
    error: dict[str, Any] = {"code": status, "status": code, "message": code.lower()}
    if fcm:
        error["details"] = [{"@type": FCM_ERROR, "errorCode": fcm}]
    return status, {"error": error}


def _malformed(message: dict[str, Any]) -> bool:
    """What Google answers INVALID_ARGUMENT to."""
    data = message.get("data", {})
    shown = len(json.dumps([data, message.get("notification")]).encode())
    return (
        bool(message.keys() - FIELDS)
        or len(TARGETS & message.keys()) != 1
        or not all(isinstance(value, str) for value in data.values())
        or any(
            name in {"from", "message_type"} or name.startswith(("google.", "gcm."))
            for name in data
        )
        or shown > MESSAGE_BYTES
    )


@contextmanager
def running(fcm: FakeFcm, port: int = 0) -> Iterator[FakeFcm]:
    """Serve it: the client's token refresh may block its loop."""
    with served(fcm, port) as fcm.port:
        yield fcm


def main() -> None:
    """Run alone, for a bench or a trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--credentials", type=Path, required=True)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args()
    with (
        options.record.open("a") as record,
        socket.create_server(("127.0.0.1", options.port), backlog=1024) as listening,
    ):
        fcm = FakeFcm(record=record)
        fcm.port = listening.getsockname()[1]
        fcm.credentials(options.credentials)
        sys.stdout.write(f"{fcm.url}\n")
        sys.stdout.flush()
        config = uvicorn.Config(
            fcm, log_config=None, access_log=False, lifespan="off", ws="none", loop="uvloop"
        )
        uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
