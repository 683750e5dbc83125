"""Identity providers for tests: a real one in a process, and a liar that signs what it is told."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.support.processes import free_port
from tests.support.scratch import ROOT


def new_key() -> str:
    """A private key as PEM."""
    return (
        rsa.generate_private_key(65537, 2048)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


@dataclass
class RealProvider:
    """See provider_server.py."""

    issuer: str
    folder: Path

    def tells(self, **people: dict[str, Any]) -> None:
        """What it says of whom."""
        (self.folder / "people.json").write_text(json.dumps(people))

    def rotate(self, *, keep: bool = True) -> None:
        """Sign with another key; the old one is published for a while, or not."""
        path = self.folder / "keys.json"
        before = json.loads(path.read_text())
        path.write_text(json.dumps([new_key(), *(before[:1] if keep else [])]))

    async def answer(self, there: str, person: str) -> str:
        """Where it sends a browser back to, once somebody has signed in there."""
        async with httpx.AsyncClient(timeout=20) as browser:
            base = self.issuer.removesuffix("/o")
            assert (await browser.get(f"{base}/login/{person}")).status_code == 200
            sent_back = await browser.get(there)
        assert sent_back.status_code == 302, sent_back.text
        return sent_back.headers["location"]


@contextmanager
def real_provider(folder: Path) -> Iterator[RealProvider]:
    """Start it, and end it on leaving."""
    port = free_port()
    found = RealProvider(f"http://127.0.0.1:{port}/o", folder)
    (folder / "keys.json").write_text(json.dumps([new_key()]))
    found.tells()
    server = ROOT / "tests" / "support" / "provider_server.py"
    child = subprocess.Popen(
        [sys.executable, str(server), str(port), str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "ready"
        yield found
    finally:
        child.kill()
        child.wait()


@cache
def _liars_key() -> RSAKey:
    """One for all of them: making it is most of what a test would take."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Liar:
    """A provider that hands out whatever ID token a test makes."""

    issuer: str
    private: RSAKey = field(default_factory=_liars_key)
    #: What it publishes and hands out; a test changes them.
    published: dict[str, Any] = field(default_factory=dict)
    id_token: Any = None
    userinfo: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def claims(self, there: str, **others: Any) -> dict[str, Any]:
        """What an honest one would say after this request."""
        nonce = parse_qs(urlsplit(there).query)["nonce"][0]
        now = int(time.time())
        honest = {"iss": self.issuer, "sub": "s1", "aud": "kerbline", "nonce": nonce}
        honest |= {"iat": now, "exp": now + 300, "email": "ann@x.example", "email_verified": True}
        return {name: value for name, value in {**honest, **others}.items() if value is not ...}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """An ID token, by its own key."""
        return jwt.encode({"alg": "RS256", "kid": "one", **header}, claims, self.private)

    def content(self, path: str) -> Any:
        """The answer at an address."""
        match path:
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.issuer,
                    "authorization_endpoint": f"{self.issuer}/authorize",
                    "token_endpoint": f"{self.issuer}/token",
                    "userinfo_endpoint": f"{self.issuer}/userinfo",
                    "jwks_uri": f"{self.issuer}/jwks",
                    **self.published,
                }
            case "/jwks":
                return {"keys": [self.private.as_dict(private=False)]}
            case "/token":
                return {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token}
            case "/userinfo":
                return self.userinfo
        raise AssertionError(path)


@contextmanager
def liar() -> Iterator[Liar]:
    """Start one on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            found.asked.append(self.path)
            if self.path.startswith("/authorize?"):  # says yes to whoever comes
                found.id_token = found.sign(found.claims(self.path))
                asked = {name: values[0] for name, values in parse_qs(self.path).items()}
                back = urlencode({"code": "c", "state": asked["state"]})
                self.send_response(302)
                self.send_header("location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()
                return
            body = json.dumps(found.content(self.path)).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the base class's name

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Liar(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
