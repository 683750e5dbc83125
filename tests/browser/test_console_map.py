"""`/console/map` in a real browser: its numbers are the API's, its address is all of its state."""

import os
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Route,
    async_playwright,
    expect,
)

from reporting.counting import folding
from reporting.runtime import Connection, Runtime
from tests.browser.test_flow import HARMLESS
from tests.reporting.statistics.test_tables import a_year
from tests.support.browser import CHROMIUM, CHROMIUM_OPTIONS, Trouble, axe
from tests.support.county import County, inside
from tests.support.desk import PASSWORD, Desk
from tests.support.until import until

#: What Chromium says of drawing without a graphics card, and of what a test takes away from it.
DRAWING = ("GL Driver Message", "WebGL", "GPU")
KIND = "Pothole"
SUM_OF_SQUARES = """() => [...document.querySelectorAll('#near tr[data-n]')]
  .reduce((sum, row) => sum + Number(row.dataset.n), 0)"""
#: How often something was drawn by WebGL.
COUNT_DRAWING = """
globalThis.drawings = 0;
const { drawElements } = WebGL2RenderingContext.prototype;
WebGL2RenderingContext.prototype.drawElements = function (...given) {
  globalThis.drawings += 1;
  return drawElements.apply(this, given);
};
"""
DRAWN_IN_20_FRAMES = """async () => {
  const before = globalThis.drawings;
  for (let n = 0; n < 20; n += 1) await new Promise(requestAnimationFrame);
  return globalThis.drawings - before;
}"""
COLUMNS = ("reports", "jobs", "fixed", "open", "overdue")


@dataclass
class Atlas:
    """A year of the county's jobs, and browsers signed in as its supervisor."""

    site: str
    browser: Browser
    owner: Connection
    runtime: Runtime
    trouble: Trouble
    contexts: list[BrowserContext]

    async def open(
        self, address: str = "/console/map", *, browser: Browser | None = None, **options: Any
    ) -> Page:
        """A browser of its own, signed in by the form."""
        options = {"viewport": {"width": 1100, "height": 760}, **options}
        context = await (browser or self.browser).new_context(**options)
        self.contexts.append(context)
        self.trouble.watch_all(context, self.site)
        page = await context.new_page()
        await page.add_init_script(COUNT_DRAWING)
        await page.goto(self.site + address)
        await page.get_by_label("E-mail address").fill("jo@shire.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: "sign-in" not in url)
        return page


@pytest.fixture
async def atlas(
    app: FastAPI, client: Any, county: County, owner: Connection, browser: Browser, site: str
) -> AsyncIterator[Atlas]:
    desk = Desk(app)
    await desk.account()
    await a_year(client, owner, county, 60)
    async with desk.runtime.unit() as conn:
        await folding.fold(conn)
    found = Atlas(site, browser, owner, desk.runtime, Trouble(), [])
    yield found
    for context in found.contexts:
        await context.close()
    said = (*HARMLESS, *DRAWING)
    found.trouble.refused = [
        it for it in found.trouble.refused if not any(words in it for words in said)
    ]
    assert found.trouble == Trouble()


def rows(page: Page) -> Locator:
    return page.locator("#figures tbody tr[data-code]")


async def shown(page: Page) -> dict[str, list[str]]:
    """The numbers of the table, by the ward's code."""
    found: dict[str, list[str]] = await page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll('#figures tbody tr[data-code]')]
        .map(row => [row.dataset.code, [...row.cells].slice(2, 7).map(each => each.innerText)]))"""
    )
    return found


async def told(page: Page, **params: str) -> dict[str, list[str]]:
    """The same by the API, asked with the page's cookie."""
    names = {"first": "from", "last": "to"}
    asked = {"group_by": "ward", **{names.get(key, key): each for key, each in params.items()}}
    items = await page.evaluate(
        """asked => fetch(`/v1/statistics?${new URLSearchParams(asked)}`)
        .then(answer => answer.json()).then(({items}) => items)""",
        asked,
    )
    return {
        item["key"]["code"]: [f"{item[column]:,}" for column in COLUMNS]
        for item in items
        if item["key"]["code"]
    }


