"""Which update is told, and in which words, in every language."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from reporting import notices, status
from reporting.language import LANGUAGES, language
from reporting.notices import CLOSED_REASONS, SENTENCES, Facts, is_public, push, sentence

DUE = datetime(2026, 7, 3, 16, 0, tzinfo=UTC)
#: What people typed. None of it may leave in a push.
TYPED = "Ring Ann on 01632 960001"
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("reported", {"report": "1", "status": "received"}),
    ("attached", {"report": "1"}),
    ("changed", {"status": "received"}),
    ("changed", {"scheduled_for": "2026-07-03T16:00:00Z"}),
    ("changed", {"priority": "P1"}),
    ("noted", {}),
    ("feedback", {"report": "1", "fixed": False, "status": "received"}),
    ("feedback", {"report": "1", "fixed": True}),
    ("withdrawn", {"report": "1", "status": "closed", "reason": "withdrawn"}),
]
#: What "closed" must not say, in each language: that the work was done.
MENDED = {"en": ("fix", "mended"), "cy": ("drwsi", "trwsi", "hatgyweirio", "atgyweirio")}


def whole(reason: str | None = None) -> Facts:
    return Facts(
        team="Highways",
        authority="Shire",
        due_at=DUE,
        scheduled_for=DUE,
        waiting_for=TYPED,
        closed_reason=reason,
    )


def every_sentence() -> Iterator[str]:
    for texts in SENTENCES.values():
        yield from texts
    yield from CLOSED_REASONS.values()
    yield from notices.REOPENED
    yield from notices.SAID.values()
    yield from (notices.ATTACHED, notices.MESSAGE, notices.TITLE)


@pytest.mark.parametrize(
    ("status_", "facts", "expected"),
    [
        (
            "received",
            Facts(team="Highways", due_at=DUE),
            "We have it; Highways will look at it by 17:00 on Friday 3 July",
        ),
        ("received", Facts(team="Highways"), "We have it; Highways will look at it"),
        ("scheduled", Facts(scheduled_for=DUE), "Work is planned for Friday 3 July"),
        ("scheduled", Facts(), "Work is planned"),
        ("in_progress", Facts(), "A crew is on it"),
        ("waiting", Facts(waiting_for="a gas leak"), "Waiting for a gas leak"),
        (
            "referred",
            Facts(authority="Shire"),
            "This belongs to Shire; we have passed it on",
        ),
        ("fixed", Facts(), "Fixed"),
        (
            "closed",
            Facts(closed_reason="private_land"),
            "Closed without work: it is on private land",
        ),
    ],
)
def test_what_the_resident_reads(status_: str, facts: Facts, expected: str):
    assert sentence(status_, facts) == expected


@pytest.mark.parametrize(
    ("status_", "facts", "expected"),
    [
        (
            "received",
            Facts(team="Priffyrdd", due_at=DUE),
            "Mae gennym eich adroddiad; bydd Priffyrdd yn edrych arno erbyn {due}",
        ),
        (
            "scheduled",
            Facts(scheduled_for=DUE),
            "Mae gwaith wedi'i drefnu ar gyfer Dydd Gwener 3 Gorffennaf",
        ),
        (
            "closed",
            Facts(closed_reason="not_found"),
            "Wedi'i gau heb wneud gwaith: ni allem ddod o hyd iddo",
        ),
    ],
)
def test_what_the_resident_reads_in_welsh(status_: str, facts: Facts, expected: str):
    due = "17:00, Dydd Gwener 3 Gorffennaf"
    assert sentence(status_, facts, "cy") == expected.format(due=due)


def test_every_status_and_reason_has_words():
    assert SENTENCES.keys() == status.STATUSES
    assert CLOSED_REASONS.keys() == set(status.CLOSED_REASONS)
    for texts in SENTENCES.values():
        assert notices.needed(texts[-1]) == set()


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_every_sentence_is_said_in_every_language(code: str):
    """With the same facts in it; and not by leaving the English as it is."""
    for english in every_sentence():
        other = language(code).translations.ugettext(english)
        assert other != english
        assert notices.needed(other) == notices.needed(english)


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("status_", sorted(status.STATUSES))
@pytest.mark.parametrize(("kind", "changes"), EVENTS)
def test_every_event_status_and_language_has_a_push(
    kind: str, changes: dict, status_: str, code: str
):
    """Whole sentences that end, hold no gap, and differ from the English where they should."""
    for facts in (Facts(), whole("not_found")):
        said = push(kind, changes, status=status_, reference="KB-1", facts=facts, language=code)
        english = push(kind, changes, status=status_, reference="KB-1", facts=facts)
        assert "KB-1" in said.title
        assert said.body.endswith(".")
        assert not set("{}") & set(said.title + said.body)
        assert (said == english) is (code == "en")


@pytest.mark.parametrize("code", LANGUAGES)
def test_closed_never_says_fixed(code: str):
    words = MENDED[code]
    assert any(word in sentence("fixed", Facts(), code).lower() for word in words)
    for reason in (None, *status.CLOSED_REASONS):
        said = sentence("closed", Facts(closed_reason=reason), code).lower()
        assert not [word for word in words if word in said]


def test_times_are_the_councils_own():
    winter = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert notices.day(winter, "Europe/London") == "Thursday 31 December"
    assert notices.instant(winter, "Europe/Berlin") == "00:30 on Friday 1 January"
    assert notices.day(winter, "Europe/London", "cy") == "Dydd Iau 31 Rhagfyr"


@pytest.mark.parametrize(
    ("kind", "changes", "has_message", "told"),
    [
        ("reported", {"status": "received"}, False, True),
        ("attached", {"report": "1"}, False, True),
        ("changed", {"status": "fixed"}, False, True),
        ("changed", {"scheduled_for": "2026-12-01T09:00:00Z"}, False, True),
        ("changed", {"scheduled_for": None}, False, False),
        ("changed", {"priority": "P1", "team": "other"}, False, False),
        ("reassigned", {"team": "other"}, False, False),
        ("noted", {}, False, False),
        ("noted", {}, True, True),
    ],
)
def test_who_is_told(kind: str, changes: dict, has_message: bool, told: bool):
    assert is_public(kind, changes, has_message=has_message) is told


def test_a_language_we_lack_is_english():
    known = push("changed", {"status": "fixed"}, status="fixed", reference="KB-1", facts=Facts())
    for tag in ("xx", "en-GB", "EN", ""):
        assert known == push(
            "changed",
            {"status": "fixed"},
            status="fixed",
            reference="KB-1",
            facts=Facts(),
            language=tag,
        )
    assert (known.title, known.body) == ("Your report KB-1", "Fixed.")
