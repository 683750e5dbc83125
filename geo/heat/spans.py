"""Spans of days for kept counts: any range of days is a sum of few of them. Pure.

A day is a number, counted from Monday 3 January 2000. Spans are of 1, 7, 28 and 364 days, each made
of whole shorter ones and so beginning on a Monday from 7 on; and one without an end, which holds
everything. A range is the sum of the spans that cover it, less those that stick out: from Tuesday
to Sunday is a week less a Monday.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

#: The day of number 0.
MONDAY: Final = date(2000, 1, 3)
#: From the longest.
SPANS: Final = (364, 28, 7, 1)
#: The span of everything; it starts at 0.
EVER: Final = 0
#: All that are kept, from the shortest.
EVERY: Final = (*SPANS[::-1], EVER)


@dataclass(frozen=True, slots=True)
class Part:
    """A span of a range, to be added (sign 1) or taken off (-1)."""

    span: int
    start: int
    sign: int


def number(day: date) -> int:
    """The number of a day."""
    return (day - MONDAY).days


def day(number: int) -> date:
    """The day of a number."""
    return date.fromordinal(MONDAY.toordinal() + number)


def parts(first: int, last: int, shortest: int = 1) -> list[Part]:
    """The spans that make up the days from ``first`` to ``last``, both in it.

    With a longer ``shortest`` both must lie where such spans meet.
    """
    spans = [span for span in SPANS if span >= shortest]
    return [*_parts(first, last + 1, 1, spans)] if first <= last else []


def _parts(begin: int, end: int, sign: int, spans: list[int]) -> Iterator[Part]:
    """Of the days from ``begin`` up to, not with, ``end``.

    Each end goes out to the next longer span where that is nearer, and in where it is not.
    """
    span, *shorter = spans
    if not shorter:
        yield from (Part(span, start, sign) for start in range(begin, end, span))
        return
    low, high = _nearest(begin, span), _nearest(end, span)
    yield from (Part(span, start, sign) for start in range(low, high, span))
    for edge, there, towards in ((begin, low, sign), (high, end, sign)):
        if edge < there:
            yield from _parts(edge, there, towards, shorter)
        elif edge > there:
            yield from _parts(there, edge, -towards, shorter)


def _nearest(edge: int, span: int) -> int:
    return (edge + span // 2) // span * span


@dataclass(frozen=True, slots=True)
class Edge:
    """Days at the end of a range, both in it, to be added (sign 1) or taken off (-1)."""

    first: int
    last: int
    sign: int


def rounded(first: int, last: int, shortest: int) -> tuple[list[Part], list[Edge]]:
    """The spans of at least ``shortest`` that come nearest, and the days that they are off by."""
    begin, end = _nearest(first, shortest), _nearest(last + 1, shortest)
    edges = [
        Edge(min(here, there), max(here, there) - 1, 1 if here < there else -1)
        for here, there in ((first, begin), (end, last + 1))
        if here != there
    ]
    return parts(begin, end - 1, shortest), edges
