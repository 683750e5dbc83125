from io import BytesIO
from itertools import combinations
from random import Random

from PIL import Image, ImageEnhance

from reporting.images.likeness import differing, likeness
from tests.support.pictures import encoded
from tests.support.scenes import street


def test_the_same_picture_is_alike_whatever_was_done_to_it() -> None:
    image = street(Random(4), 800, 600)
    told = likeness(image)
    for other in (
        image.resize((400, 300)),
        ImageEnhance.Brightness(image).enhance(0.7),
        Image.open(BytesIO(encoded(image, quality=30))),
        image.crop((4, 4, 796, 596)),
    ):
        assert differing(told, likeness(other)) <= 6


def test_other_streets_are_not() -> None:
    hashes = [likeness(street(Random(seed), 800, 600)) for seed in range(12)]
    apart = [differing(one, other) for one, other in combinations(hashes, 2)]
    assert min(apart) > 6


def test_it_fits_a_signed_column() -> None:
    hashes = [likeness(street(Random(seed), 80, 60)) for seed in range(60)]
    assert min(hashes) < 0 < max(hashes)
    assert all(-(1 << 63) <= found < 1 << 63 for found in hashes)
    assert differing(-1, 0) == 64
    assert differing(-(1 << 63), 0) == 1


def test_a_flat_picture_is_like_nothing() -> None:
    assert likeness(Image.new("RGB", (100, 100), (90, 90, 90))) is None
