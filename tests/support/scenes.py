"""Streets made by code, with faces and number plates in known places.

The faces are photographs (``faces/SOURCES.txt`` says whose); all around them is drawn.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

FACES = Path(__file__).with_name("faces")
#: Where the face is in each crop: left, top, right, bottom.
BOXES = {
    "collins": (106, 108, 284, 348),
    "hopper": (128, 108, 342, 348),
}
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Planted:
    """What is to be found: where it is, and how tall (a face) or wide (a plate) it is."""

    size: int
    box: Box


@cache
def portraits() -> dict[str, Image.Image]:
    """The crops that are here."""
    found = {}
    for path in sorted(FACES.glob("*.jpg")):
        with Image.open(path) as image:
            found[path.stem] = image.convert("RGB")
    return found


def street(chance: Random, width: int, height: int) -> Image.Image:
    """Sky, houses with windows and doors, pavement, kerb and road, all with a grain."""
    image = Image.new("RGB", (width, height), _grey(chance, 150, 220))
    draw = ImageDraw.Draw(image)
    ground = round(height * chance.uniform(0.5, 0.65))
    left = 0
    while left < width:
        wide = round(chance.uniform(0.12, 0.3) * width)
        top = round(chance.uniform(0.05, 0.3) * height)
        wall = tuple(chance.randrange(60, 200) for _ in range(3))
        draw.rectangle((left, top, left + wide, ground), wall)
        step = max(30, wide // chance.randrange(3, 6))
        for x in range(left + step // 4, left + wide - step // 2, step):
            for y in range(top + step // 3, ground - step, step):
                draw.rectangle((x, y, x + step // 2, y + step * 2 // 3), _grey(chance, 20, 110))
        left += wide
    draw.rectangle((0, ground, width, height), _grey(chance, 120, 160))
    kerb = round(ground + 0.15 * (height - ground))
    draw.rectangle((0, kerb, width, height), _grey(chance, 55, 95))
    for x in range(0, width, max(20, width // 8)):
        draw.polygon(
            [
                (x, kerb + 40),
                (x + width // 20, kerb + 40),
                (x + width // 16, kerb + 52),
                (x, kerb + 52),
            ],
            (210, 210, 200),
        )
    for _ in range(40):
        x, y, r = chance.randrange(width), chance.randrange(kerb, height), chance.randrange(3, 40)
        draw.ellipse((x, y, x + 2 * r, y + r), _grey(chance, 40, 120))
    grain = np.random.default_rng(chance.randrange(1 << 30)).normal(0, 7, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def scene(
    chance: Random, width: int, height: int, *, heights: list[int]
) -> tuple[Image.Image, list[Planted]]:
    """A street with a face of each height, none over another."""
    image, planted = street(chance, width, height), []
    for tall in sorted(heights, reverse=True):
        face, inside = _face(chance, tall)
        at = _free(chance, image.size, face.size, [found.box for found in planted])
        image.paste(face, at, _feathered(face.size))
        planted.append(
            Planted(
                tall, (at[0] + inside[0], at[1] + inside[1], at[0] + inside[2], at[1] + inside[3])
            )
        )
    return image, planted


def plates(
    chance: Random, width: int, height: int, *, widths: list[int]
) -> tuple[Image.Image, list[Planted]]:
    """A street with a number plate of each width, on something car-coloured."""
    image, planted = street(chance, width, height), []
    for wide in sorted(widths, reverse=True):
        car, inside = _car(chance, wide)
        at = _free(chance, image.size, car.size, [found.box for found in planted])
        image.paste(car, at)
        planted.append(
            Planted(
                wide, (at[0] + inside[0], at[1] + inside[1], at[0] + inside[2], at[1] + inside[3])
            )
        )
    return image, planted


def _face(chance: Random, tall: int) -> tuple[Image.Image, Box]:
    """One of the portraits, so tall: mirrored, tilted, in some light. And where its face is."""
    name = chance.choice(list(portraits()))
    image, box = portraits()[name], BOXES[name]
    if chance.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        box = (image.width - box[2], box[1], image.width - box[0], box[3])
    middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    image = image.rotate(
        chance.uniform(-12, 12), Image.Resampling.BICUBIC, center=middle, fillcolor=(120, 120, 120)
    )
    image = ImageEnhance.Brightness(image).enhance(chance.uniform(0.55, 1.3))
    image = ImageEnhance.Color(image).enhance(chance.uniform(0.4, 1.2))
    scale = tall / (box[3] - box[1])
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    left, top, right, bottom = (edge * scale for edge in box)
    return image.resize(size, Image.Resampling.LANCZOS), (left, top, right, bottom)


def _car(chance: Random, wide: int) -> tuple[Image.Image, Box]:
    """A British plate (520 by 111 mm) so wide, at some angle, on paint."""
    text = "{}{} {}".format(
        "".join(chance.choices("ABCDEFGHJKLMNPRSTVWXY", k=2)),
        f"{chance.randrange(2, 75):02}",
        "".join(chance.choices("ABCDEFGHJKLMNPRSTUVWXYZ", k=3)),
    )
    plate = Image.new("RGB", (520, 111), chance.choice([(250, 205, 30), (240, 240, 235)]))
    draw = ImageDraw.Draw(plate)
    font = ImageFont.load_default(92)
    draw.text((260, 55), text, fill=(15, 15, 15), font=font, anchor="mm", stroke_width=3)
    paint = Image.new("RGB", (900, 420), tuple(chance.randrange(20, 230) for _ in range(3)))
    ImageDraw.Draw(paint).rectangle((0, 300, 900, 420), (35, 35, 38))
    paint.paste(plate, (190, 150))
    paint = paint.rotate(chance.uniform(-8, 8), Image.Resampling.BICUBIC)
    squeezed = chance.uniform(0.75, 1.0)  # seen from the side
    scale = wide / (520 * squeezed)
    size = round(900 * squeezed * scale), round(420 * scale)
    car = paint.resize(size, Image.Resampling.LANCZOS)
    car = ImageEnhance.Brightness(car).enhance(chance.uniform(0.6, 1.2))
    if wide < 80:
        car = car.filter(ImageFilter.GaussianBlur(0.5))
    x, y = size[0] / 900, size[1] / 420
    return car, (190 * x, 150 * y, 710 * x, 261 * y)


def _grey(chance: Random, low: int, high: int) -> tuple[int, int, int]:
    level, tint = chance.randrange(low, high), chance.randrange(-12, 12)
    return (level, level, max(0, min(255, level + tint)))


def _feathered(size: tuple[int, int]) -> Image.Image:
    """An oval that ends softly: heads have no corners."""
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, size[0] - 1, size[1] + size[1] // 4), 255)
    return mask.filter(ImageFilter.GaussianBlur(max(1, size[0] / 40)))


def _free(
    chance: Random, frame: tuple[int, int], size: tuple[int, int], taken: list[Box]
) -> tuple[int, int]:
    for _ in range(500):
        x, y = chance.randrange(frame[0] - size[0]), chance.randrange(frame[1] - size[1])
        if all(
            x + size[0] < box[0] - size[0] // 4
            or x > box[2] + size[0] // 4
            or y + size[1] < box[1] - size[1] // 4
            or y > box[3] + size[1] // 4
            for box in taken
        ):
            return x, y
    raise AssertionError("too much for one street")
