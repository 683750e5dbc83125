"""An answer that does not end: server-sent events, until either side has had enough.

The stream ends when the reader goes, when the process is told to stop (it must not wait for people
who only watch), or when what it sends is over. A comment now and then keeps proxies from thinking
it dead, and finds out that a reader went away without a word.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import orjson
from fastapi import Response
from starlette.types import Receive, Scope, Send

#: Proxies give up on silence after half a minute or more.
KEEP_ALIVE_S: Final = 15.0
#: What a browser waits before it comes back.
RETRY_MS: Final = 2000
#: Where the scope keeps what ends the stream, for the server that is told to stop
#: (``commands.http``).
ENDS: Final = "kerbline.ends"

HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # nginx would keep back what is small.
    "X-Accel-Buffering": "no",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event; a browser that comes back says the id of the last it had."""

    name: str
    id: str
    data: Any

    def encoded(self) -> bytes:
        """As it goes over the wire. JSON has no line ends."""
        data = orjson.dumps(self.data, option=orjson.OPT_UTC_Z)
        return b"event: %b\nid: %b\ndata: %b\n\n" % (self.name.encode(), self.id.encode(), data)


class EventStream(Response):
    """Sends events as they come. ``leave`` is called once, however it ends."""

    def __init__(self, events: AsyncIterator[Event], leave: Callable[[], None]) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._events = events
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        over = asyncio.Event()
        scope[ENDS] = over.set
        reader = asyncio.create_task(gone(receive, over))
        sender = asyncio.create_task(self._send(send))
        ended = asyncio.create_task(over.wait())
        try:
            await asyncio.wait({sender, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done():
                sender.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await sender
            with suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for task in (reader, sender, ended):
                task.cancel()
            self._leave()

    async def _send(self, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
        )
        await self._piece(send, b"retry: %d\n\n" % RETRY_MS)
        coming = asyncio.ensure_future(anext(self._events, None))
        try:
            while True:
                done, _ = await asyncio.wait({coming}, timeout=KEEP_ALIVE_S)
                if not done:
                    await self._piece(send, b":\n\n")
                    continue
                event = coming.result()
                if event is None:
                    return
                await self._piece(send, event.encoded())
                coming = asyncio.ensure_future(anext(self._events, None))
        finally:
            coming.cancel()

    @staticmethod
    async def _piece(send: Send, body: bytes) -> None:
        await send({"type": "http.response.body", "body": body, "more_body": True})


async def gone(receive: Receive, over: asyncio.Event) -> None:
    """The reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    over.set()
