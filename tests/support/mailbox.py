"""A mail server on a loopback socket, that answers as it is told and keeps what it took.

It is aiosmtpd, which speaks SMTP, STARTTLS and AUTH as RFC 5321, 3207 and 4954 say; nothing in
aiosmtplib is replaced. Tests read ``mails`` and ``connections``, and set ``next`` and ``always``.
"""

import asyncio
import ipaddress
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.killable import free_port

USER, PASSWORD = "kerbline", "s3cret/word"


@dataclass(frozen=True)
class Answer:
    """What the server says to one command, and whether it takes what is given all the same."""

    text: str = "250 OK"
    #: Hang up without an answer.
    drop: bool = False
    takes: bool = False
    hold: threading.Event | None = None


NO_MAILBOX = Answer("550 5.1.1 <ann@example.org>: no such mailbox")
REFUSED = Answer("550 5.7.1 we do not like this")
BUSY = Answer("451 4.7.1 greylisted, come back")
CLOSING = Answer("421 4.3.2 closing")
FULL = Answer("552 5.2.2 mailbox full")
DROPPED = Answer(drop=True)
TAKEN_AND_DROPPED = Answer(drop=True, takes=True)


@dataclass(frozen=True)
class Received:
    """A mail that was taken."""

    sender: str
    to: str
    message: EmailMessage
    encrypted: bool
    user: str | None

    @property
    def id(self) -> str:
        """Its Message-ID."""
        return str(self.message["Message-ID"])

    @property
    def text(self) -> str:
        """As a plain reader shows it."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return part.get_content().replace("\r\n", "\n")


@dataclass
class Mailbox:
    """The server. ``next`` and ``always`` are by command: MAIL, RCPT or DATA."""

    port: int = 0
    mails: list[Received] = field(default_factory=list)
    #: Recipients that were named, in order, taken or not.
    tries: list[str] = field(default_factory=list)
    next: dict[str, deque[Answer]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, Answer] = field(default_factory=dict)
    #: Answers for every mail to an address, at RCPT.
    addresses: dict[str, Answer] = field(default_factory=dict)
    connections: int = 0
    logins: int = 0
    _held: list[threading.Event] = field(default_factory=list)

    @property
    def url(self) -> str:
        """What ``KERBLINE_SMTP_URL`` is set to."""
        return f"smtp://127.0.0.1:{self.port}"

    def to(self, address: str) -> list[Received]:
        """The mails that came for an address."""
        return [mail for mail in self.mails if mail.to == address]

    def reset(self) -> None:
        """As it was in the beginning."""
        for each in (self.mails, self.tries, self.next, self.always, self.addresses):
            each.clear()
        self.connections = self.logins = 0

    def _next(self, command: str) -> Answer | None:
        queue = self.next[command]
        return queue.popleft() if queue else self.always.get(command)

    async def _give(self, answer: Answer, server: SMTP) -> str:
        if answer.hold:
            self._held.append(answer.hold)
            await asyncio.to_thread(answer.hold.wait)
        if answer.drop:
            server.transport.abort()
        return answer.text

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's names
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Each connection says it once, and once more within TLS."""
        if session.ssl is None:
            self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self._next("MAIL")
        if answer is None:
            envelope.mail_from = address
            return "250 OK"
        return await self._give(answer, server)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries.append(address)
        answer = self.addresses.get(address) or self._next("RCPT")
        if answer is None or answer.takes:
            envelope.rcpt_tos.append(address)
        return await self._give(answer, server) if answer else "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self._next("DATA")
        if answer is None or answer.takes:
            self._take(session, envelope)
        return await self._give(answer, server) if answer else "250 OK"

    def _take(self, session: Session, envelope: Envelope) -> None:
        content: Any = envelope.original_content
        message: Any = message_from_bytes(content, policy=policy.default)
        login = session.auth_data
        user = login.login.decode() if isinstance(login, LoginPassword) else None
        for address in envelope.rcpt_tos:
            self.mails.append(
                Received(str(envelope.mail_from), address, message, session.ssl is not None, user)
            )

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """One user, one password."""
        self.logins += 1
        good = data.login == USER.encode() and data.password == PASSWORD.encode()
        return AuthResult(success=good, handled=False, auth_data=data)


@contextmanager
def running(
    mailbox: Mailbox,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    needs_login: bool = False,
    login_in_the_clear: bool = False,
) -> Iterator[Mailbox]:
    """Serve it from a thread of its own."""
    mailbox.port = mailbox.port or free_port()
    controller = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=mailbox.port,
        ssl_context=tls,
        tls_context=starttls,
        authenticator=mailbox.authenticate if needs_login else None,
        auth_required=needs_login,
        auth_require_tls=not (login_in_the_clear or tls),
        enable_SMTPUTF8=True,
    )
    controller.start()
    mailbox.reset()  # the controller knocks once to see that it is there
    try:
        yield mailbox
    finally:
        for held in mailbox._held:
            held.set()  # or a test that failed would never end
        controller.stop(no_assert=True)


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for 127.0.0.1, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    here = ipaddress.ip_address("127.0.0.1")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(here)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    both = folder / "server.pem"
    both.write_bytes(private + pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cadata=pem.decode())
