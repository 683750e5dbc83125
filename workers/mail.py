"""Mail, through the council's own server.

One connection is kept and used for one mail after another; it is made anew when it ends. A password
goes over an unencrypted connection only on this machine, or in a trial: also when a server, or
somebody in between, stops offering STARTTLS. What a server answers becomes one of four outcomes. A
mail that was taken and whose answer was lost goes twice, under one Message-ID.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.errors import HeaderParseError
from typing import Final

import structlog
from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from reporting import mailing
from reporting.mail_server import MailServer
from reporting.mailing import Mail
from workers.messages import Gone, Later, Outcome, Refused, Sent
from workers.quota import NEWS, Quota, Rate

#: All of one send: waiting for the connection, making it, the whole dialogue.
SEND_TIMEOUT_S: Final = 25.0
#: One answer of the server.
ANSWER_TIMEOUT_S: Final = 15.0
_CANCEL_AGAIN_S: Final = 0.1
TOO_MANY: Final = "too many to one address"
#: There is no such mailbox (RFC 3463); a bare 550 may mean anything.
_NO_MAILBOX: Final = ("5.1.1", "5.1.3", "5.1.6", "5.1.10")
_PERMANENT: Final = 500
_CLOSING: Final = 421
_HINT: Final = "check KERBLINE_SMTP_URL and KERBLINE_MAIL_FROM"

log = structlog.get_logger("kerbline.mail")


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mail comes from, and by which server."""

    server: MailServer
    address: str
    #: A password may go out in the clear.
    in_the_clear: bool = False
    tls: ssl.SSLContext | None = None


class Mailer:
    """The mail of one process."""

    def __init__(self, sender: Sender, quota: Quota | None = None) -> None:
        self._sender = sender
        self._quota = quota
        self._smtp: SMTP | None = None
        self._one_at_a_time = asyncio.Lock()

    async def send(self, mail: Mail, rates: Sequence[Rate] = NEWS) -> Outcome:
        """Send one mail, and say what came of it. Raises nothing that a server can cause."""
        try:
            message = mailing.message(mail, sender=self._sender.address, at=datetime.now(UTC))
            raw = message.as_bytes()
        except (ValueError, HeaderParseError, IndexError) as error:
            return Refused(f"malformed: {type(error).__name__}")
        if self._quota and (wait_s := await self._quota.take(mail.to, mail.id, rates)):
            return Later(TOO_MANY, wait_s)
        dialogue = asyncio.create_task(self._hand_over(raw, mail.to))
        try:
            await asyncio.wait({dialogue}, timeout=SEND_TIMEOUT_S)
        finally:
            # Until it ends: Python 3.11 forgets a cancellation that comes together with an answer.
            while not dialogue.done():
                dialogue.cancel()
                await asyncio.wait({dialogue}, timeout=_CANCEL_AGAIN_S)
        return Later("no answer in time") if dialogue.cancelled() else dialogue.result()

    async def close(self) -> None:
        """Take leave of the server."""
        if self._smtp and self._smtp.is_connected:
            try:
                await self._smtp.quit(timeout=2)
            except (SMTPException, OSError):
                self._smtp.close()
        self._smtp = None

    async def _hand_over(self, raw: bytes, to: str) -> Outcome:
        async with self._one_at_a_time:
            return await self._speak(raw, to)

    async def _speak(self, raw: bytes, to: str) -> Outcome:
        kept = False
        try:
            smtp = await self._connected()
            options = []
            if not to.isascii():
                if not smtp.supports_extension("smtputf8"):
                    raise SMTPNotSupported("the address is beyond ASCII")
                options = ["SMTPUTF8"]
            await smtp.sendmail(self._sender.address, to, raw, mail_options=options)
            kept = True
        except (SMTPException, OSError) as error:
            kept = _is_an_answer(error)
            return outcome(error)
        finally:
            if not kept:  # cancelled too: nobody knows where its dialogue stands
                self._drop()
        return Sent()

    async def _connected(self) -> SMTP:
        if self._smtp is not None and self._smtp.is_connected:
            return self._smtp
        self._drop()
        server = self._sender.server
        self._smtp = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls,
            start_tls={"offered": None, "required": True, "never": False}[server.starttls]
            if not server.tls
            else False,
            tls_context=self._sender.tls,
            timeout=ANSWER_TIMEOUT_S,
        )
        await self._smtp.connect()
        if server.username:
            encrypted = self._smtp.get_transport_info("ssl_object") is not None
            if not encrypted and not self._sender.in_the_clear:
                log.error("mail_not_encrypted", hint=_HINT)
                raise SMTPException("the server offers no STARTTLS")
            await self._smtp.login(server.username, server.password or "")
        return self._smtp

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
        self._smtp = None


@asynccontextmanager
async def open_mailer(sender: Sender | None, quota: Quota) -> AsyncIterator[Mailer | None]:
    """Mail as the settings say; None where no server is set."""
    if sender is None:
        log.warning("mail_not_configured", hint="set KERBLINE_SMTP_URL and KERBLINE_MAIL_FROM")
        yield None
        return
    mailer = Mailer(sender, quota)
    try:
        yield mailer
    finally:
        await mailer.close()


def outcome(error: Exception) -> Outcome:
    """What a failure means for the address and the mail. An answer's text may repeat either."""
    match error:
        case SMTPRecipientsRefused(recipients=[SMTPResponseException() as refused, *_]):
            return _answered(refused, _NO_MAILBOX)
        case SMTPAuthenticationError() | SMTPSenderRefused():
            # A wrong setting makes this for every mail: nobody's address is to blame.
            name = f"{type(error).__name__} {error.code}"
            log.error("mail_refused", error=name, hint=_HINT)
            return Later(name)
        case SMTPNotSupported():  # an address beyond ASCII, and a server that takes none
            return Refused("not supported")
        case SMTPResponseException():
            return _answered(error, ())
        case _:
            return Later(f"unreachable: {type(error).__name__}")


def _answered(error: SMTPResponseException, gone: Sequence[str]) -> Outcome:
    if error.code < _PERMANENT:
        return Later(f"smtp {error.code}")
    if error.message.partition(" ")[0] in gone:
        return Gone("bounced")
    return Refused(f"smtp {error.code}")


def _is_an_answer(error: Exception) -> bool:
    """Whether the connection is as good as before: a refusal of this one mail."""
    if isinstance(error, SMTPRecipientsRefused):
        return all(refused.code != _CLOSING for refused in error.recipients)
    return (
        isinstance(error, SMTPResponseException)
        and not isinstance(error, SMTPAuthenticationError | SMTPConnectError)
        and error.code != _CLOSING
    )
