"""The steps by which the console's map is coloured: round, rising, and saying what they hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reporting.web.pages import map_steps

NUMBERS = st.lists(st.floats(0, 1e6, allow_subnormal=False), max_size=60)


@given(NUMBERS, st.booleans())
def test_every_number_has_a_step_and_more_is_never_lighter(
    values: list[float], whole: bool
) -> None:
    cuts = map_steps.bounds(values, whole=whole)
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) < map_steps.MOST
    assert len(map_steps.words(cuts)) == len(map_steps.shades(cuts)) == len(cuts) + 1
    steps = [map_steps.step(value, cuts) for value in sorted(values)]
    assert steps == sorted(steps)
    assert all(
        (step == 0) == (value == 0) for step, value in zip(steps, sorted(values), strict=True)
    )
    # The darkest stands for something: no step begins above the most that there is.
    assert not cuts or max(steps) == max(map_steps.shades(cuts))
    if whole:
        assert all(cut == int(cut) for cut in cuts)


def test_steps_are_said_in_round_numbers() -> None:
    cuts = map_steps.bounds([0, 0.4, 1.2, 2.9, 4.1, 7, 8, 12, 19, 44])
    assert map_steps.words(cuts) == [
        "under 1",
        "1 to under 4",
        "4 to under 8",
        "8 to under 20",
        "20 and more",
    ]
    assert map_steps.words(map_steps.bounds([3, 3, 3])) == ["any"]
    assert map_steps.step(None, (2.0,)) == 0


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (0.0123, "0.012"), (3.14, "3.1"), (3.0, "3"), (17.6, "18"), (12345.6, "12,346")],
)
def test_numbers_on_the_map_are_short(value: float, said: str) -> None:
    assert map_steps.short(value) == said
