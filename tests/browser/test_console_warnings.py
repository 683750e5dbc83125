"""`/console/warnings` in a real browser: what needs a supervisor, whose it is, and since when."""

import os
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from reporting import escalating
from reporting.runtime import Connection, Runtime
from tests.browser.test_console import Office, office
from tests.reporting.test_reports import pothole
from tests.support.browser import axe
from tests.support.people import job_of, report

__all__ = ["office"]

EMERGENCY = {"where": "crossing", "depth": "over_7cm", "width": "over_60cm"}


async def test_warnings_stand_until_somebody_acts(
    office: Office, runtime: Runtime, owner: Connection, client: object
) -> None:
    late = job_of(await report(client, pothole("W1", 0.2, answers=EMERGENCY)))
    forgotten = job_of(await report(client, pothole("W2", 0.4, answers=EMERGENCY)))
    await owner.execute("update job set due_at = now() - interval '1 day' where id = %s", (late,))
    await owner.execute(
        "update job set due_at = now() + interval '80 minutes' where id = %s", (forgotten,)
    )
    async with runtime.unit() as conn:
        rules = await runtime.router.current(conn)
        await escalating.escalate(conn, rules, by_mail=False, now=datetime.now(UTC))
    page = await office.open("/console")
    await page.get_by_role("link", name="Jobs that need you").click()
    rows = page.locator("ol.warned > li")
    await expect(rows).to_have_count(2)
    await expect(rows.first).to_contain_text("Late")
    await expect(rows.last).to_contain_text("Not started")
    await expect(rows.first).to_contain_text("Highways")
    await expect(page.get_by_role("link", name="Warnings 2 waiting")).to_have_attribute(
        "aria-current", "page"
    )
    link = rows.first.get_by_role("link")
    await expect(link).to_have_attribute("href", f"/console/jobs/{late}")
    assert await axe(page) == []
    for width in (1280, 320):
        await page.set_viewport_size({"width": width, "height": 860})
        wide = await page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
        if folder := os.environ.get("KERBLINE_SHOTS"):
            await page.screenshot(path=f"{folder}/warnings-{width}.png", full_page=True)
    await owner.execute("update job set status = 'fixed', closed_at = now()")
    await page.reload()
    await expect(page.locator("main")).to_contain_text("Nothing needs you")
    assert await axe(page) == []


@pytest.mark.long
async def test_a_crew_is_not_shown_them(office: Office) -> None:
    await office.owner.execute("update staff set role = 'auditor'")
    page = await office.open("/console")
    await expect(page.get_by_role("link", name="Warnings")).to_have_count(0)
