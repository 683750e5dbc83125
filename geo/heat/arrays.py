"""Arrays of PostgreSQL as NumPy's, in its binary form: one by one they cost ten times as much.

The form: how many dimensions, a flag for nulls (none here), the type of the elements; the length
and first subscript; then each element's length and bytes, all in network order.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg import AsyncCursor, adapters
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format

_HEAD: Final = Struct("!iiIii")
_LENGTH: Final = Struct("!i")
_ELEMENT: Final = np.dtype([("length", ">i4"), ("value", ">i4")])

_INT4: Final = adapters.types["int4"]
_BYTEA: Final = adapters.types["bytea"]
_TEXT: Final = adapters.types["text"]


class Blobs(tuple[bytes, ...]):
    """Goes as ``bytea[]``."""

    __slots__ = ()


class Texts(tuple[str, ...]):
    """Goes as ``text[]``."""

    __slots__ = ()


class _Integers(Dumper):
    format = Format.BINARY
    oid = _INT4.array_oid

    def dump(self, obj: NDArray[Any]) -> Buffer:
        elements = np.empty(len(obj), _ELEMENT)
        elements["length"], elements["value"] = 4, obj
        return _head(_INT4.oid, len(obj)) + elements.tobytes()


class _Blobs(Dumper):
    format = Format.BINARY
    oid = _BYTEA.array_oid

    def dump(self, obj: Blobs) -> Buffer:
        return _bytes(_BYTEA.oid, obj)


class _Texts(Dumper):
    format = Format.BINARY
    oid = _TEXT.array_oid

    def dump(self, obj: Texts) -> Buffer:
        return _bytes(_TEXT.oid, [each.encode() for each in obj])


class _Loaded(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> NDArray[np.int64]:
        none = len(data) < _HEAD.size  # an array of nothing has no dimension
        elements = np.frombuffer(data, _ELEMENT, offset=len(data) if none else _HEAD.size)
        return elements["value"].astype(np.int64)


def speak(cursor: AsyncCursor[Any]) -> None:
    """Make a cursor send NumPy's integers, ``Blobs`` and ``Texts``, and return ``integer[]`` so."""
    cursor.adapters.register_dumper(np.ndarray, _Integers)
    cursor.adapters.register_dumper(Blobs, _Blobs)
    cursor.adapters.register_dumper(Texts, _Texts)
    cursor.adapters.register_loader(_INT4.array_oid, _Loaded)


def _head(oid: int, length: int) -> bytes:
    return _HEAD.pack(1, 0, oid, length, 1)


def _bytes(oid: int, values: Sequence[bytes]) -> bytes:
    parts = [_head(oid, len(values))]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)
