"""Building in a process beside: hashing and writing lines takes as long as PostgreSQL takes.

The process ends with the one that began it, also when that is killed.
"""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import Final

from reporting.importing.building import Builder, Built
from reporting.importing.given import Given
from reporting.importing.grouping import Group
from reporting.keys import Keys
from routing.categories import Category

#: Of the process beside; empty in the one that began it.
_KEYS: Final[list[Keys]] = []


@dataclass(frozen=True, slots=True)
class Task:
    """A chunk to build, as it goes over: what rows share goes once."""

    categories: Mapping[str, Category]
    source: str
    source_id: int
    lone_duplicate: str
    groups: Sequence[Group]
    given: Sequence[Given]
    #: Of each row of each group, which of them.
    which: Sequence[Sequence[int]]
    numbers: Sequence[int]

    def build(self, keys: Keys) -> Built:
        """Its lines."""
        builder = Builder(keys, self.categories, self.source, self.source_id, self.lone_duplicate)
        given = self.given
        groups = (
            (group, [given[number] for number in numbers])
            for group, numbers in zip(self.groups, self.which, strict=True)
        )
        return builder.build(groups, self.numbers)


def pool(secret: str) -> ProcessPoolExecutor:
    """One process; it begins with its first task."""
    return ProcessPoolExecutor(1, get_context("spawn"), _begin, (secret,))


def build(task: Task) -> Built:
    """In the process beside."""
    return task.build(_KEYS[0])


def _begin(secret: str) -> None:
    _KEYS.append(Keys(secret))
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
