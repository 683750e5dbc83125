"""A whole run: the dump read chunk after chunk, each placed, built and stored in one transaction.

Killed at any moment it leaves whole chunks or nothing of them, and the next run goes on: rows that
were taken over are known by their source and id. While PostgreSQL writes one chunk, the next is
read and built. Memory holds the chunks in flight and the duplicates that wait for one another.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from geo.kinds import LOCK_ROUTING
from reporting.errors import ImportRefused
from reporting.importing import storing
from reporting.importing.building import Builder
from reporting.importing.given import Given, Placed
from reporting.importing.grouping import Group, Grouping, outcome
from reporting.importing.mapping import ImportMap
from reporting.importing.placing import Placer
from reporting.importing.reading import Past, Reader, Rejected, Row
from reporting.importing.tallying import Tally
from reporting.queries import importing as queries
from reporting.queries.jobs import LOCK_ROUTING_SHARED
from reporting.runtime import Connection, Runtime

#: Rows of one transaction.
CHUNK: Final = 5_000
#: Chunks in flight: one is placed, one is built, and while the others are written nothing waits.
IN_FLIGHT: Final = 5
#: Rows read before others may go on.
SLICE: Final = 500


class Table(Protocol):
    """A file of rows that is open."""

    @property
    def header(self) -> Row:
        """The names of its columns."""

    @property
    def rows(self) -> Iterator[Row]:
        """What is left to read."""

    @property
    def progress(self) -> float:
        """How far it is read, from 0 to 1."""


@dataclass
class Run:
    """One dump, by one map."""

    runtime: Runtime
    map: ImportMap
    authority: str
    #: Opens the file anew; it may be read twice.
    open: Callable[[], AbstractContextManager[Table]]
    now: datetime
    #: What would be done is only counted.
    is_dry: bool = False
    reject: Callable[[Rejected], None] = lambda _: None
    progress: Callable[[str, float], None] = lambda _what, _done: None
    tally: Tally = field(default_factory=Tally)
    _placer: Placer = field(init=False)
    _builder: Builder | None = None
    _building: asyncio.Lock = field(default_factory=asyncio.Lock)
    _source: int | None = None
    #: Ids that are being stored now, and what their rows were.
    _flying: dict[str, bytes] = field(default_factory=dict)

    async def __call__(self) -> Tally:
        """Take it over. Raises ImportRefused, or OSError by the file."""
        self._placer = Placer(self.authority)
        async with self.runtime.reading() as conn:
            home = await self._placer.home(conn)
            cursor = await conn.execute(queries.LOCK_RUN, {"authority": home.id})
            row = await cursor.fetchone()
            if not (row and row[0]):
                raise ImportRefused(f"Another import for {self.authority} is running.")
            try:
                self._source = await storing.source(
                    conn, home.id, self.map.source, add=not self.is_dry
                )
                with _rarely_collecting():
                    await self._read()
            finally:
                await conn.execute(queries.UNLOCK_RUN, {"authority": home.id})
        return self.tally

    async def _read(self) -> None:
        grouping = Grouping(await self._links())
        flights: set[asyncio.Task[None]] = set()
        try:
            with self.open() as table:
                reader = Reader(self.map, table.header, self.now)
                groups: list[Group] = []
                waiting = 0
                for group in self._groups(table, reader, grouping):
                    if group is None:
                        await asyncio.sleep(0)
                        self.progress("Taking over", table.progress)
                        continue
                    groups.append(group)
                    waiting += len(group.rows)
                    if waiting >= CHUNK:
                        await self._send(flights, groups)
                        groups, waiting = [], 0
                if groups:
                    await self._send(flights, groups)
            for flight in list(flights):
                await flight
        finally:
            for flight in flights:
                flight.cancel()
            await asyncio.gather(*flights, return_exceptions=True)

    async def _links(self) -> list[tuple[str, str]]:
        """Which rows name which: a first look through the file, where the map says that they do."""
        columns = self.map.columns
        if columns.duplicate_of is None:
            return []
        found = []
        with self.open() as table:
            reader = Reader(self.map, table.header, self.now)
            for number, cells in enumerate(table.rows):
                link = reader.link(cells)
                if link is not None:
                    found.append(link)
                if number % (10 * SLICE) == 0:
                    await asyncio.sleep(0)
                    self.progress("Looking for duplicates", table.progress)
        return found

    def _groups(self, table: Table, reader: Reader, grouping: Grouping) -> Iterator[Group | None]:
        """The groups of the file as they become whole; None now and then, to let others go on."""
        tally = self.tally
        for cells in table.rows:
            if not cells:
                continue
            tally.rows += 1
            row = reader.read(cells)
            if isinstance(row, Past):
                yield from grouping.add(row)
            else:
                self._refuse(row)
                yield from grouping.passed(reader.key(cells))
            if tally.rows % SLICE == 0:
                yield None
        yield from grouping.rest()

    def _refuse(self, row: Rejected) -> None:
        self.tally.reject(row)
        self.reject(row)

    async def _send(self, flights: set[asyncio.Task[None]], groups: Sequence[Group]) -> None:
        """Begin with a chunk, when there is room for one more.

        An id that comes twice is told here, before anything is waited for: a chunk that is being
        stored cannot be seen by the next one.
        """
        while len(flights) >= IN_FLIGHT:
            done, _ = await asyncio.wait(flights, return_when=asyncio.FIRST_COMPLETED)
            for flight in done:
                flights.discard(flight)
                await flight
        gone = set()
        for row in [row for group in groups for row in group.rows]:
            if row.key in self._flying:
                gone.add(id(row))
                self._know(row, self._flying[row.key])
            else:
                self._flying[row.key] = row.row_hash
        flights.add(asyncio.create_task(self._chunk(_without(groups, gone))))
        await asyncio.sleep(0)

    async def _chunk(self, groups: Sequence[Group]) -> None:
        try:
            async with self.runtime.unit() as conn:
                await conn.execute(queries.PATIENT)
                await conn.execute(LOCK_ROUTING_SHARED, {"lock": LOCK_ROUTING})
                placed = await self._placed(conn, await self._fresh(conn, groups))
                if placed and not self.is_dry:
                    await self._store(conn, placed)
        finally:
            for group in groups:
                for row in group.rows:
                    self._flying.pop(row.key, None)

    async def _fresh(self, conn: Connection, groups: Sequence[Group]) -> list[Group]:
        """The groups without what was taken over before."""
        if self._source is None:
            return list(groups)
        keys = [row.key for group in groups for row in group.rows]
        before = await storing.known(conn, self._source, keys)
        gone = set()
        for row in [row for group in groups for row in group.rows]:
            if row.key in before:
                gone.add(id(row))
                self._know(row, before[row.key])
        return _without(groups, gone)

    def _know(self, row: Past, row_hash: bytes) -> None:
        """A row that was taken over before: ours is left as it is, and a change is said."""
        if row_hash == row.row_hash:
            self.tally.touch(row)
        else:
            self._refuse(Rejected(row.cells, "changed_since"))

    async def _placed(
        self, conn: Connection, groups: Sequence[Group]
    ) -> list[tuple[Group, Sequence[Given]]]:
        """The groups with whose they were, without what cannot be placed."""
        rows = [row for group in groups for row in group.rows]
        given: dict[int, Placed] = {}
        gone: set[int] = set()
        for row, found in zip(rows, await self._placer.place(conn, rows), strict=True):
            if isinstance(found, Placed):
                given[id(row)] = found
                self.tally.take(found)
            else:
                gone.add(id(row))
                self._refuse(found)
        left = _without(groups, gone)
        for group in left:
            ended = outcome(group, self.map.status.lone_duplicate)
            self.tally.take_job(group, ended.word)
        return [(group, [given[id(row)].given for row in group.rows]) for group in left]

    async def _store(
        self, conn: Connection, groups: Sequence[tuple[Group, Sequence[Given]]]
    ) -> None:
        rules = await self._placer.rules(conn)
        count = len(groups) + sum(len(group.rows) for group, _ in groups)
        numbers = await storing.numbers(conn, count)
        builder = self._builder
        if builder is None or builder.categories is not rules.categories:
            builder = self._builder = Builder(
                self.runtime.keys,
                rules.categories,
                self.map.source,
                self._source or 0,
                self.map.status.lone_duplicate,
            )
        # In a thread, so that what PostgreSQL is given meanwhile does not wait for it.
        async with self._building:
            built = await asyncio.to_thread(builder.build, groups, numbers)
        self.tally.updates += built.updates
        await storing.store(conn, self.runtime.keys, built)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    """Python looks for cycles after each 700 new objects; here are millions, and none in cycles."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _without(groups: Iterable[Group], gone: set[int]) -> list[Group]:
    """The groups less some rows; where the head goes, the first that is left tells the end."""
    if not gone:
        return list(groups)
    found = []
    for group in groups:
        rows = tuple(row for row in group.rows if id(row) not in gone)
        if rows:
            head = group.head if id(group.head) not in gone else rows[0]
            found.append(Group(rows, head))
    return found
