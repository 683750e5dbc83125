"""The field types and small models that several routes share."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
)

from geo.points import Point, check_point
from reporting.web.body import CleanText, Wire

Number = Annotated[float, Strict()]
#: An answer to a category's question.
Answer = (
    Annotated[CleanText, Field(max_length=500)]
    | Annotated[bool, Strict()]
    | Annotated[int, Strict()]
    | Annotated[float, Strict()]
)


def _text(value: Any) -> Any:
    """A number, even as text, would be taken for seconds since 1970."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and "T" in value.upper()):
        message = "must be text in ISO 8601 with a zone, such as 2026-11-23T14:25:00Z"
        raise ValueError(message)  # pydantic makes an answer of this only
    return value


def _zulu(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _address(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        message = "must be an e-mail address"  # the library's own words repeat what was sent
        raise ValueError(message) from error


#: An instant that names its zone; goes out in UTC with Z. JSON has only text for it, so not strict.
Instant = Annotated[
    AwareDatetime,
    Strict(strict=False),
    BeforeValidator(_text),
    PlainSerializer(_zulu, return_type=str),
]
#: An id; JSON has only text for it, so not strict.
Id = Annotated[UUID, Strict(strict=False)]
#: An e-mail address, without a name before it.
Email = Annotated[
    str, Field(max_length=254, json_schema_extra={"format": "email"}), AfterValidator(_address)
]


class Location(Wire):
    """A place in WGS84 degrees."""

    lat: Number = Field(examples=[52.0105])
    lng: Number = Field(examples=[-0.9895])
    accuracy_m: Number | None = Field(None, description="How sure the device was, in metres")

    def point(self) -> Point:
        """The place, checked; refuses 0,0, grid references and what is no place."""
        return check_point(self.lat, self.lng, self.accuracy_m)


class AuthorityOut(Wire):
    """An authority, as others name it."""

    slug: str
    name: str


class TeamOut(Wire):
    """A team of an authority."""

    slug: str
    name: str


class WardOut(Wire):
    """A ward or division."""

    code: str
    name: str
