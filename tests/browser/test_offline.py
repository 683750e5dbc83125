"""Reports written without signal: kept over reload and restart, sent by themselves, and once.

Most of these speak to ``Outbox`` on the page, which is what the form does. What a page evaluates
here goes by the debugger's protocol, so that the page's own policy stays as strict as it is.
"""

import asyncio
import json
import re
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from reporting.errors import Unavailable
from reporting.images.headers import HEIC
from reporting.runtime import Connection
from reporting.web.pages import home, shell
from reporting.web.pages.static import VERSION, packed
from tests.browser.test_flow import Flow
from tests.reporting.test_reports import pothole
from tests.support.badnet import badnet
from tests.support.browser import CHROMIUM, CHROMIUM_OPTIONS, Trouble, axe
from tests.support.county import County, inside
from tests.support.line import Line, line
from tests.support.pictures import encoded, noisy, picture
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
#: What a browser says of a line that was cut: of the map, of the worker's script, of a module.
NO_SIGNAL = re.compile(
    r"^Pn$|/vendor/maplibre|when fetching the script|Failed to fetch dynamically"
)
IN_CONTROL = "() => Boolean(navigator.serviceWorker.controller)"
CACHED = """async () => {
  const names = await caches.keys();
  const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return kept.flat().map((request) => request.url);
}"""


@dataclass
class Phone:
    """A browser with what it keeps to itself."""

    browser: Browser
    folder: Path
    url: str
    trouble: Trouble = field(default_factory=Trouble)
    context: BrowserContext | None = None
    #: It can be closed and opened again, and has all it had: a process of its own, each time.
    lasting: bool = True

    async def open(self, path: str = "/", *, offline: bool = False) -> Page:
        permissions = ["notifications"]
        if self.lasting:
            self.context = await self.browser.browser_type.launch_persistent_context(
                str(self.folder),
                executable_path=str(CHROMIUM),
                args=CHROMIUM_OPTIONS,
                headless=True,
                permissions=permissions,
            )
        else:
            self.context = await self.browser.new_context(permissions=permissions)
        self.trouble.watch_all(self.context, self.url)
        pages = self.context.pages
        page = pages[0] if pages else await self.context.new_page()
        if pages:
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
    found = Phone(browser, tmp_path / "profile", site, lasting=False)
    yield found
    await found.close()
    assert [each for each in found.trouble.refused if not NO_SIGNAL.search(each)] == []
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


async def refused(page: Page, data: bytes) -> str:
    """By which code a photo is not taken."""
    script = f"(photo) => ({ADD})(photo).catch((error) => error.code)"
    found: str = await page.evaluate(script, ["photo.jpg", b64encode(data).decode()])
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


@pytest.mark.long
async def test_written_without_signal_and_sent_after_the_browser_was_closed(phone, owner):
    phone.lasting = True
    page = await phone.open()
    await phone.ready(page)
    await phone.offline(True)
    await page.reload()  # from the worker's cache
    await expect(page.locator("#report")).to_have_count(1)
    await page.evaluate("Outbox.draft.save({description: 'By the gate'})")
    await add(page, photographed())
    await add(page, noisy(400, 300))
    await queue(page)
    assert await states(page) == ["waiting"]
    await phone.close()

    page = await phone.open(offline=True)
    await expect(page.locator("#report")).to_have_count(1)
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
    await expect(page.locator("text=What has happened")).to_have_count(1)


async def test_the_form_is_filled_in_and_sent_without_signal_over_two_restarts(phone, owner):
    """As a resident does it: photos and place, the phone dies; the rest, and it dies again."""
    phone.lasting = True
    page = await phone.open()
    await phone.ready(page)
    await phone.close()

    flow = await offline_flow(phone)
    await flow.photo(encoded(picture(800, 600)), encoded(picture(700, 600)))
    await flow.on()
    await flow.at("place")
    await flow.placed(inside("W1"))
    await flow.on()
    await flow.at("category")
    saved = "Outbox.draft.load().then((draft) => draft.fields.lat)"
    await until(lambda: flow.page.evaluate(saved), "the place was kept")
    await phone.close()

    flow = await offline_flow(phone)
    await flow.at("photo")
    await expect(flow.page.locator("#previews li")).to_have_count(2)
    await flow.on()
    await flow.at("place")  # as it was left
    await flow.on()
    await flow.at("category")
    await flow.choose()
    await flow.on()
    await flow.at("pothole-where")
    await flow.answer("In the road", "Deeper than", "Wider than")
    await flow.at("words")
    await flow.page.fill("#description", "By the school gate.")
    await flow.on()
    await flow.at("contact")
    await flow.on()
    await flow.at("check")
    await flow.page.locator("#send").click()
    await flow.page.locator("text=There is no signal").first.wait_for()
    assert await count(owner) == 0
    await phone.close()

    page = await phone.open()
    await sent(page)
    assert (await count(owner), await photos_of_reports(owner)) == (1, 2)
    row = await owner.execute("select description from report_words")
    assert await row.fetchall() == [("By the school gate.",)]


