"""When and where a camera says a picture was taken. Claims, not truths: for staff only.

Nothing here is repaired: a time without a zone is no time, half a position is none.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from PIL import ExifTags, Image

_GPS: Final = ExifTags.GPS
#: Whatever EXIF of any origin makes Pillow and us raise.
_MALFORMED: Final = (
    ArithmeticError,
    IndexError,
    KeyError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
#: No phone took a picture before that; a clock that was never set did.
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MINUTES, _SECONDS, _HOURS = 60, 60, 24


@dataclass(frozen=True, slots=True)
class Facts:
    """What the camera says; None where it does not, or not clearly."""

    taken_at: datetime | None = None
    lat: float | None = None
    lng: float | None = None


def read(picture: Image.Image) -> Facts:
    """The facts of a picture that was opened, never raising."""
    try:
        exif = picture.getexif()
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
        details = exif.get_ifd(ExifTags.IFD.Exif)
    except _MALFORMED:
        return Facts()
    taken_at = _by_satellite(place) or _by_clock(details)
    lat, lng = _position(place)
    return Facts(taken_at, lat, lng)


def _by_clock(details: Mapping[int, Any]) -> datetime | None:
    """The camera's own clock, where it says which zone it was set to."""
    try:
        day, _, time = _text(details[ExifTags.Base.DateTimeOriginal]).partition(" ")
        zone = _text(details[ExifTags.Base.OffsetTimeOriginal])
        return _sane(datetime.fromisoformat(f"{day.replace(':', '-')}T{time}{zone}"))
    except _MALFORMED:
        return None


def _by_satellite(place: Mapping[int, Any]) -> datetime | None:
    """The receiver's time, which is UTC."""
    try:
        day = _text(place[_GPS.GPSDateStamp]).replace(":", "-")
        hours, minutes, seconds = _three(place[_GPS.GPSTimeStamp])
        if not (0 <= hours < _HOURS and 0 <= minutes < _MINUTES and 0 <= seconds <= _SECONDS):
            return None
        since = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return _sane(datetime.fromisoformat(f"{day}T00:00:00Z") + since)
    except _MALFORMED:
        return None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value.strip("\0 ")


def _sane(at: datetime) -> datetime | None:
    """In UTC, if a phone can have been there. One without a zone is a TypeError."""
    latest = datetime.now(UTC) + timedelta(days=1)
    return at.astimezone(UTC) if _EARLIEST <= at <= latest else None


def _position(place: Mapping[int, Any]) -> tuple[float, float] | tuple[None, None]:
    try:
        lat = _degrees(place[_GPS.GPSLatitude]) * _SIGNS[_text(place[_GPS.GPSLatitudeRef])]
        lng = _degrees(place[_GPS.GPSLongitude]) * _SIGNS[_text(place[_GPS.GPSLongitudeRef])]
    except _MALFORMED:
        return None, None
    if not (abs(lat) <= 90 and abs(lng) <= 180) or lat == lng == 0:  # noqa: PLR2004
        return None, None
    return round(lat, 7), round(lng, 7)


_SIGNS: Final = {"N": 1, "S": -1, "E": 1, "W": -1}


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = _three(parts)
    if not (0 <= minutes < _MINUTES and 0 <= seconds < _SECONDS):
        raise ValueError
    return degrees + minutes / 60 + seconds / 3600


def _three(parts: Sequence[Any]) -> tuple[float, float, float]:
    first, second, third = (float(part) for part in parts)
    if not all(math.isfinite(part) and part >= 0 for part in (first, second, third)):
        raise ValueError
    return first, second, third
