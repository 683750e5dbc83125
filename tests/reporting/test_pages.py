"""The pages: over HTTP as a browser without JavaScript uses them, and in a real browser."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerHour
from playwright.async_api import Browser, Page

from reporting.app import create_app
from reporting.runtime import Connection
from reporting.settings import Settings
from reporting.web import limits
from tests.support.browser import Trouble, axe
from tests.support.county import County, inside

W1 = {"ward": "west/W1"}
DEEP = {
    "category": "pothole",
    "answer.pothole.where": "cycle_lane",
    "answer.pothole.depth": "over_7cm",
}


class Elements(HTMLParser):
    """The elements of a page, with their attributes; refuses markup that browsers would repair."""

    VOID = frozenset({"input", "meta", "link", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag in {"p", "div", "ul", "ol", "h2", "section", "form"}:
            assert "p" not in self.open, f"<{tag}> inside <p>"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, attribute: str) -> set[str]:
        return {attrs[attribute] or "" for _, attrs in self.found if attribute in attrs}


def key_of(page: str) -> str:
    [key] = re.findall(r'name="key" value="([^"]+)"', page)
    return key


async def send(client: httpx.AsyncClient, **values: str) -> httpx.Response:
    return await client.post("/", data={"key": str(uuid4()), **values})


async def count(owner: Connection) -> int:
    [(number,)] = await (await owner.execute("select count(*) from report")).fetchall()
    return number


# Over HTTP


async def test_an_empty_installation_says_so_and_how_to_load(client):
    answer = await client.get("/")
    assert answer.status_code == 200
    assert "Nothing is loaded yet" in answer.text
    assert "./dev cli demo" in answer.text
    assert "<form" not in answer.text


async def test_nothing_on_a_page_comes_from_elsewhere_or_stands_inline(client, county):
    sent = await send(client, **W1, **DEEP)
    for address in ("/", sent.headers["location"], "/docs", "/r/KB-222222"):
        answer = await client.get(address)
        assert answer.headers["content-security-policy"].startswith("default-src 'none';")
        assert "unsafe" not in answer.headers["content-security-policy"]
        elements = Elements(answer.text)
        names = {name for _, attrs in elements.found for name in attrs}
        assert not {name for name in names if name.startswith("on")} | (names & {"style"})
        assert not [attrs for tag, attrs in elements.found if tag == "script" and not attrs["src"]]
        assert not [tag for tag, _ in elements.found if tag == "style"]
        loaded = [
            attrs.get("src") or attrs.get("href") or ""
            for tag, attrs in elements.found
            if tag in {"script", "link", "img"}
        ]
        assert all(each.startswith("/static/") for each in loaded)
        for each in loaded:
            assert (await client.get(each)).status_code == 200


async def test_every_label_and_every_link_within_a_page_leads_somewhere(client, county):
    for page in ((await client.get("/")).text, (await send(client)).text):
        elements = Elements(page)
        ids = elements.values("id")
        assert elements.values("for") <= ids
        assert {each[1:] for each in elements.values("href") if each.startswith("#")} <= ids
        assert elements.values("aria-describedby") <= ids


async def test_a_report_is_sent_by_a_plain_form_and_its_way_is_shown(client, county, owner):
    sent = await send(client, **W1, **DEEP, description="Cyclists swerve round it.")
    assert sent.status_code == 303
    assert "HttpOnly" in sent.headers["set-cookie"]
    shown = (await client.get(sent.headers["location"])).text
    for words in (
        "West District Council",
        "Shire County Council",
        "W1 Ward",
        "pothole in the whole of Shire County Council",
        "Highways of Shire County Council",
        "impact 4 × likelihood 3",
        "within 2 hours",
        "We have it; Highways will look at it by",
        "Cyclists swerve round it.",
    ):
        assert words in shown
    assert await count(owner) == 1


async def test_strangers_see_neither_words_nor_link(client, county):
    sent = await send(client, **W1, **DEEP, description="Outside number 7.")
    client.cookies.clear()
    shown = (await client.get(sent.headers["location"])).text
    assert "We have it" in shown
    assert "Outside number 7." not in shown
    assert "kbt_" not in shown
    assert "impact" not in shown


async def test_the_tracking_link_becomes_a_cookie_and_leaves_the_address(client, county):
    sent = await send(client, **W1, **DEEP)
    mine = (await client.get(sent.headers["location"])).text
    [link] = re.findall(r'href="http://testserver(/r/[^"]+\?t=kbt_[^"]+)"', mine)
    client.cookies.clear()
    followed = await client.get(link)
    assert followed.status_code == 303
    assert followed.headers["location"] == sent.headers["location"]
    assert "impact" in (await client.get(followed.headers["location"])).text


async def test_a_wrong_token_shows_what_everybody_sees(client, county):
    sent = await send(client, **W1, **DEEP)
    client.cookies.clear()
    for token in ("kbt_" + "x" * 43, "nonsense"):
        followed = await client.get(f"{sent.headers['location']}?t={token}")
        shown = await client.get(followed.headers["location"])
        assert shown.status_code == 200
        assert "impact" not in shown.text


async def test_what_is_missing_is_told_at_its_field_and_the_rest_is_kept(client, county, owner):
    answer = await send(client, category="pothole", description="By the school <b>")
    assert answer.status_code == 422
    assert "Where is it? Choose an answer." in answer.text
    assert "Say where it is" in answer.text
    assert "By the school &lt;b&gt;" in answer.text
    invalid = [attrs["id"] for _, attrs in Elements(answer.text).found if "aria-invalid" in attrs]
    assert invalid == ["ward", "answer.pothole.where", "answer.pothole.depth"]
    assert await count(owner) == 0


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"lat": "52.5", "lng": "-0.97"}, "outside every council"),
        ({"lat": "52.03", "lng": "-0.99"}, "The nearest is West District Council"),
        ({"lat": "-0.99", "lng": "52.01"}, "swapped"),
        ({"lat": "224000", "lng": "468000"}, "National Grid"),
        ({"lat": "nan", "lng": "-0.99"}, "in degrees"),
        ({"lat": "here", "lng": ""}, "in degrees"),
        ({"lat": "0", "lng": "0"}, "0,0"),
    ],
)
async def test_a_place_that_cannot_be_is_refused_in_words(client, county, owner, place, words):
    answer = await send(client, **place, **DEEP)
    assert answer.status_code == 422
    assert words in answer.text
    assert await count(owner) == 0


async def test_the_same_form_sent_twice_is_one_report(client, county, owner):
    form = {"key": str(uuid4()), **W1, **DEEP}
    first, again = await client.post("/", data=form), await client.post("/", data=form)
    assert first.headers["location"] == again.headers["location"]
    assert await count(owner) == 1


async def test_a_form_sent_again_with_other_words_asks_before_it_is_another_report(
    client, county, owner
):
    form = {"key": str(uuid4()), **W1, **DEEP}
    await client.post("/", data=form)
    asked = await client.post("/", data={**form, "description": "And another one."})
    assert asked.status_code == 422
    assert "was sent before" in asked.text
    assert await count(owner) == 1
    another = {**form, "description": "And another one.", "key": key_of(asked.text)}
    assert (await client.post("/", data=another)).status_code == 303
    assert await count(owner) == 2


async def test_other_sites_cannot_send_the_form(client, county, owner):
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await client.post("/", data={"key": str(uuid4()), **W1, **DEEP}, headers=headers)
    assert answer.status_code == 403
    assert await count(owner) == 0


class TestLimits:
    """The form counts with the API's reports, and says so on a page."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"limits": "on"})

    async def test_too_many_forms_from_one_address(self, client, county, monkeypatch):
        monkeypatch.setitem(limits.RATES, "reports", (RateLimitItemPerHour(1),))
        await send(client)
        answer = await send(client)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert "That did not work" in answer.text


