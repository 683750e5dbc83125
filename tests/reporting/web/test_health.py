import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from fastapi import FastAPI

from reporting.app import create_app
from reporting.runtime import Connection
from reporting.settings import Settings
from reporting.web.health import SCHEMA

ROOT = Path(__file__).resolve().parents[3]


class Valve:
    """A way to PostgreSQL that can be closed, so that it is silent and not gone."""

    def __init__(self, host: str, port: int) -> None:
        self.to = host, port
        self.open = asyncio.Event()
        self.open.set()
        self.tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.server.close()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _joined(self, reader, writer) -> None:
        there, back = await asyncio.open_connection(*self.to)
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pass_on(*pair))
            self.tasks.add(task)

    async def _pass_on(self, reader, writer) -> None:
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app: FastAPI = create_app(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        yield await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t")
        )


async def test_alive_and_ready(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "redis": "ok", "photos": "ok"}


def test_the_schema_it_asks_for_is_the_newest() -> None:
    scripts = ScriptDirectory.from_config(Config(toml_file=str(ROOT / "pyproject.toml")))
    assert scripts.get_heads() == [SCHEMA]


@pytest.mark.parametrize(("version", "status"), [("0001", 503), (SCHEMA, 200), ("0999", 200)])
async def test_an_older_schema_is_not_ready_and_a_newer_is(
    client: httpx.AsyncClient, owner: Connection, version: str, status: int
) -> None:
    try:
        await owner.execute("update alembic_version set version_num = %s", (version,))
        answer = await client.get("/readyz")
    finally:
        await owner.execute("update alembic_version set version_num = %s", (SCHEMA,))
    assert answer.status_code == status
    assert answer.json()["database"] == ("ok" if status == 200 else "old")


async def test_without_redis_it_is_ready_and_says_so(owner: Connection, settings: Settings) -> None:
    away = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    async with serving(away) as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["redis"] == "away"


async def test_without_a_photo_store_it_is_ready_and_says_so(
    client: httpx.AsyncClient, settings: Settings
) -> None:
    Path(settings.photo_store).write_text("a file where the folder was")
    answer = await client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["photos"] == "away"


async def test_a_database_that_is_gone(owner: Connection, settings: Settings) -> None:
    gone = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    async with serving(gone) as client:
        began = time.monotonic()
        answer = await client.get("/readyz")
        assert time.monotonic() - began < 15  # a hang, not a slow machine
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert answer.json()["database"] == "away"
        assert (await client.get("/healthz")).status_code == 200
        assert "kerbline_request_seconds_count" in (await client.get("/metrics")).text


async def test_a_database_that_says_nothing_and_comes_back(
    owner: Connection, settings: Settings
) -> None:
    url = urlsplit(settings.database_url)
    async with Valve(url.hostname, url.port) as valve:
        through = url._replace(
            netloc=f"{url.username}:{url.password}@127.0.0.1:{valve.port}"
        ).geturl()
        async with serving(settings.model_copy(update={"database_url": through})) as client:
            assert (await client.get("/readyz")).status_code == 200
            valve.open.clear()
            for _ in range(5):  # more than the pool has: what waits must not pile up for ever
                began = time.monotonic()
                assert (await client.get("/readyz")).status_code == 503
                assert time.monotonic() - began < 15
            began = time.monotonic()
            assert (await client.get("/metrics")).status_code == 200
            assert time.monotonic() - began < 15
            valve.open.set()
            async with asyncio.timeout(60):
                while (await client.get("/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)