async def offline_flow(phone: Phone) -> Flow:
    page = await phone.open(offline=True)
    assert phone.context
    flow = Flow(page, phone.context, phone.trouble, phone.url)
    await until(lambda: flow.has("is-flowing"), "the scripts have begun")
    return flow


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


async def test_begun_as_nobody_it_stays_nobody_s_until_it_is_answered(phone, tunnel, owner):
    """A browser that became a device meanwhile is another sender: its repeat would be another."""
    page = await phone.open()
    await page.route("**/browser", lambda route: route.fulfill(status=429))
    tunnel.lose = 1
    await add(page, photographed())
    await queue(page)
    await until(lambda: tunnel.seen, "the first answer was lost")
    await page.evaluate("fetch('/browser', {method: 'POST'})")
    await page.unroute("**/browser")
    await page.evaluate("fetch('/browser', {method: 'POST'})")
    [report] = await sent(page)
    assert tunnel.seen == 2
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)
    # And yet this browser is its reporter: it opened the report's link.
    assert phone.context
    names = {each["name"] for each in await phone.context.cookies()}
    assert f"report-{report['answer']['reference']}" in names


@pytest.mark.long
async def test_an_answer_that_is_not_ours_is_no_answer(phone, owner):
    """A café's log-in page answers everything with 200."""
    page = await phone.open()
    portal = {"status": 200, "content_type": "text/html", "body": "<h1>Welcome</h1>"}
    asked = 0

    async def answer(route) -> None:
        nonlocal asked
        asked += 1
        await route.fulfill(**portal)

    await page.route("**/v1/reports", answer)
    await queue(page)
    await until(lambda: asked, "it was tried")
    await asyncio.sleep(0.2)
    assert set(await states(page)) <= {"waiting", "sending"}
    await page.unroute("**/v1/reports")
    await sent(page)
    assert await count(owner) == 1


@pytest.mark.long
async def test_a_clock_that_is_wrong_by_hours_stops_nothing(phone, owner):
    page = await phone.open("/static/icon.svg")
    ahead = 5 * 3600 * 1000
    await page.context.add_init_script(
        f"{{ const now = Date.now; const D = Date; Date.now = () => now() + {ahead};"
        f" self.Date = class extends D {{ constructor(...a) {{ a.length ? super(...a) :"
        f" super(now() + {ahead}); }} static now() {{ return now() + {ahead}; }} }} }}"
    )
    await page.goto(phone.url)
    assert (await page.evaluate("Date.now()")) - (await page.evaluate("performance.now()")) > 0
    await queue(page)
    await sent(page)
    statement = "select abs(extract(epoch from now() - observed_at)) from report"
    [(off,)] = await (await owner.execute(statement)).fetchall()
    assert off < 60


@pytest.mark.long
async def test_over_a_limit_it_waits_and_says_how_to_go_sooner(phone, owner):
    page = await phone.open()
    problem = {"type": "/problems/confirm-by-email", "title": "Confirm by email", "status": 429}
    body = {**problem, "code": "confirm-by-email", "detail": "Add your e-mail address."}
    asked = 0

    async def limited(route) -> None:
        nonlocal asked
        asked += 1
        media_type, headers = "application/problem+json", {"Retry-After": "600"}
        await route.fulfill(
            status=429, body=json.dumps(body), content_type=media_type, headers=headers
        )

    await page.route("**/v1/reports", limited)
    await page.evaluate("Outbox.draft.save({description: 'storm'})")
    await queue(page)
    await page.locator("#queue >> text=Add your e-mail address.").wait_for()
    assert await states(page) == ["waiting"]
    for _ in range(3):
        await page.evaluate("Outbox.flush()")
    assert asked == 1  # not before the time that was told
    await page.unroute("**/v1/reports")
    async with page.expect_navigation():
        await page.click("#queue >> text=Change and send again")
    draft = await until(lambda: page.evaluate("Outbox.draft.load()"), "the draft is back")
    assert draft["fields"] == {"description": "storm"}
    await queue(page)
    await sent(page)
    assert await count(owner) == 1


