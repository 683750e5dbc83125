"""The report in Welsh, from the first page to the confirmation: nothing in English is left."""

import re

from playwright.async_api import Browser, expect

from tests.browser.test_flow import Flow, flow, visit
from tests.reporting.test_language import everything_said
from tests.support.browser import Trouble
from tests.support.county import County

#: A fixture of that file.
__all__ = ["flow"]

#: Every piece of text that is shown, and what is read out in its place.
TEXTS = """() => {
  const shown = (element) => element.checkVisibility({ visibilityProperty: true });
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (parent.closest("script, [lang]:not(html)") || !shown(parent)) continue;
    found.push(walk.currentNode.data);
  }
  for (const each of document.querySelectorAll("[aria-label], [title], [alt]")) {
    if (!each.closest("[lang]:not(html)") && shown(each)) {
      found.push(...["aria-label", "title", "alt"].map((name) => each.getAttribute(name) ?? ""));
    }
  }
  return [document.title, ...found].map((text) => text.trim()).filter(Boolean);
}"""


def in_english(texts: list[str]) -> list[str]:
    """Those of the texts that are English sentences of ours."""
    english = [
        re.compile(r"\{\w+\}|%\(\w+\)s".join(map(re.escape, re.split(r"\{\w+\}|%\(\w+\)s", said))))
        for said in everything_said()
        if len(said) > 3 and re.search("[a-z]{3}", said)
    ]
    return [text for text in texts if any(each.fullmatch(text) for each in english)]


async def test_no_english_is_left_in_welsh(browser: Browser, site: str, county: County):
    flow = await visit(browser, site, locale="cy-GB")
    await flow.begin()
    left: dict[str, list[str]] = {}

    async def look() -> None:
        assert await flow.page.evaluate("document.documentElement.lang") == "cy"
        left[await flow.step()] = in_english(await flow.page.evaluate(TEXTS))

    await look()
    await flow.to_what()
    await look()
    await flow.choose()
    await look()
    await flow.on()
    for name in ("where", "depth", "width"):
        await flow.at(f"pothole-{name}")
        await look()
        await flow.page.locator(".step.is-shown .option label").first.click()
        await flow.on()
    await flow.at("words")
    await look()
    await flow.on()
    await flow.page.fill("[id='contact.email']", "no address")
    await flow.on()
    await look()
    await flow.page.fill("[id='contact.email']", "")
    await flow.on()
    await flow.at("check")
    await look()
    shown = await flow.sent()
    left["sent"] = in_english(await flow.page.evaluate(TEXTS))
    assert "Diolch. Mae gennym ni." in shown
    # Names of councils, teams and wards are their own.
    assert {step: texts for step, texts in left.items() if texts} == {}
    assert flow.trouble == Trouble()
    await flow.context.close()


async def test_what_would_be_left_is_found(browser: Browser, site: str, county: County):
    """Or there would be nothing to find anywhere."""
    flow = await visit(browser, site)
    await flow.begin()
    assert "Choose from your photos" in in_english(await flow.page.evaluate(TEXTS))
    await flow.context.close()


async def test_the_language_is_switched_in_the_header(flow: Flow):
    await flow.page.get_by_role("link", name="Cymraeg").click()
    await flow.page.get_by_role("heading", name="Rhoi gwybod am broblem ar y stryd").wait_for()
    await flow.begin()
    await expect(flow.page.locator("h1")).to_contain_text("Rhoi gwybod")
