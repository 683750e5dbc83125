"""What a mail says, in every language; and that nothing anybody typed becomes more than words."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from reporting import mailing, notices, status
from reporting.keys import Keys
from reporting.language import LANGUAGES
from reporting.mailing import Mail, ToConfirm
from reporting.outbox import Delivery
from tests.reporting.test_notices import EVENTS, MENDED

AT = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
KEYS = Keys("k" * 32)
URL = "https://report.shire.example"
REPORT = UUID("416fc7b3-438b-4d1c-8f2b-a71ef934767e")
UPDATE = UUID("0b0a7f6e-52a7-4e0e-9d0b-2f4c1f7a5e22")
LINK = f"{URL}/r/KB-7F3K9Q?t={KEYS.tracking_token(REPORT)}"

NEWS = Delivery(
    id=1,
    subscription_id=7,
    attempts=1,
    update_id=UPDATE,
    report_id=REPORT,
    created_at=AT,
    address="ann@example.org",
    ended=False,
    language=None,
    kind="changed",
    changes={"status": "in_progress"},
    status="in_progress",
    recorded_at=AT,
    reference="KB-7F3K9Q",
    job_id=UPDATE,
    due_at=AT,
    scheduled_for=None,
    closed_reason=None,
    category="Pothole",
    public_message=None,
    waiting_for=None,
    passed_to=None,
    team="Highways",
    authority="Shire County Council",
    timezone="Europe/London",
)
FIRST = replace(NEWS, kind="reported", changes={"status": "received"}, status="received")
#: What a crew, a council's officer or a resident may have typed.
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7 * 7 }}{% raw %}",
    "%(reference)s %s {reference}",
    "Line one\nLine two\r\nBcc: everybody@example.org",
    "javascript:alert(1)",
    "</blockquote></body>",
    "Ÿëś, a ’quote’ & \U0001d54eords",
]


def mail(*deliveries: Delivery) -> Mail:
    return mailing.update(deliveries, keys=KEYS, public_url=URL)


def sent(found: Mail) -> EmailMessage:
    """As it arrives."""
    raw = mailing.message(found, sender="reports@shire.example", at=AT).as_bytes()
    assert raw.isascii() or not found.to.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert b"\n" not in raw.replace(b"\r\n", b"")
    arrived = message_from_bytes(raw, policy=policy.default)
    assert not arrived.defects
    return arrived  # type: ignore[return-value]


class Read(HTMLParser):
    """The text, links and tags of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.links, self.tags = "", [], set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in {"href", "src"}]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("status_", sorted(status.STATUSES))
@pytest.mark.parametrize(("kind", "changes"), EVENTS)
def test_every_event_status_and_language_is_told(
    kind: str, changes: dict, status_: str, code: str
) -> None:
    """Both forms say the same: what happened, what comes next, where to look, how to stop."""
    delivery = replace(
        NEWS,
        kind=kind,
        changes=changes,
        status=status_,
        language=code,
        closed_reason="not_found",
        public_message="Mind the cones.",
        waiting_for="a gas leak",
    )
    found = mail(delivery)
    page = Read(found.html)
    english = mail(replace(delivery, language=None))
    facts = notices.Facts(
        team="Highways",
        due_at=AT,
        scheduled_for=delivery.planned_for,
        waiting_for="a gas leak",
        closed_reason=changes.get("reason", "not_found"),
        authority="a gas leak",  # the same row holds whom it was referred to
    )
    told = notices.told(kind, changes, status=status_, facts=facts, language=code)
    for text in (found.text, page.text):
        assert told is None or f"{told}." in text
        assert "Mind the cones." in text
        assert "KB-7F3K9Q" in text
        assert "{" not in text
        assert "%(" not in text
        assert "None" not in text
    assert LINK in found.text
    assert page.links.count(LINK) == 1
    assert found.unsubscribe in found.text
    assert page.links.count(found.unsubscribe) == 1
    assert (found.text == english.text) is (code == "en")
    assert (found.html == english.html) is (code == "en")
    assert "KB-7F3K9Q" in found.subject


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("reason", [None, *status.CLOSED_REASONS])
def test_closed_never_says_fixed(code: str, reason: str | None) -> None:
    closed = replace(
        NEWS, changes={"status": "closed"}, status="closed", closed_reason=reason, language=code
    )
    found = mail(closed)
    for text in (found.subject, found.text, Read(found.html).text):
        assert not [word for word in MENDED[code] if word in text.lower()]


