"""The report without JavaScript: one plain form, with photos, in a real browser."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from reporting.runtime import Connection
from tests.support.browser import axe
from tests.support.county import County
from tests.support.pictures import encoded, picture


async def plain(browser: Browser, site: str, width: int = 390) -> Page:
    context = await browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": 844}, locale="en-GB"
    )
    page = await context.new_page()
    await page.goto(f"{site}/")
    return page


async def test_a_report_with_a_photo(
    browser: Browser, site: str, county: County, owner: Connection
):
    page = await plain(browser, site)
    jpeg = {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": encoded(picture(800, 600))}
    await page.set_input_files("#photo", [jpeg])
    await page.fill("#place_text", "Outside 12 High Street")
    await page.select_option("#authority", "west")
    await page.locator("label[for=category-pothole]").click()
    await expect(page.locator(".notice", has_text="call 999").first).to_be_visible()
    # Only the questions of what was chosen are there.
    await expect(page.get_by_text("How deep is it?")).to_be_visible()
    await expect(page.get_by_text("How much is there?")).to_be_hidden()
    await page.get_by_text("In the road, where cars drive").click()
    await page.fill("#description", "A deep one.")
    await page.click("#send")
    await expect(page.locator("#faults")).to_contain_text("How deep is it?")
    await expect(page.locator("#step-photo")).to_contain_text("Photo 1 is with us")
    await expect(page.locator("#description")).to_have_value("A deep one.")
    await expect(page.locator("#place_text")).to_have_value("Outside 12 High Street")
    await page.get_by_text("Deeper than a tennis ball").click()
    await page.click("#send")
    await page.wait_for_url("**/sent/KB-*")
    shown = await page.inner_text("main")
    assert re.search(r"KB-[A-Z0-9]{6}", shown)
    assert "West Triage of West District Council" in shown
    [(photos,)] = await (
        await owner.execute("select count(*) from photo where report_id is not null")
    ).fetchall()
    assert photos == 1
    await page.context.close()


async def test_a_ward_chosen_on_the_plan(browser: Browser, site: str, county: County):
    page = await plain(browser, site)
    await page.get_by_role("link", name="Choose on a plan of the wards").click()
    # A ward on the plan is a link; only a mouse or finger finds it, so it is clicked by place.
    drawing = page.locator(".map svg.plan")
    box = await drawing.bounding_box()
    assert box is not None
    await drawing.click(position={"x": box["width"] * 0.62, "y": box["height"] * 0.5})
    await page.wait_for_url("**/?ward=east/E1*")
    await expect(page.locator("#ward")).to_have_value("east/E1")
    await page.context.close()


@pytest.mark.parametrize("width", [320, pytest.param(1280, marks=pytest.mark.long)])
async def test_the_whole_form_fits_and_is_for_everybody(
    browser: Browser, site: str, county: County, width: int
):
    # axe is a script: it looks at the same page with scripts on, and ours kept away.
    context = await browser.new_context(viewport={"width": width, "height": 800})
    page = await context.new_page()
    await page.route("**/*.{mjs,js}", lambda route: route.abort())
    await page.goto(f"{site}/")
    await expect(page.locator("#send")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert await axe(page) == []
    await context.close()


async def test_scripts_that_do_not_arrive_give_the_whole_form_back(
    browser: Browser, site: str, county: County
):
    context = await browser.new_context()
    page = await context.new_page()
    await page.route("**/flow.mjs", lambda route: route.abort())
    await page.clock.install()
    await page.goto(f"{site}/")
    await expect(page.locator("#place_text")).to_be_hidden()
    await page.clock.fast_forward(8_000)  # what a page waits for its scripts
    await page.fill("#place_text", "Outside 12 High Street")
    await context.close()
