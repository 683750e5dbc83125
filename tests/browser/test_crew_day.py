"""A crew's morning by the page alone: with signal, without it, and with it again."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from playwright.async_api import Browser, Locator, Page, expect
from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from geo.tiles import Tile
from reporting.queries import tiles
from reporting.runtime import Connection
from tests.browser.test_offline import IN_CONTROL, NO_SIGNAL, Phone, photographed
from tests.reporting.test_reports import pothole
from tests.reporting.test_tiles import tile_of
from tests.support.browser import axe
from tests.support.county import SIDE, County, inside
from tests.support.desk import PASSWORD, Desk
from tests.support.people import People, job_of, report
from tests.support.prints import Prints
from tests.support.until import until

#: A degree of latitude is 111 km: 22 m are one stop, and too far to be one hole.
NEXT_TO = 0.0002 / SIDE
WAIT = 30_000
#: What is smaller than a finger in a glove; a label counts with what it is on.
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary, label")]
  .filter((each) => each.checkVisibility() && !each.closest(".skip, .maplibregl-ctrl")
    && !(each.matches("label") && each.nextElementSibling?.nextElementSibling?.matches("textarea")))
  .map((each) => [each.textContent.trim() || each.id, each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 55.5 || box.height < 55.5))
  .map(([words, box]) => `${words}: ${box.width} x ${box.height}`)"""
#: Buttons of the view that lie closer together than a glove can tell apart.
CLOSE = """() => {
  const boxes = [...document.querySelectorAll("main button, main a.button")]
    .filter((each) => each.checkVisibility() && !each.closest(".maplibregl-ctrl"))
    .map((each) => [each.textContent.trim(), each.getBoundingClientRect()]);
  const found = [];
  for (const [i, [one, a]] of boxes.entries()) for (const [other, b] of boxes.slice(i + 1)) {
    const gap = Math.max(b.left - a.right, a.left - b.right, b.top - a.bottom, a.top - b.bottom);
    if (gap < 11.5) found.push(`${one} | ${other}: ${gap}`);
  }
  return found;
}"""
SHEETS = {"tablet": (1024, 768), "upright": (768, 1024), "phone": (360, 740)}