def test_whoever_took_it_back_is_not_asked_whether_that_is_wrong() -> None:
    for reason, asks in (("withdrawn", False), ("not_found", True)):
        changes = {"status": "closed", "reason": reason}
        said = mail(replace(NEWS, kind="changed", changes=changes, status="closed")).text
        assert ("If you think that is wrong" in said) is asks


def test_a_mail_as_it_reads() -> None:
    assert (
        mail(FIRST).text
        == f"""\
We have your report.

Its reference is KB-7F3K9Q. Keep it: you can read it out on the phone.

15:30 on Monday 23 November
We have it; Highways will look at it by 15:30 on Monday 23 November.

We will write to you when something happens. You need do nothing.

See your report, its pictures and all that has happened:
{LINK}
This link is yours alone: whoever has it sees what you see.

--
You get this because you asked Shire County Council to write to you about this report.
To get no more of these e-mails:
{URL}/unsubscribe/{KEYS.unsubscribe_token(7)}
Nobody reads answers to this address.
"""
    )


def test_what_waited_together_is_one_mail_oldest_first() -> None:
    fixed = replace(NEWS, id=2, changes={"status": "fixed"}, status="fixed")
    found = mail(NEWS, replace(NEWS, changes={}, kind="noted", public_message="Nearly."), fixed)
    for text in (found.text, Read(found.html).text):
        assert text.index("A crew is on it.") < text.index("Nearly.") < text.index("Fixed.")
        assert "If it is not, tell us" in text
        assert "We will write to you when it is done" not in text


def test_headers_say_what_it_is_and_how_to_stop_it() -> None:
    found = sent(mail(NEWS))
    assert found["From"] == "Shire County Council <reports@shire.example>"
    assert found["To"] == "ann@example.org"
    assert found["Subject"] == "Your report KB-7F3K9Q: Pothole"
    assert found["Date"] == "Mon, 23 Nov 2026 15:30:00 +0000"
    assert found["Auto-Submitted"] == "auto-generated"
    assert found["Content-Language"] == "en-GB"
    assert found["List-Unsubscribe"] == f"<{URL}/unsubscribe/{KEYS.unsubscribe_token(7)}>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]
    # Programs that act on these headers read no encoded words, however long they get.
    long = mailing.update([NEWS], keys=KEYS, public_url=URL + "/path" * 30)
    raw = mailing.message(long, sender="reports@shire.example", at=AT).as_bytes()
    assert f"\r\nList-Unsubscribe: <{long.unsubscribe}>\r\n".encode() in raw
    welsh = sent(mail(replace(NEWS, language="cy")))
    assert welsh["Content-Language"] == "cy"
    assert "Eich adroddiad" in welsh["Subject"]


