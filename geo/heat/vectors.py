"""Sparse vectors of counts: key → how many, kept as bytes. Pure.

An entry is a key of two bytes and a count of four, both little-endian; entries stand in order of
key, and none is nothing. So equal vectors are equal bytes, and the bytes of several, one after
another, are read as their sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

ENTRY: Final = np.dtype([("key", "<u2"), ("n", "<u4")])
KEYS: Final = 1 << 16


class BelowNothing(ArithmeticError):
    """More was taken off a count than there was: what is kept is not what was counted."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of several vectors: which vector each belongs to, its key, and how many."""

    owner: Ints
    key: Ints
    n: Ints

    @classmethod
    def read(cls, vectors: Sequence[bytes], owners: Sequence[int] | Ints) -> Self:
        """The entries of vectors kept as bytes; an owner may have several."""
        found = np.frombuffer(b"".join(vectors), ENTRY)
        sizes = [len(each) // ENTRY.itemsize for each in vectors]
        owner = np.repeat(np.asarray(owners, np.int64), sizes)
        return cls(owner, found["key"].astype(np.int64), found["n"].astype(np.int64))

    @classmethod
    def none(cls) -> Self:
        """Nothing."""
        return cls(*(np.zeros(0, np.int64) for _ in range(3)))

    @classmethod
    def all_of(cls, each: Sequence[Self]) -> Self:
        """All of several."""
        return cls(
            np.concatenate([one.owner for one in each]),
            np.concatenate([one.key for one in each]),
            np.concatenate([one.n for one in each]),
        )

    def moved(self, by: int) -> Self:
        """The same of owners so much farther on."""
        return type(self)(self.owner + by, self.key, self.n)

    def summed(self) -> Self:
        """One entry for each owner and key that is not nothing, in their order."""
        both, n = sums(self.owner * KEYS + self.key, self.n)
        return type(self)(both // KEYS, both % KEYS, n)

    def written(self, owners: int) -> list[bytes]:
        """The vector of each owner as bytes. Raises BelowNothing."""
        found = self.summed()
        if (found.n < 0).any():
            raise BelowNothing
        entries = np.empty(len(found.n), ENTRY)
        entries["key"], entries["n"] = found.key, found.n
        data = entries.tobytes()
        ends = np.searchsorted(found.owner, np.arange(owners + 1)) * ENTRY.itemsize
        at = ends.tolist()
        return [data[at[i] : at[i + 1]] for i in range(owners)]


def sums(key: Ints, n: Ints) -> tuple[Ints, Ints]:
    """The different keys in order, and the sum of each that is not nothing."""
    if not len(key):
        return key, n
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    total = np.add.reduceat(n[order], first)
    some = total != 0
    return ordered[first][some], total[some]
