"""Waiting for something to become true, with a limit; never for a length of time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    condition: Callable[[], Any | Awaitable[Any]], what: str = "", within_s: float = 30.0
) -> Any:
    """The condition's value, as soon as it is true."""
    limit = time.monotonic() + within_s
    while True:
        found = condition()
        if inspect.isawaitable(found):
            found = await found
        if found:
            return found
        if time.monotonic() > limit:
            raise AssertionError(
                f"not within {within_s:g} s: {what or inspect.getsource(condition)}"
            )
        await asyncio.sleep(0.01)
