"""A bad line: a loopback proxy at a given rate, whose connections are cut after a random amount.

``python -m tests.support.badnet URL`` is the same by hand. Cuts are resets, without a farewell; how
much a connection carries is drawn from an exponential distribution, as waits for a bus are.
"""

import argparse
import asyncio
import math
import random
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

#: So that the rate is even, no more is carried at a time.
PIECE = 16_384
#: What the kernel keeps for a reader that is slow; more would hide the rate from the sender.
BUFFER = 65_536


@dataclass
class BadNet:
    """The line, and what became of it."""

    url: str
    to: tuple[str, int]
    rate: float
    mean: float
    rng: random.Random
    cuts: int = 0
    connections: int = 0
    #: Bytes carried towards the server, and of each connection that was cut.
    carried: int = 0
    runs: list[int] = field(default_factory=list)
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            far_reader, far = await asyncio.open_connection(*self.to, limit=BUFFER)
        except OSError:
            _reset(writer)
            return
        back = asyncio.create_task(_copy(far_reader, writer))
        whole = False
        try:
            whole = await self._carry(reader, far)
            if whole:
                await back  # the answer
            else:
                self.cuts += 1
        except (ConnectionError, asyncio.CancelledError):
            whole = False
        finally:
            self._open.discard(task)
            back.cancel()
            if not whole:
                _reset(writer)
            _reset(far)

    async def _carry(self, reader: asyncio.StreamReader, far: asyncio.StreamWriter) -> bool:
        """Hand on what comes; False when the line is to be cut, True at its own end."""
        left = self.rng.expovariate(1 / self.mean) if self.mean else math.inf
        loop = asyncio.get_running_loop()
        due, carried = loop.time(), 0
        while data := await reader.read(max(1, int(min(PIECE, left)))):
            now = loop.time()
            due = max(due, now - PIECE / self.rate) + len(data) / self.rate
            if due > now:
                await asyncio.sleep(due - now)
            far.write(data)
            await far.drain()
            carried += len(data)
            self.carried += len(data)
            left -= len(data)
            if left < 1:
                self.runs.append(carried)
                return False
        far.write_eof()
        return True


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers come back at once."""
    try:
        while data := await reader.read(BUFFER):
            writer.write(data)
            await writer.drain()
        writer.close()
    except ConnectionError:
        return


def _reset(writer: asyncio.StreamWriter) -> None:
    """End it as a phone in a tunnel does: no farewell. What has ended already stays so."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None and not writer.transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def badnet(
    url: str, *, rate: float = 2e6, mean: float = 0.7e6, seed: int = 7
) -> AsyncIterator[BadNet]:
    """A bad line to the server at the URL: bytes a second, and bytes until a cut on average.

    A mean of 0 never cuts.
    """
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    found = BadNet("", (parts.hostname, parts.port), rate, mean, random.Random(seed))
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    listening.bind(("127.0.0.1", 0))
    server = await asyncio.start_server(found._serve, sock=listening, limit=BUFFER)
    found.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield found
    finally:
        server.close()
        for task in list(found._open):
            task.cancel()
        await asyncio.gather(*found._open, return_exceptions=True)
        await server.wait_closed()


async def _main(to: str, rate: float, mean: float) -> None:
    async with badnet(to, rate=rate, mean=mean) as line:
        print(line.url, flush=True)
        while True:
            await asyncio.sleep(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("to")
    parser.add_argument("--rate", type=float, default=2e6)
    parser.add_argument("--mean", type=float, default=0.7e6)
    options = parser.parse_args()
    asyncio.run(_main(options.to, options.rate, options.mean))
