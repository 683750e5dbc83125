"""The confined process in which pictures are decoded. It may crash; nothing hangs on it.

A picture in; two JPEGs, a likeness and what the camera says out. Started by ``darkroom``.
"""

import sys
from io import BytesIO
from typing import Any, Final

from PIL import ExifTags, Image, ImageCms

from reporting.images.derivatives import derive
from workers.confined.inside import serve

#: All that is mapped, libraries included. Every picture that we take fits.
MEMORY: Final = 512 << 20


def main(cpu_limit_s: int) -> None:
    """Answer until the input ends. A picture may take so much CPU."""
    _warm_up()
    serve(answer, memory=MEMORY, cpu_limit_s=cpu_limit_s)


def answer(picture: bytes) -> dict[str, Any]:
    """What was made of it."""
    made = derive(picture)
    return {
        "width": made.width,
        "height": made.height,
        "clear": made.clear,
        "small": made.small,
        "likeness": made.likeness,
        "taken_at": made.facts.taken_at and made.facts.taken_at.isoformat(),
        "lat": made.facts.lat,
        "lng": made.facts.lng,
    }


def _warm_up() -> None:
    """Load what decoding needs, while files can still be read."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2026:01:01 12:00:00"
    details[ExifTags.Base.OffsetTimeOriginal] = "+01:00"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        sample = BytesIO()
        Image.new("RGB", (8, 8)).save(sample, kind, exif=exif, icc_profile=profile)
        derive(sample.getvalue())


if __name__ == "__main__":
    main(int(sys.argv[1]))
