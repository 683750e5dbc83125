"""A table of kept sums: rows of a key and a vector, to which much is added at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.heat.arrays import Blobs, Texts, speak
from geo.heat.vectors import Entries, Ints

#: Rows of one statement.
BATCH: Final = 20_000


@dataclass(frozen=True)
class Table:
    """A table of sums, and its key: column → type."""

    name: str
    key: Mapping[str, str]

    def _arrays(self) -> str:
        return ", ".join(f"%({name})b::{kind}[]" for name, kind in self.key.items())

    def _asked(self) -> str:
        return f"unnest({self._arrays()}) with ordinality asked ({', '.join(self.key)}, n)"

    def find(self) -> str:
        """The vectors there are under some keys, with the place of each key, from 1."""
        return f"""
select asked.n, kept.counts from {self._asked()} join {self.name} kept using ({", ".join(self.key)})
"""

    def put(self) -> str:
        """The vectors that are to stand under some keys."""
        names = ", ".join(self.key)
        return f"""
insert into {self.name} ({names}, counts) select * from unnest({self._arrays()}, %(counts)b)
on conflict ({names}) do update set counts = excluded.counts
"""

    def drop(self) -> str:
        """Keys under which nothing is left."""
        same = " and ".join(f"kept.{name} = asked.{name}" for name in self.key)
        return f"delete from {self.name} kept using {self._asked()} where {same}"


@dataclass(frozen=True)
class Additions:
    """What is to be added under some keys; an entry's owner is the place of its key, from 0."""

    columns: Mapping[str, Ints | Texts]
    entries: Entries

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self, which: Ints) -> dict[str, Any]:
        """Some keys, as a statement takes them."""
        return {
            name: Texts(column[n] for n in which) if isinstance(column, Texts) else column[which]
            for name, column in self.columns.items()
        }


async def add(conn: AsyncConnection[Any], table: Table, additions: Additions) -> None:
    """Add all of it. Raises BelowNothing."""
    rows = len(additions)
    if not rows:
        return
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        speak(cursor)
        before: list[tuple[int, bytes]] = []
        for some in _batches(np.arange(rows)):
            await cursor.execute(table.find(), additions.rows(some))
            before += [(int(some[n - 1]), counts) for n, counts in await cursor.fetchall()]
        kept = Entries.read([counts for _, counts in before], [n for n, _ in before])
        after = Entries.all_of([kept, additions.entries]).written(rows)
        full = np.fromiter((len(counts) > 0 for counts in after), bool, rows)
        for some in _batches(np.flatnonzero(full)):
            values = additions.rows(some) | {"counts": Blobs(after[n] for n in some)}
            await cursor.execute(table.put(), values)
        known = np.zeros(rows, bool)
        known[[n for n, _ in before]] = True
        for some in _batches(np.flatnonzero(known & ~full)):
            await cursor.execute(table.drop(), additions.rows(some))


def _batches(rows: Ints) -> list[Ints]:
    return [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
