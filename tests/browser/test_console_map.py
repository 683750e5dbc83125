"""`/console/map` in a real browser: its numbers are the API's, its address is all of its state."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
from reporting.runtime import Connection
from tests.browser.test_flow import HARMLESS
from tests.reporting.statistics.test_tables import a_year
from tests.support.browser import CHROMIUM, CHROMIUM_OPTIONS, Trouble, axe
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk

#: What Chromium says of drawing without a graphics card, and of what a test takes away from it.
DRAWING = ("GL Driver Message", "WebGL", "GPU")
KIND = "Pothole"
COLUMNS = ("reports", "jobs", "fixed", "open", "overdue")


@dataclass
class Atlas:
    """A year of the county's jobs, and browsers signed in as its supervisor."""

    site: str
    browser: Browser
    owner: Connection
    trouble: Trouble
    contexts: list[BrowserContext]

    async def open(
        self, address: str = "/console/map", *, browser: Browser | None = None, **options: Any
    ) -> Page:
        """A browser of its own, signed in by the form."""
        options = {"viewport": {"width": 1440, "height": 900}, **options}
        context = await (browser or self.browser).new_context(**options)
        self.contexts.append(context)
        self.trouble.watch_all(context, self.site)
        page = await context.new_page()
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
    found = Atlas(site, browser, owner, Trouble(), [])
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


def param(name: str, value: str) -> re.Pattern[str]:
    return re.compile(rf"[?&]{name}={value}(&|$)")


def today() -> datetime:
    return datetime.now(UTC)


async def test_what_is_on_the_map_is_in_the_table_and_in_the_address(atlas: Atlas) -> None:
    page = await atlas.open()
    await drawn(page)
    await expect(page).to_have_url(re.compile("from=20"))
    days = dict(part.split("=") for part in page.url.partition("?")[2].split("&"))
    assert await shown(page) == await told(page, first=days["from"], last=days["to"])
    assert await axe(page) == []

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