async def drawn(page: Page) -> None:
    await expect(page.locator("body")).to_have_attribute("data-map", "ready")


async def rests(page: Page) -> bool:
    drawings: int = await page.evaluate(DRAWN_IN_20_FRAMES)
    return drawings == 0 and await page.evaluate("globalThis.drawings") > 0


def param(name: str, value: str) -> re.Pattern[str]:
    return re.compile(rf"[?&]{name}={value}(&|$)")


async def test_what_is_on_the_map_is_in_the_table_and_in_the_address(atlas: Atlas) -> None:
    page = await atlas.open()
    await drawn(page)
    await expect(page).to_have_url(re.compile("from=20"))
    days = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
    assert await shown(page) == await told(page, first=days["from"], last=days["to"])
    assert await axe(page) == []
    # A map that nobody moves rests.
    await until(lambda: rests(page), "the map rests")

    await page.locator(".map-filters > summary").click()
    await page.get_by_label("All days so far").check()
    await expect(page).to_have_url(param("days", "all"))
    await expect(page.locator("#words")).to_contain_text("any day so far")
    everything = await shown(page)
    await page.get_by_label(KIND, exact=True).check()
    await expect(page).to_have_url(param("category", "pothole"))
    await expect(page.locator("#filters-n")).to_have_text("1")
    await expect(page.locator("#words")).to_contain_text(f"; {KIND}.")
    potholes = await told(page, first="2025-01-01", category="pothole")
    assert await shown(page) == potholes != everything
    assert await axe(page) == []
    await page.keyboard.press("Escape")
    await expect(page.locator(".map-filter-box")).to_be_hidden()

    await page.get_by_role("link", name="Open now").click()
    await expect(page).to_have_url(param("sort", "-open"))
    heads = page.locator("#figures thead th")
    await expect(heads.nth(5)).to_have_attribute("aria-sort", "descending")
    ordered = [int(row[3]) for row in (await shown(page)).values()]
    assert ordered == sorted(ordered, reverse=True)
    await expect(page.get_by_role("link", name="Open now")).to_be_focused()

    await rows(page).first.get_by_role("link").focus()
    await expect(page.locator("#tip")).to_contain_text("reports per km²")
    await page.keyboard.press("Enter")
    code = await rows(page).first.get_attribute("data-code")
    name = await rows(page).first.get_attribute("data-name")
    await expect(page).to_have_url(param("chosen", code or "-"))
    await expect(page.locator("#panel-name")).to_have_text(name or "-")
    await expect(page.locator("#panel-name")).to_be_focused()
    link = page.locator(".panel-jobs a").first
    await expect(link).to_have_attribute("href", re.compile("/console/jobs/[0-9a-f-]{36}"))
    assert await axe(page) == []
    same = await atlas.contexts[-1].new_page()
    await same.goto(page.url)
    await expect(same.locator("#panel-name")).to_have_text(name or "-")
    assert await shown(same) == await shown(page)
    await same.close()

    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("chosen"))
    await page.go_back()
    await expect(page.locator("#panel-name")).to_have_text(name or "-")
    for _ in range(3):  # the ward, the order, the category
        await page.go_back()
    await expect(page).not_to_have_url(re.compile("category|sort"))
    await expect(page.locator("#words")).to_contain_text("any day so far")
    assert await shown(page) == everything
    await page.locator(".map-filters > summary").click()
    await expect(page.get_by_label(KIND, exact=True)).not_to_be_checked()


