"""Which update is told, and in which words."""

from datetime import UTC, datetime
from string import Template

import pytest

from reporting import notices, status
from reporting.notices import CATALOGUES, Facts, is_public, push, sentence

DUE = datetime(2026, 7, 3, 16, 0, tzinfo=UTC)


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


def test_every_status_and_reason_has_words_in_every_language():
    for words in CATALOGUES.values():
        assert words.sentences.keys() == status.STATUSES
        assert words.closed_reasons.keys() == set(status.CLOSED_REASONS)
        for texts in words.sentences.values():
            assert Template(texts[-1]).get_identifiers() == []


def test_closed_never_says_fixed():
    for reason in (None, *status.CLOSED_REASONS):
        assert "fix" not in sentence("closed", Facts(closed_reason=reason)).lower()


def test_times_are_the_councils_own():
    winter = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert notices.day(winter, "Europe/London") == "Thursday 31 December"
    assert notices.instant(winter, "Europe/Berlin") == "00:30 on Friday 1 January"


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
    for language in ("xx", "en-GB", "EN", ""):
        assert known == push(
            "changed",
            {"status": "fixed"},
            status="fixed",
            reference="KB-1",
            facts=Facts(),
            language=language,
        )
    assert (known.title, known.body) == ("Your report KB-1", "Fixed.")
