from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from reporting.images.derivatives import derive
from reporting.images.redaction import copies, filled
from tests.support.pictures import encoded, noisy, with_markers


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=int)


def test_a_box_is_one_colour_and_the_rest_is_untouched() -> None:
    image = Image.open(BytesIO(noisy(200, 100))).convert("RGB")
    made = pixels(filled(image, [(0.25, 0.2, 0.5, 0.8)]))
    inside = made[20:80, 50:100].reshape(-1, 3)
    assert (inside == inside[0]).all()
    mean = pixels(image)[20:80, 50:100].reshape(-1, 3).mean(axis=0)
    assert np.abs(inside[0] - mean).max() <= 1
    outside = np.ones((100, 200), bool)
    outside[20:80, 50:100] = False
    assert (made[outside] == pixels(image)[outside]).all()


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (0, 0, 0.001, 0.001), (0.999, 0.999, 1, 1)])
def test_at_the_edges(box: tuple[float, float, float, float]) -> None:
    image = Image.open(BytesIO(noisy(60, 40))).convert("RGB")
    changed = (pixels(filled(image, [box])) != pixels(image)).any(axis=2)
    assert filled(image, [box]).size == image.size
    assert changed.sum() <= 60 * 40


def test_nothing_of_what_was_there_comes_back_from_the_copies() -> None:
    """Two pictures that differ only where they are filled, by the same mean, come out the same."""
    ground = Image.new("RGB", (320, 160), (120, 110, 100))
    one, other = ground.copy(), ground.copy()
    for x in range(64, 128):
        for y in range(32, 96):
            one.putpixel((x, y), (255, 255, 255) if (x + y) % 2 else (1, 1, 1))
            other.putpixel((x, y), (1, 1, 1) if (x + y) % 2 else (255, 255, 255))
    box = [(0.2, 0.2, 0.4, 0.6)]
    assert copies(filled(one, box)) == copies(filled(other, box))


@pytest.mark.parametrize("name", with_markers())
def test_nothing_planted_comes_out_of_the_redacted_copies(name: str) -> None:
    data, _ = with_markers()[name]
    clear = Image.open(BytesIO(derive(data).clear))
    for copy in copies(filled(clear, [(0, 0, 0.5, 0.5)])):
        assert b"MARKER" not in copy
        assert Image.open(BytesIO(copy)).getexif() == {}


def test_large_and_small() -> None:
    large, small = copies(Image.open(BytesIO(encoded(Image.new("RGB", (1920, 1080))))))
    assert Image.open(BytesIO(large)).size == (1920, 1080)
    assert Image.open(BytesIO(small)).size == (400, 225)
