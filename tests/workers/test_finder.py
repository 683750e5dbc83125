"""How well faces are found, by their height in the picture, and plates, by their width.

``python -m tests.workers.test_finder`` prints the figures on a larger sample.
"""

import asyncio
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import numpy as np
import pytest

from reporting.images.regions import Region
from tests.support.pictures import encoded, picture
from tests.support.scenes import Box, Planted, plates, scene, street
from workers.gallery import Gallery

WIDTH, HEIGHT = 1920, 1440
FACES = [16, 20, 24, 28, 32, 40, 48, 64, 96, 128, 200]
PLATES = [60, 90, 120, 150, 180, 240]
#: What the README promises, and from where.
RECALL, FROM = 0.95, 24


@pytest.fixture(scope="module")
def gallery() -> Iterator[Gallery]:
    found = Gallery(patience_s=120)
    yield found
    asyncio.run(found.child.dismiss())


@dataclass
class Tally:
    """What was found of what was planted."""

    planted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    found: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    #: Shares of pictures that were filled where nothing was planted.
    wasted: list[float] = field(default_factory=list)
    pictures: int = 0
    sure: int = 0

    def add(self, planted: Sequence[Planted], regions: Sequence[Region], *, sure: bool) -> None:
        """Count one picture."""
        self.pictures += 1
        self.sure += sure
        boxes = [_pixels(region) for region in regions]
        for one in planted:
            self.planted[one.size] += 1
            self.found[one.size] += covered(one.box, boxes)
        spared = np.zeros((HEIGHT, WIDTH), bool)
        for left, top, right, bottom in boxes:
            spared[round(top) : round(bottom), round(left) : round(right)] = True
        for one in planted:  # a box is meant to be larger than the face
            wide, tall = one.box[2] - one.box[0], one.box[3] - one.box[1]
            left, top = max(0, one.box[0] - wide), max(0, one.box[1] - tall)
            spared[
                round(top) : round(one.box[3] + tall), round(left) : round(one.box[2] + wide)
            ] = 0
        self.wasted.append(float(spared.mean()))

    def recall(self, least: int, most: int = 10_000) -> float:
        """Of what was so large."""
        sizes = [size for size in self.planted if least <= size <= most]
        return sum(self.found[size] for size in sizes) / sum(self.planted[size] for size in sizes)

    def lines(self, what: str) -> Iterator[str]:
        """As a table."""
        for size in sorted(self.planted):
            yield f"{what} {size:4} px  {self.found[size]:3} of {self.planted[size]:3}"
        yield (
            f"{self.pictures} pictures, {self.sure} without doubt; filled for nothing:"
            f" {100 * np.median(self.wasted):.2f} % of a picture at the median,"
            f" {100 * max(self.wasted):.2f} % at most"
        )


def covered(box: Box, boxes: Sequence[Box]) -> bool:
    """Whether one of them hides it: nine tenths of its area."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    return any(
        max(0, min(box[2], other[2]) - max(box[0], other[0]))
        * max(0, min(box[3], other[3]) - max(box[1], other[1]))
        >= 0.9 * area
        for other in boxes
    )


def _pixels(region: Region) -> Box:
    return (
        region.x * WIDTH,
        region.y * HEIGHT,
        (region.x + region.width) * WIDTH,
        (region.y + region.height) * HEIGHT,
    )


async def measured_faces(gallery: Gallery, pictures: int, seed: int = 20261123) -> Tally:
    """Streets with a face of each height."""
    chance, tally = Random(seed), Tally()
    for _ in range(pictures):
        image, planted = scene(chance, WIDTH, HEIGHT, heights=FACES)
        found = await gallery.find(encoded(image, quality=82))
        faces = [region for region in found.regions if region.kind == "face"]
        tally.add(planted, faces, sure=found.sure)
    return tally


async def measured_plates(gallery: Gallery, pictures: int, seed: int = 20261123) -> Tally:
    """Streets with a plate of each width."""
    chance, tally = Random(seed), Tally()
    for _ in range(pictures):
        image, planted = plates(chance, WIDTH, HEIGHT, widths=PLATES)
        found = await gallery.find(encoded(image, quality=82))
        marked = [region for region in found.regions if region.kind == "plate"]
        tally.add(planted, marked, sure=found.sure)
    return tally


@pytest.mark.parametrize("pictures", [4, pytest.param(40, marks=pytest.mark.long)])
async def test_faces_are_found(gallery: Gallery, pictures: int) -> None:
    tally = await measured_faces(gallery, pictures)
    print("\n".join(tally.lines("face")))
    assert tally.recall(FROM) >= RECALL
    assert np.median(tally.wasted) <= 0.02


@pytest.mark.long
async def test_streets_without_faces_are_mostly_left_alone(gallery: Gallery) -> None:
    chance = Random(7)
    wasted = []
    for _ in range(2):
        found = await gallery.find(encoded(street(chance, WIDTH, HEIGHT), quality=82))
        wasted.append(sum(region.width * region.height for region in found.regions))
    assert np.median(wasted) <= 0.03  # drawn windows look like plates more than real ones do


async def test_a_plate_is_a_reason_to_look(gallery: Gallery) -> None:
    """The cascade misses many, so that one it sees makes the picture wait for a person."""
    tally = await measured_plates(gallery, 2)
    print("\n".join(tally.lines("plate")))
    assert tally.recall(90, 180) > 0.3
    assert tally.sure == 0


@pytest.mark.long
async def test_a_crowd_waits_for_a_person(gallery: Gallery) -> None:
    image, _ = scene(Random(11), WIDTH, HEIGHT, heights=[60] * 14)
    found = await gallery.find(encoded(image))
    assert len(found.regions) > 12
    assert not found.sure
    status = Path(f"/proc/{gallery.child.pid}/status").read_text()
    assert int(re.search(r"VmHWM:\s+(\d+)", status)[1]) < 512 * 1024


async def test_nothing_to_fill_is_nothing_made(gallery: Gallery) -> None:
    found = await gallery.find(encoded(picture(640, 480)))
    assert (found.regions, found.sure, found.large, found.small) == ((), True, None, None)


async def _print(pictures: int) -> None:
    async with Gallery(patience_s=600) as gallery:
        for what, measured in (("face", measured_faces), ("plate", measured_plates)):
            tally = await measured(gallery, pictures)
            print("\n".join(tally.lines(what)))
            if what == "face":
                print(f"recall from {FROM} px: {tally.recall(FROM):.3f}")


if __name__ == "__main__":
    asyncio.run(_print(int(sys.argv[1]) if len(sys.argv) > 1 else 12))
