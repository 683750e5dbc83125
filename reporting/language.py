"""The languages that people are spoken to in, and how each says words and dates.

English is what stands in the code. Every other language is a folder of gettext catalogues,
``reporting/locale/<code>/*.po``; a sentence it lacks is said in English. Dates and numbers come
from Babel, which browsers cannot be trusted with (Chromium knows no Welsh).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

DEFAULT: Final = "en"
CATALOGUES: Final = Path(__file__).with_name("locale")
#: Every language there is a catalogue for, English first; what each calls itself is Babel's to say.
LANGUAGES: Final = (
    DEFAULT,
    *sorted(folder.name for folder in CATALOGUES.iterdir() if folder.is_dir()),
)
_RANGE: Final = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?))?"
)


@dataclass(frozen=True)
class Language:
    """One language's words and dates."""

    code: str
    translations: NullTranslations

    @cached_property
    def locale(self) -> Locale:
        """As Babel knows it; English is the British one."""
        return Locale.parse("en_GB" if self.code == DEFAULT else self.code)

    @property
    def tag(self) -> str:
        """For ``lang`` attributes and headers: ``en-GB``, ``cy``."""
        return str(self.locale).replace("_", "-")

    @property
    def name(self) -> str:
        """What it calls itself: ``English``, ``Cymraeg``."""
        return (self.locale.languages.get(self.code) or self.code).capitalize()

    def say(self, sentence: str, /, **values: object) -> str:
        """The sentence in this language, with its ``{names}`` filled in."""
        found: str = self.translations.ugettext(sentence) if sentence else ""
        return found.format(**values) if values else found

    def count(self, one: str, many: str, n: int, /, **values: object) -> str:
        """The sentence for a number of things (``{n}``); languages have up to six forms."""
        found: str = self.translations.ungettext(one, many, n)
        return found.format(n=n, **values)

    def day(self, at: datetime, timezone: str) -> str:
        """``Friday 27 November``, where the council is."""
        local = at.astimezone(ZoneInfo(timezone))
        return format_date(local, "EEEE d MMMM", locale=self.locale)

    def date(self, at: datetime, timezone: str) -> str:
        """``27 November 2026``, where the council is."""
        return format_date(at.astimezone(ZoneInfo(timezone)), "d MMMM y", locale=self.locale)

    def instant(self, at: datetime, timezone: str) -> str:
        """``16:40 on Friday 27 November``, where the council is."""
        local = at.astimezone(ZoneInfo(timezone))
        clock = format_time(local, "HH:mm", locale=self.locale)
        return self.say("{time} on {day}", time=clock, day=self.day(at, timezone))


@cache
def language(code: str | None) -> Language:
    """The language of a tag like ``cy`` or ``en-GB``; English for one we lack."""
    found = (code or DEFAULT).partition("-")[0].lower()
    found = found if found in LANGUAGES else DEFAULT
    return Language(found, _translations(found))


def accepted(header: str | None) -> str:
    """The code of the best language of an Accept-Language header (RFC 9110 section 12.5.4)."""
    ranges = (_RANGE.match(part) for part in (header or "")[:500].split(","))
    weighed: Mapping[str, float] = {
        match[1].lower(): float(match[2] or 1) for match in reversed([r for r in ranges if r])
    }
    known = [code for code in weighed if code in LANGUAGES and weighed[code]]
    return max(known, key=lambda code: weighed[code], default=DEFAULT)


@cache
def _translations(code: str) -> NullTranslations:
    merged: NullTranslations | None = None
    for path in sorted((CATALOGUES / code).glob("*.po")):
        with path.open("rb") as file:
            catalogue = read_po(file, locale=code)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        found = Translations(compiled)
        merged = found if merged is None else merged.merge(found)  # type: ignore[attr-defined]
    return merged or NullTranslations()