async def test_thirty_days_slide_and_play_without_a_flood(atlas: Atlas) -> None:
    place = inside("W1")
    await atlas.owner.execute(
        "insert into shared_point (lat, lng, reports) values (%s, %s, 1000)",
        (place["lat"], place["lng"]),
    )
    async with atlas.runtime.unit() as conn:
        await folding.fold(conn)
    page = await atlas.open("/console/map?view=heat&days=all")
    tiles: list[str] = []
    page.on("request", lambda it: tiles.append(it.url) if "/v1/tiles/heat/" in it.url else None)
    await drawn(page)
    shared = page.locator("#near tr[data-shared]")
    await expect(shared).to_have_count(1)
    squares = page.locator("#near tr[data-n]")
    await expect(squares).not_to_have_count(0)
    heat = await page.evaluate(SUM_OF_SQUARES)
    everything = await page.locator("#figures tfoot td").nth(1).inner_text()
    alone = await shared.get_attribute("data-shared") or "0"
    assert heat + int(alone) == int(everything)
    await expect(page.locator("#panel-alone")).to_contain_text(f"{alone} of the reports have a")
    await expect(page.locator("#heat-most")).to_contain_text("Darkest here")
    await page.locator("#heat-most").scroll_into_view_if_needed()

    slide = page.get_by_role("slider")
    await slide.focus()
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await expect(page).to_have_url(re.compile("from=20"))
    await expect(slide).to_have_attribute("aria-valuetext", re.compile(r"^\d+ \w+( \d+)? to "))
    await expect(page.locator("#words")).to_contain_text("Reports that came from")
    days = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
    first, last = (datetime.fromisoformat(days[each]) for each in ("from", "to"))
    assert last - first == timedelta(days=29)
    await expect(page.locator("#near")).to_contain_text("square")
    assert await shown(page) == await told(page, first=days["from"], last=days["to"])

    tiles.clear()
    before = page.url
    await page.get_by_role("button", name="Play").click()
    await expect(page).not_to_have_url(before)
    second = page.url
    await expect(page).not_to_have_url(re.compile(re.escape(second)))
    await page.get_by_role("button", name="Stop").click()
    await expect(page.get_by_role("button", name="Play")).to_be_visible()
    # Each window's tiles are asked for by the map, and once ahead of it.
    asked = Counter(tiles)
    assert asked
    assert max(asked.values()) <= 3
    await page.go_back()
    await expect(page).to_have_url(before)
    assert await axe(page) == []

    still = await atlas.open(reduced_motion="reduce")
    await drawn(still)
    await expect(still.get_by_role("slider")).to_be_visible()
    await expect(still.get_by_role("button", name="Play")).to_be_hidden()


async def test_the_map_is_clicked_and_moved_by_keys(atlas: Atlas) -> None:
    page = await atlas.open("/console/map?days=all&at=52.0100,-0.9900,15.00")
    await drawn(page)
    canvas = page.locator("#map canvas").first
    await canvas.click()  # in its middle, which is in D1
    await expect(page).to_have_url(param("chosen", "D1"))
    await expect(page.locator('#figures tr[data-code="D1"]')).to_have_class("chosen")
    await page.keyboard.press("Escape")
    await expect(page).not_to_have_url(re.compile("chosen"))
    await expect(page.locator('#figures tr[data-code="D1"] a')).to_be_focused()

    before = page.url
    await canvas.focus()
    await page.keyboard.press("ArrowRight")
    await expect(page).not_to_have_url(before)
    await page.keyboard.press("-")
    await expect(page).to_have_url(re.compile(r"at=[^&]*%2C14\.00"))
    await page.get_by_role("button", name="All wards").click()
    await expect(page).not_to_have_url(re.compile(r"at=[^&]*%2C14\.00"))

    # A link to the points draws them at once, and each leads to its job.
    [(lat, lng)] = await (
        await atlas.owner.execute(
            "select st_y(place), st_x(place) from job where status = 'received' limit 1"
        )
    ).fetchall()
    await page.goto(f"{atlas.site}/console/map?view=points&measure=open&at={lat},{lng},16.00")
    await drawn(page)
    jobs = page.locator("#near tbody tr")
    await expect(jobs).not_to_have_count(0)
    await expect(page.locator("#map-trouble")).to_be_hidden()
    await canvas.click()
    link = page.locator("#card a").first
    await expect(link).to_be_focused()
    await expect(link).to_have_attribute("href", re.compile("/console/jobs/[0-9a-f-]{36}"))


