"""What a process keeps of what takes long to make, until the rules are others."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from fastapi import Request

from routing.rulebook import Rules


class Memory:
    """The values that were used last, at most so many."""

    def __init__(self, version: int, most: int) -> None:
        self.version, self.most = version, most
        self._found: OrderedDict[Hashable, Any] = OrderedDict()

    def get(self, key: Hashable) -> Any:
        """What was put there; None where nothing was, or it was long ago."""
        if key in self._found:
            self._found.move_to_end(key)
        return self._found.get(key)

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value."""
        self._found[key] = value
        self._found.move_to_end(key)
        while len(self._found) > self.most:
            self._found.popitem(last=False)


def memory(request: Request, name: str, rules: Rules, *, most: int) -> Memory:
    """The application's memory of that name; a new one when the rules have changed."""
    found: Memory | None = getattr(request.app.state, name, None)
    if found is None or found.version != rules.version:
        found = Memory(rules.version, most)
        setattr(request.app.state, name, found)
    return found
