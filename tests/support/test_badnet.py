"""The bad line is as bad as it says, and no worse."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import mean

import pytest

from tests.support.badnet import PIECE, badnet


@asynccontextmanager
async def sink() -> AsyncIterator[tuple[str, list[int]]]:
    """A server that counts what comes over each connection, and says how much at its end."""
    came: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at = len(came)
        came.append(0)
        try:
            while data := await reader.read(65_536):
                came[at] += len(data)
            writer.write(str(came[at]).encode())
            await writer.drain()
        except ConnectionError:
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", came
    finally:
        server.close()


async def send(url: str, size: int) -> bytes:
    """What the far end said; nothing if the line was cut."""
    port = int(url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(bytes(size))
        await writer.drain()
        writer.write_eof()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_without_cuts_everything_arrives_at_the_rate() -> None:
    async with sink() as (url, came), badnet(url, rate=2e6, mean=0) as line:
        began = time.monotonic()
        assert await send(line.url, 1_000_000) == b"1000000"
        assert time.monotonic() - began > 0.45  # the machine may be slower, never faster
        assert came == [1_000_000]
        assert line.cuts == 0


async def test_cuts_come_after_as_much_as_it_says() -> None:
    async with sink() as (url, came), badnet(url, rate=1e9, mean=50_000) as line:
        for _ in range(200):
            await send(line.url, 1_000_000)
        assert line.cuts == line.connections == 200
        assert 40_000 < mean(line.runs) < 60_000
        assert min(line.runs) < 10_000
        assert max(line.runs) > 120_000
        # What was carried may not all have been read by the other end when it was cut.
        assert all(far <= near for far, near in zip(came, line.runs, strict=True))


async def test_a_cut_is_told_by_no_farewell() -> None:
    async with sink() as (url, _), badnet(url, rate=1e9, mean=PIECE) as line:
        port = int(line.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ConnectionError):
            await until_told(reader, writer)
        writer.close()


async def until_told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(bytes(PIECE))
        await writer.drain()
        await asyncio.sleep(0)
    await reader.read()
