"""Reports written without signal: kept over reload and restart, sent by themselves, and once.

Most of these speak to ``Outbox`` on the page, which is what the form does. What a page evaluates
here goes by the debugger's protocol, so that the page's own policy stays as strict as it is.
"""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page

from reporting.runtime import Connection
from tests.reporting.test_reports import pothole
from tests.support.browser import CHROMIUM, CHROMIUM_OPTIONS, Trouble
from tests.support.county import County
from tests.support.line import Line, line
from tests.support.pictures import noisy, picture
from tests.support.until import until

ADD = """async ([name, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return await Outbox.draft.addPhoto(new File([bytes], name));
}"""
QUEUE = "async ([body, summary]) => (await Outbox.queue(body, { summary })).id"
#: Everything that this origin keeps where scripts can read it.
DUMP = """async () => {
  const db = await new Promise((found) => {
    indexedDB.open("kerbline").onsuccess = (event) => found(event.target.result);
  });
  const all = { local: { ...localStorage }, session: { ...sessionStorage } };
  for (const name of db.objectStoreNames) {
    all[name] = await new Promise((found) => {
      db.transaction(name).objectStore(name).getAll().onsuccess = (e) => found(e.target.result);
    });
  }
  db.close();
  return JSON.stringify(all);
}"""
IN_CONTROL = "() => Boolean(navigator.serviceWorker.controller)"
CACHED = """async () => {
  const names = await caches.keys();
  const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return kept.flat().map((request) => request.url);
}"""


@dataclass
class Phone:
    """A browser with a profile of its own, which can be closed and opened again."""

    browser: Browser
    folder: Path
    url: str
    trouble: Trouble = field(default_factory=Trouble)
    context: BrowserContext | None = None

    async def open(self, path: str = "/", *, offline: bool = False) -> Page:
        self.context = await self.browser.browser_type.launch_persistent_context(
            str(self.folder),
            executable_path=str(CHROMIUM),
            args=CHROMIUM_OPTIONS,
            headless=True,
            permissions=["notifications"],
        )
        self.context.set_default_timeout(30_000)
        self.trouble.watch_all(self.context, self.url)
        page = self.context.pages[0]
        self.trouble.watch(page, self.url)
        await self.context.set_offline(offline)
        await page.goto(self.url + path)
        return page

    async def another(self, path: str = "/") -> Page:
        assert self.context
        page = await self.context.new_page()
        await page.goto(self.url + path)
        return page

    async def offline(self, offline: bool) -> None:
        assert self.context
        await self.context.set_offline(offline)

    async def close(self) -> None:
        if self.context:
            await self.context.close()
            self.context = None

    async def ready(self, page: Page) -> None:
        """Until the worker has taken over and kept everything."""
        await until(lambda: page.evaluate(IN_CONTROL), "the worker is in control", 30)


@pytest.fixture
async def phone(
    browser: Browser, county: County, tmp_path: Path, site: str
) -> AsyncIterator[Phone]:
    found = Phone(browser, tmp_path / "profile", site)
    yield found
    await found.close()
    # MapLibre's way to say that a file of the map did not come.
    assert [each for each in found.trouble.refused if each != "Pn"] == []
    assert found.trouble.elsewhere == []


@pytest.fixture
async def tunnel(phone: Phone, site: str) -> AsyncIterator[Line]:
    """The phone's line to the site, in our hands."""
    async with line(site) as found:
        phone.url = found.url
        yield found
        await phone.close()


def photographed(width: int = 640, height: int = 480, *, at: bool = True) -> bytes:
    """A JPEG with what a phone writes into it: where it was, and when."""
    exif = Image.Exif()
    exif[0x010E] = "MARKER-IN-EXIF"
    exif.get_ifd(0x8769)[0x9003] = "2026:11:20 14:03:05"
    if at:
        place = exif.get_ifd(0x8825)
        place |= {1: "N", 2: (52.0, 0.0, 36.0), 3: "W", 4: (0.0, 59.0, 24.0)}
    out = BytesIO()
    picture(width, height).save(out, "JPEG", exif=exif)
    assert b"MARKER-IN-EXIF" in out.getvalue()
    return out.getvalue()


