"""The report as a resident fills it in: one question at a time, on a phone, in a real browser."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from reporting.runtime import Connection
from reporting.settings import Settings
from tests.support.browser import CHROMIUM, CHROMIUM_OPTIONS, Trouble, axe
from tests.support.county import County, inside
from tests.support.pictures import encoded, picture
from tests.support.until import until

PHONE = {"width": 390, "height": 844}
#: What MapLibre and the software it draws with here say besides; none of it concerns a resident.
HARMLESS = ("GPU stall", "GL Driver Message")


@dataclass
class Flow:
    """A visitor in the middle of a report."""

    page: Page
    context: BrowserContext
    trouble: Trouble
    site: str

    async def begin(self, path: str = "/") -> None:
        await self.page.goto(self.site + path)
        await until(lambda: self.has("is-flowing"), "the scripts have begun")

    async def has(self, name: str) -> bool:
        return await self.page.evaluate(
            "name => document.documentElement.classList.contains(name)", name
        )

    async def step(self) -> str:
        return await self.page.evaluate(
            "document.querySelector('.step.is-shown')?.id.slice(5) ?? 'none'"
        )

    async def at(self, name: str) -> None:
        async def there() -> bool:
            return await self.step() == name

        await until(there, f"the step {name} is shown, not {await self.step()}")

    async def on(self) -> None:
        """The button that goes on: to another step, or to what is missing in this one."""
        before = await self.step()
        await self.page.locator(".step.is-shown .next").click()

        async def answered() -> bool:
            focus = await self.page.evaluate("document.activeElement?.id")
            return focus == "faults" or await self.step() != before

        await until(answered, f"the button of {before} did something")

    async def photo(self, *files: bytes) -> None:
        named = [
            {"name": f"IMG_{n}.jpg", "mimeType": "image/jpeg", "buffer": file}
            for n, file in enumerate(files, 1)
        ]
        await self.page.set_input_files("#gallery", named)
        await self.page.locator("#previews li").nth(len(files) - 1).wait_for()

    async def placed(self, place: dict[str, float]) -> None:
        """A position typed, which needs no map."""
        await self.open_words()
        await self.page.locator("#position summary").click()
        await self.page.fill("#lat", str(place["lat"]))
        await self.page.fill("#lng", str(place["lng"]))

    async def open_words(self) -> None:
        if not await self.page.evaluate("document.getElementById('in-words').open"):
            await self.page.locator("#in-words > summary").click()

    async def choose(self, category: str = "pothole") -> None:
        await self.page.locator(f"label[for=category-{category}]").click()

    async def answer(self, *options: str) -> None:
        for option in options:
            await self.page.locator(".step.is-shown label", has_text=option).first.click()
            await self.on()

    async def here(self, words: str) -> None:
        await self.page.locator("#here", has_text=words).wait_for()

    async def to_what(self, ward: str = "W1") -> None:
        """Past the photo and the place."""
        await self.at("photo")
        await self.on()
        await self.at("place")
        await self.placed(inside(ward))
        await self.here(f"{ward} Ward")
        await self.on()
        await self.at("category")

    async def to_words(self) -> None:
        await self.to_what()
        await self.choose()
        await self.on()
        await self.at("pothole-where")
        await self.answer("In the road", "Deeper than", "Wider than")
        await self.at("words")

    async def sent(self) -> str:
        await self.page.locator("#send").click()
        await self.page.wait_for_url("**/sent/KB-*", timeout=30_000)
        return await self.page.inner_text("main")

    async def fits(self) -> None:
        """Nothing to scroll for sideways, and nothing that axe objects to."""
        width = await self.page.evaluate("innerWidth")
        assert await self.page.evaluate("document.documentElement.scrollWidth") <= width
        assert await axe(self.page) == []


async def visit(browser: Browser, site: str, **options: Any) -> Flow:
    context = await browser.new_context(
        **{"viewport": PHONE, "reduced_motion": "reduce", "locale": "en-GB", **options}
    )
    page = await context.new_page()
    trouble = Trouble()
    trouble.watch(page, site)
    return Flow(page, context, trouble, site)


@pytest.fixture
async def flow(
    request: pytest.FixtureRequest, browser: Browser, site: str, county: County
) -> AsyncIterator[Flow]:
    """A phone at the first page; ``@pytest.mark.parametrize("flow", [options], indirect=True)``."""
    found = await visit(browser, site, **getattr(request, "param", {}))
    await found.begin()
    yield found
    trouble = found.trouble
    trouble.refused = [
        each for each in trouble.refused if not any(words in each for words in HARMLESS)
    ]
    assert trouble == Trouble()
    await found.context.close()


async def one(owner: Connection, statement: str) -> Any:
    return await (await owner.execute(statement)).fetchone()


def taken_at(lat: tuple[int, int, float], lng: tuple[int, int, float], west: bool) -> bytes:
    """A photo that says where it was taken, in degrees, minutes and seconds."""
    exif = Image.Exif()
    gps = {1: "N", 2: lat, 3: "W" if west else "E", 4: lng}
    exif[0x8825] = gps
    out = BytesIO()
    picture(640, 480).save(out, "JPEG", exif=exif)
    return out.getvalue()


def phone_at(place: dict[str, float], accuracy: float) -> dict[str, Any]:
    where = {"latitude": place["lat"], "longitude": place["lng"], "accuracy": accuracy}
    return {"geolocation": where, "permissions": ["geolocation"]}


async def test_from_the_photo_to_the_confirmation(flow: Flow, owner: Connection):
    await flow.fits()
    await flow.photo(encoded(picture(800, 600)), encoded(picture(700, 600)))
    await flow.fits()
    await flow.on()
    await flow.at("place")
    await flow.placed(inside("W1"))
    await flow.here("W1 Ward: West District Council and Shire County Council.")
    await flow.fits()
    await flow.on()
    await flow.at("category")
    await flow.page.locator(".whose", has_text="Highways, Shire County Council").wait_for()
    # The notice comes with the category, before anything is typed.
    notice = flow.page.locator(".notice", has_text="call 999").first
    await expect(notice).to_be_hidden()
    await flow.choose()
    await expect(notice).to_be_visible()
    assert await flow.page.evaluate("document.getElementById('description').value") == ""
    await flow.fits()
    await flow.on()
    await flow.at("pothole-where")
    await flow.fits()
    await flow.answer("In the road", "Deeper than")
    await flow.at("pothole-width")
    await flow.on()  # which may be left open
    await flow.at("words")
    await flow.fits()
    await flow.page.fill("#description", "By the school gate.")
    await flow.on()
    await flow.at("contact")
    await flow.fits()
    await flow.page.fill("[id='contact.email']", "anna@example.org")
    await flow.on()
    await flow.at("check")
    for said in ("W1 Ward", "Pothole", "In the road", "By the school gate.", "anna@example.org"):
        await expect(flow.page.locator("#summary")).to_contain_text(said)
    await expect(flow.page.locator("#summary img")).to_have_count(2)
    await flow.fits()
    shown = await flow.sent()
    assert "Highways of Shire County Council will look at it by" in shown
    assert re.search(r"KB-[A-Z0-9]{6}", shown)
    await flow.fits()
    report = await one(
        owner,
        "select category, answers, count(photo.id) from report"
        " join photo on photo.report_id = report.id group by 1, 2",
    )
    assert report == ("pothole", {"where": "carriageway", "depth": "over_7cm"}, 2)
    await flow.page.get_by_role("link", name="Follow your report").click()
    await expect(flow.page.locator("main")).to_contain_text("By the school gate.")


async def test_everything_that_may_be_skipped_is_skipped(flow: Flow, owner: Connection):
    await flow.on()
    await flow.at("place")
    await flow.open_words()
    await flow.page.fill("#place_text", "Outside 12 High Street")
    await flow.page.select_option("#authority", "west")
    await flow.on()
    await flow.at("category")
    await flow.choose("fly_tipping")
    await flow.on()
    await flow.answer("A single item", "Tyres", "On a footpath")
    await flow.at("words")
    await flow.on()
    await flow.at("contact")
    await flow.on()
    await flow.at("check")
    assert "West Triage of West District Council" in await flow.sent()
    flags, place = await one(owner, "select flags, place from report")
    assert "needs_place" in flags
    assert place is None


async def test_the_photo_s_own_place_is_used_and_said(flow: Flow, owner: Connection):
    await flow.photo(taken_at((52, 0, 36.0), (0, 59, 24.0), west=True))
    await flow.on()
    await flow.at("place")
    await expect(flow.page.locator("#located")).to_contain_text("Taken from your photo – check it.")
    await flow.here("W1 Ward")
    await flow.on()
    await flow.choose()
    await flow.on()
    await flow.answer("In the road", "Deeper than", "Wider than")
    await flow.on()
    await flow.on()
    await expect(flow.page.locator("#summary")).to_contain_text("Taken from your photo")
    await flow.sent()
    lat, lng = await one(owner, "select st_y(place), st_x(place) from report")
    assert (round(lat, 4), round(lng, 4)) == (52.01, -0.99)


@pytest.mark.parametrize("flow", [phone_at(inside("E1"), 18)], indirect=True)
async def test_where_the_phone_is_and_how_sure_it_is(flow: Flow, owner: Connection):
    await flow.on()
    await flow.at("place")
    await flow.page.locator("#located", has_text="Sure to within 18 m.").wait_for()
    await flow.here("E1 Ward")
    await expect(flow.page.locator("#accuracy_m")).to_have_value("18")


@pytest.mark.long
@pytest.mark.parametrize("flow", [phone_at(inside("E1"), 480)], indirect=True)
async def test_a_phone_that_is_not_sure_says_so(flow: Flow):
    await flow.on()
    await flow.page.locator("#located", has_text="within 480 m only: move the map").wait_for()


async def test_a_browser_that_gives_no_location_says_why_and_the_map_is_there(flow: Flow):
    await flow.on()
    await flow.at("place")
    await flow.page.locator("#locate").click()
    await flow.page.locator("#located", has_text="does not give us your location").wait_for()
    await flow.on()
    await expect(flow.page.locator("#faults")).to_be_focused()
    await expect(flow.page.locator("#faults")).to_contain_text("Say where it is")


async def ready(flow: Flow) -> None:
    async def drawn() -> bool:
        return await flow.page.evaluate("document.body.dataset.map === 'ready'")

    await until(drawn, "the map is drawn", 40)


async def test_the_map_is_moved_by_buttons_keys_and_a_tap_and_never_by_itself(flow: Flow):
    await flow.on()
    await flow.at("place")
    await ready(flow)
    await expect(flow.page.locator("#lat")).to_have_value("")  # nobody has chosen anything yet
    await flow.page.get_by_role("button", name="Move left").click()
    await flow.page.locator("#here:not(:empty)").wait_for()
    first = float(await flow.page.input_value("#lng"))
    await flow.page.focus("#canvas canvas")
    await flow.page.keyboard.press("ArrowLeft")

    async def moved() -> bool:
        return float(await flow.page.input_value("#lng")) < first

    await until(moved, "the arrow key moved the map")
    await expect(flow.page.locator("#located")).to_contain_text("Go closer")
    await flow.fits()
    box = await flow.page.locator("#canvas").bounding_box()
    assert box is not None
    await flow.page.locator("#canvas").click(position={"x": box["width"] / 2, "y": 70})
    for _ in range(3):
        await flow.page.get_by_role("button", name="Closer").click()

    await expect(flow.page.locator("#located")).not_to_contain_text("Go closer")


async def test_by_keyboard_alone(flow: Flow):
    page = flow.page

    async def tab_to(selector: str, most: int = 40) -> None:
        for _ in range(most):
            await page.keyboard.press("Tab")
            if await page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    await tab_to("#photo-next")
    await page.keyboard.press("Enter")
    await flow.at("place")
    await expect(page.locator("#place-title")).to_be_focused()
    await ready(flow)
    await tab_to(".maplibregl-canvas")
    for _ in range(2):
        await page.keyboard.press("ArrowLeft")
    await flow.here("Council")
    await tab_to("#step-place .next")
    await page.keyboard.press("Enter")
    await flow.at("category")
    await expect(page.locator("#category-title")).to_be_focused()
    await tab_to("input[name=category]")
    await page.keyboard.press("Space")
    await tab_to("#step-category .next")
    await page.keyboard.press("Enter")
    for name in ("where", "depth"):
        await flow.at(f"pothole-{name}")
        await tab_to("input[type=radio]")
        await page.keyboard.press("Space")
        await tab_to(".next")
        await page.keyboard.press("Enter")
    await flow.at("pothole-width")
    await tab_to(".next")
    await page.keyboard.press("Enter")
    await flow.at("words")
    await tab_to("#description")
    await page.keyboard.type("Deep.")
    await tab_to("#step-words .next")
    await page.keyboard.press("Enter")
    await flow.at("contact")
    await tab_to("[id='contact.name']")
    await page.keyboard.press("Enter")  # goes on, and does not send
    await flow.at("check")
    await expect(page.locator("#check-title")).to_be_focused()
    await tab_to("#send")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/sent/KB-*")


async def test_back_leads_back_and_nothing_is_lost(flow: Flow):
    await flow.to_words()
    await flow.page.fill("#description", "Kept.")
    await flow.on()
    await flow.at("contact")
    await flow.page.locator("#back").click()
    await flow.at("words")
    await flow.page.go_back()
    await flow.at("pothole-width")
    await flow.page.go_forward()
    await flow.at("words")
    await expect(flow.page.locator("#description")).to_have_value("Kept.")


@pytest.mark.long
async def test_what_is_changed_at_the_end_leads_back_to_the_end(flow: Flow):
    await flow.to_words()
    await flow.on()
    await flow.on()
    await flow.at("check")
    await flow.page.get_by_role("button", name="Change How deep is it?").click()
    await flow.at("pothole-depth")
    await flow.answer("Shallower")
    await flow.at("check")
    await expect(flow.page.locator("#summary")).to_contain_text("Shallower")


@pytest.mark.long
async def test_a_draft_is_there_again_and_can_be_begun_afresh(flow: Flow):
    await flow.photo(encoded(picture(640, 480)))
    await flow.to_words()
    await flow.page.fill("#description", "Still here.")
    await flow.on()
    await flow.page.reload()
    await until(lambda: flow.has("is-flowing"), "the scripts have begun")
    await flow.at("contact")
    await expect(flow.page.locator("#draft")).to_contain_text("Kept on this phone, at ")
    await expect(flow.page.locator("#description")).to_have_value("Still here.")
    await expect(flow.page.locator("#previews li")).to_have_count(1)
    async with flow.page.expect_navigation():
        await flow.page.locator("#afresh").click()
    await until(lambda: flow.has("is-flowing"), "the scripts have begun")
    await flow.at("photo")
    await expect(flow.page.locator("#description")).to_have_value("")
    await expect(flow.page.locator("#previews li")).to_have_count(0)


async def test_a_photo_is_taken_away_and_back(flow: Flow):
    await flow.photo(encoded(picture(640, 480)), encoded(picture(600, 480)))
    await flow.page.get_by_role("button", name="Remove photo 1").click()
    await expect(flow.page.locator("#previews li")).to_have_count(1)
    await flow.page.get_by_role("button", name="Undo").click()
    await flow.page.locator("#previews li").nth(1).wait_for()
    four = [encoded(picture(500 + n, 400)) for n in range(2)]
    await flow.page.set_input_files(
        "#gallery",
        [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": f} for n, f in enumerate(four)],
    )
    await flow.page.locator("#photo-told", has_text="Three photos are the most").wait_for()
    await expect(flow.page.locator("#previews li")).to_have_count(3)


async def test_this_is_it_joins_what_is_known_with_one_tap(
    flow: Flow, owner: Connection, client: Any
):
    known = {"category": "pothole", "location": inside("W1", 0.502, 0.5)}
    answers = {"where": "carriageway", "depth": "over_7cm"}
    headers = {"Idempotency-Key": "11111111-1111-4111-8111-111111111111"}
    first = await client.post("/v1/reports", json={**known, "answers": answers}, headers=headers)
    assert first.status_code == 201
    await flow.to_what()
    await flow.choose()
    await flow.on()
    await flow.at("nearby")
    await expect(flow.page.locator("#jobs")).to_contain_text("m away")
    await flow.fits()
    await flow.page.get_by_role("button", name="This is it").click()
    await flow.at("contact")
    await flow.on()
    await flow.at("check")
    await expect(flow.page.locator("#summary")).to_contain_text(first.json()["job"]["reference"])
    assert "Others have reported it too" in await flow.sent()
    [(jobs,)] = await (await owner.execute("select count(*) from job")).fetchall()
    [(reports,)] = await (await owner.execute("select count(*) from report")).fetchall()
    assert (jobs, reports) == (1, 2)


@pytest.mark.long
async def test_none_of_these_goes_on_to_the_questions(flow: Flow, client: Any):
    body = {
        "category": "pothole",
        "location": inside("W1"),
        "answers": {"where": "carriageway", "depth": "over_7cm"},
    }
    headers = {"Idempotency-Key": "21111111-1111-4111-8111-111111111111"}
    assert (await client.post("/v1/reports", json=body, headers=headers)).status_code == 201
    await flow.to_what()
    await flow.choose()
    await flow.on()
    await flow.at("nearby")
    await flow.page.locator("#none-of-these").click()
    await flow.at("pothole-where")


async def test_a_place_that_is_refused_keeps_everything_and_says_what_to_change(
    flow: Flow, owner: Connection
):
    await flow.photo(encoded(picture(640, 480)))
    await flow.on()
    # No answer to whose place it is, as on bad signal: the report itself is what is refused.
    await flow.context.route("**/v1/where*", lambda route: route.abort())
    await flow.placed({"lat": 52.03, "lng": -0.99})  # north of every ward
    await flow.on()
    await flow.choose()
    await flow.on()
    await flow.answer("In the road", "Deeper than", "Wider than")
    await flow.page.fill("#description", "All of it kept.")
    await flow.on()
    await flow.on()
    await flow.at("check")
    await flow.page.locator("#send").click()
    await flow.at("place")
    await expect(flow.page.locator("#faults")).to_be_focused()
    told = await flow.page.inner_text("#faults")
    assert "outside every council" in told
    assert "The nearest is West District Council." in told
    await flow.fits()
    await flow.context.unroute("**/v1/where*")
    await flow.page.fill("#lat", str(inside("W1")["lat"]))
    await flow.here("W1 Ward")
    await flow.on()
    await flow.at("check")
    await flow.sent()
    words, photos = await one(
        owner,
        "select description, (select count(*) from photo where report_id is not null)"
        " from report_words",
    )
    assert (words, photos) == ("All of it kept.", 1)


async def test_a_place_that_is_nobody_s_is_told_before_anything_else_is_asked(flow: Flow):
    await flow.on()
    await flow.placed({"lat": 52.03, "lng": -0.99})
    await flow.here("The nearest is West District Council.")
    await flow.on()
    assert await flow.step() == "place"
    await expect(flow.page.locator("#faults")).to_contain_text("outside every council")
    await flow.page.fill("#lat", str(inside("W1")["lat"]))
    await flow.here("W1 Ward")
    await flow.on()
    await flow.at("category")


async def test_a_page_loaded_again_after_sending_begins_anew(flow: Flow):
    await flow.to_words()
    await flow.on()
    await flow.on()
    await flow.at("check")
    await flow.context.set_offline(True)
    await flow.page.locator("#send").click()
    await flow.page.locator("text=There is no signal").first.wait_for()
    # Before there is a signal again: else the report may go between the two.
    await flow.context.route("**/v1/reports", lambda route: route.abort())
    await flow.context.set_offline(False)
    await flow.begin("/#sending")
    await flow.page.reload()
    await until(lambda: flow.has("is-flowing"), "the scripts have begun")
    await flow.at("photo")
    await expect(flow.page.locator("#lat")).to_have_value("")


async def test_a_photo_the_browser_cannot_show_has_a_name_in_its_place(flow: Flow):
    heic = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(5000)
    files = [{"name": "IMG_1.heic", "mimeType": "image/heic", "buffer": heic}]
    await flow.page.set_input_files("#gallery", files)
    await flow.page.locator("#previews .no-preview", has_text="Photo 1").wait_for()
    broken = [
        {"name": "cut.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(70)}
    ]
    await flow.page.set_input_files("#gallery", broken)
    await flow.page.locator("#photo-told", has_text="could not be read as a photo").wait_for()
    await expect(flow.page.locator("#previews li")).to_have_count(1)


async def test_what_is_missing_takes_the_focus_and_leads_to_the_field(flow: Flow):
    await flow.to_what()
    await flow.on()
    await expect(flow.page.locator("#faults")).to_be_focused()
    await flow.fits()
    await flow.page.locator("#faults a").click()
    await expect(flow.page.locator("#category-pothole")).to_be_focused()
    await flow.choose()
    await flow.on()
    await flow.at("pothole-where")
    await flow.on()
    await expect(flow.page.locator("#faults")).to_contain_text(
        "Where in the street is it? Choose an answer."
    )


@pytest.mark.parametrize(
    "flow",
    [
        {"viewport": {"width": 320, "height": 640}},
        pytest.param({"viewport": {"width": 1280, "height": 800}}, marks=pytest.mark.long),
    ],
    indirect=True,
    ids=["320", "1280"],
)
async def test_every_step_fits_a_small_and_a_large_screen(flow: Flow):
    await flow.fits()
    await flow.on()
    await flow.at("place")
    await ready(flow)
    await flow.fits()
    await flow.placed(inside("W1"))
    await flow.fits()
    await flow.on()
    for _ in range(8):
        step = await flow.step()
        await flow.fits()
        if step == "check":
            break
        if step == "category":
            await flow.choose("fly_tipping")
            await flow.fits()
        if step.startswith("fly_tipping"):
            await flow.page.locator(".step.is-shown .option label").first.click()
        await flow.on()
    assert await flow.step() == "check"


async def test_at_twice_the_size_of_text_nothing_is_cut_off(flow: Flow):
    cdp = await flow.context.new_cdp_session(flow.page)
    await cdp.send("Emulation.setPageScaleFactor", {"pageScaleFactor": 1})
    # What a browser's setting of text size does: everything here is in rem.
    await flow.page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
    for step in ("photo", "place", "category"):
        await flow.at(step)
        width = await flow.page.evaluate("innerWidth")
        assert await flow.page.evaluate("document.documentElement.scrollWidth") <= width, step
        cut = await flow.page.evaluate(
            "[...document.querySelectorAll('.is-shown button, .is-shown label, h1, .is-shown h2')]"
            ".filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 2)"
            ".map(e => e.textContent.trim())"
        )
        assert cut == [], step
        if step == "place":
            await flow.placed(inside("W1"))
        if step != "category":
            await flow.on()


async def test_what_is_pressed_is_large_enough_for_a_thumb(flow: Flow):
    for step in ("photo", "place", "category", "pothole-where"):
        await flow.at(step)
        small = await flow.page.evaluate(
            "[...document.querySelectorAll('.is-shown button, .is-shown label, .is-shown select,"
            " .is-shown input:not([type=radio]):not([type=hidden]), header a')]"
            ".filter(e => e.offsetParent && !e.matches('.field > label'))"
            ".map(e => [e.getBoundingClientRect().height, e.outerHTML.slice(0, 60)])"
            ".filter(([height]) => height < 43.5)"
        )
        assert small == [], step
        if step == "place":
            await flow.placed(inside("W1"))
        if step == "category":
            await flow.choose()
        await flow.on()


async def test_axe_finds_what_is_wrong_where_something_is(flow: Flow):
    """Or it would find nothing anywhere."""
    await flow.page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        " '<img src=\"/static/icon.svg\"><input>')"
    )
    found = "\n".join(await axe(flow.page))
    assert "image-alt" in found
    assert "label" in found


@pytest.mark.long
async def test_a_ward_chosen_on_the_plan_is_taken_over(flow: Flow):
    await flow.on()
    await flow.at("place")
    await flow.placed(inside("E2"))
    await flow.here("E2 Ward")
    await flow.page.get_by_role("link", name="Choose on a plan of the wards").click()
    drawing = flow.page.locator(".map svg.plan")
    box = await drawing.bounding_box()
    assert box is not None
    await drawing.click(position={"x": box["width"] * 0.12, "y": box["height"] * 0.5})
    await until(lambda: flow.has("is-flowing"), "the scripts have begun")
    await flow.at("place")
    await flow.here("W1 Ward")
    await expect(flow.page.locator("#ward")).to_have_value("west/W1")


async def test_without_webgl_the_plan_takes_the_map_s_place(
    browser: Browser, site: str, county: County, owner: Connection
):
    plain = await browser.browser_type.launch(
        executable_path=str(CHROMIUM), args=[*CHROMIUM_OPTIONS, "--disable-3d-apis"]
    )
    try:
        flow = await visit(plain, site)
        await flow.begin()
        await flow.on()
        await flow.at("place")
        drawing = flow.page.locator("#canvas svg.plan")
        await drawing.wait_for()
        await flow.fits()
        box = await drawing.bounding_box()
        assert box is not None
        await drawing.click(position={"x": box["width"] * 0.12, "y": box["height"] * 0.5})
        await flow.here("W1 Ward")
        await flow.on()
        await flow.choose()
        await flow.on()
        await flow.answer("In the road", "Deeper than", "Wider than")
        await flow.on()
        await flow.on()
        assert "Highways" in await flow.sent()
    finally:
        await plain.close()


class TestStreetsThatDoNotCome:
    """The council's map server is away: the wards are drawn all the same."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        away = "http://127.0.0.1:9"
        return settings.model_copy(
            update={"map_style_url": f"{away}/style.json", "map_hosts": [away]}
        )

    async def test_the_map_is_there(self, browser: Browser, site: str, county: County):
        flow = await visit(browser, site)
        await flow.begin()
        await flow.on()
        await flow.at("place")
        await ready(flow)
        assert set(flow.trouble.elsewhere) == {"http://127.0.0.1:9/style.json"}
        assert [each for each in flow.trouble.refused if "GL" not in each] == []
        await flow.context.close()
