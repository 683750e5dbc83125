"""What we say by e-mail, and how somebody ends it.

A mail is for the one person who asked for it: it may quote what a crew wrote to them, and its link
holds the token of their report. It says what happened, what comes next, why it came and how to
stop. The words stand in ``mail/`` and here, those of each status in ``notices``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from psycopg.rows import class_row

from reporting import notices
from reporting.keys import Keys
from reporting.language import Language, language
from reporting.outbox import Delivery
from reporting.queries import mailing as queries
from reporting.runtime import Connection

#: A name before the @ that needs no quotes.
_PLAIN: Final = re.compile(r"[\w.+-]+")
_WHOLE: Final = frozenset({"List-Unsubscribe", "Message-ID", "In-Reply-To", "References"})
_TEMPLATES: Final = Path(__file__).with_name("mail")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one address, in words; ``message`` makes it what a server takes."""

    to: str
    #: What the sender is called: the council.
    sender: str
    subject: str
    text: str
    html: str
    language: str
    #: Stands before the @ of its Message-ID: the same when it is sent again.
    id: str
    #: The same of the first mail about the report, so that they are shown together.
    thread: str | None = None
    #: A page that ends these mails, and takes RFC 8058's one click.
    unsubscribe: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened, as a mail tells it."""

    sentence: str | None
    #: What the crew wrote to the reporter.
    message: str | None
    when: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """What somebody hears about by e-mail."""

    id: int
    reference: str
    language: str | None
    ended: bool


def update(deliveries: Sequence[Delivery], *, keys: Keys, public_url: str) -> Mail:
    """One mail about all that happened to a report since the last."""
    last = deliveries[-1]
    spoken = language(last.language)
    base = public_url.rstrip("/")
    unsubscribe = f"{base}/unsubscribe/{keys.unsubscribe_token(last.subscription_id)}"
    first = deliveries[0].kind in notices.ONLY_ITS_REPORTER
    thread = str(last.report_id)
    values = {
        "is_first": first,
        "reference": last.reference,
        "category": spoken.say(last.category),
        "told": [_told(delivery, spoken) for delivery in deliveries],
        "next": _next(last.status, last.reason, spoken),
        "team": last.team,
        "authority": last.authority,
        "link": f"{base}/r/{last.reference}?t={keys.tracking_token(last.report_id)}",
        "unsubscribe": unsubscribe,
    }
    return Mail(
        to=last.address,
        sender=last.authority,
        # The same each time: programs show mails together by their subject too.
        subject=spoken.say(
            "Your report {reference}: {category}",
            reference=last.reference,
            category=values["category"],
        ),
        text=_render("update.txt", spoken, values),
        html=_render("update.html", spoken, values),
        language=spoken.tag,
        id=thread if first else f"{deliveries[0].update_id}.{last.subscription_id}",
        thread=None if first else thread,
        unsubscribe=unsubscribe,
    )


@dataclass(frozen=True, slots=True)
class ToConfirm:
    """A report that is kept until its sender says that it is meant."""

    id: UUID
    email: str
    language: str | None
    #: Of the category, in English.
    category: str
    created_at: datetime
    expires_at: datetime
    #: It is not routed yet, so nobody knows which council's clock it goes by.
    timezone: str = "Europe/London"


def confirm(asked: ToConfirm, *, link: str) -> Mail:
    """The mail that asks whether a report is meant. Nothing of what was typed is in it."""
    spoken = language(asked.language)
    values = {
        "category": spoken.say(asked.category),
        "made": spoken.instant(asked.created_at, asked.timezone),
        "until": spoken.instant(asked.expires_at, asked.timezone),
        "link": link,
    }
    return Mail(
        to=asked.email,
        sender="Kerbline",
        subject=spoken.say("Please confirm your report: {category}", category=values["category"]),
        text=_render("confirm.txt", spoken, values),
        html=_render("confirm.html", spoken, values),
        language=spoken.tag,
        id=f"confirm.{asked.id}",
    )


@dataclass(frozen=True, slots=True)
class ToHandOver:
    """A job that somebody without an account is asked to do."""

    id: UUID
    email: str
    #: The council that asks.
    authority: str
    reference: str
    category: str
    #: Where it is, in a few words; None where nobody may read them.
    place: str | None
    location: tuple[float, float] | None
    due_at: datetime
    #: What its supervisor asks of them.
    message: str | None
    expires_at: datetime
    timezone: str


def hand_over(asked: ToHandOver, *, link: str) -> Mail:
    """The mail that brings a link to one job. Contractors are written to in English."""
    spoken = language(None)
    values = {
        "asked": asked,
        "due": spoken.instant(asked.due_at, asked.timezone),
        "until": spoken.date(asked.expires_at, asked.timezone),
        "link": link,
    }
    return Mail(
        to=asked.email,
        sender=asked.authority,
        subject=f"{asked.category} to be done, {asked.reference}",
        text=_render("handover.txt", spoken, values),
        html=_render("handover.html", spoken, values),
        language=spoken.tag,
        id=f"handover.{asked.id}",
    )


def invite(invitation: UUID, to: str, *, name: str, authority: str, until: str, link: str) -> Mail:
    """The mail that brings a link to set a password. Staff are written to in English."""
    values = {"name": name, "to": to, "authority": authority, "until": until, "link": link}
    spoken = language(None)
    return Mail(
        to=to,
        sender=authority,
        subject=f"Your Kerbline account at {authority}",
        text=_render("invitation.txt", spoken, values),
        html=_render("invitation.html", spoken, values),
        language=spoken.tag,
        id=f"invitation.{invitation}",
    )


class ToldJob(Protocol):
    """A job as a warning names it."""

    @property
    def id(self) -> UUID: ...
    @property
    def reference(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def due_at(self) -> datetime: ...
    @property
    def category_name(self) -> str: ...
    @property
    def team(self) -> str: ...
    @property
    def ward(self) -> str | None: ...
    @property
    def kind(self) -> str: ...


class ToWarn(Protocol):
    """Jobs that need a supervisor's eye, the most serious first."""

    @property
    def id(self) -> UUID: ...
    @property
    def email(self) -> str: ...
    @property
    def authority(self) -> str: ...
    @property
    def timezone(self) -> str: ...
    @property
    def lines(self) -> Sequence[ToldJob]: ...
    @property
    def more(self) -> int: ...