async def test_an_unknown_reference_is_a_page_that_says_so(client, county):
    answer = await client.get("/r/KB-222222")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in answer.text


async def test_a_reference_may_be_typed_in_small_letters(client, county):
    sent = await send(client, **W1, **DEEP)
    answer = await client.get(sent.headers["location"].lower())
    assert answer.status_code == 200


async def test_without_a_database_the_page_says_so_and_when_to_come_back(settings: Settings):
    gone = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:9/none"})
    app = create_app(gone)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://testserver"
        ) as client,
    ):
        answer = await client.get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "That did not work" in answer.text


async def test_static_files_are_kept_by_browsers_and_change_their_address(client, owner):
    page = Elements((await client.get("/")).text)
    [sheet] = [each for each in page.values("href") if ".css" in each]
    kept = await client.get(sheet)
    assert "immutable" in kept.headers["cache-control"]
    again = await client.get(sheet, headers={"If-None-Match": kept.headers["etag"]})
    assert again.status_code == 304
    assert "immutable" not in (await client.get("/static/kerbline.css")).headers["cache-control"]
    assert (await client.get("/static/..%2frendering.py")).status_code == 404
    assert (await client.get("/static/other.css")).status_code == 404


async def test_the_reference_page_has_every_call_of_the_document(client, app: FastAPI, owner):
    shown = Elements((await client.get("/docs")).text).values("id")
    calls = {
        operation["operationId"]
        for methods in app.openapi()["paths"].values()
        for operation in methods.values()
    }
    assert calls
    assert calls <= shown


# In a browser


@dataclass
class Visit:
    """A visitor at the first page."""

    page: Page
    trouble: Trouble
    site: str

    async def answer(self) -> None:
        await self.page.select_option("[id='answer.pothole.where']", "carriageway")
        await self.page.select_option("[id='answer.pothole.depth']", "4_to_7cm")

    async def shown(self) -> str:
        await self.page.wait_for_url("**/r/KB-*")
        return await self.page.inner_text("main")