# Kept


async def test_a_draft_with_photos_survives_reload_and_restart(phone, owner):
    phone.lasting = True
    page = await phone.open()
    fields = {"description": "Tŷ coch", "step": "words"}
    await page.evaluate("fields => Outbox.draft.save(fields)", fields)
    await add(page, photographed(), "one.jpg")
    gone = await add(page, noisy(300, 200), "two.jpg")
    await page.evaluate("id => Outbox.draft.removePhoto(id)", gone["id"])

    async def same(page: Page) -> None:
        found = await page.evaluate("Outbox.draft.load()")
        assert found["fields"] == fields
        [photo] = found["photos"]
        assert photo["name"] == "one.jpg"
        size = await page.evaluate(
            """async (url) => {
              const image = new Image();
              image.src = url;
              await image.decode();
              return [image.naturalWidth, image.naturalHeight];
            }""",
            photo["url"],
        )
        assert size == [640, 480]

    await page.reload()
    await same(page)
    await phone.close()
    page = await phone.open()
    await same(page)
    assert await count(owner) == 0


async def test_a_photo_taken_away_comes_back_by_undo(phone):
    page = await phone.open()
    one = await add(page, photographed())
    await page.evaluate("id => Outbox.draft.removePhoto(id)", one["id"])
    assert (await page.evaluate("Outbox.draft.load()"))["photos"] == []
    await page.evaluate("id => Outbox.draft.restorePhoto(id)", one["id"])
    assert len((await page.evaluate("Outbox.draft.load()"))["photos"]) == 1


@pytest.mark.long
async def test_two_tabs_write_two_drafts(phone):
    page = await phone.open()
    await page.evaluate("Outbox.draft.save({description: 'first'})")
    other = await phone.another()
    assert await other.evaluate("Outbox.draft.load()") is None
    await other.evaluate("Outbox.draft.save({description: 'second'})")
    await page.reload()
    assert (await page.evaluate("Outbox.draft.load()"))["fields"] == {"description": "first"}


async def test_what_is_refused_keeps_everything_and_can_be_sent_again(phone, owner):
    page = await phone.open()
    fields = {"description": "In the sea", "lat": 50}
    await page.evaluate("fields => Outbox.draft.save(fields)", fields)
    await add(page, photographed())
    there = {"lat": 50.0, "lng": -3.0}
    await queue(page, {**pothole(), "location": there, "description": "In the sea"})
    await until(lambda: states_are(page, ["refused"]), "it was refused")
    [refused] = await items(page)
    assert refused["problem"]["code"] == "outside-coverage"
    assert refused["problem"]["status"] == 422
    assert "outside every council" in refused["problem"]["detail"]
    await expect(page.locator("#queue li.refused")).to_have_count(1)
    async with page.expect_navigation():
        await page.click("#queue >> text=Change and send again")
    found = await until(lambda: page.evaluate("Outbox.draft.load()"), "the draft is back")
    assert found["fields"] == fields
    assert len(found["photos"]) == 1
    await queue(page, pothole())
    await sent(page)
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)


async def states_are(page: Page, expected: list[str]) -> bool:
    return await states(page) == expected


@pytest.mark.long
async def test_what_was_discarded_is_not_sent_unless_it_is_taken_back(phone, tunnel, owner):
    page = await phone.open()
    await phone.ready(page)
    tunnel.cut()
    await queue(page)
    await page.click("#queue >> text=Discard")
    await expect(page.locator("#queue >> text=Undo")).to_be_focused()
    tunnel.mend()
    await page.evaluate("Outbox.flush()")
    assert await items(page) == []
    await page.click("#queue >> text=Undo")
    await sent(page)
    assert await count(owner) == 1


