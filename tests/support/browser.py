"""A real browser for the pages: Debian's Chromium, what it complains of, and axe-core."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.base import AXE_FILE_PATH
from fastapi import FastAPI
from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    async_playwright,
    expect,
)

from reporting.commands.http import Protocol

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--enable-unsafe-swiftshader",  # WebGL without a graphics card
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
#: How long a page may take to show what is expected of it: a busy machine is not wrong. Actions
#: wait as long by themselves.
PATIENCE_MS = 30_000
#: What axe looks for: WCAG 2.2 AA and what its makers would do besides.
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Trouble:
    """What a browser complained of (its policy, scripts that failed), and asked others for."""

    refused: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def watch(self, page: Page, base: str) -> None:
        def said(message: ConsoleMessage) -> None:
            network = ("status of", "net::ERR_")
            if message.type == "error" and not any(each in message.text for each in network):
                self.refused.append(message.text)

        page.on("console", said)
        page.on("pageerror", lambda error: self.refused.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith((base, "blob:", "data:"))
                or self.elsewhere.append(request.url)
            ),
        )

    def watch_all(self, context: BrowserContext, base: str) -> None:
        """Every page the context opens."""
        context.on("page", lambda page: self.watch(page, base))


async def axe(page: Page) -> list[str]:
    """What keeps people from using this page, a line each; empty when nothing does."""
    # By the debugger's protocol, which the page's policy does not bind.
    await page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "rules => axe.run(document, {runOnly: rules})", AXE_RULES
    )
    return [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for the process; a test opens contexts of its own in it."""
    if not CHROMIUM.exists():
        pytest.skip("no browser: apt-get install chromium")
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=CHROMIUM_OPTIONS
        )
        yield found
        await found.close()


@pytest.fixture
async def site(app: FastAPI) -> AsyncIterator[str]:
    """The application on a port."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=0,
            lifespan="off",
            log_config=None,
            http=Protocol,
            timeout_graceful_shutdown=5,
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
