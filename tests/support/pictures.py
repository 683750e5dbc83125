"""Pictures for tests: good, odd, broken and hostile, made here so that none needs a licence."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import pillow_heif
from PIL import Image

from reporting.images.headers import HEIC, JPEG, PNG, WEBP

pillow_heif.register_heif_opener()

#: Of the quarters, upright: top left, top right, bottom left, bottom right.
QUARTERS = ((200, 30, 30), (30, 160, 30), (30, 30, 200), (220, 220, 40))
FORMATS = {JPEG: "JPEG", PNG: "PNG", WEBP: "WEBP", HEIC: "HEIF"}
#: For each EXIF orientation, what turns an upright picture into one stored that way.
STORED_AS: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda upright: upright,
    2: lambda upright: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda upright: upright.transpose(Image.Transpose.ROTATE_180),
    4: lambda upright: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda upright: upright.transpose(Image.Transpose.TRANSPOSE),
    6: lambda upright: upright.transpose(Image.Transpose.ROTATE_90),
    7: lambda upright: upright.transpose(Image.Transpose.TRANSVERSE),
    8: lambda upright: upright.transpose(Image.Transpose.ROTATE_270),
}


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """Four quarters of four colours."""
    made = Image.new("RGB", (width, height))
    for index, colour in enumerate(QUARTERS):
        left, top = index % 2 * (width // 2), index // 2 * (height // 2)
        made.paste(colour, (left, top, left + width // 2, top + height // 2))
    return made


def encoded(image: Image.Image, media_type: str = JPEG, **options: object) -> bytes:
    """As a file."""
    out = BytesIO()
    image.save(out, FORMATS[media_type], **options)
    return out.getvalue()


def noisy(width: int, height: int, media_type: str = JPEG) -> bytes:
    """A file that does not shrink to nothing."""
    noise = Image.effect_noise((width, height), 80).convert("RGB")
    return encoded(
        Image.blend(noise, picture(width, height).resize((width, height)), 0.5), media_type
    )


def oriented(number: int, media_type: str = JPEG) -> bytes:
    """The quarters, stored as a phone held that way stores them."""
    exif = Image.Exif()
    exif[0x0112] = number
    stored = STORED_AS[number](picture())
    if media_type == HEIC:  # from here its encoder puts it into the boxes that count there
        stored.info["exif"] = exif.tobytes()
        return encoded(stored, media_type)
    return encoded(stored, media_type, exif=exif)


def quarters(data: bytes) -> list[tuple[int, int, int]]:
    """The colours in the middle of the four quarters."""
    with Image.open(BytesIO(data)) as image:
        width, height = image.size
        return [
            image.getpixel((width * (1 + 2 * column) // 4, height * (1 + 2 * row) // 4))
            for row in (0, 1)
            for column in (0, 1)
        ]


def alike(found: list[tuple[int, int, int]], expected: object = QUARTERS) -> bool:
    """Whether the colours are those, but for what JPEG does to colours."""
    return all(
        abs(ours - theirs) <= 14
        for one, other in zip(found, expected, strict=True)
        for ours, theirs in zip(one, other, strict=True)
    )


# Files that claim to be huge, and have nothing behind their header.


def jpeg_bomb(width: int, height: int, frame: int = 0xC0) -> bytes:
    """A JPEG's head."""
    head = struct.pack(">BHHB", 8, height, width, 1) + bytes((1, 0x11, 0))
    return (
        b"\xff\xd8\xff"
        + bytes((frame,))
        + struct.pack(">H", 2 + len(head))
        + head
        + (b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + bytes(2000) + b"\xff\xd9")
    )


def png_chunk(name: bytes, data: bytes) -> bytes:
    """One chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bomb(width: int, height: int, depth: int = 1, colour: int = 0) -> bytes:
    """A PNG whose pixels are all there, packed small: the bomb of the textbook, up to 30,000²."""
    row = bytes(1 + (width * depth * (3 if colour == 2 else 1) + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(min(height, 2000))) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        png_chunk(*chunk) for chunk in ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    )


def webp_bomb(width: int, height: int) -> bytes:
    """An extended WebP's head."""
    body = (
        b"\x00\x00\x00\x00" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    chunk = b"VP8X" + struct.pack("<I", 10) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


def box(kind: bytes, content: bytes) -> bytes:
    """A box of ISO/IEC 14496-12."""
    return struct.pack(">I", 8 + len(content)) + kind + content


def heic_bomb(width: int, height: int) -> bytes:
    """A HEIC's boxes."""
    size = box(b"ispe", bytes(4) + struct.pack(">II", width, height))
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", size)))
    return box(b"ftyp", b"heic" + bytes(4) + b"mif1heic") + meta + box(b"mdat", bytes(64))


# What is planted in a file must not come out of it.


def segment(marker: int, content: bytes) -> bytes:
    """One segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def with_markers() -> dict[str, tuple[bytes, list[bytes]]]:
    """Files, each with the markers hidden in it: 24 in all."""
    numbers = iter(range(1, 100))

    def marker() -> bytes:
        return b"MARKER-%02d-7c1f" % next(numbers)

    used: list[bytes] = []

    def new() -> bytes:
        used.append(marker())
        return used[-1]

    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B):
        exif[tag] = new().decode()
    details = exif.get_ifd(0x8769)
    details[0x9286] = b"ASCII\0\0\0" + new()
    details[0xA431] = new().decode()
    details[0xA434] = new().decode()
    details[0x927C] = new()
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (51.0, 24.0, 3.5)
    place[3], place[4] = "W", (2.0, 35.0, 57.0)
    place[0x1B] = new()
    place[0x1C] = new()
    plain = encoded(picture(), exif=exif)
    thumbnail = encoded(picture(16, 16), comment=new())
    jpeg = (
        plain[:2]
        + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + new() + b"</x:xmpmeta>")
        + segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + new())
        + segment(0xE2, b"ICC_PROFILE\0\x01\x01" + new())
        + segment(0xE2, b"MPF\0" + new())
        + segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x20" + new())
        + segment(0xEA, new())
        + segment(0xFE, new())
        + segment(0xE3, thumbnail)
        + plain[2:]
        + b"PK\x03\x04 a trailer "
        + new()
    )
    found = {"everything.jpg": (jpeg, used.copy())}
    used.clear()
    png = encoded(picture(), PNG)
    texts = png_chunk(b"tEXt", b"Comment\0" + new()) + png_chunk(
        b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + new()
    )
    found["text.png"] = (png[:33] + texts + png[33:], used.copy())
    for name, media_type in (("exif.webp", WEBP), ("exif.heic", HEIC)):
        used.clear()
        exif = Image.Exif()
        exif[0x010E] = new().decode()
        found[name] = (encoded(picture(), media_type, exif=exif), used.copy())
    return found
