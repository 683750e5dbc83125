"""Copies that are safe to show: upright, in sRGB, encoded anew from nothing but pixels.

Whatever else was in the file (where it was taken, with what, a smaller picture of more than the
photographer meant to show, an archive after its end) stays behind, since it is never copied.
"""

import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from PIL import ExifTags, Image, ImageCms
from PIL.JpegImagePlugin import JpegImageFile
from pillow_heif import register_heif_opener

from geo.errors import Refusal
from reporting.images import facts
from reporting.images.facts import Facts
from reporting.images.headers import HEIC, JPEG, PNG, WEBP, check_pixels, inspect
from reporting.images.likeness import likeness

#: Long edges. 1920 lets a 12-megapixel JPEG be halved inside its decoder; 2048 would not.
LARGE_EDGE: Final = 1920
SMALL_EDGE: Final = 400
QUALITY: Final = 82

_FORMATS: Final = {PNG: "PNG", WEBP: "WEBP", HEIC: "HEIF"}
#: Rows of a strip, after it was reduced.
_STRIP: Final = 64
_SRGB: Final = ImageCms.createProfile("sRGB")

# The header was checked against our own limits; Pillow's would only add warnings.
Image.MAX_IMAGE_PIXELS = None
register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)


@dataclass(frozen=True, slots=True)
class Derivatives:
    """Two JPEGs with nothing filled, and what else is to be told of the picture."""

    #: Of the whole picture when it stands upright.
    width: int
    height: int
    clear: bytes
    #: The same, small. Only for who may see ``clear``, until faces have been looked for.
    small: bytes
    likeness: int | None
    facts: Facts


_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS: Final = frozenset({5, 6, 7, 8})


def derive(data: bytes) -> Derivatives:
    """The copies of a picture.

    Raises what ``headers.inspect`` raises, and whatever a decoder raises on a damaged file: call
    it where that, and dying of it, is expected.
    """
    header = inspect(data)
    with _opened(data, header.media_type) as picture:
        width, height = picture.size
        check_pixels(header.media_type, width, height)
        orientation, told = _orientation(picture), facts.read(picture)
        if header.media_type == JPEG and max(width, height) > LARGE_EDGE:
            picture.draft("RGB", _fit(width, height, LARGE_EDGE))
        picture.load()
        clear = _flat(_in_srgb(shrunk(_reduced(picture), LARGE_EDGE)))
    if orientation in _TURNS:  # last, when there is least to turn
        clear = clear.transpose(_TURNS[orientation])
    if orientation in _SIDEWAYS:
        width, height = height, width
    small = shrunk(clear, SMALL_EDGE)
    return Derivatives(width, height, encoded(clear), encoded(small), likeness(small), told)


def are_copies(*copies: bytes) -> bool:
    """Whether they are pictures as ours are; told from their headers."""
    try:
        made = [inspect(copy) for copy in copies]
    except Refusal:
        return False
    return all(
        copy.media_type == JPEG and max(copy.width, copy.height) <= LARGE_EDGE for copy in made
    )


def _opened(data: bytes, media_type: str) -> Image.Image:
    if media_type == JPEG:  # and not the pictures that some phones append to it
        return JpegImageFile(BytesIO(data))
    return Image.open(BytesIO(data), formats=[_FORMATS[media_type]])


def _orientation(picture: Image.Image) -> int | None:
    """As EXIF says, where it can be read. HEIC is upright when it comes out of its decoder."""
    try:
        found = picture.getexif().get(ExifTags.Base.Orientation)
    except (SyntaxError, ValueError, KeyError, OSError, struct.error):
        return None
    return found if isinstance(found, int) else None


def _fit(width: int, height: int, edge: int) -> tuple[int, int]:
    scale = min(1.0, edge / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrunk(picture: Image.Image, edge: int) -> Image.Image:
    """No longer than that.

    Not ``thumbnail``: that would take the small picture some files carry, whatever it shows.
    """
    size = _fit(*picture.size, edge)
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _reduced(picture: Image.Image) -> Image.Image:
    """Made smaller by a whole number, in a mode that can be shrunk further.

    Strip by strip: shrinking it at once takes another whole picture in another mode, or two.
    """
    factor = max(picture.size) // LARGE_EDGE
    if factor < 2:  # noqa: PLR2004
        return _eight_bit(picture)
    width, height = picture.size
    strips = [
        _eight_bit(picture.crop((0, top, width, min(top + _STRIP * factor, height)))).reduce(factor)
        for top in range(0, height, _STRIP * factor)
    ]
    made = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    for number, strip in enumerate(strips):
        made.paste(strip, (0, number * _STRIP))
    made.info = picture.info
    return made


def _eight_bit(picture: Image.Image) -> Image.Image:
    """In a mode that can be shrunk: grey, RGB or CMYK of 8 bits, with alpha if there was any."""
    if picture.mode.startswith("I"):  # 16-bit grey; a plain conversion would cut, not scale
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return picture if picture.mode in {"L", "RGB", "CMYK"} else picture.convert("RGB")


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The profile that came with it applied. One that makes no sense is passed over."""
    profile = picture.info.get("icc_profile")
    mode = picture.mode if picture.mode in {"RGB", "RGBA"} else "RGB"
    if profile:
        try:
            converted = ImageCms.profileToProfile(
                picture, ImageCms.getOpenProfile(BytesIO(profile)), _SRGB, outputMode=mode
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None
        if converted is not None:
            return converted
    return picture if picture.mode == mode else picture.convert(mode)


def _flat(picture: Image.Image) -> Image.Image:
    """On white, as a new picture that knows nothing of the file."""
    plain = Image.new("RGB", picture.size, "white")
    plain.paste(picture, mask=picture if picture.mode == "RGBA" else None)
    return plain


def encoded(picture: Image.Image) -> bytes:
    """As a JPEG of nothing but pixels."""
    out = BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
