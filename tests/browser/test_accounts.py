"""Accounts in a real browser: invited, signed in, a second factor, disabled; looked at by axe."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect

from tests.support.browser import Trouble, axe
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk

NEW = "granite otter umbrella"


@pytest.fixture
async def desk(app: FastAPI, county: County) -> Desk:
    found = Desk(app)
    await found.account("admin", name="Ada Byron")
    return found


@pytest.fixture
async def trouble() -> AsyncIterator[Trouble]:
    found = Trouble()
    yield found
    assert found == Trouble()


async def looked_at(page: Page, name: str) -> None:
    """Nothing that axe finds, nothing wider than a phone; a picture for whoever asks for one."""
    assert await axe(page) == []
    folder = os.environ.get("KERBLINE_SCREENSHOTS")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    await page.set_viewport_size({"width": 320, "height": 700})
    wide = await page.evaluate("document.documentElement.scrollWidth")
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}-320.png", full_page=True)
    await page.set_viewport_size({"width": 1280, "height": 860})
    assert wide <= 320, name


async def sign_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.keyboard.press("Enter")


async def test_the_story_of_an_account(
    desk: Desk, browser: Browser, site: str, trouble: Trouble
) -> None:
    theirs = await browser.new_context(viewport={"width": 1280, "height": 860})
    own = await browser.new_context(viewport={"width": 1280, "height": 860})
    trouble.watch_all(theirs, site)
    trouble.watch_all(own, site)
    admin, new = await theirs.new_page(), await own.new_page()

    # An admin makes the account of a supervisor.
    await admin.goto(site + "/console/staff")
    await sign_in(admin, "ada@shire.example", PASSWORD)
    await expect(admin.get_by_role("heading", level=1)).to_have_text("Accounts")
    await admin.get_by_label("Name").fill("Jo Marsh")
    await admin.get_by_label("E-mail address").fill("jo@shire.example")
    await admin.get_by_label("Role").select_option("supervisor")
    await expect(admin.get_by_role("group", name="Teams")).to_be_hidden()
    await expect(admin.get_by_label("Wards of a supervisor")).to_be_visible()
    await looked_at(admin, "accounts")
    await admin.get_by_role("button", name="Make it").click()
    link = admin.get_by_role("textbox", name="Link")
    await expect(link).to_be_visible()
    await looked_at(admin, "invited")
    address = site + "/invitation/" + (await link.input_value()).rpartition("/")[2]

    # Jo sets a password, seeing what is typed.
    await new.goto(address)
    field = new.get_by_label("New password")
    await field.fill("password1234")
    await new.get_by_role("button", name="Set it").click()
    await expect(new.get_by_role("alert")).to_contain_text("among the first")
    await field.fill(NEW)
    await new.get_by_role("button", name="Show password").click()
    await expect(field).to_have_attribute("type", "text")
    await expect(new.get_by_role("button", name="Hide password")).to_be_visible()
    await looked_at(new, "invitation")
    await new.get_by_role("button", name="Set it").click()
    await expect(new.get_by_role("heading", level=1)).to_have_text("Sign in")
    await sign_in(new, "jo@shire.example", NEW)
    await new.get_by_role("link", name="Jo Marsh").click()

    # And adds a second factor, which the next sign-in asks for.
    begin = new.locator("form", has=new.get_by_role("button", name="Add a second factor"))
    await begin.get_by_label("Password", exact=True).fill(NEW)
    await begin.get_by_role("button", name="Add").click()
    picture = new.get_by_role("img", name="QR code")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("(it) => it.decode().then(() => it.naturalWidth)") > 100
    secret = await new.locator("code.secret").inner_text()
    await looked_at(new, "second-factor")
    step = int(datetime.now(UTC).timestamp()) // 30
    await new.get_by_label("Type the code").fill(pyotp.TOTP(secret).generate_otp(step))
    await new.get_by_role("button", name="Use it").click()
    await expect(new.get_by_role("status")).to_contain_text("asked for a code")
    await looked_at(new, "me")
    await new.get_by_role("button", name="Sign out").click()
    await sign_in(new, "jo@shire.example", NEW)
    code = new.get_by_label("Code")
    await expect(code).to_be_visible()
    await looked_at(new, "code")
    await new.get_by_label("Password", exact=True).fill(NEW)
    # A code is good once; a slow machine may be some codes further on by now.
    step = max(step + 1, int(datetime.now(UTC).timestamp()) // 30)
    await code.fill(pyotp.TOTP(secret).generate_otp(step))
    await new.keyboard.press("Enter")
    await expect(new.get_by_role("heading", level=1)).to_have_text("What waits for you")

    # Disabled: the next click leads out.
    await admin.get_by_role("link", name="Accounts", exact=True).click()
    await admin.get_by_role("link", name="Jo Marsh").click()
    await expect(admin.get_by_text("Chrome on Linux").first).to_be_visible()
    await looked_at(admin, "account")
    await admin.get_by_role("button", name="Disable").click()
    await expect(admin.get_by_role("status")).to_have_text("Disabled.")
    await new.get_by_role("link", name="Accounts", exact=True).click()
    await expect(new.get_by_role("heading", level=1)).to_have_text("Sign in")
    await theirs.close()
    await own.close()
