import time
from pathlib import Path

import pytest
from PIL import Image

from geo.errors import Refusal
from reporting.errors import ImageBroken, ImageRefused, ImageTooLarge
from reporting.images.headers import JPEG, PNG, WEBP, Header, inspect
from tests.support.pictures import (
    FORMATS,
    box,
    encoded,
    heic_bomb,
    jpeg_bomb,
    noisy,
    picture,
    png_bomb,
    png_chunk,
    webp_bomb,
)

KINDS = tuple(FORMATS)
#: What browsers, mail programs and attackers call a picture.
NO_PICTURES = {
    "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(30),
    "tiff": b"II*\x00\x08\x00\x00\x00" + bytes(30),
    "bmp": b"BM" + bytes(60),
    "ico": b"\x00\x00\x01\x00\x01\x00" + bytes(40),
    "psd": b"8BPS\x00\x01" + bytes(40),
    "pdf": b"%PDF-1.7\n1 0 obj\n",
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "html": b"<!doctype html><script>alert(1)</script>",
    "mvg": b"push graphic-context\nfill 'url(https://example.org)'\n",
    "php": b"<?php system($_GET['c']);",
    "zip": b"PK\x03\x04" + bytes(40),
    "elf": b"\x7fELF\x02\x01\x01" + bytes(40),
    "mp4": box(b"ftyp", b"isom" + bytes(4) + b"isomiso2avc1") + box(b"mdat", bytes(40)),
    "avif": box(b"ftyp", b"avif" + bytes(4) + b"avifmif1") + box(b"meta", bytes(40)),
    "wav": b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40),
    "jpeg 2000": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(40),
    "text": b"just some words",
    "zeros": bytes(5000),
}


@pytest.mark.parametrize("media_type", KINDS)
def test_type_and_size_come_from_the_content(media_type: str) -> None:
    # In multiples of 64, as HEIC codes it; it is cut to size afterwards.
    whole = encoded(picture(192, 128), media_type)
    assert inspect(whole) == Header(media_type, 192, 128)
    assert inspect(bytearray(whole)) == inspect(whole)


@pytest.mark.parametrize("options", [{"lossless": True}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"}])
def test_every_form_of_webp(options: dict[str, object]) -> None:
    assert inspect(encoded(picture(71, 51), WEBP, **options)) == Header(WEBP, 71, 51)


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"quality": 100}]
)
def test_every_form_of_jpeg(options: dict[str, object]) -> None:
    assert inspect(encoded(picture(71, 51), JPEG, **options)) == Header(JPEG, 71, 51)


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_is_refused_whatever_it_is_called(name: str) -> None:
    with pytest.raises(ImageRefused):
        inspect(NO_PICTURES[name])


@pytest.mark.parametrize("media_type", KINDS)
@pytest.mark.parametrize("share", [0, 0.01, 0.1, 0.5, 0.9, 0.99])
def test_a_picture_cut_short_is_told_from_its_header(media_type: str, share: float) -> None:
    whole = noisy(320, 240, media_type)
    with pytest.raises(ImageBroken):
        inspect(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("media_type", KINDS)
def test_one_byte_or_the_last_byte_missing(media_type: str) -> None:
    whole = noisy(320, 240, media_type)
    with pytest.raises(Refusal):
        inspect(whole[:1])
    with pytest.raises(ImageBroken):
        inspect(whole[:-2])


@pytest.mark.parametrize(
    "bomb",
    [
        jpeg_bomb(64250, 64250),
        jpeg_bomb(65535, 65535, frame=0xC2),
        jpeg_bomb(15000, 15000),  # 225 megapixels: just over what phones make
        jpeg_bomb(8000, 8000, frame=0xC2),  # progressive: decoded whole
        png_bomb(60000, 60000),
        png_bomb(64250, 64250),
        png_bomb(8000, 8000, 8, 2),
        png_bomb(2**31 - 1, 1),
        webp_bomb(16383, 16383),
        webp_bomb(2**24, 2**24),
        heic_bomb(60000, 60000),
        heic_bomb(2**32 - 1, 2**32 - 1),
    ],
    ids=lambda bomb: f"{len(bomb)} bytes",
)
def test_a_bomb_costs_no_more_than_its_header(bomb: bytes) -> None:
    began = time.process_time()
    with pytest.raises(ImageTooLarge):
        inspect(bomb)
    assert time.process_time() - began < 0.1


def test_a_phone_s_200_megapixels_are_taken() -> None:
    assert inspect(jpeg_bomb(16320, 12240)) == Header(JPEG, 16320, 12240)


@pytest.mark.parametrize("size", [(0, 10), (10, 0)])
def test_a_picture_of_nothing_is_broken(size: tuple[int, int]) -> None:
    for bomb in (jpeg_bomb, png_bomb, heic_bomb):
        with pytest.raises(ImageBroken):
            inspect(bomb(*size))


_PNG = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", bytes((0, 0, 0, 9, 0, 0, 0, 9, 8, 2, 0, 0, 0)))


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\x01" * 9_999_000,
        b"\xff\xd8" + b"\xff" * 19_999_000,
        b"\xff\xd8\xff" + b"\xe0\x00\x02\xff" * 4_999_000,
        jpeg_bomb(100, 100)[:-2] + b"\xff\x00" * 9_990_000,
        _PNG + png_chunk(b"aaaa", b"") * 1_600_000,
        box(b"ftyp", b"heic" + bytes(4)) + box(b"free", b"") * 2_400_000,
        box(b"ftyp", b"heic" + bytes(4)) + b"\x00\x00\x00\x00free" + bytes(19_000_000),
        box(b"ftyp", b"heic" * 4_900_000),
    ],
    ids=[
        "bare markers",
        "fill",
        "empty segments",
        "endless scan",
        "chunks",
        "boxes",
        "zero",
        "brands",
    ],
)
def test_twenty_megabytes_of_nonsense_cost_little(data: bytes) -> None:
    assert len(data) <= 20_000_000
    began = time.process_time()
    with pytest.raises(Refusal):
        inspect(data)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("at", [19, 50, 100, -6])
def test_a_png_damaged_anywhere_is_told_from_its_checksums(at: int) -> None:
    whole = bytearray(encoded(picture(), PNG))
    whole[at] ^= 1
    with pytest.raises(ImageBroken):
        inspect(whole)


def test_boxes_within_boxes_cannot_multiply() -> None:
    """A box whose length is shorter than its head would be walked for ever."""
    with pytest.raises(ImageBroken):
        inspect(box(b"ftyp", b"heic" + bytes(4)) + b"\x00\x00\x00\x04meta" + bytes(100))


def test_junk_between_segments_and_after_the_end_is_passed_over() -> None:
    whole = encoded(picture())
    assert inspect(whole[:20] + b"junk" + whole[20:] + b"PK\x03\x04 and a zip").width == 96


@pytest.mark.data
def test_the_real_ones(data: Path) -> None:
    """The files of the photos folder: what their index says of them."""
    refused = {
        "pillow_truncated_jpeg.jpg": ImageBroken,
        "pillow_broken.png": ImageBroken,
        "pillow_decompression_bomb.gif": ImageRefused,
    }
    files = [path for path in sorted((data / "photos").iterdir()) if path.suffix != ".csv"]
    assert len(files) > 25
    for path in files:
        if path.name in refused:
            with pytest.raises(refused[path.name]):
                inspect(path.read_bytes())
            continue
        header = inspect(path.read_bytes())
        with Image.open(path) as image:
            assert (header.width, header.height) == image.size, path.name
            assert FORMATS[header.media_type] == image.format.replace("MPO", "JPEG"), path.name
