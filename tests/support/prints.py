"""Photos of reports as the worker leaves them, without it: rows, and copies in the store."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

from PIL import Image, ImageDraw
from psycopg.types.json import Jsonb

from reporting.images import redaction
from reporting.photos import CLEAR, LARGE, SMALL, key_of
from reporting.runtime import Connection, Runtime

SKIN, HAIR = (214, 164, 128), (60, 42, 30)
#: Where the face of ``street_scene`` is, in shares.
FACE = {"kind": "face", "x": 0.55, "y": 0.28, "width": 0.08, "height": 0.16, "by": "finder"}


@dataclass
class Prints:
    """Puts photos on reports."""

    runtime: Runtime
    owner: Connection

    async def of(
        self,
        report: UUID | str,
        *,
        review: str = "needs_check",
        regions: list[dict[str, Any]] | None = None,
        size: tuple[int, int] = (1200, 900),
        taken: tuple[float, float] | None = None,
        made: str | None = "m1",
        age_s: int = 0,
    ) -> UUID:
        """A photo that is ready, with what is filled in it."""
        photo, regions = uuid4(), [FACE] if regions is None else regions
        object_key = f"{photo.hex[-2:]}/{photo}/0123456789abcdef"
        clear = street_scene(*size)
        copies = {CLEAR: clear}
        if made is not None:
            filled = redaction.filled(clear, map(_edges, regions))
            copies |= {LARGE: filled, SMALL: filled.resize((size[0] // 4, size[1] // 4))}
        for which, image in copies.items():
            out = BytesIO()
            image.save(out, "JPEG", quality=85)
            await self.runtime.photos.put(key_of(object_key, which, made), out.getvalue())
        lat, lng = taken or (None, None)
        await self.owner.execute(
            "insert into photo (id, object_key, sha256, bytes, media_type, width, height, state,"
            " report_id, review, regions, made, uploaded_at, taken_at, taken_place) values"
            " (%s, %s, %s, 1, 'image/jpeg', %s, %s, 'ready', %s, %s, %s, %s,"
            "  now() - make_interval(secs => %s), now() - interval '2 hours',"
            "  st_setsrid(st_makepoint(%s, %s), 4326))",
            (
                photo,
                object_key,
                photo.bytes,
                *size,
                report,
                review,
                Jsonb(regions),
                made,
                age_s,
                lng,
                lat,
            ),
        )
        return photo


def _edges(region: dict[str, Any]) -> redaction.Box:
    left, top = region["x"], region["y"]
    return left, top, left + region["width"], top + region["height"]


def street_scene(width: int, height: int) -> Image.Image:
    """A street as one could draw it: sky, houses, tarmac with a hole, somebody, a car."""
    made = Image.new("RGB", (width, height), (168, 202, 228))
    draw = ImageDraw.Draw(made)

    def box(
        x: float,
        y: float,
        across: float,
        down: float,
        fill: tuple[int, int, int],
        *,
        round_: bool = False,
    ) -> None:
        shape = (x * width, y * height, (x + across) * width, (y + down) * height)
        (draw.ellipse if round_ else draw.rectangle)(shape, fill=fill)

    for index, colour in enumerate(((150, 96, 80), (176, 120, 92), (138, 104, 96))):
        box(index * 0.34, 0.12, 0.32, 0.4, colour)
        for row in (0.18, 0.34):
            for column in (0.05, 0.2):
                box(index * 0.34 + column, row, 0.07, 0.1, (226, 236, 240))
    box(0, 0.5, 1, 0.08, (150, 150, 146))
    box(0, 0.58, 1, 0.42, (86, 90, 94))
    box(0.12, 0.72, 0.3, 0.16, (44, 44, 46), round_=True)
    box(0.17, 0.75, 0.2, 0.09, (110, 104, 92), round_=True)
    box(0.545, 0.43, 0.09, 0.3, (40, 76, 132))
    box(0.55, 0.28, 0.08, 0.16, SKIN, round_=True)
    box(0.55, 0.27, 0.08, 0.06, HAIR, round_=True)
    box(0.72, 0.5, 0.26, 0.16, (176, 40, 44))
    box(0.76, 0.43, 0.17, 0.1, (196, 70, 72))
    box(0.81, 0.6, 0.08, 0.03, (250, 214, 70))
    for x in (0.75, 0.9):
        box(x, 0.62, 0.05, 0.08, (24, 24, 26), round_=True)
    return made
