"""Signing in at the council's identity provider in a real browser: cookies, policy, the tablet."""

from fastapi import FastAPI
from playwright.async_api import Browser, expect

from reporting.oidc.provider import CALLBACK, Provider
from reporting.runtime import Connection
from tests.support.browser import PATIENCE_MS, Trouble, axe
from tests.support.county import County
from tests.support.people import People
from tests.support.provider import liar


async def test_a_crew_signs_in_elsewhere_and_is_back_on_its_page(
    app: FastAPI, site: str, browser: Browser, county: County, owner: Connection
) -> None:
    await People(county).crew()
    await owner.execute("update staff set email = 'ann@x.example'")
    await owner.execute("delete from staff_token")
    with liar() as provider:
        app.state.provider = Provider(
            issuer=provider.issuer,
            client_id="kerbline",
            client_secret=None,
            name="Shire ID",
            redirect_uri=site + CALLBACK,
        )
        for way, end in (("/crew/sign-in", "/crew"), ("/console/sign-in", "/console")):
            context = await browser.new_context(viewport={"width": 320, "height": 800})
            trouble = Trouble()
            trouble.watch_all(context, site)
            page = await context.new_page()
            await page.goto(site + way)
            link = page.get_by_role("link", name="Sign in with Shire ID")
            if end == "/crew":
                await page.wait_for_function(
                    "() => document.querySelector('[data-sign-in-elsewhere]').search"
                    ".includes('tablet=')",
                    timeout=PATIENCE_MS,
                )
            # Nobody's work waits here, and nothing is said of it.
            await expect(page.locator("#others")).to_be_hidden()
            box = await link.bounding_box()
            assert box is not None
            assert box["height"] >= (56 if end == "/crew" else 44)
            assert await axe(page) == []
            await link.click()
            await expect(page).to_have_url(site + end)
            cursor = await owner.execute(
                "select tablet is not null, name like 'Chrome on %' from staff_token"
                " order by created_at desc limit 1"
            )
            assert await cursor.fetchone() == (end == "/crew", True)
            assert trouble.refused == []
            assert all(url.startswith(provider.issuer) for url in trouble.elsewhere)
            await context.close()
