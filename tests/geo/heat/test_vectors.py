"""Vectors add up, the same however they came to be, and never fall below nothing."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.heat.vectors import BelowNothing, Entries

KEY = st.integers(0, 2**16 - 1)
COUNTS = st.lists(st.tuples(st.integers(0, 3), KEY, st.integers(1, 2**20)), max_size=40)


def entries(rows: list[tuple[int, int, int]]) -> Entries:
    columns = np.array(rows or np.zeros((0, 3)), np.int64).T
    return Entries(*columns)


@given(COUNTS, COUNTS, st.randoms())
def test_a_sum_is_the_same_bytes_in_whatever_order_it_was_made(one, other, rng) -> None:
    mixed = [*one, *other]
    rng.shuffle(mixed)
    kept = Entries.read(entries(one).written(4), range(4))
    assert Entries.all_of([kept, entries(other)]).written(4) == entries(mixed).written(4)


@given(COUNTS)
def test_what_is_written_is_read_again(rows) -> None:
    right: Counter[tuple[int, int]] = Counter()
    for owner, key, n in rows:
        right[owner, key] += n
    found = Entries.read(entries(rows).written(4), range(4))
    assert dict(zip(zip(found.owner, found.key, strict=True), found.n, strict=True)) == right


@given(COUNTS)
def test_taking_everything_off_leaves_nothing(rows) -> None:
    off = [(owner, key, -n) for owner, key, n in rows]
    assert entries([*rows, *off]).written(4) == [b""] * 4


def test_more_cannot_be_taken_off_than_there_is() -> None:
    with pytest.raises(BelowNothing):
        entries([(0, 7, 1), (0, 7, -2)]).written(1)
