"""Every language says everything, and says it with the same names in it."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from geo.errors import Refusal
from reporting import notices
from reporting.language import CATALOGUES, LANGUAGES, accepted, language
from reporting.web import problems, routes  # noqa: F401 - every refusal is declared there
from reporting.web.pages import follow, standing
from routing.categories import SHIPPED
from tests.support.scratch import ROOT

OTHERS = [code for code in LANGUAGES if code != "en"]
NAMES = re.compile(r"\{(\w+)\}|%\((\w+)\)[sd]")
#: Where sentences are looked for; the staff's and the contractors' pages are in English.
METHODS = [
    ("**/console/**", "ignore"),
    ("**/handover/**", "ignore"),
    ("**/oidc/**", "ignore"),
    ("**.py", "python"),
    ("**.html", "jinja2"),
    ("**.txt", "jinja2"),
]
OPTIONS = {"**.html": {"silent": "false"}, "**.txt": {"silent": "false"}}
KEYWORDS = {
    "say": None,
    "count": (1, 2),
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
}
AT = datetime(2026, 11, 27, 16, 40, tzinfo=UTC)


def catalogue(code: str) -> dict[str, Message]:
    found: dict[str, Message] = {}
    for path in sorted((CATALOGUES / code).glob("*.po")):
        with path.open("rb") as file:
            read: Catalog = read_po(file, locale=code)
        for message in read:
            if message.id:
                found[_key(message.id)] = message
    return found


def _key(msgid: str | list[str] | tuple[str, ...]) -> str:
    return msgid if isinstance(msgid, str) else msgid[0]


def said_in_code() -> Iterator[tuple[str, str]]:
    """Every sentence that the code or a template hands to a translator, and where."""
    for name, line, message, _, _ in extract_from_dir(
        str(ROOT / "reporting"), METHODS, OPTIONS, KEYWORDS
    ):
        if message:
            yield _key(message), f"reporting/{name}:{line}"


def said_as_data() -> Iterator[tuple[str, str]]:
    """Sentences that are data: what is refused, what is asked about the shipped categories, and
    what is told of a job."""
    for said in (
        *(text for texts in notices.SENTENCES.values() for text in texts),
        *notices.CLOSED_REASONS.values(),
        *notices.REOPENED,
        *notices.SAID.values(),
        *notices.MOVED.values(),
        notices.ATTACHED,
        notices.MESSAGE,
        notices.TITLE,
    ):
        yield said, "notices.py"
    for said in (*standing.TAGS.values(), standing.WITHDRAWN, *follow.TOLD.values()):
        yield said, "the page of a report"
    kinds = [Refusal]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__doc__ and kind is not Refusal and not kind.__module__.startswith("tests"):
            yield " ".join(kind.__doc__.split()), kind.__qualname__
            yield problems.title(kind.code), f"{kind.__qualname__}, its title"
    for category in json.loads(Path(SHIPPED).read_text())["categories"]:
        where = f"categories.json {category['code']}"
        yield category["name"], where
        if category.get("emergency_notice"):
            yield category["emergency_notice"], where
        for question in category.get("questions", []):
            yield question["label"], where
            for choice in question.get("choices", []):
                yield choice["label"], where


def everything_said() -> dict[str, str]:
    return {**dict(said_as_data()), **dict(said_in_code())}


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_left_in_english(code: str) -> None:
    known = {
        msgid
        for msgid, message in catalogue(code).items()
        if (message.string if isinstance(message.string, str) else all(message.string))
    }
    missing = {said: where for said, where in everything_said().items() if said not in known}
    assert not missing, "\n".join(f"{where}: {said}" for said, where in missing.items())


@pytest.mark.parametrize("code", OTHERS)
def test_nothing_is_translated_that_nobody_says(code: str) -> None:
    assert sorted(set(catalogue(code)) - set(everything_said())) == []


@pytest.mark.parametrize("code", OTHERS)
def test_a_translation_has_the_same_names_in_it(code: str) -> None:
    wrong = []
    for msgid, message in catalogue(code).items():
        english = [msgid] if isinstance(message.id, str) else list(message.id)
        names = {name for text in english for pair in NAMES.findall(text) for name in pair if name}
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        for text in strings:
            used = {name for pair in NAMES.findall(text) for name in pair if name}
            if not used <= names or (len(strings) == 1 and used != names):
                wrong.append(f"{msgid} → {text}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("code", OTHERS)
def test_a_sentence_stands_in_one_file(code: str) -> None:
    """Else it depends on the order of file names what is said."""
    where: dict[str, set[str]] = {}
    for path in sorted((CATALOGUES / code).glob("*.po")):
        with path.open("rb") as file:
            for message in read_po(file, locale=code):
                if message.id:
                    where.setdefault(_key(message.id), set()).add(path.name)
    assert {said: names for said, names in where.items() if len(names) > 1} == {}


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "en"),
        ("", "en"),
        ("cy", "cy"),
        ("cy-GB,cy;q=0.9,en;q=0.8", "cy"),
        ("en-GB,en;q=0.9,cy;q=0.8", "en"),
        ("fr, cy;q=0.3", "cy"),
        ("fr, de", "en"),
        ("*;q=0, cy;q=0", "en"),
        ("cy;q=0.5, en;q=0.7", "en"),
        (";;;,,,q=1", "en"),
        ("cy;q=" + "9" * 5000, "cy"),
    ],
)
def test_the_language_that_a_browser_asks_for(header: str | None, code: str) -> None:
    assert accepted(header) == code


def test_dates_are_said_where_the_council_is_and_in_the_reader_s_language() -> None:
    assert language("en").instant(AT, "Europe/London") == "16:40 on Friday 27 November"
    assert language("cy").instant(AT, "Europe/London") == "16:40, Dydd Gwener 27 Tachwedd"
    assert language("en").day(AT, "Pacific/Auckland") == "Saturday 28 November"
    assert language("cy").date(AT, "Europe/London") == "27 Tachwedd 2026"


def test_an_unknown_language_is_english() -> None:
    assert language("fr").code == "en"
    assert language("cy-GB").code == "cy"
    assert language(None).tag == "en-GB"
