"""The confined process in which faces and number plates are looked for, and filled.

It is apart from the one that decodes strangers' files: what it is given was encoded by us. A clear
copy in; what was found, how sure that is, and the redacted copies out. Started by ``gallery``.

Faces: CenterFace (see ``models/VENDOR.txt``), over the whole picture shrunk to one tile for large
faces and over overlapping tiles of its full size for small ones, so that the memory it takes does
not grow with the picture. Plates: the cascade that OpenCV ships, an assist and no more.
"""

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reporting.images.redaction import Box, copies, filled
from workers.confined.inside import serve

#: Libraries take 300 MB of that without ever being read whole: in use is less than half a gigabyte.
MEMORY: Final = 768 << 20
MODEL: Final = Path(__file__).with_name("models") / "centerface.onnx"

CASCADE: Final = Path(cv2.__file__).parent / "data" / "haarcascade_russian_plate_number.xml"

#: What scores as much is filled as a face.
FACE: Final = 0.15
#: A face that scores less may be none, or one of which little is to be seen.
SURE: Final = 0.35
#: Boxes of one face overlap more than that (of the smaller's area).
_SAME: Final = 0.3
#: The edge of a tile: pictures of 1920 by 1440 are six. The network is shown no other size, because
#: OpenCV 4.14 gives nonsense for every size after the first; a multiple of 32, for it to fit.
_TILE: Final = 768
#: How much tiles share: more than the faces they are there for.
_SHARED: Final = 96
#: Grown on each side, by so much of its width or height: hair, ears and chin go too.
_GROWN: Final = 0.22
#: A hit counts as filled already if so much of it lies in boxes.
_COVERED: Final = 0.5
_OUTPUTS: Final = ("537", "538", "539")
_CELL: Final = 4
_PADDING: Final = (128, 128, 128)

#: Narrower plates are seldom found. The cascade looks for windows of three to one.
_PLATE_WIDTH: Final = 60
_PLATE_NEIGHBOURS: Final = 6

Pixels = NDArray[Any]
#: Left, top, right, bottom in pixels, and a score.
Hits = NDArray[np.float32]
_NONE: Final[Hits] = np.empty((0, 5), np.float32)


class Finder:
    """The networks, loaded."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.net = cv2.dnn.readNetFromONNX(str(MODEL))
        self.plate = cv2.CascadeClassifier(str(CASCADE))

    def faces(self, pixels: Pixels, changed: Hits | None = None) -> Hits:
        """Every face, small and large; or those of the tiles in which something has changed."""
        height, width = pixels.shape[:2]
        tiles = list(_tiles(width, height))
        found = [
            np.add(self._faces_in(pixels[top:bottom, left:right]), (left, top, left, top, 0))
            for left, top, right, bottom in tiles
            if changed is None or _meets((left, top, right, bottom), changed)
        ]
        if len(tiles) > 1:
            scale = _TILE / max(width, height)
            size = max(1, round(width * scale)), max(1, round(height * scale))
            whole = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            found.append(self._faces_in(whole.astype(np.uint8)) / (scale, scale, scale, scale, 1))
        return _apart(np.concatenate(found))

    def _faces_in(self, pixels: Pixels) -> Hits:
        """The faces of a tile, or of less than that."""
        height, width = pixels.shape[:2]
        # Padded rather than stretched: faces keep their shape.
        tile = cv2.copyMakeBorder(
            pixels, 0, _TILE - height, 0, _TILE - width, cv2.BORDER_CONSTANT, value=_PADDING
        )
        self.net.setInput(cv2.dnn.blobFromImage(tile))
        heat, scale, offset = self.net.forward(_OUTPUTS)
        rows, columns = np.nonzero(heat[0, 0] > FACE)
        if not len(rows):
            return _NONE
        tall, wide = np.exp(scale[0, :, rows, columns]).T * _CELL
        down, right = offset[0, :, rows, columns].T
        middle_y, middle_x = (rows + down + 0.5) * _CELL, (columns + right + 0.5) * _CELL
        hits = np.stack(
            [
                middle_x - wide / 2,
                middle_y - tall / 2,
                middle_x + wide / 2,
                middle_y + tall / 2,
                heat[0, 0, rows, columns],
            ],
            axis=1,
        )
        return _apart(hits.astype(np.float32))

    def plates(self, pixels: Pixels) -> Hits:
        """What may be number plates. Many are none, and many plates are not among them."""
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        found = [
            (x + left, y + top, x + left + wide, y + top + tall, 1.0)
            for left, top, right, bottom in _tiles(width, height)
            for x, y, wide, tall in self._plates_in(grey[top:bottom, left:right])
        ]
        if max(width, height) > _TILE:
            half = cv2.resize(grey, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
            found += [
                (2 * x, 2 * y, 2 * (x + wide), 2 * (y + tall), 1.0)
                for x, y, wide, tall in self._plates_in(half)
            ]
        return _apart(np.array(found, np.float32).reshape(-1, 5))

    def _plates_in(self, grey: Pixels) -> Sequence[Sequence[int]]:
        return self.plate.detectMultiScale(
            grey,
            scaleFactor=1.1,
            minNeighbors=_PLATE_NEIGHBOURS,
            minSize=(_PLATE_WIDTH, _PLATE_WIDTH // 3),
        )


def main(cpu_limit_s: int) -> None:
    """Answer until the input ends. A picture may take so much CPU."""
    finder = Finder()
    # Load what the first picture would, while files can still be read.
    sample = BytesIO()
    Image.new("RGB", (64, 64)).save(sample, "JPEG")
    find(finder, sample.getvalue())
    serve(lambda question: _answer(finder, question), memory=MEMORY, cpu_limit_s=cpu_limit_s)


def _answer(finder: Finder, question: dict[str, Any]) -> dict[str, Any]:
    if "boxes" in question:
        return fill(question["picture"], question["boxes"])
    return find(finder, question["picture"])


def fill(clear: bytes, boxes: Sequence[Box]) -> dict[str, Any]:
    """The redacted copies of a picture with just these filled."""
    large, small = copies(filled(_opened(clear), boxes))
    return {"large": large, "small": small}


def find(finder: Finder, clear: bytes) -> dict[str, Any]:
    """What is to be filled, whether that is all, and the copies; no copies if there is nothing.

    Looked at twice at most: the second time at what the first has left.
    """
    picture = _opened(clear)
    pixels = np.asarray(picture)
    faces, plates = finder.faces(pixels), finder.plates(pixels)
    boxes = _shares(picture, _grown(faces)), _shares(picture, _grown(plates))
    large = small = None
    left = _NONE
    if any(boxes):
        redacted = filled(picture, [*boxes[0], *boxes[1]])
        if len(faces):
            changed = _grown(np.concatenate([faces, plates]))
            left = _outside(finder.faces(np.asarray(redacted), changed), changed)
        if len(left):
            boxes = [*boxes[0], *_shares(picture, _grown(left))], boxes[1]
            redacted = filled(picture, [*boxes[0], *boxes[1]])
        large, small = copies(redacted)
    return {
        "faces": boxes[0],
        "plates": boxes[1],
        # Of every face, those found on the second look included.
        "sure": bool(len(left) == 0 and (faces[:, 4] >= SURE).all()),
        "large": large,
        "small": small,
    }


def _opened(clear: bytes) -> Image.Image:
    picture = Image.open(BytesIO(clear), formats=["JPEG"])
    picture.load()
    return picture


def _tiles(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Overlapping parts that cover it: left, top, right, bottom."""
    for top, bottom in _cuts(height):
        for left, right in _cuts(width):
            yield left, top, right, bottom


