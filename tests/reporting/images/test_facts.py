from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from PIL import Image, TiffImagePlugin

from reporting.images.derivatives import derive
from reporting.images.facts import Facts, read
from reporting.images.headers import HEIC
from tests.support.pictures import FORMATS, encoded, picture

TAKEN = datetime(2026, 5, 4, 11, 30, 15, tzinfo=UTC)
PLACE = {1: "N", 2: (51.0, 24.0, 3.6), 3: "W", 4: (2.0, 35.0, 56.4)}
CLOCK = {0x9003: "2026:05:04 12:30:15", 0x9011: "+01:00"}


def told(details: dict[int, object], place: dict[int, object]) -> Facts:
    """What is read of a file with that in its EXIF."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update(details)
    exif.get_ifd(0x8825).update(place)
    with Image.open(BytesIO(encoded(picture(), exif=exif))) as image:
        return read(image)


def test_both_are_read() -> None:
    facts = told(CLOCK, PLACE)
    assert facts.taken_at == TAKEN
    assert (facts.lat, facts.lng) == pytest.approx((51.401, -2.599), abs=1e-6)


@pytest.mark.parametrize("media_type", FORMATS)
def test_of_every_format(media_type: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    exif.get_ifd(0x8769).update(CLOCK)
    exif.get_ifd(0x8825).update(PLACE)
    if media_type == HEIC:
        image = picture()
        image.info["exif"] = exif.tobytes()
        made = derive(encoded(image, media_type))
    else:
        made = derive(encoded(picture(), media_type, exif=exif))
    assert made.facts.taken_at == TAKEN
    assert made.facts.lat == pytest.approx(51.401, abs=1e-6)


def test_a_time_without_a_zone_is_none_unless_a_satellite_says_it() -> None:
    clock = {0x9003: CLOCK[0x9003]}
    assert told(clock, {}).taken_at is None
    assert told(clock, {29: "2026:05:04", 7: (11.0, 30.0, 15.0)}).taken_at == TAKEN


@pytest.mark.parametrize(
    "clock",
    [
        {0x9003: "0000:00:00 00:00:00"},
        {0x9003: "    :  :     :  :  "},
        {0x9003: "yesterday"},
        {0x9003: "1980:01:01 00:00:00"},
        {0x9003: "2026:02:30 12:00:00"},
        {0x9003: f"{datetime.now(UTC) + timedelta(days=3):%Y:%m:%d} 12:00:00"},
        {0x9011: ""},
        {0x9011: "Z?"},
        {0x9011: "+99:00"},
    ],
)
def test_a_clock_that_makes_no_sense_is_passed_over(clock: dict[int, object]) -> None:
    assert told({**CLOCK, **clock}, {}).taken_at is None


@pytest.mark.parametrize(
    "place",
    [
        {1: "X"},
        {1: ""},
        {2: (95.0, 0.0, 0.0)},
        {2: (51.0, 61.0, 0.0)},
        {2: (51.0, 24.0)},
        {2: (51.0, 24.0, TiffImagePlugin.IFDRational(1, 0))},
        {4: (181.0, 0.0, 0.0)},
        {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
    ],
)
def test_a_place_that_makes_no_sense_is_none(place: dict[int, object]) -> None:
    facts = told({}, {**PLACE, **place})
    assert (facts.lat, facts.lng) == (None, None)
    half = {tag: value for tag, value in PLACE.items() if tag != 3}
    assert told({}, half).lat is None