@pytest.fixture(params=[1280, 320])
async def visit(
    request: pytest.FixtureRequest, browser: Browser, site: str, county: County
) -> AsyncIterator[Visit]:
    size = {"width": request.param, "height": 700}
    context = await browser.new_context(viewport=size, reduced_motion="reduce")
    page = await context.new_page()
    trouble = Trouble()
    trouble.watch(page, site)
    await page.goto(f"{site}/")
    yield Visit(page, trouble, site)
    assert await page.evaluate("document.documentElement.scrollWidth") <= request.param
    assert trouble == Trouble()
    assert await axe(page) == []
    await context.close()


async def test_dropping_a_report_by_tapping_the_map(visit: Visit):
    drawing = visit.page.locator("#map svg")
    box = await drawing.bounding_box()
    assert box is not None
    await drawing.click(position={"x": box["width"] * 0.12, "y": box["height"] * 0.5})
    here = visit.page.locator("#here", has_text="W1 Ward")
    await here.wait_for()
    assert "This would go to Highways." in await here.inner_text()
    await visit.answer()
    await visit.page.click("#send")
    shown = await visit.shown()
    assert "W1 Ward" in shown
    assert "Highways of Shire County Council" in shown


async def test_dropping_a_report_by_keyboard_alone(visit: Visit):
    page = visit.page
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.id") == "map":
            break
    # From the middle of the plan, six long steps west and a short one north.
    for _ in range(6):
        await page.keyboard.press("Shift+ArrowLeft")
    await page.keyboard.press("ArrowUp")
    await page.locator("#here", has_text="W1 Ward").wait_for()
    for _ in range(20):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.name") == "category":
            break
    await page.keyboard.press("ArrowDown")
    assert await page.evaluate("document.activeElement.value") == "fly_tipping"
    for letters in ("A single black", "Tyres", "On a footpath"):
        await page.keyboard.press("Tab")
        await page.keyboard.type(letters)
    await page.keyboard.press("Tab")
    await page.keyboard.type("Two of them.")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.id") == "send"
    await page.keyboard.press("Enter")
    shown = await visit.shown()
    assert "Cleansing of West District Council" in shown
    assert "Two of them." in shown


@pytest.mark.parametrize("visit", [320], indirect=True)
async def test_a_ward_of_the_list_moves_the_pin(visit: Visit):
    pin = visit.page.locator("#pin")
    assert await pin.get_attribute("visibility") == "hidden"
    await visit.page.select_option("#ward", "east/E2")
    await visit.page.locator("#here", has_text="E2 Ward").wait_for()
    assert await pin.get_attribute("visibility") == "visible"


@pytest.mark.parametrize("visit", [320], indirect=True)
async def test_what_is_missing_takes_the_focus_and_leads_to_the_field(visit: Visit):
    await visit.page.click("#send")
    await visit.page.locator("#faults").wait_for()
    assert await visit.page.evaluate("document.activeElement.id") == "faults"
    await visit.page.click("#faults a >> text=How deep")
    assert await visit.page.evaluate("document.activeElement.id") == "answer.pothole.depth"


@pytest.mark.parametrize("visit", [1280], indirect=True)
async def test_news_comes_to_an_open_page_by_itself(visit: Visit, owner: Connection):
    await visit.page.select_option("#ward", "west/W2")
    await visit.answer()
    await visit.page.click("#send")
    assert "We have it" in await visit.shown()
    await owner.execute("update job set updated_at = now(), status = 'in_progress'")
    await visit.page.locator("#status", has_text="A crew is on it").wait_for(timeout=15_000)


async def test_dropping_a_report_without_javascript(browser: Browser, site: str, county: County):
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{site}/")
    place = inside("E1")
    # A ward on the map is a link; only a mouse or finger finds it, so it is clicked by place.
    drawing = page.locator("#map svg")
    box = await drawing.bounding_box()
    assert box is not None
    await drawing.click(position={"x": box["width"] * 0.62, "y": box["height"] * 0.5})
    await page.wait_for_url("**/?ward=east/E1#report")
    assert await page.input_value("#ward") == "east/E1"
    await page.click("#position summary")
    await page.fill("#lat", str(place["lat"]))
    await page.fill("#lng", str(place["lng"]))
    await page.select_option("[id='answer.pothole.where']", "pavement")
    await page.click("#send")
    assert "How deep is it?" in await page.inner_text("#faults")
    assert await page.input_value("[id='answer.pothole.where']") == "pavement"
    await page.select_option("[id='answer.pothole.depth']", "under_4cm")
    await page.click("#send")
    assert urlsplit(page.url).path.startswith("/r/KB-")
    assert "E1 Ward" in await page.inner_text("main")
    await context.close()