@dataclass
class Day(Phone):
    """A tablet with a list of jobs on it."""

    client: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)
    jobs: dict[str, UUID] = field(default_factory=dict)
    references: dict[str, str] = field(default_factory=dict)
    photo: UUID | None = None
    #: Opened before, if it was.
    page: Page | None = None

    async def sign_in(self) -> Page:
        page = self.page or await self.open("/crew/sign-in")
        await page.get_by_label("E-mail address").fill("ann@shire.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.locator(".row")).to_have_count(len(self.jobs), timeout=WAIT)
        await until(lambda: page.evaluate(IN_CONTROL), "the worker is in control", 60)
        return page

    def row(self, page: Page, name: str) -> Locator:
        return page.locator(".row", has_text=self.references[name])

    async def enter(self, page: Page, name: str) -> None:
        await self.row(page, name).locator("a.row-link").click()
        await expect(page.locator(".job h1")).to_contain_text(self.references[name])

    async def leave(self, page: Page) -> None:
        await page.locator(".back a").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")


@pytest.fixture
async def day(
    app: FastAPI,
    client: httpx.AsyncClient,
    browser: Browser,
    county: County,
    owner: Connection,
    tmp_path: Path,
    site: str,
) -> AsyncIterator[Day]:
    desk = Desk(app)
    await desk.account("crew", name="Ann Cole", teams=("highways",))
    found = Day(browser, tmp_path / "tablet", site, client=client)
    for name, dx, dy, words in (
        ("hole", 0.2, 0.3, "Outside the bakery, as big as a bin lid."),
        ("one", 0.5, 0.5, None),
        ("two", 0.5, 0.5 + NEXT_TO, None),
        ("gone", 0.7, 0.6, None),
        ("shared", 0.8, 0.2, None),
    ):
        made = await report(client, pothole("W1", dx, dy, description=words))
        found.jobs[name] = job_of(made)
        found.references[name] = made["job"]["reference"]
        if name == "hole":
            prints = Prints(desk.runtime, owner)
            found.photo = await prints.of(made["id"], review="human_ok")
    assert len(set(found.jobs.values())) == 5
    yield found
    await found.close()
    assert [each for each in found.trouble.refused if not NO_SIGNAL.search(each)] == []
    assert found.trouble.elsewhere == []


async def looked_at(page: Page) -> None:
    """Nothing keeps anybody from using it, at any size."""
    for sheet, (width, height) in SHEETS.items():
        await page.set_viewport_size({"width": width, "height": height})
        assert await axe(page) == [], sheet
        assert await page.evaluate(SMALL_TARGETS) == [], sheet
        assert await page.evaluate(CLOSE) == [], sheet
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size({"width": 1024, "height": 768})


async def kept(page: Page, what: str, where: str) -> None:
    async def probe() -> bool:
        return bool(
            await page.evaluate("([what, where]) => CrewDb.get(where, what)", [what, where])
        )

    await until(probe, f"{what} is on the tablet", 40)


async def test_a_morning_offline(
    day: Day, owner: Connection, client: httpx.AsyncClient, county: County
) -> None:
    page = await day.sign_in()
    await expect(page.locator(".map-side")).to_have_attribute("data-map", "ready", timeout=WAIT)
    await kept(page, f"{day.photo}/small", "bytes")
    await kept(page, "areas", "bytes")
    await kept(page, "categories", "bytes")
    await looked_at(page)

    await day.offline(True)
    await page.reload()
    await expect(page.locator(".row")).to_have_count(5, timeout=WAIT)
    await expect(page.locator(".list-age")).to_contain_text("as the list was")
    await expect(page.locator(".map-side")).to_have_attribute("data-map", "ready", timeout=WAIT)
    await expect(page.locator(".map-said")).to_have_text("No streets: the lines are wards")
    await day.row(page, "gone").locator(".row-map").click()
    await expect(day.row(page, "gone")).to_have_class(re.compile("is-chosen"))

    # One is mended, with a note by a chip and a photo of after.
    await day.enter(page, "hole")
    await expect(page.get_by_text("Outside the bakery")).to_be_visible()
    await expect(page.get_by_text("How deep is it?")).to_be_visible()
    shown = page.locator(".report-part .photo img")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("each => each.decode().then(() => each.naturalWidth)") > 100
    await looked_at(page)
    await page.get_by_role("button", name="Start", exact=True).click()
    await expect(page.locator(".job-facts")).to_contain_text("You are on it")
    await page.get_by_role("button", name="Permanent repair").click()
    await page.locator("#take-after").set_input_files(
        {"name": "mended.jpg", "mimeType": "image/jpeg", "buffer": photographed()}
    )
    await expect(page.locator(".own .photo img")).to_be_visible(timeout=WAIT)
    await page.get_by_role("button", name="Done", exact=True).click()
    await expect(page.locator(".job-time")).to_contain_text("Done")
    await expect(page.locator("#note")).to_have_value("")
    await day.leave(page)
    await expect(day.row(page, "hole")).to_contain_text("waiting to be sent")

    # Two at one stop, in one tap.
    await day.enter(page, "one")
    await expect(page.get_by_role("heading", name="2 jobs at this stop")).to_be_visible()
    await looked_at(page)
    await page.get_by_role("button", name="Done at this stop: 2 jobs").click()
    await expect(page.locator(".job-time")).to_contain_text("Done")
    await day.leave(page)
    for name in ("one", "two"):
        await expect(day.row(page, name)).to_contain_text("Done – waiting to be sent")

    # One that is not there, by keys alone.
    await day.row(page, "gone").locator("a.row-link").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Can’t do …").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Can’t find it")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".job-time")).to_contain_text("not found")
    await day.leave(page)

    # One that a colleague closes meanwhile.
    await day.enter(page, "shared")
    await page.get_by_role("button", name="Done", exact=True).click()
    await day.leave(page)
    headers = await People(county).crew()
    theirs = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        "status": "closed",
        "reason": "not_ours",
    }
    path = f"/v1/jobs/{day.jobs['shared']}/updates"
    assert (await client.post(path, json=theirs, headers=headers)).status_code == 200

    await day.offline(False)

    async def arrived() -> bool:
        cursor = await owner.execute("select id, status, closed_reason from job")
        rows = {number: (status, reason) for number, status, reason in await cursor.fetchall()}
        return {name: rows[number] for name, number in day.jobs.items()} == {
            "hole": ("fixed", None),
            "one": ("fixed", None),
            "two": ("fixed", None),
            "gone": ("closed", "not_found"),
            "shared": ("closed", "not_ours"),
        }

    await until(arrived, "everything is where it belongs", 60)

    async def pictured() -> bool:
        cursor = await owner.execute(
            "select changes ->> 'photos_show' from job_update where job_id = %s",
            (day.jobs["hole"],),
        )
        return ("after",) in await cursor.fetchall()

    await until(pictured, "the photo of after is on the job", 60)
    cursor = await owner.execute(
        "select note from update_words join job_update on job_update.id = update_id"
        " where job_id = %s and note is not null",
        (day.jobs["hole"],),
    )
    assert await cursor.fetchall() == [("Permanent repair",)]
    await expect(day.row(page, "shared")).to_contain_text("Needs you", timeout=WAIT)
    await expect(page.locator(".row")).to_have_count(1, timeout=WAIT)
    await day.enter(page, "shared")
    await page.locator(".job-pending a").click()
    await page.get_by_role("button", name=re.compile("theirs", re.IGNORECASE)).first.click()
    await page.goto(f"{day.url}/crew#/job/{day.jobs['shared']}")
    await expect(page.locator(".note.good")).to_contain_text("has closed this", timeout=WAIT)