@pytest.mark.long
async def test_photos_that_the_server_forgot_are_sent_anew(phone, owner):
    """A draft may lie for longer than the server keeps photos of nobody."""
    page = await phone.open()
    await add(page, photographed())

    async def early() -> bool:
        return await count(owner, "photo") == 1

    await until(early, "the photo went while the form was being filled in")
    await until(
        lambda: page.evaluate("Outbox.draft.load().then((d) => d.photos[0].progress === 1)")
    )
    await owner.execute("delete from photo")
    await queue(page)
    await sent(page)
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)


async def test_a_browser_that_keeps_nothing_sends_all_the_same_and_says_so(
    browser, county, site, owner
):
    context = await browser.new_context(service_workers="block")
    await context.add_init_script(
        "IDBFactory.prototype.open = () => { throw new DOMException('', 'SecurityError'); }"
    )
    page = await context.new_page()
    await page.goto(site)
    await page.locator("#bar-forgetful").wait_for()
    assert await page.evaluate("Outbox.keeps") is False
    await add(page, photographed())
    await queue(page)
    await sent(page)
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)
    await context.close()


async def test_a_photo_for_which_there_is_no_room_is_refused_and_said(phone):
    page = await phone.open()
    cdp = await phone.context.new_cdp_session(page)
    await cdp.send("Storage.overrideQuotaForOrigin", {"origin": phone.url, "quotaSize": 40_000})
    assert await refused(page, noisy(900, 900)) == "storage-full"
    assert await page.evaluate("Outbox.draft.load()") is None


async def test_no_secret_is_where_scripts_can_read_it(phone, owner):
    page = await phone.open()
    await phone.ready(page)
    await page.evaluate("Outbox.draft.save({description: 'secret'})")
    await add(page, photographed())
    await queue(page)
    await sent(page)
    kept = await page.evaluate(DUMP)
    assert "KB-" in kept  # it is what we looked for
    assert not re.search(r"kb[dtsk]_", kept)
    assert await page.evaluate("document.cookie") == ""
    assert "secret" not in kept  # and what was typed went with it
    assert await page.evaluate("indexedDB.databases().then((all) => all.length)") == 1


# Photos


async def test_the_photo_is_shrunk_and_its_file_s_words_stay_here(phone, owner, settings):
    page = await phone.open()
    found = await add(page, photographed(4000, 3000))
    assert found["position"] == {"lat": pytest.approx(52.01), "lng": pytest.approx(-0.99)}
    assert found["taken_at"] == "2026-11-20T14:03:05"
    await queue(page)
    await sent(page)
    row = await owner.execute("select object_key, width, height, media_type from photo")
    [(key, width, height, media_type)] = await row.fetchall()
    assert (width, height, media_type) == (1920, 1440, "image/jpeg")
    data = b"".join(
        each.read_bytes() for each in Path(settings.photo_store).rglob("*") if each.is_file()
    )
    assert len(data) > 10_000, key
    assert b"MARKER-IN-EXIF" not in data
    assert b"Exif" not in data


@pytest.mark.long
async def test_a_photo_held_sideways_is_sent_upright(phone, owner, settings):
    page = await phone.open()
    exif = Image.Exif()
    exif[0x0112] = 6
    out = BytesIO()
    Image.new("RGB", (400, 200), "red").save(out, "JPEG", exif=exif)
    await add(page, out.getvalue())
    await queue(page)
    await sent(page)
    [size] = await (await owner.execute("select width, height from photo")).fetchall()
    assert size == (200, 400)


async def test_what_this_browser_cannot_open_goes_as_it_is(phone, owner):
    page = await phone.open()
    heic = encoded(picture(400, 300), HEIC)
    await add(page, heic, "IMG_1.HEIC")
    await queue(page)
    await sent(page)
    [found] = await (await owner.execute("select media_type, bytes from photo")).fetchall()
    assert found == (HEIC, len(heic))


async def test_what_is_no_picture_is_told_at_once(phone):
    page = await phone.open()
    assert await refused(page, b"%PDF-1.7 and so on") == "not-a-picture"
    for _ in range(3):
        await add(page, noisy(60, 40))
    assert await refused(page, noisy(60, 40)) == "photos-too-many"


