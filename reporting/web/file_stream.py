"""An answer too long to hold: a file, sent as it is made.

The making is closed at once when the reader goes, when something breaks, or when the process is to
stop. A file that does not get to its end is cut off, so that nobody takes it for a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from reporting.web.event_stream import ENDS, gone

#: Whoever takes nothing for so long has gone, or holds a snapshot that keeps the database from
#: tidying up.
PATIENCE_S: Final = 50.0


class FileStream(Response):
    """Sends the pieces of a file; the first has been made already."""

    def __init__(
        self, first: bytes, others: AsyncGenerator[bytes, None], *, name: str, media_type: str
    ) -> None:
        super().__init__(
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "private, no-store",
                # nginx would keep a part of it on its disk.
                "X-Accel-Buffering": "no",
            },
            media_type=media_type,
        )
        del self.headers["content-length"]
        self._first = first
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        over = asyncio.Event()
        scope[ENDS] = over.set
        reader = asyncio.create_task(gone(receive, over))
        left = asyncio.create_task(over.wait())
        sender = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait({sender, left}, return_when=asyncio.FIRST_COMPLETED)
            if not sender.done():
                sender.cancel()
            with suppress(asyncio.CancelledError, OSError):
                await sender
        finally:
            for task in (reader, left, sender):
                task.cancel()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._others) as others:
            await send(
                {"type": "http.response.start", "status": 200, "headers": self.raw_headers},
            )
            await self._piece(send, self._first)
            async for piece in others:
                await self._piece(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    @staticmethod
    async def _piece(send: Send, body: bytes) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await send({"type": "http.response.body", "body": body, "more_body": True})
