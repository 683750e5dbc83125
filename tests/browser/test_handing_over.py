"""A supervisor hands a job over at a desk, and a contractor does it on a phone, with a photo."""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect

from tests.browser.test_flow import HARMLESS
from tests.reporting.test_reports import pothole
from tests.support.browser import Trouble, axe
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk
from tests.support.people import job_of, report
from tests.support.pictures import encoded, picture
from tests.support.prints import Prints

#: Where screenshots go, if somebody wants to look at them.
SHOTS = os.environ.get("KERBLINE_SHOTS")
PATIENCE_MS = 20_000
LINK = re.compile(r".*/handover/[\w-]{43}")


@pytest.fixture
def trouble() -> Any:
    found = Trouble()
    yield found
    found.refused = [it for it in found.refused if not any(words in it for words in HARMLESS)]
    assert found == Trouble()


@pytest.fixture
async def pages(browser: Browser, site: str, trouble: Trouble) -> AsyncIterator[Any]:
    contexts = []

    async def open_page(**options: Any) -> Page:
        context = await browser.new_context(**options)
        contexts.append(context)
        trouble.watch_all(context, site)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        return page

    yield open_page
    for context in contexts:
        await context.close()


async def shot(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def test_a_link_made_at_a_desk_is_used_on_a_phone(
    app: FastAPI, client: Any, county: County, owner: Any, site: str, pages: Any
) -> None:
    desk = Desk(app)
    await desk.account()
    made = await report(client, pothole("W1", description="Right by the zebra crossing."))
    await Prints(desk.runtime, owner).of(made["id"], review="auto_ok")
    office = await pages(viewport={"width": 1280, "height": 900})
    await office.goto(f"{site}/console")
    await office.get_by_label("E-mail address").fill("jo@shire.example")
    await office.get_by_label("Password").fill(PASSWORD)
    await office.keyboard.press("Enter")
    await office.get_by_label("Reference of a job or report").fill(made["reference"].lower())
    await shot(office, "start")
    await office.get_by_role("button", name="Find").click()
    await expect(office.get_by_role("heading", level=1)).to_contain_text("Pothole")
    assert await axe(office) == []
    await shot(office, "job")
    await office.get_by_label("To whom").fill("Mere Surfacing Ltd")
    await office.locator("#hand-message").fill("Make it safe first, please.")
    await office.get_by_role("button", name="Make the link").click()
    link = office.get_by_label("The link for Mere Surfacing Ltd")
    await expect(link).to_have_value(LINK)
    await expect(office.get_by_role("button", name="Copy the link")).to_be_visible()
    assert await axe(office) == []
    await shot(office, "job-link")
    token = (await link.input_value()).rpartition("/")[2]

    phone = await pages(viewport={"width": 360, "height": 780}, has_touch=True, is_mobile=True)
    await phone.goto(f"{site}/handover/{token}")
    await expect(phone.get_by_role("heading", level=1)).to_contain_text("Pothole")
    await expect(phone.get_by_text("Make it safe first, please.")).to_be_visible()
    await phone.locator("#cannot-title").click()
    assert await axe(phone) == []
    await shot(phone, "handover")
    width = await phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    small = await phone.evaluate(
        "[...document.querySelectorAll('main button, main .button, main summary,"
        " main label[for^=reason], main input[type=file]')]"
        ".filter(it => it.getBoundingClientRect().height < 55.5).map(it => it.outerHTML)"
    )
    assert small == []
    await phone.locator("#cannot-title").click()
    await phone.get_by_label("Photo of the finished work").set_input_files(
        {"name": "done.jpg", "mimeType": "image/jpeg", "buffer": encoded(picture(640, 480))}
    )
    await phone.get_by_label("Anything to add").fill("Filled and sealed.")
    await phone.get_by_role("button", name="Send: it is done").click()
    await expect(phone.get_by_role("heading", level=1)).to_have_text("You said that it is done")
    assert await axe(phone) == []
    await shot(phone, "handover-said")

    await office.goto(f"{site}/console/jobs/{job_of(made)}")
    await expect(office.locator(".story li").first).to_contain_text("Mere Surfacing Ltd")
    await expect(office.locator(".story li").first).to_contain_text("Filled and sealed.")
    await expect(office.locator(".title")).to_contain_text("Fixed")
    assert await axe(office) == []
    await shot(office, "job-done")
    await phone.goto(f"{site}/handover/{'A' * 43}")
    await expect(phone.get_by_role("heading", level=1)).to_have_text("This link does not work")
    assert await axe(phone) == []
    await office.set_viewport_size({"width": 320, "height": 700})
    assert await office.evaluate("document.documentElement.scrollWidth") <= 320
    await shot(office, "job-320")