async def timed(page: Page, data: bytes, name: str) -> float:
    """Seconds from the choice of the photo until the report is in."""
    began = time.monotonic()
    await add(page, data, name)
    await queue(page)
    await sent(page, within_s=120)
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.parametrize("kind", ["shrunk", "original"])
async def test_a_photo_arrives_over_a_line_that_is_cut_every_700_kb(phone, site, owner, kind):
    data = noisy(4100, 3100)
    assert 5e6 < len(data) < 6e6
    async with badnet(site) as net:
        phone.url = net.url
        page = await phone.open("/static/icon.svg")
        if kind == "original":  # a format that the browser cannot open
            await page.context.add_init_script("self.createImageBitmap = () => Promise.reject()")
        await page.goto(net.url)
        await page.wait_for_load_state("networkidle")
        before = net.cuts
        took = await timed(page, data, "photo.jpg")
        [(length,)] = await (await owner.execute("select bytes from photo")).fetchall()
        print(
            f"{kind}: {len(data) / 1e6:.2f} MB, sent {length / 1e6:.2f} MB in {took:.1f} s, "
            f"{net.cuts - before} cuts"
        )
        await phone.close()
    assert (await count(owner), await photos_of_reports(owner)) == (1, 1)
    if kind == "original":
        assert length == len(data)
        assert net.cuts - before >= 2


# Pages without signal


@pytest.mark.long
async def test_other_pages_say_that_there_is_no_signal_in_the_reader_s_language(phone):
    page = await phone.open()
    await phone.ready(page)
    await phone.offline(True)
    await page.goto(f"{phone.url}/r/KB-7F3K9Q")
    await expect(page.locator("h1")).to_have_text("There is no signal here")
    await page.goto(f"{phone.url}/?lang=cy")
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    await expect(page.locator("#report")).to_have_count(1)


@pytest.mark.long
async def test_the_page_is_kept_in_the_language_it_was_last_read_in(phone):
    page = await phone.open()
    await phone.ready(page)
    await page.goto(f"{phone.url}/?lang=cy")
    await phone.offline(True)
    await page.goto(phone.url)
    await expect(page.locator("html")).to_have_attribute("lang", "cy")
    await page.goto(f"{phone.url}/r/KB-7F3K9Q")
    await expect(page.locator("html")).to_have_attribute("lang", "cy")


async def test_nothing_of_the_api_is_kept(phone, owner):
    page = await phone.open()
    await phone.ready(page)
    await queue(page)
    [report] = await sent(page)
    await page.goto(f"{phone.url}/r/{report['answer']['reference']}")
    await page.goto(phone.url)
    kept = [urlsplit(each).path for each in await page.evaluate(CACHED)]
    assert kept
    assert all(each in {"/", "/offline"} or each.startswith("/static/") for each in kept), kept


@pytest.mark.long
async def test_a_new_version_is_offered_and_taken_when_asked_for(phone, monkeypatch):
    page = await phone.open()
    await phone.ready(page)
    newer = shell._WORKER.replace(VERSION.encode(), b"another", 1)
    monkeypatch.setattr(shell, "_WORKER", newer)
    monkeypatch.setattr(shell, "_WORKER_PACKED", packed(newer))
    await page.evaluate("navigator.serviceWorker.ready.then((found) => found.update())")
    await page.locator("#bar-newer button").wait_for()
    async with page.expect_navigation():
        await page.click("#bar-newer button")

    async def kept() -> bool:
        names = await page.evaluate("caches.keys()")
        return "kerbline-another" in names and f"kerbline-{VERSION}" not in names

    await until(kept, "the old version has gone")
    await expect(page.locator("#bar-newer")).to_have_count(0)


async def test_a_phone_can_install_it(phone):
    page = await phone.open()
    await phone.ready(page)
    cdp = await phone.context.new_cdp_session(page)
    found = await cdp.send("Page.getAppManifest")
    assert found["errors"] == []
    manifest = json.loads(found["data"])
    assert manifest["display"] == "standalone"
    for icon in manifest["icons"]:
        answer = await page.request.get(phone.url + icon["src"])
        with Image.open(BytesIO(await answer.body())) as opened:
            assert f"{opened.width}x{opened.height}" == icon["sizes"]
    assert {each["purpose"] for each in manifest["icons"]} == {"any", "maskable"}
    errors = await cdp.send("Page.getInstallabilityErrors")
    assert [
        e["errorId"] for e in errors["installabilityErrors"] if e["errorId"] != "in-incognito"
    ] == []


