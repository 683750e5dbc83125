"""Rows that tell of one defect, by what the dump itself says of them. Pure.

The dump names for a duplicate the row it repeats, which may come before or after it, and may name
a third. All that hang together make one job. They are held until the last of them has been read:
so memory grows with the rows that are held at one time, and not with the file.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from reporting.importing.mapping import DUPLICATE
from reporting.importing.reading import Past
from reporting.status import CLOSED


class Group(NamedTuple):
    """The reports of one job, in order of time, and the one that tells how it stands."""

    rows: tuple[Past, ...]
    head: Past


class Grouping:
    """Groups rows as they come, knowing who names whom in the whole file."""

    def __init__(self, links: Iterable[tuple[str, str]]) -> None:
        """``links`` are rows' ids and the ids that they name."""
        self._parent: dict[str, str] = {}
        for key, original in links:
            if key != original:
                self._parent[self._root(key)] = self._root(original)
        self._missing: dict[str, int] = defaultdict(int)
        for key in list(self._parent):
            self._missing[self._root(key)] += 1
        self._held: dict[str, list[Past]] = defaultdict(list)

    def _root(self, key: str) -> str:
        root = key
        while (above := self._parent.setdefault(root, root)) != root:
            root = above
        while self._parent[key] != root:
            self._parent[key], key = root, self._parent[key]
        return root

    def add(self, row: Past) -> Iterator[Group]:
        """The groups that are whole with this row: none while it must be held."""
        if row.key not in self._parent:
            yield Group((row,), row)
        else:
            self._held[self._root(row.key)].append(row)
            yield from self.passed(row.key)

    def passed(self, key: str) -> Iterator[Group]:
        """A row of that id has been read, taken or not: the groups that wait for no other."""
        if key not in self._parent:
            return
        root = self._root(key)
        self._missing[root] -= 1
        if self._missing[root] <= 0:
            yield from together(self._held.pop(root, []))

    def rest(self) -> Iterator[Group]:
        """What still waits at the end of the file for rows that are not in it."""
        for rows in self._held.values():
            yield from together(rows)
        self._held.clear()


def together(rows: list[Past]) -> Iterator[Group]:
    """The rows that hang together as groups: what came when the job was closed already is another.

    The head is the row that others name, and that is no duplicate itself.
    """
    rows = sorted(rows, key=lambda row: (row.created, row.key))
    if not rows:
        return
    named = {row.original for row in rows}
    head = min(rows, key=lambda row: (row.status == DUPLICATE, row.key not in named, row.created))
    until = head.closed if head.status in CLOSED else None
    inside = [row for row in rows if row is head or until is None or row.created < until]
    yield Group(tuple(inside), head)
    for row in rows:
        if not any(row is each for each in inside):
            yield Group((row,), row)


class Outcome(NamedTuple):
    """How a job stands at the end of its past."""

    status: str
    reason: str | None
    closed: datetime | None

    @property
    def word(self) -> str:
        """As the map says it."""
        return f"{self.status}:{self.reason}" if self.reason else self.status


def outcome(group: Group, lone_duplicate: str) -> Outcome:
    """How a group's job stands, by its head."""
    head = group.head
    if head.status != DUPLICATE:
        return Outcome(head.status, head.reason, head.closed)
    status, _, reason = lone_duplicate.partition(":")
    return Outcome(status, reason or None, head.closed or head.created)
