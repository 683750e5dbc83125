"""Values as lines of COPY hold them, and ids that come in order. Pure but for the clock."""

import os
import struct
import time
from collections.abc import Iterable, Iterator
from typing import Final

NULL: Final = "\\N"
_POINT: Final = "0101000020E6100000"
_PAIR: Final = struct.Struct("<dd")
_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def new_ids() -> Iterator[str]:
    """UUIDs of version 7 (RFC 9562), in order: an index grows at its end and not everywhere.

    After the millisecond in which it began come 42 bits of a counter that starts at random, low
    enough never to overflow, and 32 random bits.
    """
    head = f"{time.time_ns() // 1_000_000:012x}"
    front = f"{head[:8]}-{head[8:]}-7"
    counter = int.from_bytes(os.urandom(5), "big")
    while True:
        drawn = os.urandom(4 * _DRAWN)
        for at in range(0, len(drawn), 4):
            low = f"{8 << 28 | counter & 0x3FFF_FFFF:08x}"
            yield f"{front}{counter >> 30:03x}-{low[:4]}-{low[4:]}{drawn[at : at + 4].hex()}"
            counter += 1


#: Random bits are drawn for so many at once.
_DRAWN: Final = 1_000


def point_of(place: tuple[float, float] | None) -> str:
    """A place as EWKB in hexadecimal digits."""
    return NULL if place is None else _POINT + _PAIR.pack(*place).hex()


def bytes_of(raw: bytes) -> str:
    """Bytes as COPY reads them."""
    return "\\\\x" + raw.hex()


def array_of(codes: Iterable[str]) -> str:
    """Codes as an array of text; none of them needs quotes."""
    return f"{{{','.join(codes)}}}"


def text_of(text: str | None) -> str:
    """Words as COPY reads them."""
    return NULL if text is None else text.translate(_ESCAPES)
