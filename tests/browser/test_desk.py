"""The work at a desk in a real browser: filter, change many by keyboard, merge, split, and undo."""

import os
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from reporting.runtime import Connection
from tests.browser.test_console import Office, office
from tests.reporting.test_reports import pothole
from tests.support.browser import axe
from tests.support.county import County
from tests.support.people import job_of, report

__all__ = ["office"]


async def shot(page: Page, name: str) -> None:
    """What it looks like at a desk and on a tablet, nothing wider than the screen; for eyes too."""
    for width in (1440, 768, 320):
        await page.set_viewport_size({"width": width, "height": 900})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        if folder := os.environ.get("KERBLINE_SHOTS"):
            path = Path(folder) / f"desk-{name}-{width}.png"
            await page.screenshot(path=path, full_page=True)
    await page.set_viewport_size({"width": 1440, "height": 900})


async def test_a_supervisor_s_morning(
    office: Office, client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    await county.add_team("shire", "patching")
    await county.touch()
    made = [
        await report(client, pothole("W1", 0.2 + n * 0.03, description=f"Hole {n}"))
        for n in range(3)
    ]
    late = job_of(made[0])
    await owner.execute("update job set due_at = now() - interval '2 days' where id = %s", (late,))
    page = await office.open("/console/jobs")

    # The list is filtered, and the address is the filter.
    rows = page.locator("table.jobs tbody tr")
    await expect(rows).to_have_count(4)
    await page.get_by_label("Due", exact=True).select_option(label="Late")
    await page.get_by_role("button", name="Show them").click()
    await expect(rows).to_have_count(1)
    await expect(rows.first).to_contain_text(made[0]["job"]["reference"])
    assert "due=late" in page.url
    await page.go_back()
    await expect(rows).to_have_count(4)
    assert await axe(page) == []
    await shot(page, "list")

    # Three of them by keyboard alone, to another team; and back.
    boxes = rows.locator("input[type=checkbox]")
    await boxes.first.focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Shift+Space")
    await expect(page.locator("#ticked")).to_have_text(": 3")
    await (
        page.get_by_role("group", name="With those ticked")
        .get_by_label("Team")
        .select_option("patching")
    )
    await page.get_by_role("button", name="Change them").click()
    await expect(page.locator("#outcome")).to_contain_text("3 of 3 jobs are changed")
    await expect(rows.filter(has_text="Patching")).to_have_count(3)
    await expect(page.locator("#outcome")).to_be_focused()
    assert await axe(page) == []
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#outcome")).to_contain_text("3 of 3 jobs are as they were")
    await expect(rows.filter(has_text="Patching")).to_have_count(0)

    # Two jobs are one defect: put together, and taken apart again.
    await page.goto(f"{office.site}/console/jobs/{late}")
    near = page.get_by_role("radio")
    await expect(near.first).to_be_visible()
    await shot(page, "job")
    assert await axe(page) == []
    await near.first.check()
    await page.get_by_role("button", name="Put them together").click()
    told = page.locator(".told")
    await expect(told).to_contain_text(f"{made[0]['job']['reference']} is part of this job now")
    await expect(page.locator("article.told-us")).to_have_count(2)
    await page.get_by_role("button", name="Undo").click()
    await expect(told).to_contain_text("It is a job of its own again")
    await expect(page.locator("article.told-us")).to_have_count(1)

    # Together by its reference this time; then one report is split off by a tick.
    await page.get_by_label("Or its reference").fill(made[1]["job"]["reference"].lower())
    await page.get_by_role("button", name="Put them together").click()
    await expect(page.locator("article.told-us")).to_have_count(2)
    await shot(page, "merged")
    assert await axe(page) == []
    await page.get_by_label(f"{made[0]['reference']} is about something else").check()
    await page.get_by_role("button", name="Make a job of its own").click()
    await expect(told).to_contain_text("is a job of its own now")
    await page.get_by_role("button", name="Undo").click()
    await expect(told).to_contain_text("They are one job again")

    # The job that went says where.
    await page.goto(f"{office.site}/console/jobs/{late}")
    await expect(page.locator(".told.warn")).to_contain_text(made[1]["job"]["reference"])
    assert await axe(page) == []


@pytest.mark.long
async def test_it_works_without_scripts(office: Office) -> None:
    page = await office.open("/console/jobs", java_script_enabled=False)
    await page.locator("table.jobs tbody input[type=checkbox]").first.check()
    await (
        page.get_by_role("group", name="With those ticked")
        .get_by_label("Priority")
        .select_option("P4")
    )
    await page.get_by_role("button", name="Change them").click()
    await expect(page.locator("#outcome")).to_contain_text("1 of 1 jobs are changed")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#outcome")).to_contain_text("1 of 1 jobs are as they were")