def test_a_reports_mails_are_shown_together() -> None:
    first, second = sent(mail(FIRST)), sent(mail(NEWS))
    assert first["In-Reply-To"] is None
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert first["Subject"] == second["Subject"]
    assert second["Message-ID"] != first["Message-ID"]
    # Sent again, with what came meanwhile, it is the same mail to whoever keeps count.
    later = replace(NEWS, id=2, update_id=REPORT, changes={"status": "fixed"}, status="fixed")
    assert sent(mail(NEWS, later))["Message-ID"] == second["Message-ID"]
    # Two people hear of one update under two names.
    assert sent(mail(replace(NEWS, subscription_id=8)))["Message-ID"] != second["Message-ID"]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_was_typed_stays_words(text: str) -> None:
    typed = replace(
        NEWS, public_message=text, waiting_for=text, team=text, authority=text, category=text
    )
    for code in LANGUAGES:
        try:
            found = mail(replace(typed, language=code, status="waiting"))
            arrived = sent(found)
        except ValueError:  # two lines cannot be a header: it is not sent at all
            assert "\n" in text
            found = mail(replace(NEWS, language=code, public_message=text, waiting_for=text))
            arrived = sent(found)
        assert arrived.keys() == sent(mail(NEWS)).keys()
        page = Read(found.html)
        assert page.tags == Read(mail(replace(NEWS, public_message="x")).html).tags
        assert set(page.links) == {LINK, found.unsubscribe}
        assert " ".join(text.split()) in " ".join(page.text.split())
        body = arrived.get_body(("plain",))
        assert body is not None
        assert text.split("\n", maxsplit=1)[0].strip() in body.get_content()


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("subject", "Hello\r\nBcc: everybody@example.org"),
        ("subject", "Hello\nX: y"),
        ("sender", "Council\r\nBcc: everybody@example.org"),
        ("to", "ann@example.org\r\nBcc: everybody@example.org"),
        ("to", "ann@example.org, everybody@example.org"),
        ("to", "Ann <ann@example.org>"),
        ("to", "siân@example.org, everybody@example.org"),
        ("to", "siân@example.org\r\nBcc: everybody@example.org"),
        ("id", "x@y>\r\nBcc: everybody@example.org"),
        ("thread", "x\nBcc: everybody@example.org"),
        ("unsubscribe", "https://x/\r\nBcc: everybody@example.org"),
        ("language", "cy\nX: y"),
    ],
)
def test_a_header_is_never_two(field: str, text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        mailing.message(
            replace(mail(NEWS), **{field: text}), sender="reports@shire.example", at=AT
        ).as_bytes()


def test_an_address_beyond_ascii_and_a_long_name() -> None:
    found = sent(replace(mail(NEWS), sender="Cyngor Sir Ynys Môn, " * 5))
    assert "Môn" in found["From"]
    beyond = mailing.message(
        replace(mail(NEWS), to="siân@exämple.org"), sender="reports@shire.example", at=AT
    )
    assert "siân@exämple.org".encode() in beyond.as_bytes()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_mail_that_asks_holds_nothing_of_what_was_typed(code: str) -> None:
    asked = ToConfirm(REPORT, "ann@example.org", code, "Pothole", AT, AT)
    found = mailing.confirm(asked, link=f"{URL}/confirm/abc")
    arrived = sent(found)
    assert arrived["List-Unsubscribe"] is None
    assert arrived["Auto-Submitted"] == "auto-generated"
    page = Read(found.html)
    assert page.links == [f"{URL}/confirm/abc"]
    assert f"{URL}/confirm/abc" in found.text
    for text in (found.text, page.text):
        assert "%(" not in text
    english = mailing.confirm(replace(asked, language=None), link=f"{URL}/confirm/abc")
    assert (english.text == found.text) is (code == "en")


def test_a_token_ends_one_subscription_and_cannot_be_guessed() -> None:
    tokens = {KEYS.unsubscribe_token(number) for number in range(100)}
    assert len(tokens) == 100
    for number, token in product([0, 1, 2**40], [KEYS.unsubscribe_token(5)]):
        assert KEYS.subscription_of(KEYS.unsubscribe_token(number)) == number
        assert KEYS.subscription_of(token) == 5
    good = KEYS.unsubscribe_token(5)
    other = Keys("o" * 32).unsubscribe_token(5)
    for wrong in ("", "x", good[:-1], good + "A", good[::-1], other, "é" * 43, f" {good}"):
        assert KEYS.subscription_of(wrong) is None