def _cuts(length: int) -> Iterator[tuple[int, int]]:
    """One edge in as few parts as it takes, spread evenly from its start to its end."""
    parts = max(1, -(-(length - _SHARED) // (_TILE - _SHARED)))
    for part in range(parts):
        start = round(part * max(0, length - _TILE) / max(1, parts - 1))
        yield start, min(length, start + _TILE)


def _apart(hits: Hits) -> Hits:
    """The best hit of each face: what overlaps a better one too much is the same."""
    kept: list[NDArray[np.float32]] = []
    for hit in hits[np.argsort(-hits[:, 4], kind="stable")]:
        if all(_overlap(hit, other) < _SAME for other in kept):
            kept.append(hit)
    return np.array(kept, np.float32).reshape(-1, 5)


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The shared area, as a share of both together."""
    shared = _common(one, other)
    return shared / (_area(one) + _area(other) - shared) if shared else 0.0


def _common(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return float(max(wide, 0) * max(tall, 0))


def _meets(tile: Sequence[int], boxes: Hits) -> bool:
    left, top, right, bottom = tile
    return bool(
        (
            (boxes[:, 0] < right)
            & (boxes[:, 2] > left)
            & (boxes[:, 1] < bottom)
            & (boxes[:, 3] > top)
        ).any()
    )


def _area(box: NDArray[np.float32]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _outside(hits: Hits, boxes: Hits) -> Hits:
    """Hits that are not in what is filled: a filled box may look like a face, which is no harm."""
    return np.array(
        [hit for hit in hits if sum(_common(hit, box) for box in boxes) < _COVERED * _area(hit)],
        np.float32,
    ).reshape(-1, 5)


def _grown(hits: Hits) -> Hits:
    more = _GROWN * np.stack([hits[:, 2] - hits[:, 0], hits[:, 3] - hits[:, 1]], axis=1)
    return np.concatenate([hits[:, :2] - more, hits[:, 2:4] + more, hits[:, 4:]], axis=1)


def _shares(picture: Image.Image, hits: Hits) -> list[Box]:
    """As shares of the picture, cut at its edges."""
    edges = np.array([picture.width, picture.height] * 2)
    clipped = np.clip(hits[:, :4] / edges, 0, 1).round(5)
    return [
        (left, top, right, bottom)
        for left, top, right, bottom in clipped.tolist()
        if left < right and top < bottom
    ]


if __name__ == "__main__":
    main(int(sys.argv[1]))
