"""What a file's own header says it is, read without decoding a pixel.

The type goes by content, never by name. The size is checked here, so that a bomb is refused for
the price of its header; so is a file that ends before its own structure does. Nothing here trusts
a length: every walk is bounded, and a file of 20 MB costs some milliseconds at most.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reporting.errors import ImageBroken, ImageRefused, ImageTooLarge

Bytes = bytes | bytearray

#: Decoded whole, this many pixels fit the decoder's memory.
PIXELS_LIMIT: Final = 50_000_000
#: Its decoder keeps four whole pictures.
WEBP_PIXELS_LIMIT: Final = 24_000_000
#: A JPEG shrinks while it is decoded, if it is not progressive: phones make 200 megapixels.
BASELINE_JPEG_PIXELS_LIMIT: Final = 220_000_000
#: Far more parts than a camera writes; a file made of nothing else would take seconds to walk.
_PARTS_LIMIT: Final = 20_000

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
WEBP: Final = "image/webp"
HEIC: Final = "image/heic"


@dataclass(frozen=True, slots=True)
class Header:
    """What the file says of itself. The size is as coded: a phone may have been held sideways."""

    media_type: str
    width: int
    height: int


def inspect(data: Bytes) -> Header:
    """The header of a whole file; raises ImageRefused, ImageBroken or ImageTooLarge."""
    if not data:
        raise ImageBroken
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data[4:8] == b"ftyp":
        return _heic(data)
    if len(data) < 8 and any(magic.startswith(bytes(data)) for magic in _MAGICS):  # noqa: PLR2004
        raise ImageBroken
    raise ImageRefused


#: A file shorter than these is one of ours cut short, as far as one can tell.
_MAGICS: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF")


def check_pixels(media_type: str, width: int, height: int, *, limit: int = 0) -> Header:
    """The header of a picture of this size, if we take it."""
    limit = limit or (BASELINE_JPEG_PIXELS_LIMIT if media_type == JPEG else PIXELS_LIMIT)
    if width < 1 or height < 1:
        raise ImageBroken
    if width * height > limit:
        raise ImageTooLarge
    return Header(media_type, width, height)


# JPEG: segments with a length up to the first scan (ITU T.81, annex B).

# Not `\xff+`: that would try every length of a run of fill bytes from each of them.
_MARKER: Final = re.compile(rb"\xff([\x01-\xfe])")
_END_OF_IMAGE: Final = b"\xff\xd9"
_START_OF_SCAN: Final = 0xDA
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})


def _jpeg(data: Bytes) -> Header:
    header: Header | None = None
    for marker, at, length in _segments(data):
        if marker in _FRAMES:
            if length < 8:  # noqa: PLR2004  length, precision, height, width, components
                raise ImageBroken
            header = check_pixels(
                JPEG,
                int.from_bytes(data[at + 5 : at + 7], "big"),
                int.from_bytes(data[at + 3 : at + 5], "big"),
                limit=BASELINE_JPEG_PIXELS_LIMIT if marker in _SEQUENTIAL else PIXELS_LIMIT,
            )
        elif marker == _START_OF_SCAN:
            # In coded pixels every ff is followed by 00, so this is the end, or the file was cut.
            # Looked for from the file's end, where it mostly is.
            if header is None or data.rfind(_END_OF_IMAGE, at + length) < 0:
                break
            return header
    raise ImageBroken


def _segments(data: Bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, where its segment begins, and its length. Junk between segments is passed over."""
    at = 2
    for _ in range(_PARTS_LIMIT):
        found = _MARKER.search(data, at)
        if found is None:
            return
        marker, at = found[1][0], found.end()
        if marker in _BARE:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):  # noqa: PLR2004  it counts itself
            return
        yield marker, at, length
        at += length


# PNG: chunks of length, name, data and checksum, from IHDR to IEND.


_CRITICAL: Final = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})