async def test_all_but_the_map_works_without_webgl_and_without_a_script(atlas: Atlas) -> None:
    async with async_playwright() as playwright:
        flat = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=[*CHROMIUM_OPTIONS, "--disable-3d-apis"]
        )
        page = await atlas.open("/console/map?days=all", browser=flat)
        await expect(page.locator("body")).to_have_attribute("data-map", "none")
        await expect(page.get_by_role("status")).to_contain_text("tables below")
        await expect(page.locator("#plan path.step-0")).to_have_count(0)
        await page.get_by_text("Heat", exact=True).click()
        await expect(page.locator("#near tr[data-n]")).not_to_have_count(0)
        await rows(page).first.get_by_role("link").click()
        await expect(page.locator("#panel-close")).to_be_visible()
        await expect(page.locator("#plan path.chosen")).to_have_count(1)
        assert await axe(page) == []
        for context in atlas.contexts:
            await context.close()
        atlas.contexts.clear()
        await flat.close()

    plain = await atlas.open("/console/map?days=all", java_script_enabled=False)
    await expect(plain.locator("#plan path")).not_to_have_count(0)
    await expect(plain.locator("#plan text").first).to_contain_text(re.compile(r"\d"))
    await plain.get_by_text("Open jobs", exact=True).click()
    await plain.get_by_role("button", name="Show").last.click()
    await plain.wait_for_url(param("measure", "open"))
    await expect(plain.locator("#words")).to_contain_text("Jobs that are open now")
    await rows(plain).first.get_by_role("link").click()
    await plain.wait_for_url(param("chosen", ".+"))
    await expect(plain.locator(".panel-jobs a").first).to_be_visible()
    await plain.goto(atlas.site + "/console/map?from=2026-03-01&to=2026-03-30")
    await plain.get_by_role("link", name="A week later").click()
    await expect(plain.locator("#words")).to_contain_text("Reports that came from")


async def test_small_screens_paper_and_a_map_that_cannot_be_fetched(atlas: Atlas) -> None:
    async def refuse(route: Route) -> None:
        await route.abort()

    page = await atlas.open("/console/map?days=all")
    await drawn(page)
    await expect(page.locator("#map-print")).to_have_attribute("src", re.compile("^blob:"))
    for width in (1440, 1024, 768, 720, 320):  # 720: 1440 at 200 %
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KERBLINE_SHOTS"):
            await page.screenshot(path=f"{folder}/map-{width}.png", full_page=True)
    await page.set_viewport_size({"width": 1024, "height": 768})
    await page.emulate_media(media="print")
    await expect(page.locator("#map")).to_be_hidden()
    await expect(page.locator("#plan")).to_be_visible()
    await expect(page.locator("#ask")).to_be_hidden()
    await expect(page.locator("#figures-said")).to_contain_text("any day so far")
    sideways = "(() => { const it = document.querySelector('#figures .scroll');"
    assert await page.evaluate(f"{sideways} return it.scrollHeight <= it.clientHeight + 1 }})()")
    await page.emulate_media(media="screen")

    await page.route("**/v1/tiles/heat/**", refuse)
    await page.get_by_text("Heat", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("could not be fetched")
    await expect(rows(page).first).to_be_visible()
    await page.unroute("**/v1/tiles/heat/**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#map-trouble")).to_be_hidden()
    await page.route("**/v1/tiles/jobs/**", refuse)
    await page.goto(atlas.site + "/console/map?view=points&measure=open")
    await expect(page.get_by_role("status")).to_contain_text("could not be fetched")
    await page.unroute("**/v1/tiles/jobs/**")
    async with page.expect_response("**/v1/tiles/jobs/**") as answered:
        await page.get_by_role("button", name="Try again").click()
    assert (await answered.value).ok
    await expect(page.locator("#map-trouble")).to_be_hidden()
    await page.route("**/console/map/parts**", refuse)
    await page.get_by_text("Late jobs", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text("figures could not be fetched")
    await page.unroute("**/console/map/parts**")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#words")).to_contain_text("Jobs that are late now")
    await expect(page.locator("#map-trouble")).to_be_hidden()
