"""The map: what the columns and words of another system's dump mean here. Pure.

It is a TOML file, so that an IT officer can read and keep it. What it does not name is not read:
no column with personal data comes in unless the map asks for it.
"""

import codecs
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from reporting.errors import MapRefused
from reporting.status import CLOSED_REASONS, OPEN

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

#: What a status of theirs may be here. ``duplicate``: it tells of another row's defect.
DUPLICATE: Final = "duplicate"
MEANINGS: Final = (
    *sorted(OPEN - {"referred"}),
    "fixed",
    *(f"closed:{reason}" for reason in CLOSED_REASONS),
    DUPLICATE,
)


def folded(word: str) -> str:
    """A word of theirs as it is compared: case and white space do not count."""
    return " ".join(word.split()).casefold()


def _zone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise ValueError(f"there is no time zone {name}; say it like Europe/London")
    return name


def _meaning(word: str) -> str:
    if word not in MEANINGS:
        raise ValueError(f"{word!r} is none of {', '.join(MEANINGS)}")
    return word


def _finished(word: str) -> str:
    if word != "fixed" and not word.startswith("closed:"):
        raise ValueError(f"{word!r} is no end: say fixed, or closed:REASON")
    return _meaning(word)


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from error
    if groups > 1:
        raise ValueError("one group at most, which holds the ward's code")
    return text


Meaning = Annotated[str, AfterValidator(_meaning)]


class Part(BaseModel):
    """A part of the map. A key that is not known is a mistake, and said."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class File(Part):
    """How the file is written."""

    encoding: str = "utf-8-sig"
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] = ","

    @model_validator(mode="after")
    def _is_known(self) -> "File":
        try:
            codecs.lookup(self.encoding)
        except LookupError as error:
            raise ValueError(f"there is no encoding {self.encoding}") from error
        return self


class Columns(Part):
    """Which column of theirs is what here."""

    id: Name
    created: Name
    lat: Name | None = None
    lng: Name | None = None
    #: The place in words; alone where there are no coordinates.
    place_text: Name | None = None
    closed: Name | None = None
    due: Name | None = None
    #: The id of the row that told of the same defect.
    duplicate_of: Name | None = None
    description: Name | None = None
    reporter_name: Name | None = None
    reporter_email: Name | None = None
    reporter_phone: Name | None = None

    @model_validator(mode="after")
    def _has_a_place(self) -> "Columns":
        if (self.lat is None) != (self.lng is None):
            raise ValueError("lat and lng go together")
        if self.lat is None and self.place_text is None:
            raise ValueError("name lat and lng, or place_text")
        return self


class Times(Part):
    """How their times are written."""

    #: Of times that do not say their own offset.
    zone: Annotated[str, AfterValidator(_zone)]
    #: As Python's strptime takes them, tried in order; none: ISO 8601.
    formats: tuple[Name, ...] = ()
    #: A Z at the end is a habit of their software: the times are local.
    z_is_local: bool = False
    #: Which of the two a time is in the hour that comes twice when summer time ends.
    repeated_hour: Literal["first", "second"] = "first"


class Words(Part):
    """Columns whose words mean something here: the first column with a known word decides."""

    columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    values: dict[Name, Name] = Field(default_factory=dict)
    default: Name | None = None

    @cached_property
    def known(self) -> Mapping[str, str]:
        """Their words, folded, and what each means."""
        return {folded(word): meaning for word, meaning in self.values.items()}


class Categories(Words):
    """Their kinds. What has neither a word nor a default is rejected, and counted by its word."""

    #: Kinds that are no defect of a street: not taken over.
    leave_out: tuple[Name, ...] = ()

    @cached_property
    def left_out(self) -> frozenset[str]:
        """The same, folded."""
        return frozenset(map(folded, self.leave_out))


class Statuses(Words):
    """Their states, as one of ``MEANINGS``."""

    values: dict[Name, Meaning] = Field(default_factory=dict)
    default: Meaning | None = None
    #: What becomes of a duplicate whose other row is not known.
    lone_duplicate: Annotated[str, AfterValidator(_finished)] = "closed:invalid"


class Wards(Part):
    """The ward that they wrote down. It is compared and counted, never trusted over the polygon."""

    column: Name
    #: What of the cell is the code; its group, if it has one.
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    #: Words that mean that they did not know.
    none: tuple[str, ...] = ()


class Teams(Part):
    """Whose work it was. Named teams get the job whatever the rules say; others by the rules."""

    column: Name
    values: dict[Name, Name]

    @cached_property
    def known(self) -> Mapping[str, str]:
        """Their words, folded, and the slug of the team."""
        return {folded(word): slug for word, slug in self.values.items()}


class ImportMap(Part):
    """A whole map."""

    #: The council whose system it was; ``--authority`` says it too.
    authority: Name | None = None
    #: What the system is called. With a row's id it makes the row known for ever.
    source: Name
    file: File = File()
    columns: Columns
    times: Times
    category: Categories
    status: Statuses
    ward: Wards | None = None
    team: Teams | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """Every column that is read, each once, in a fixed order."""
        single = [name for name in self.columns.model_dump().values() if name is not None]
        more = [part.column for part in (self.ward, self.team) if part is not None]
        return tuple(dict.fromkeys((*single, *self.category.columns, *self.status.columns, *more)))


def read(text: str) -> ImportMap:
    """A map from its text. Raises MapRefused, naming what is wrong in one sentence."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MapRefused(f"The map is not TOML: {error}.") from error
    try:
        return ImportMap.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the map"
        message = first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
        raise MapRefused(f"The map says {where} wrongly: {message}.") from error
