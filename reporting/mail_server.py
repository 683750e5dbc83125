"""What KERBLINE_SMTP_URL says: which server takes our mail, and how it is spoken to."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import parse_qs, unquote, urlsplit

StartTls = Literal["offered", "required", "never"]
#: The port of each scheme: submission, and submission within TLS.
PORTS: Final = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class MailServer:
    """A server that takes mail."""

    host: str
    port: int
    username: str | None
    password: str | None = field(repr=False)
    #: TLS from the first byte.
    tls: bool
    starttls: StartTls

    @property
    def is_here(self) -> bool:
        """On this machine, where nobody listens in between."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse(url: str) -> MailServer:
    """``smtp://user:password@host:port?starttls=required``, ``smtps://…``.

    Raises ValueError with a sentence that does not repeat the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in {"", "/"}:
        message = "KERBLINE_SMTP_URL is smtp://user:password@host:port or smtps://…."
        raise ValueError(message)
    asked = parse_qs(parts.query, keep_blank_values=True)
    starttls = asked.pop("starttls", ["offered"])[-1]
    if asked or starttls not in {"offered", "required", "never"}:
        message = "After its ?, KERBLINE_SMTP_URL takes starttls=offered, required or never."
        raise ValueError(message)
    return MailServer(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "smtps",
        starttls=starttls,  # type: ignore[arg-type]
    )