#: What a warning is about, in the words of its readers.
WARNED: Final = {"overdue": "late", "not_started": "not started", "due_soon": "due soon"}


def warnings(warned: ToWarn, *, public_url: str) -> Mail:
    """The mail to a supervisor. It holds nothing that anybody typed; staff are told in English."""
    spoken = language(None)
    base = public_url.rstrip("/")
    many = len(warned.lines) + warned.more
    counts = [(kind, sum(job.kind == kind for job in warned.lines)) for kind in WARNED]
    jobs = [
        {
            "kind": WARNED[job.kind],
            "reference": job.reference,
            "priority": f"P{job.priority}",
            "what": ", ".join(filter(None, (job.category_name, job.ward))),
            "team": job.team,
            "due": spoken.instant(job.due_at, warned.timezone),
            "was_due": job.kind == "overdue",
            "link": f"{base}/console/jobs/{job.id}",
        }
        for job in warned.lines
    ]
    said = ", ".join(f"{n} {WARNED[kind]}" for kind, n in counts if n)
    values = {
        "heading": f"{many} {'job needs' if many == 1 else 'jobs need'} your eye",
        "jobs": jobs,
        "more": warned.more,
        "link": f"{base}/console/warnings",
    }
    return Mail(
        to=warned.email,
        sender=warned.authority,
        subject=f"{values['heading']}: {said}" + (f" and {warned.more} more" * bool(warned.more)),
        text=_render("warnings.txt", spoken, values),
        html=_render("warnings.html", spoken, values),
        language=spoken.tag,
        id=f"warning.{warned.id}",
    )


