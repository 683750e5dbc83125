"""A line to the application that can go away, and lose answers after the server has given them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PIECE = 65_536


@dataclass
class Line:
    """A loopback proxy. ``lose`` answers to the request that begins with ``watched`` are lost."""

    url: str = ""
    watched: bytes = b"POST /v1/reports "
    lose: int = 0
    #: How often the watched request went through to the server.
    seen: int = 0
    up: bool = True
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def cut(self) -> None:
        """No signal: what is open breaks, and nothing new comes through."""
        self.up = False
        for writer in list(self._open):
            writer.transport.abort()

    def mend(self) -> None:
        """Signal again."""
        self.up = True

    async def serve(
        self, near: asyncio.StreamReader, writer: asyncio.StreamWriter, to: tuple[str, int]
    ) -> None:
        """One connection."""
        if not self.up:
            writer.transport.abort()
            return
        far, far_writer = await asyncio.open_connection(*to)
        self._open |= {writer, far_writer}
        doomed = False

        async def out() -> None:
            nonlocal doomed
            while data := await near.read(PIECE):
                if self.watched in data:
                    self.seen += 1
                    doomed, self.lose = self.lose > 0, max(0, self.lose - 1)
                far_writer.write(data)
                await far_writer.drain()
            far_writer.close()

        async def back() -> None:
            while data := await far.read(PIECE):
                if doomed:  # it has decided, committed, and answered
                    writer.transport.abort()
                    far_writer.transport.abort()
                    return
                writer.write(data)
                await writer.drain()
            writer.close()

        await asyncio.gather(out(), back(), return_exceptions=True)
        self._open -= {writer, far_writer}


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    """A line to the server at the URL."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    to = (parts.hostname, parts.port)
    found = Line()
    server = await asyncio.start_server(lambda r, w: found.serve(r, w, to), "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        found.cut()
        server.close()
        await server.wait_closed()
