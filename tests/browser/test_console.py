"""The staff's pages in a real browser: by keyboard, by mouse, without JavaScript, at 320 px."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, BrowserContext, Page, expect

from reporting.images import redaction
from reporting.runtime import Connection
from tests.browser.test_flow import HARMLESS, Flow
from tests.reporting.test_reports import pothole
from tests.support.browser import Trouble, axe
from tests.support.county import County, inside
from tests.support.desk import PASSWORD, Desk
from tests.support.people import report
from tests.support.prints import FACE, Prints, street_scene

HELD = "Ring me on 07700 900123, it is by the bus stop."


@dataclass
class Office:
    """A desk with two photos and some words to look at, and a browser in front of it."""

    site: str
    browser: Browser
    owner: Connection
    photos: list[UUID]
    reference: str
    trouble: Trouble
    contexts: list[BrowserContext]

    async def open(self, address: str = "/console/photos", **options: Any) -> Page:
        """A browser of its own, signed in by the form."""
        options = {"viewport": {"width": 1280, "height": 860}, **options}
        context = await self.browser.new_context(**options)
        self.contexts.append(context)
        self.trouble.watch_all(context, self.site)
        page = await context.new_page()
        await page.goto(self.site + address)
        await page.get_by_label("E-mail address").fill("jo@shire.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(lambda url: "sign-in" not in url)
        return page

    async def photo(self, number: int) -> tuple[str, list[dict[str, Any]]]:
        """What was decided about one of the photos, and what is to be filled in it."""
        cursor = await self.owner.execute(
            "select review, regions from photo where id = %s", (self.photos[number],)
        )
        review, regions = await cursor.fetchone()
        return review, regions


@pytest.fixture
async def office(
    app: FastAPI, client: Any, county: County, owner: Connection, browser: Browser, site: str
) -> AsyncIterator[Office]:
    desk = Desk(app)
    await desk.account()
    prints = Prints(desk.runtime, owner)
    made = await report(client, pothole("W1", description=HELD))
    place = inside("W1")
    photos = [
        await prints.of(made["id"], age_s=age, taken=(place["lat"], place["lng"]))
        for age in (20, 10)
    ]
    found = Office(site, browser, owner, photos, made["reference"], Trouble(), [])
    yield found
    for context in found.contexts:
        await context.close()
    refused = found.trouble.refused
    found.trouble.refused = [it for it in refused if not any(words in it for words in HARMLESS)]
    assert found.trouble == Trouble()


def at(office: Office, number: int) -> Any:
    return lambda url: f"/console/photos/{office.photos[number]}" in url


async def test_photos_are_checked_by_keys_alone(office: Office) -> None:
    page = await office.open()
    await page.wait_for_url(at(office, 0))
    assert await axe(page) == []
    await page.keyboard.press("n")  # decide later
    await page.wait_for_url(at(office, 1))
    await page.keyboard.press("a")
    await page.wait_for_url(at(office, 0))
    assert (await office.photo(1))[0] == "human_ok"
    assert await axe(page) == []
    await page.keyboard.press("u")
    await page.wait_for_url(at(office, 1))
    assert (await office.photo(1))[0] == "needs_check"
    await page.keyboard.press("h")
    await page.wait_for_url(at(office, 0))
    assert (await office.photo(1))[0] == "hidden"
    await page.keyboard.press("a")
    await expect(page.get_by_role("heading", level=1)).to_have_text("No photo waits")
    assert (await office.photo(0))[0] == "human_ok"
    assert await axe(page) == []


@pytest.mark.long
async def test_keys_can_be_switched_off_and_stay_off(office: Office) -> None:
    page = await office.open()
    await page.get_by_label("Keys on").uncheck()
    await page.keyboard.press("a")
    await page.keyboard.press("h")
    await page.reload()
    assert not await page.get_by_label("Keys on").is_checked()
    await page.keyboard.press("h")
    await page.wait_for_timeout(200)
    assert (await office.photo(0))[0] == "needs_check"


async def test_a_box_is_added_moved_and_resized_by_keys(office: Office) -> None:
    page = await office.open()
    await page.keyboard.press("b")
    chosen = page.locator("#boxes .box.chosen")
    await expect(chosen).to_be_focused()
    await expect(chosen).to_have_attribute("role", "button")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowRight", "Shift+ArrowUp"):
        await page.keyboard.press(key)
    await expect(page.locator("#said")).to_have_text(
        "45 % from the left, 44 % from the top, 15 % wide, 13 % tall"
    )
    await expect(page.locator("#preview .filled")).to_have_count(2)
    await page.get_by_label("What box 2 covers").select_option("Number plate")
    assert await axe(page) == []
    await page.get_by_role("button", name="Approve").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(at(office, 1))
    review, (face, plate) = await office.photo(0)
    assert (review, face) == ("human_ok", FACE)
    assert (plate["kind"], plate["by"]) == ("plate", "staff")
    assert plate["x"] == pytest.approx(0.45)
    assert plate["y"] == pytest.approx(0.44)
    assert plate["width"] == pytest.approx(0.15)
    assert plate["height"] == pytest.approx(0.13)


@pytest.mark.long
async def test_the_preview_is_filled_as_the_copies_will_be(office: Office) -> None:
    page = await office.open()
    await page.keyboard.press("b")
    told = await page.locator("#preview .filled").first.get_attribute("fill")
    ours = [int(part) for part in (told or "").removeprefix("rgb(").rstrip(")").split()]
    picture = street_scene(1200, 900)
    made = redaction.filled(picture, [(0.55, 0.28, 0.63, 0.44)]).getpixel((708, 324))
    assert ours == pytest.approx(made, abs=6)
    assert made != pytest.approx(picture.getpixel((708, 324)), abs=6)


@pytest.mark.long
async def test_a_box_never_leaves_the_picture(office: Office) -> None:
    page = await office.open()
    await page.keyboard.press("b")
    for key in ("ArrowRight", "Shift+ArrowDown"):
        for _ in range(70):
            await page.keyboard.press(key)
    await page.keyboard.press("a")
    await page.wait_for_url(at(office, 1))
    box = (await office.photo(0))[1][1]
    assert box["x"] + box["width"] == pytest.approx(1)
    assert box["y"] + box["height"] == pytest.approx(1)


@pytest.mark.long
async def test_boxes_need_no_dragging_with_a_mouse(office: Office) -> None:
    page = await office.open()
    await page.get_by_role("button", name="Add a box").click()
    for name in ("← Left", "↓ Down", "Wider", "Taller"):
        await page.get_by_role("button", name=name).click()
    await page.get_by_role("button", name="Delete: Box 1: face, found").click()
    await expect(page.locator("#boxes .box")).to_have_count(1)
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url(at(office, 1))
    _, (box,) = await office.photo(0)
    assert box["x"] == pytest.approx(0.42)
    assert box["y"] == pytest.approx(0.44)
    assert box["width"] == box["height"] == pytest.approx(0.15)


@pytest.mark.long
async def test_a_box_is_drawn_and_moved_by_dragging(office: Office) -> None:
    page = await office.open()
    frame = await page.locator("#boxes").bounding_box()
    assert frame is not None

    async def drag(x1: float, y1: float, x2: float, y2: float) -> None:
        await page.mouse.move(frame["x"] + x1 * frame["width"], frame["y"] + y1 * frame["height"])
        await page.mouse.down()
        for part in (0.5, 1.0):
            await page.mouse.move(
                frame["x"] + (x1 + (x2 - x1) * part) * frame["width"],
                frame["y"] + (y1 + (y2 - y1) * part) * frame["height"],
            )
        await page.mouse.up()

    await drag(0.9, 0.7, 0.75, 0.58)  # from right to left, upwards
    await drag(0.8, 0.62, 0.75, 0.62)  # the box by its middle
    await drag(0.85, 0.7, 0.9, 0.75)  # its corner
    await page.keyboard.press("a")
    await page.wait_for_url(at(office, 1))
    box = (await office.photo(0))[1][1]
    near = [round(box[side], 1) for side in ("x", "y", "width", "height")]
    assert near == [0.7, 0.6, 0.2, 0.2]


@pytest.mark.long
async def test_boxes_can_be_put_back_before_anything_is_sent(office: Office) -> None:
    page = await office.open()
    await page.locator("#boxes .box").focus()
    await page.keyboard.press("Delete")
    await expect(page.locator("#boxes .box")).to_have_count(0)
    await expect(page.get_by_role("button", name="Add a box")).to_be_focused()
    await page.get_by_role("button", name="Put the boxes back").click()
    await expect(page.locator("#boxes .box")).to_have_count(1)
    await expect(page.locator("#preview")).to_have_count(0)
    await page.keyboard.press("a")
    await page.wait_for_url(at(office, 1))
    assert await office.photo(0) == ("human_ok", [FACE])


@pytest.mark.long
async def test_a_key_that_is_held_down_decides_about_one_photo(office: Office) -> None:
    page = await office.open()
    for _ in range(5):
        await page.keyboard.down("a")
    await page.keyboard.up("a")
    await page.wait_for_url(at(office, 1))
    assert [(await office.photo(number))[0] for number in (0, 1)] == ["human_ok", "needs_check"]


async def test_it_works_without_javascript(office: Office) -> None:
    page = await office.open(java_script_enabled=False)
    await expect(page.get_by_text("this page needs JavaScript")).to_be_visible()
    await expect(page.locator("#boxes rect")).to_have_count(1)
    await expect(page.get_by_text("Keys on")).to_be_hidden()
    await page.get_by_role("button", name="Approve").click()
    await page.wait_for_url(at(office, 1))
    assert (await office.photo(0))[0] == "human_ok"
    await page.get_by_role("button", name="Undo").click()
    await page.wait_for_url(at(office, 0))
    assert (await office.photo(0))[0] == "needs_check"
    await page.goto(f"{office.site}/console/words")
    await page.get_by_role("button", name="Release").click()
    await expect(page.get_by_text("Released.")).to_be_visible()


@pytest.mark.parametrize(
    "address", ["/console", "/console/photos", "/console/words", "/console/report"]
)
async def test_it_fits_320_pixels_and_keeps_nobody_out(office: Office, address: str) -> None:
    page = await office.open(address, viewport={"width": 320, "height": 640})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    assert await axe(page) == []


@pytest.mark.long
async def test_at_twice_the_size_of_text_nothing_is_cut_off(office: Office) -> None:
    page = await office.open(viewport={"width": 640, "height": 430})
    await page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 640
    for name in ("Approve", "Hide"):
        box = await page.get_by_role("button", name=name).bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 640


async def test_signing_in_keeps_nobody_out_and_leaves_nothing_in_storage(office: Office) -> None:
    context = await office.browser.new_context()
    office.contexts.append(context)
    page = await context.new_page()
    await page.goto(f"{office.site}/console/words")
    assert await axe(page) == []
    await page.get_by_label("E-mail address").fill("jo@shire.example")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("is wrong")
    await expect(page.get_by_label("Password")).to_be_focused()
    assert await axe(page) == []
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/console/words")
    kept = await page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    )
    assert "kbs_" not in kept
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url("**/console/sign-in*")
    await page.go_back()
    await page.reload()
    assert "sign-in" in page.url


async def test_words_are_read_and_decided_by_keys(office: Office) -> None:
    page = await office.open("/console/words")
    await expect(page.locator("mark")).to_have_text("07700 900123,")
    assert await axe(page) == []
    await page.get_by_role("button", name="Keep back").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Kept back.")
    assert await axe(page) == []
    await page.get_by_role("button", name="Undo").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("mark")).to_be_visible()


async def test_a_call_is_taken_down_on_the_residents_form(office: Office) -> None:
    page = await office.open("/console/report")
    call = Flow(page, page.context, Trouble(), office.site)
    await call.at("contact")
    await expect(page.get_by_role("heading", level=2, name="Who is calling?")).to_be_visible()
    await page.get_by_label("Name").fill("Ann Price")
    await page.get_by_label("Phone").fill("01234 567890")
    await page.get_by_label("Write to me in").select_option("cy")
    await call.fits()
    await call.on()
    await call.to_what("E2")
    await call.choose()
    await call.on()
    await call.answer("In the road", "Deeper than", "Wider than")
    await call.at("words")
    await expect(page.get_by_role("button", name="Use my location")).to_have_count(0)
    await page.fill("#description", "Two dogs fell into it.")
    await call.on()
    await call.at("check")
    await call.fits()
    await page.locator("#send").click()
    await page.wait_for_url("**/console/report/KB-*")
    await expect(page.get_by_text("Eich cyfeirnod yw")).to_be_visible()
    await call.fits()
    cursor = await office.owner.execute(
        "select staff.name, reporter.name, reporter.language, device_id from report"
        " join staff on staff.id = taken_by join reporter on reporter.id = reporter_id"
    )
    assert await cursor.fetchall() == [("Jo Marsh", "Ann Price", "cy", None)]
    # The next caller is asked from the start, and nothing of this one is left in the browser.
    await page.get_by_role("link", name="Take another report").click()
    await call.at("contact")
    await expect(page.get_by_label("Name")).to_have_value("")
    await page.goto(f"{office.site}/")
    assert "Price" not in await page.content()
    assert await page.locator("#draft").is_hidden()


async def test_axe_sees_what_is_wrong(office: Office) -> None:
    """The negative control: a page that is well is made bad, and each fault is found."""
    page = await office.open()
    assert await axe(page) == []
    await page.evaluate(
        """() => {
          document.getElementById("clear").removeAttribute("alt");
          document.documentElement.removeAttribute("lang");
          document.querySelector("#decide button").textContent = "";
          document.querySelector(".title .left").style.color = "#ccc";
          document.querySelector("label[for=keys]").remove();
        }"""
    )
    found = {line.partition(":")[0] for line in await axe(page)}
    assert found >= {"image-alt", "html-has-lang", "button-name", "color-contrast", "label"}