# Messages


#: The worker counts what it has shown. To ask the browser again and again would lose it: what is
#: not on the screen yet when somebody asks is struck from the list of what is.
COUNT_SHOWN = """() => {
  self.shown = [];
  const show = self.registration.showNotification.bind(self.registration);
  self.registration.showNotification = async (...words) => {
    await show(...words);
    self.shown.push(words[1].body);
  };
}"""
ON_THE_SCREEN = """async () => {
  const shown = await (await navigator.serviceWorker.ready).getNotifications();
  return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
}"""


async def test_a_message_is_shown_once_and_leads_to_the_report(phone):
    page = await phone.open()
    await phone.ready(page)
    cdp, name = await registration(page, phone.context)
    [worker] = phone.context.service_workers
    await worker.evaluate(COUNT_SHOWN)
    told = {
        "title": "KB-7F3K9Q",
        "body": "A crew is on it",
        "url": "/r/KB-7F3K9Q",
        "tag": "job-1",
        "update": "11111111-1111-4111-8111-111111111111",
    }

    async def deliver(message: dict[str, Any]) -> None:
        await cdp.send(
            "ServiceWorker.deliverPushMessage",
            {"origin": phone.url, "registrationId": name, "data": json.dumps(message)},
        )

    async def shown(*bodies: str) -> list[dict[str, Any]]:
        """What is on the screen, once the worker has shown these since it began."""

        async def all_of_them() -> bool:
            return len(await worker.evaluate("self.shown")) >= len(bodies)

        await until(all_of_them, f"{len(bodies)} shown")
        assert await worker.evaluate("self.shown") == list(bodies)
        return await page.evaluate(ON_THE_SCREEN)

    await deliver(told)
    expected = {key: told[key] for key in ("title", "body", "tag")}
    assert await shown("A crew is on it") == [{**expected, "data": {"url": "/r/KB-7F3K9Q"}}]
    # It was read and closed; the same one comes again, then another.
    await page.evaluate(
        "navigator.serviceWorker.ready.then(async (found) =>"
        " (await found.getNotifications()).forEach((each) => each.close()))"
    )
    await deliver(told)
    await deliver({**told, "body": "Fixed", "update": "22222222-2222-4222-8222-222222222222"})
    assert [each["body"] for each in await shown("A crew is on it", "Fixed")] == ["Fixed"]


# The list of reports


@pytest.mark.parametrize("lang", ["en", pytest.param("cy", marks=pytest.mark.long)])
async def test_the_list_of_reports_can_be_read_by_everybody(phone, tunnel, lang):
    page = await phone.open(f"/?lang={lang}")
    there = {**pothole(), "location": {"lat": 50.0, "lng": -3.0}}
    await queue(page, there)
    await until(lambda: states_are(page, ["refused"]), "it was refused")
    await page.evaluate("Outbox.draft.save({description: 'x'})")
    await queue(page)
    await until(lambda: states_are(page, ["sent", "refused"]), "it was sent")
    tunnel.cut()
    await phone.offline(True)
    await page.evaluate("Outbox.draft.save({description: 'y'})")
    await add(page, noisy(300, 200))
    await queue(page)
    await page.locator("#queue li.waiting").wait_for()
    await page.set_viewport_size({"width": 320, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await expect(page.locator("#queue li")).to_have_count(3)
    assert await axe(page) == []
    words = json.loads(await page.locator("#app-words").text_content() or "")
    await expect(page.locator("#queue")).to_contain_text(words["waiting"])


@pytest.mark.long
async def test_a_server_that_is_away_leaves_the_form(phone, monkeypatch):
    page = await phone.open()
    await phone.ready(page)

    async def broken(*_: object, **__: object) -> None:
        raise Unavailable

    monkeypatch.setattr(home, "_in_force", broken)
    await page.reload()
    await expect(page.locator("#report")).to_have_count(1)