async def map_file(kind: str, path: Path, owner: Connection) -> tuple[int, int, int]:
    """A map of the ground about W1, as a council gives it; and a colour that it is known by."""
    drawn, wards = BytesIO(), (228, 230, 225)
    Image.new("RGB", (256, 256), "#11aa44").save(drawn, "PNG")
    with path.open("wb") as file:
        writer = Writer(file)
        for z in range(6, 13):
            tile: Tile = tile_of("W1", z)
            body = drawn.getvalue()
            if kind == "vector":
                cursor = await owner.execute(tiles.WARDS, {**tile.parameters(), "at": None})
                [(body,)] = await cursor.fetchall()
            for x in (tile.x - 1, tile.x, tile.x + 1) if kind == "raster" else (tile.x,):
                for y in (tile.y - 1, tile.y, tile.y + 1) if kind == "raster" else (tile.y,):
                    writer.write_tile(zxy_to_tileid(z, x, y), bytes(body))
        box = {"min_lon_e7": -20_000_000, "min_lat_e7": 510_000_000}
        box |= {"max_lon_e7": 10_000_000, "max_lat_e7": 530_000_000}
        about = {
            "tile_type": TileType.MVT if kind == "vector" else TileType.PNG,
            "tile_compression": Compression.NONE,
            "center_zoom": 10,
            "center_lon_e7": -10_000_000,
            "center_lat_e7": 520_000_000,
        }
        layers = [{"id": "areas", "fields": {}}, {"id": "names", "fields": {}}]
        writer.finalize({**about, **box}, {"vector_layers": layers} if kind == "vector" else {})
    return wards if kind == "vector" else (0x11, 0xAA, 0x44)


async def seen_on_map(page: Page, colour: tuple[int, int, int]) -> bool:
    """Whether much of the map is about that colour."""
    shot = await page.locator(".map-side").screenshot()
    with Image.open(BytesIO(shot)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    if colour[0] < 100:  # a layer of pictures is paled, so that the jobs stand out
        return bool((pixels[..., 1] - pixels[..., 0] > 40).mean() > 0.3)
    return bool((np.abs(pixels - colour).max(axis=2) <= 2).mean() > 0.1)


@pytest.mark.parametrize("kind", ["vector", pytest.param("raster", marks=pytest.mark.long)])
async def test_the_councils_own_map_is_drawn_without_signal(
    day: Day, app: FastAPI, owner: Connection, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "shire.pmtiles"
    colour = await map_file(kind, path, owner)
    runtime = app.state.runtime
    settings = runtime.settings.model_copy(update={"crew_map": str(path)})
    app.state.runtime = replace(runtime, settings=settings)
    page = await day.sign_in()
    await kept(page, "map", "bytes")
    await expect(page.locator(".map-said")).to_contain_text("Map area kept", timeout=WAIT)
    path.unlink()
    await day.offline(True)
    await page.reload()
    await expect(page.locator(".map-side")).to_have_attribute("data-map", "ready", timeout=WAIT)
    await expect(page.locator(".map-said")).to_contain_text("Map area kept")
    await until(lambda: seen_on_map(page, colour), "the ground is drawn", 30)


async def test_without_webgl_the_list_says_the_same(day: Day) -> None:
    """With letters of twice the size, too."""
    day.page = page = await day.open("/crew/sign-in")
    await page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = await day.sign_in()
    await expect(page.locator(".no-map")).to_be_visible(timeout=WAIT)
    await page.set_viewport_size({"width": 640, "height": 1000})
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640
    await day.enter(page, "hole")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640
    await page.keyboard.press("Tab")
    assert await axe(page) == []


async def test_a_round_is_suggested_put_in_another_order_and_there_without_signal(
    day: Day, owner: Connection
) -> None:
    page = await day.sign_in()
    assert day.context
    await day.context.grant_permissions(["geolocation"])
    place = inside("W1", 0.1, 0.1)
    where = {"latitude": place["lat"], "longitude": place["lng"], "accuracy": 8}
    await day.context.set_geolocation(where)  # type: ignore[arg-type]
    await page.get_by_role("link", name="Round", exact=True).click()
    await expect(page.locator(".nothing")).to_be_visible()
    await page.get_by_role("button", name="Suggest a round").click()
    await expect(page.locator(".list-told")).to_have_text("Saved for the team.", timeout=60_000)
    stops = page.locator(".stop-row")
    await expect(stops).to_have_count(4)  # two of the five jobs lie at one stop
    await looked_at(page)
    first = await stops.nth(0).get_attribute("data-key")
    await stops.nth(0).locator(".down").focus()
    await page.keyboard.press("Enter")
    await expect(stops.nth(1)).to_have_attribute("data-key", first or "")
    await expect(stops.nth(1).locator(".down")).to_be_focused()

    async def saved() -> bool:
        cursor = await owner.execute("select stops from work_round")
        rows = await cursor.fetchall()
        return bool(rows) and first in str(rows[0][0][1])

    await until(saved, "the order is the team's", 30)
    await day.offline(True)
    await page.reload()
    await expect(stops.nth(1)).to_have_attribute("data-key", first or "", timeout=WAIT)
    await expect(page.locator(".list-age")).to_contain_text("made")
    await page.get_by_role("link", name="Jobs", exact=True).click()
    await page.get_by_role("button", name="Round", exact=True).click()
    await expect(page.locator(f".row[data-key='{first}'] .turn")).to_have_text("Stop 2")
