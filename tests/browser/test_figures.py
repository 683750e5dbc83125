"""`/console/figures` in a real browser: the API's numbers, in a table, in charts and in a file."""

import csv
import io
import os
import re

from playwright.async_api import Page, expect

from tests.browser.test_console_map import Atlas, atlas, param, told
from tests.support.browser import axe

__all__ = ["atlas"]

#: A year, so that a ward has enough fixed jobs to say a share of.
YEAR = "from=2025-11-20&to=2026-11-19"


async def shown(page: Page) -> dict[str, list[str]]:
    """Reports, jobs, fixed, open and late, by the ward's code."""
    found: dict[str, list[str]] = await page.evaluate(
        """() => {
          const heads = [...document.querySelectorAll('#table thead th')].map(h => h.innerText);
          const at = ['Reports', 'Jobs', 'Fixed', 'Open now', 'Late now']
            .map(name => heads.findIndex(head => head.replace(/[ ▲▼]+$/, '') === name));
          return Object.fromEntries([...document.querySelectorAll('#table tbody tr[data-code]')]
            .map(row => [row.dataset.code, at.map(n => row.cells[n].innerText)]));
        }"""
    )
    return found


async def test_figures_are_the_apis_and_everything_is_in_the_address(atlas: Atlas) -> None:
    """Without a script: sorting, comparing and the charts are the server's."""
    page = await atlas.open(
        f"/console/figures?{YEAR}",
        java_script_enabled=True,
        viewport={"width": 1440, "height": 900},
    )
    numbers = await shown(page)
    assert numbers == await told(page, first="2025-11-20", last="2026-11-19")
    assert numbers
    assert await axe(page) == []
    await expect(page.locator("#few")).to_contain_text("fewer jobs were fixed")
    await expect(page.locator("#table tr.few td.few").first).to_have_text("too few")
    await expect(page.get_by_role("img", name="Reports by ward")).to_be_visible()

    head = page.get_by_role("link", name="Open now")
    await head.focus()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"sort=-open"))
    await expect(page.get_by_role("columnheader", name="Open now")).to_have_attribute(
        "aria-sort", "descending"
    )
    ordered = [int(row[3]) for row in (await shown(page)).values()]
    assert ordered == sorted(ordered, reverse=True)

    await page.get_by_label("Compare with").select_option("before")
    await page.get_by_role("button", name="Show").first.click()
    await expect(page).to_have_url(param("compare", "before"))
    await expect(page.locator("#words")).to_contain_text(
        "compared with those from 20 November 2024"
    )
    await expect(page.get_by_role("link", name="Change of reports")).to_be_visible()
    await expect(page).to_have_url(re.compile(r"sort=-open"))

    async with page.expect_download() as waiting:
        await page.get_by_role("link", name="Take this table as CSV").click()
    file = await (await waiting.value).path()
    lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    in_file = {
        line["code"]: [f"{int(line[column]):,}" for column in COLUMNS]
        for line in lines
        if line["code"]
    }
    assert in_file == await shown(page)
    assert [line["name"] for line in lines][-1] == "All"

    await page.get_by_label("Row by row").select_option("month")
    await page.get_by_role("button", name="Show").first.click()
    await expect(page.get_by_role("rowheader", name="November 2025 (part)")).to_be_visible()
    await expect(page.locator("svg.columns").first).to_be_visible()
    assert await axe(page) == []
    await picture(page, "figures-month-1440")
    await page.go_back()
    await expect(page).to_have_url(param("group_by", "ward"))

    # At 200 % of a desk's screen nothing but the tables is wider than the page.
    await page.set_viewport_size({"width": 640, "height": 800})
    wide = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert await page.evaluate(wide)
    await page.emulate_media(media="print")
    await expect(page.locator(".figures-ask")).to_be_hidden()
    await expect(page.locator("#table table")).to_be_visible()


COLUMNS = ("reports", "jobs", "fixed", "open", "overdue")


async def picture(page: Page, name: str) -> None:
    """For whoever wants to look: KERBLINE_PICTURES names a folder."""
    if folder := os.environ.get("KERBLINE_PICTURES"):
        await page.screenshot(path=f"{folder}/{name}.png", full_page=True)


async def test_without_a_script_and_with_what_cannot_be_shown(atlas: Atlas) -> None:
    page = await atlas.open(
        f"/console/figures?{YEAR}&compare=before", viewport={"width": 1440, "height": 900}
    )
    await picture(page, "figures-1440")
    await page.set_viewport_size({"width": 1024, "height": 768})
    await picture(page, "figures-1024")
    answer = await page.goto(f"{atlas.site}/console/figures?from=2099-01-01")
    assert answer is not None
    assert answer.status == 422
    await expect(page.get_by_role("alert")).to_contain_text("has not been")
    await expect(page.locator("#table tbody tr")).not_to_have_count(0)
    plain = await atlas.browser.new_context(
        java_script_enabled=False, storage_state=await atlas.contexts[-1].storage_state()
    )
    atlas.contexts.append(plain)
    bare = await plain.new_page()
    await bare.goto(f"{atlas.site}/console/figures?{YEAR}&sort=name")
    await bare.get_by_role("link", name="Reports", exact=True).click()
    await expect(bare).to_have_url(re.compile("[?&]sort=-reports"))
    await expect(bare.locator("svg.chart")).to_have_count(2)
