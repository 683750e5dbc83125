"""A table of kept sums: rows of a key and a vector, to which much is added at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import tuple_row

from geo.heat.vectors import Entries

#: Rows of one statement.
BATCH: Final = 20_000


@dataclass(frozen=True)
class Table:
    """A table of sums, and its key: column → type."""

    name: str
    key: Mapping[str, str]

    def _asked(self) -> str:
        arrays = ", ".join(f"%({name})b::{kind}[]" for name, kind in self.key.items())
        return f"unnest({arrays}) with ordinality asked ({', '.join(self.key)}, n)"

    def find(self) -> str:
        """The vectors there are under some keys, with the place of each key, from 1."""
        return f"""
select asked.n, kept.counts from {self._asked()} join {self.name} kept using ({", ".join(self.key)})
"""

    def put(self) -> str:
        """The vectors that are to stand under some keys."""
        names = ", ".join(self.key)
        arrays = ", ".join(f"%({name})b::{kind}[]" for name, kind in self.key.items())
        return f"""
insert into {self.name} ({names}, counts) select * from unnest({arrays}, %(counts)b::bytea[])
on conflict ({names}) do update set counts = excluded.counts
"""

    def drop(self) -> str:
        """Keys under which nothing is left."""
        same = " and ".join(f"kept.{name} = asked.{name}" for name in self.key)
        return f"delete from {self.name} kept using {self._asked()} where {same}"


@dataclass(frozen=True)
class Additions:
    """What is to be added under some keys; an entry's owner is the place of its key, from 0."""

    columns: Mapping[str, Sequence[Any]]
    entries: Entries

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


async def add(conn: AsyncConnection[Any], table: Table, additions: Additions) -> None:
    """Add all of it. Raises BelowNothing."""
    rows = len(additions)
    if not rows:
        return
    async with conn.cursor(row_factory=tuple_row, binary=True) as cursor:
        before: list[tuple[int, bytes]] = []
        for first in range(0, rows, BATCH):
            part = {name: c[first : first + BATCH] for name, c in additions.columns.items()}
            await cursor.execute(table.find(), part)
            before += [(first + n - 1, counts) for n, counts in await cursor.fetchall()]
        kept = Entries.read([counts for _, counts in before], [n for n, _ in before])
        after = (kept + additions.entries).written(rows)
        full = [n for n, counts in enumerate(after) if counts]
        for some in _batches(full):
            part = {name: [c[n] for n in some] for name, c in additions.columns.items()}
            await cursor.execute(table.put(), {**part, "counts": [after[n] for n in some]})
        known = {n for n, _ in before}
        for some in _batches([n for n, counts in enumerate(after) if not counts and n in known]):
            part = {name: [c[n] for n in some] for name, c in additions.columns.items()}
            await cursor.execute(table.drop(), part)


def _batches(rows: list[int]) -> list[list[int]]:
    return [rows[first : first + BATCH] for first in range(0, len(rows), BATCH)]
