"""The sums of days, weeks and longer spans, each made of those of the one before. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from geo.heat.vectors import Entries, Ints, sums


@dataclass(frozen=True, slots=True)
class Level:
    """The rows of one span: whose each is, its first day, and the entries of its vector."""

    span: int
    whose: Ints
    start: Ints
    entries: Entries


def pyramid(
    whose: Ints, day: Ints, key: Ints, n: Ints, spans: Sequence[int], keys: int
) -> Iterator[Level]:
    """The rows of each span, from the shortest; 0, for ever, is last. Keys are below ``keys``."""
    for span in spans:
        if not len(n):
            return
        start = day // span if span else np.zeros_like(day)
        lowest = int(start.min())
        width = int(start.max()) - lowest + 1
        both, n = sums((whose * width + (start - lowest)) * keys + key, n)
        row, key = both // keys, both % keys
        whose, day = row // width, (row % width + lowest) * span
        new = np.concatenate(([True], row[1:] != row[:-1]))[: len(row)]
        yield Level(span, whose[new], day[new], Entries(np.cumsum(new) - 1, key, n))