def _sound(data: Bytes, start: int, end: int) -> bool:
    with memoryview(data) as view:
        return zlib.crc32(view[start : end - 4]) == int.from_bytes(view[end - 4 : end], "big")


def _png(data: Bytes) -> Header:
    if data[12:16] != b"IHDR" or len(data) < 33:  # noqa: PLR2004  signature and IHDR
        raise ImageBroken
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    header = check_pixels(PNG, width, height)
    at, pixels = 8, False
    for _ in range(_PARTS_LIMIT):
        length = int.from_bytes(data[at : at + 4], "big")
        name = bytes(data[at + 4 : at + 8])
        start, at = at + 4, at + 12 + length
        if at > len(data):
            break
        # Pillow does not look at the checksums of pixels, and shows what is left of them.
        if name in _CRITICAL and not _sound(data, start, at):
            break
        if name == b"IEND":
            if pixels:
                return header
            break
        pixels = pixels or name == b"IDAT"
    raise ImageBroken


# WebP: a RIFF file; the first chunk tells the size in one of three ways (RFC 9649).


def _webp(data: Bytes) -> Header:
    if int.from_bytes(data[4:8], "little") + 8 > len(data) + 1 or len(data) < 30:  # noqa: PLR2004
        raise ImageBroken
    kind, body = bytes(data[12:16]), bytes(data[20:30])
    match kind:
        case b"VP8X":
            width = int.from_bytes(body[4:7], "little") + 1
            height = int.from_bytes(body[7:10], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 " if body[3:6] == b"\x9d\x01\x2a":
            width = int.from_bytes(body[6:8], "little") & 0x3FFF
            height = int.from_bytes(body[8:10], "little") & 0x3FFF
        case _:
            raise ImageBroken
    return check_pixels(WEBP, width, height, limit=WEBP_PIXELS_LIMIT)


# HEIC: boxes within boxes (ISO/IEC 14496-12 and 23008-12).

#: Brands of pictures coded with HEVC. AVIF has the same boxes and is not taken.
_HEVC: Final = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
#: A box that ends after the file is a cut file, if it is one of these; else something appended.
_NEEDED: Final = frozenset({b"ftyp", b"meta", b"mdat", b"moov"})


def _heic(data: Bytes) -> Header:
    sizes: list[tuple[int, int]] = []
    brands: set[bytes] = set()
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"ftyp":
            body = bytes(data[start : min(end, start + 400)])
            brands |= {body[:4], *(body[at : at + 4] for at in range(8, len(body), 4))}
            if brands.isdisjoint(_HEVC):
                raise ImageRefused
        if end > len(data):
            if kind in _NEEDED:
                raise ImageBroken
            break
        if kind == b"meta":
            sizes += _extents(data, start + 4, end)
    if not sizes:
        raise ImageBroken
    # Each picture in the file tells its size: tiles, thumbnails, and the whole, which is largest.
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    return check_pixels(HEIC, width, height)


def _extents(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    for kind, properties, properties_end in _boxes(data, start, end):
        if kind != b"iprp":
            continue
        for container, first, last in _boxes(data, properties, properties_end):
            if container != b"ipco":
                continue
            for box, at, box_end in _boxes(data, first, last):
                if box == b"ispe" and box_end - at >= 12:  # noqa: PLR2004  version, width, height
                    yield (
                        int.from_bytes(data[at + 4 : at + 8], "big"),
                        int.from_bytes(data[at + 8 : at + 12], "big"),
                    )


def _boxes(data: Bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, where the content begins, and where it ends (which may be after the file's end)."""
    for _ in range(_PARTS_LIMIT):
        if start + 8 > end:
            return
        size = int.from_bytes(data[start : start + 4], "big")
        kind = bytes(data[start + 4 : start + 8])
        content = start + 8
        if size == 1:  # the size follows, in eight bytes
            size = int.from_bytes(data[content : content + 8], "big")
            content += 8
        elif size == 0:  # to the end
            size = end - start
        if size < content - start:
            raise ImageBroken
        yield kind, content, start + size
        start += size
