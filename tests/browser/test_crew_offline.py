"""The crews' page without signal: nothing lost, nothing doubled, nothing sent as somebody else."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect

from reporting.runtime import Connection
from tests.browser.test_offline import IN_CONTROL, NO_SIGNAL, Phone
from tests.support.browser import axe
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk
from tests.support.until import until


@pytest.fixture
async def tablet(
    app: FastAPI, browser: Browser, county: County, tmp_path: Path, site: str
) -> AsyncIterator[Phone]:
    """A crew's tablet, with an account to sign in with."""
    await Desk(app).account("crew", name="Ann Cole", teams=("highways",))
    found = Phone(browser, tmp_path / "tablet", site)
    yield found
    await found.close()
    assert [each for each in found.trouble.refused if not NO_SIGNAL.search(each)] == []
    assert found.trouble.elsewhere == []


async def sign_in(tablet: Phone, email: str = "ann@shire.example") -> Page:
    page = await tablet.open("/crew/sign-in")
    await expect(page.locator("#tablet")).to_have_value(re.compile(".{36}"))
    await page.get_by_label("E-mail address").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/crew")
    await until(lambda: page.evaluate(IN_CONTROL), "the worker is in control", 40)
    return page


async def test_smoke(tablet: Phone, owner: Connection) -> None:
    page = await sign_in(tablet)
    assert await axe(page) == []
    await tablet.offline(True)
    await page.reload()
