"""References are short, readable and never given twice."""

from hypothesis import given
from hypothesis import strategies as st

from reporting.references import PATTERN, SPACE, reference


@given(st.integers(0, SPACE - 1))
def test_a_reference_can_be_read_out(number: int) -> None:
    assert PATTERN.fullmatch(reference(number))


@given(st.integers(0, SPACE - 1), st.integers(0, SPACE - 1))
def test_two_numbers_are_two_references(one: int, other: int) -> None:
    assert (reference(one) == reference(other)) == (one == other)


def test_neighbours_look_unlike() -> None:
    codes = [reference(number) for number in range(1, 1001)]
    assert len(set(codes)) == 1000
    assert len({code[:5] for code in codes}) > 500
