"""Whole numbers on their way to PostgreSQL as the bytes of an array.

psycopg makes an array of a list number by number, which for the 4,096 cells of a tile takes as long
as all else together.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncCursor
from psycopg.adapt import Buffer, Dumper
from psycopg.postgres import types
from psycopg.pq import Format

_INT4: Final = types["int4"]
#: Of an array in PostgreSQL's binary form: dimensions, nulls, type, length, first index.
_HEAD: Final = ">i4"
_ITEM: Final = np.dtype([("length", ">i4"), ("value", ">i4")])


class _Int4s(Dumper):
    """An array of numpy's as ``integer[]``."""

    format = Format.BINARY
    oid = _INT4.array_oid

    def dump(self, obj: NDArray[np.int64]) -> Buffer | None:
        """The array's bytes."""
        head = np.array([1, 0, _INT4.oid, len(obj), 1] if len(obj) else [0, 0, _INT4.oid], _HEAD)
        items = np.empty(len(obj), _ITEM)
        items["length"], items["value"] = _ITEM["value"].itemsize, obj
        return head.tobytes() + items.tobytes()


def take_arrays(cursor: AsyncCursor[Any]) -> None:
    """Let a cursor take numpy's arrays of whole numbers as parameters."""
    cursor.adapters.register_dumper(np.ndarray, _Int4s)