async def add(page: Page, data: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    found: dict[str, Any] = await page.evaluate(ADD, [name, b64encode(data).decode()])
    return found


async def queue(page: Page, body: dict[str, Any] | None = None) -> str:
    found: str = await page.evaluate(QUEUE, [body or pothole(), "Pothole, W1"])
    return found


async def items(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await page.evaluate("Outbox.items()")
    return found


async def states(page: Page) -> list[str]:
    return [each["state"] for each in await items(page)]


async def sent(page: Page, number: int = 1, within_s: float = 40) -> list[dict[str, Any]]:
    """The reports, once this many are sent."""

    async def probe() -> bool:
        return (await states(page)).count("sent") == number

    await until(probe, f"{number} sent", within_s)
    return await items(page)


async def count(owner: Connection, table: str = "report") -> int:
    [(found,)] = await (await owner.execute(f"select count(*) from {table}")).fetchall()
    return int(found)


async def photos_of_reports(owner: Connection) -> int:
    statement = "select count(*) from photo where report_id is not null"
    [(found,)] = await (await owner.execute(statement)).fetchall()
    return int(found)


# Sent once


async def test_written_without_signal_and_sent_after_the_browser_was_closed(phone, owner):
    page = await phone.open()
    await phone.ready(page)
    await phone.offline(True)
    await page.reload()  # from the worker's cache
    assert await page.locator("#report").count() == 1
    await page.evaluate("Outbox.draft.save({description: 'By the gate'})")
    await add(page, photographed())
    await add(page, noisy(400, 300))
    await queue(page)
    assert await states(page) == ["waiting"]
    await phone.close()

    page = await phone.open(offline=True)
    assert await page.locator("#report").count() == 1
    assert (await states(page))[0] in {"waiting", "sending"}
    assert await count(owner) == 0
    await phone.offline(False)
    [report] = await sent(page)
    assert await count(owner) == 1
    assert await photos_of_reports(owner) == 2
    assert report["answer"]["reference"].startswith("KB-")
    assert report["answer"]["team"]["name"] == "Highways"
    # It is this browser's own: the page shows the whole of it, by the cookie.
    await page.goto(f"{phone.url}/r/{report['answer']['reference']}")
    assert await page.locator("text=What has happened").count() == 1


async def test_answers_that_are_lost_make_no_second_report(phone, tunnel, owner):
    page = await phone.open()
    tunnel.lose = 2
    await queue(page)
    await sent(page)
    assert tunnel.seen == 3
    assert await count(owner) == 1


async def test_two_tabs_send_one_report(phone, tunnel, owner):
    page = await phone.open()
    other = await phone.another()
    tunnel.cut()
    await queue(page)
    tunnel.mend()
    await asyncio.gather(*(each.evaluate("void Outbox.flush()") for each in (page, other)))
    await sent(page)
    await sent(other)
    assert tunnel.seen == 1
    assert await count(owner) == 1


async def test_pressing_send_twice_is_sending_once(phone, owner):
    page = await phone.open()
    await page.evaluate("Outbox.draft.save({description: 'twice'})")
    both = await page.evaluate(
        "body => Promise.all([Outbox.queue(body, {}), Outbox.queue(body, {})])", pothole()
    )
    assert both[0] == both[1]
    await sent(page)
    assert await count(owner) == 1
    # What is written afterwards is another one.
    await page.evaluate("Outbox.draft.save({description: 'another'})")
    await queue(page)
    await sent(page, 2)
    assert await count(owner) == 2


async def registration(page: Page, context: BrowserContext) -> tuple[Any, str]:
    """The debugger's session, and its name for our worker."""
    cdp = await context.new_cdp_session(page)
    names: list[str] = []

    def updated(event: dict[str, Any]) -> None:
        names.extend(
            each["registrationId"] for each in event["registrations"] if not each["isDeleted"]
        )

    cdp.on("ServiceWorker.workerRegistrationUpdated", updated)
    await cdp.send("ServiceWorker.enable")
    await until(lambda: names, "the worker's registration")
    return cdp, names[-1]


async def test_the_worker_alone_sends_it_and_twice_is_once(phone, tunnel, owner):
    page = await phone.open()
    await phone.ready(page)
    tunnel.cut()
    await add(page, photographed())
    await queue(page)
    await page.close()
    tunnel.mend()
    page = await phone.another("/static/icon.svg")  # where none of our scripts runs
    assert await count(owner) == 0
    cdp, name = await registration(page, phone.context)
    for _ in range(2):
        await cdp.send(
            "ServiceWorker.dispatchSyncEvent",
            {"origin": phone.url, "registrationId": name, "tag": "outbox", "lastChance": False},
        )
    await until(lambda: count(owner), "the worker sent it", 40)
    await asyncio.sleep(1)
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)
