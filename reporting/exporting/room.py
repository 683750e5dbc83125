"""Room for a few files at once: each takes a connection and a core of the database for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

from reporting.errors import TooManyExports

#: Files of one process at once.
MOST: Final = 2
#: A file of a million rows takes less.
RETRY_S: Final = 30


class Room:
    """Who has a file made at the moment."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._inside: list[UUID] = []

    def __len__(self) -> int:
        """How many files are being made."""
        return len(self._inside)

    @contextmanager
    def taken(self, by: UUID) -> Iterator[None]:
        """Room while the block lasts; nobody has all of it. Raises TooManyExports."""
        if len(self) >= self._most or by in self._inside:
            raise TooManyExports(retry_after_s=RETRY_S)
        self._inside.append(by)
        try:
            yield
        finally:
            self._inside.remove(by)
