from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from reporting.images.derivatives import LARGE_EDGE, SMALL_EDGE, derive
from reporting.images.headers import JPEG, PNG, WEBP, inspect
from tests.support.pictures import (
    FORMATS,
    alike,
    encoded,
    oriented,
    picture,
    quarters,
    with_markers,
)

#: What a JPEG needs to be shown: no other segment comes out.
NEEDED = {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def segments(jpeg: bytes) -> set[int]:
    found, at = set(), 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found | {0xDA}


@pytest.mark.parametrize("media_type", FORMATS)
def test_two_sizes(media_type: str) -> None:
    made = derive(encoded(picture(2400, 1600), media_type))
    assert (made.width, made.height) == (2400, 1600)
    assert opened(made.clear).size == (LARGE_EDGE, 1280)
    assert opened(made.small).size == (SMALL_EDGE, 267)


def test_a_small_picture_is_not_blown_up() -> None:
    made = derive(encoded(picture(90, 60)))
    assert opened(made.clear).size == opened(made.small).size == (90, 60)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (1921, 1)])
def test_thin_pictures_stay_pictures(size: tuple[int, int]) -> None:
    made = derive(encoded(Image.new("RGB", size, "red")))
    assert min(opened(made.small).size) == 1


@pytest.mark.parametrize("media_type", FORMATS)
@pytest.mark.parametrize("number", range(1, 9))
def test_every_orientation_comes_out_upright(number: int, media_type: str) -> None:
    made = derive(oriented(number, media_type))
    assert (made.width, made.height) == (96, 64)
    for copy in (made.clear, made.small):
        assert opened(copy).size == (96, 64)
        assert alike(quarters(copy))


def test_pictures_that_are_turned_are_also_shrunk() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    made = derive(encoded(picture(4000, 3000), exif=exif))
    assert (made.width, made.height) == (3000, 4000)
    assert opened(made.clear).size == (1440, 1920)


@pytest.mark.parametrize("name", with_markers())
def test_nothing_planted_comes_out(name: str) -> None:
    data, markers = with_markers()[name]
    assert all(marker in data for marker in markers)
    made = derive(data)
    for copy in (made.clear, made.small):
        assert b"MARKER" not in copy
        assert segments(copy) <= NEEDED
        assert copy.endswith(b"\xff\xd9")
        assert copy.count(b"\xff\xd9") == 1
        assert opened(copy).getexif() == {}
        assert set(opened(copy).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_there_are_24_of_them() -> None:
    assert sum(len(markers) for _, markers in with_markers().values()) == 24


def test_the_profile_is_applied() -> None:
    """A profile that swaps red and green: what it calls red must be shown green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1)
    swapped = swapped.replace(b"????", b"gXYZ", 1)
    made = derive(encoded(Image.new("RGB", (40, 40), (250, 10, 10)), icc_profile=swapped))
    red, green, _ = opened(made.clear).getpixel((20, 20))
    assert green > 200
    assert red < 80
    assert opened(made.clear).info.get("icc_profile") is None


def test_a_profile_that_makes_no_sense_is_passed_over() -> None:
    made = derive(encoded(picture(), icc_profile=b"no profile at all" * 20))
    assert alike(quarters(made.clear))


def test_cmyk() -> None:
    made = derive(encoded(Image.new("CMYK", (40, 40), (0, 255, 255, 0))))
    red, green, blue = opened(made.clear).getpixel((20, 20))
    assert opened(made.clear).mode == "RGB"
    assert red > 180
    assert green < 90
    assert blue < 90


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    steps = np.tile(np.linspace(0, 65535, 64, dtype=np.uint16), (64, 1))
    made = derive(encoded(Image.fromarray(steps), PNG))
    greys = [opened(made.clear).getpixel((x, 32))[0] for x in (0, 16, 32, 48, 63)]
    assert np.allclose(greys, [0, 65, 130, 194, 255], atol=6)


def test_what_shines_through_is_white() -> None:
    for image in (
        Image.new("RGBA", (40, 40), (255, 0, 0, 0)),
        Image.new("LA", (40, 40), (0, 0)),
    ):
        made = derive(encoded(image, PNG))
        assert opened(made.clear).getpixel((20, 20)) == (255, 255, 255)
    palette = Image.new("P", (40, 40), 0)
    palette.putpalette([0, 0, 0] * 256)
    made = derive(encoded(palette, PNG, transparency=0))
    assert opened(made.clear).getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_every_mode_a_png_can_have(mode: str) -> None:
    image = picture().convert("L") if mode in {"1", "L", "LA", "I;16"} else picture()
    made = derive(encoded(image.convert(mode), PNG))
    assert opened(made.clear).mode == "RGB"
    assert opened(made.clear).size == (96, 64)


def test_progressive_and_grey_jpegs() -> None:
    assert alike(quarters(derive(encoded(picture(), progressive=True)).clear))
    assert opened(derive(encoded(picture().convert("L"))).clear).mode == "RGB"


def test_the_first_picture_of_an_animation() -> None:
    first, second = Image.new("RGB", (40, 40), "red"), Image.new("RGB", (40, 40), "blue")
    data = encoded(first, WEBP, save_all=True, append_images=[second], duration=100)
    red, _, blue = opened(derive(data).clear).getpixel((20, 20))
    assert red > 200
    assert blue < 60


@pytest.mark.parametrize(
    "trailer", [b"PK\x03\x04zip", b"<script>alert(1)</script>", b"<?php x();", b"/*js*/alert(1)"]
)
def test_a_polyglot_leaves_its_other_half_behind(trailer: bytes) -> None:
    whole = encoded(picture(), comment=trailer) + trailer
    made = derive(whole)
    assert trailer not in made.clear + made.small


def test_a_phone_s_picture_is_turned_and_told_by_its_header() -> None:
    data = oriented(6)
    header, made = inspect(data), derive(data)
    assert header.media_type == JPEG
    assert (header.width, header.height) == (64, 96)
    assert (made.width, made.height) == (96, 64)


@pytest.mark.data
def test_the_nine_portraits_look_the_same(data: Path) -> None:
    copies = [
        np.asarray(opened(derive(path.read_bytes()).small).resize((100, 150)), dtype=float)
        for path in sorted((data / "photos").glob("orientation_portrait_*.jpg"))
    ]
    assert len(copies) == 9
    for other in copies[1:]:
        assert np.abs(copies[0] - other).mean() < 6


@pytest.mark.data
def test_the_real_ones_come_out_clean(data: Path) -> None:
    made = 0
    for path in sorted((data / "photos").iterdir()):
        if path.suffix == ".csv" or path.name in {
            "pillow_truncated_jpeg.jpg",
            "pillow_broken.png",
            "pillow_decompression_bomb.gif",
        }:
            continue
        found = derive(path.read_bytes())
        made += 1
        for copy in (found.clear, found.small):
            assert segments(copy) <= NEEDED, path.name
            assert b"Exif" not in copy
            assert b"iPhone" not in copy
    assert made > 20
