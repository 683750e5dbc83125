"""Any range of days is few spans, and exactly its days."""

import itertools
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from geo.heat.spans import EVER, SPANS, Part, day, number, parts, rounded

DAY = st.integers(-4000, 12000)


def days_of(found: list[Part]) -> Counter[int]:
    days: Counter[int] = Counter()
    for part in found:
        for at in range(part.start, part.start + part.span):
            days[at] += part.sign
    return Counter({at: n for at, n in days.items() if n})


@given(DAY, st.integers(0, 5000))
def test_spans_make_up_exactly_the_days(first: int, length: int) -> None:
    found = parts(first, first + length)
    assert days_of(found) == Counter(range(first, first + length + 1))
    assert all(part.start % part.span == 0 for part in found)
    years = length // 364 + 1
    assert len(found) <= years + 2 * (6 + 2 + 3), "so many days, whatever they are"


@given(DAY, st.integers(0, 2000), st.sampled_from([7, 28]))
def test_with_the_days_left_over_long_spans_make_up_the_range(
    first: int, length: int, shortest: int
) -> None:
    found, edges = rounded(first, first + length, shortest)
    days = days_of(found)
    for edge in edges:
        assert edge.last - edge.first < shortest / 2 + 1
        for at in range(edge.first, edge.last + 1):
            days[at] += edge.sign
    assert {at: n for at, n in days.items() if n} == dict.fromkeys(
        range(first, first + length + 1), 1
    )
    assert all(part.span >= shortest for part in found)


def test_a_range_that_ends_before_it_begins_is_nothing() -> None:
    assert parts(5, 4) == []


def test_weeks_begin_on_mondays_and_every_span_is_whole_shorter_ones() -> None:
    assert day(0).weekday() == 0
    assert number(day(1234)) == 1234
    assert [longer % shorter for longer, shorter in itertools.pairwise(SPANS)] == [0] * 3
    assert EVER not in SPANS