class _Wire(EmailPolicy):
    """As mail travels: seven bits, and an address of ours in one piece.

    The library would break a long one up and encode it, as if somebody were to read it.
    """

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name in _WHOLE:
            return f"{name}: {value}\r\n".encode("ascii")
        return super().fold_binary(name, value)


def message(mail: Mail, *, sender: str, at: datetime) -> EmailMessage:
    """As a mail server takes it. Raises ValueError for a header that would be two."""
    wire = _Wire(linesep="\r\n", cte_type="7bit", utf8=not mail.to.isascii())
    found = EmailMessage(policy=wire)
    own = Address(addr_spec=sender)
    found["From"] = Address(mail.sender, own.username, own.domain)
    found["To"] = _address(mail.to)
    found["Subject"] = mail.subject
    found["Date"] = format_datetime(at)
    found["Message-ID"] = f"<{mail.id}@{own.domain}>"
    if mail.thread is not None:
        found["In-Reply-To"] = found["References"] = f"<{mail.thread}@{own.domain}>"
    if mail.unsubscribe is not None:
        found["List-Unsubscribe"] = f"<{mail.unsubscribe}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    # Nobody's absence answers it (RFC 3834).
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(mail.text)
    found.add_alternative(mail.html, subtype="html")
    found["Content-Language"] = mail.language
    return found


async def subscribed(conn: Connection, subscription: int) -> Subscribed | None:
    """What this subscription is about; None when its reporter was forgotten."""
    async with conn.cursor(row_factory=class_row(Subscribed)) as cursor:
        await cursor.execute(queries.SUBSCRIBED, {"subscription": subscription})
        return await cursor.fetchone()


async def unsubscribe(conn: Connection, subscription: int) -> None:
    """No more mail goes there, and what waited is dropped. Once more changes nothing."""
    await conn.execute(queries.UNSUBSCRIBE, {"subscription": subscription})


def _address(text: str) -> Address:
    """The one address that a text is; the library reads none beyond ASCII."""
    if text.isascii():
        return Address(addr_spec=text)
    name, _, domain = text.rpartition("@")
    if not _PLAIN.fullmatch(name):
        message = "not one address"
        raise ValueError(message)
    return Address(username=name, domain=domain)


def _told(delivery: Delivery, spoken: Language) -> Told:
    return Told(
        sentence=notices.told(
            delivery.kind,
            delivery.changes,
            status=delivery.status,
            facts=notices.Facts(
                timezone=delivery.timezone,
                team=delivery.team,
                due_at=delivery.due_at,
                scheduled_for=delivery.planned_for,
                waiting_for=delivery.waiting_for,
                closed_reason=delivery.reason,
                authority=delivery.passed_to or delivery.waiting_for,
            ),
            language=spoken.code,
        ),
        message=delivery.public_message,
        when=spoken.instant(delivery.recorded_at, delivery.timezone),
    )


def _next(status: str, reason: str | None, spoken: Language) -> str:
    """What comes after a status, in one or two sentences."""
    if status == "closed" and reason == "withdrawn":
        return spoken.say("Nothing more will happen. You can report it again at any time.")
    said = {
        "scheduled": spoken.say("We will write to you when a crew starts, or if the day changes."),
        "in_progress": spoken.say("We will write to you when it is done."),
        "waiting": spoken.say(
            "The time until it is due stands still. We will write when it goes on."
        ),
        "referred": spoken.say("They decide what happens now. You need not report it again."),
        "fixed": spoken.say("If it is not, tell us on the page of your report within 28 days."),
        "closed": spoken.say(
            "If you think that is wrong, tell us on the page of your report within 28 days."
        ),
    }
    otherwise = spoken.say("We will write to you when something happens. You need do nothing.")
    return said.get(status, otherwise)


def _render(name: str, spoken: Language, values: dict[str, Any]) -> str:
    return _templates(spoken).get_template(name).render(values)


@cache
def _templates(spoken: Language) -> Environment:
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    found.install_gettext_translations(spoken.translations, newstyle=True)  # type: ignore[attr-defined]
    found.globals["language"] = spoken
    return found
