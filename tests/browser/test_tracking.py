"""The page of a report in a real browser: news as it comes, feedback, updates, one's own data."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, Route, expect

from reporting.runtime import Connection
from reporting.settings import Settings
from tests.reporting.test_following import Story
from tests.reporting.test_reports import pothole
from tests.support.browser import Trouble, axe
from tests.support.county import County
from tests.support.people import People, report
from tests.support.pictures import encoded, noisy, picture
from tests.support.until import until

HELD = "Mrs Smith's car, ring 07700 900123"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a mail server, so that the page offers e-mail."""
    return settings.model_copy(
        update={"smtp_url": "smtp://127.0.0.1:9", "mail_from": "reports@shire.example"}
    )


@pytest.fixture
async def story(client: httpx.AsyncClient, county: County, owner: Connection) -> Story:
    made = await report(
        client,
        pothole(
            description=HELD,
            contact={"name": "Ann", "email": "ann@example.org", "updates": ["email"]},
        ),
    )
    return Story(client, owner, county, await People(county).crew(), made)


@asynccontextmanager
async def opened(
    browser: Browser, site: str, path: str, trouble: Trouble, **options: Any
) -> AsyncIterator[Page]:
    context = await browser.new_context(
        base_url=site, **{"service_workers": "block", "locale": "en-GB", **options}
    )
    trouble.watch_all(context, site)
    page = await context.new_page()
    await page.goto(path)
    try:
        yield page
    finally:
        await context.close()
    assert not trouble.refused
    assert not trouble.elsewhere


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


def own(story: Story) -> str:
    return f"/r/{story.made['reference']}?t={story.made['tracking_token']}"


async def test_news_appears_by_itself_and_words_typed_meanwhile_stay(
    browser: Browser, site: str, story: Story, app: FastAPI, trouble: Trouble
) -> None:
    async with opened(browser, site, own(story), trouble) as page:
        assert "t=kbt" not in page.url
        await until(lambda: len(app.state.news) == 1, "the page watches")
        await page.get_by_label("No, it is not fixed").check()
        await page.get_by_label("What do you see now?").fill("Half a sentence")
        await story.crews(status="in_progress", public_message="With cones")
        status = page.locator("#status")
        await expect(status).to_contain_text("A crew is on it.")
        await expect(status.locator(".tag")).to_have_text("In progress")
        await expect(page.locator("#timeline li").first).to_contain_text("With cones")
        await expect(page.get_by_label("What do you see now?")).to_have_value("Half a sentence")
        await expect(page.locator(".live")).to_have_attribute("aria-live", "polite")
        await expect(page).to_have_title(
            f"In progress: Pothole, {story.made['reference']} – Kerbline"
        )
    await until(lambda: len(app.state.news) == 0, "the page has left")


@pytest.mark.long
async def test_a_hidden_page_watches_nothing_and_catches_up(
    browser: Browser, site: str, story: Story, app: FastAPI, trouble: Trouble
) -> None:
    async with opened(browser, site, own(story), trouble) as page:
        await until(lambda: len(app.state.news) == 1)

        async def shows(state: str) -> None:
            await page.evaluate(
                """state => {
                  const value = {value: state, configurable: true};
                  Object.defineProperty(document, "visibilityState", value);
                  document.dispatchEvent(new Event("visibilitychange"));
                }""",
                state,
            )

        await shows("hidden")
        await until(lambda: len(app.state.news) == 0)
        await story.crews(status="in_progress")
        await shows("visible")
        await expect(page.locator("#status")).to_contain_text("A crew is on it.")
        await until(lambda: len(app.state.news) == 1)


@pytest.mark.long
async def test_without_room_to_watch_there_is_a_link_to_look_again(
    browser: Browser, site: str, story: Story, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.web.news.MOST", 0)
    async with opened(browser, site, own(story), trouble) as page:
        await expect(page.locator("#line a")).to_have_text("Look for news")
        await story.crews(status="in_progress")
        await page.locator("#line a").click()
        await expect(page.locator("#status")).to_contain_text("A crew is on it.")


async def test_not_fixed_with_a_photo_and_words_opens_it_again(
    browser: Browser, site: str, story: Story, tmp_path: Path, trouble: Trouble
) -> None:
    await story.crews(status="fixed")
    (tmp_path / "still.jpg").write_bytes(noisy(2400, 1800))
    async with opened(browser, site, own(story), trouble, viewport=PHONE) as page:
        await expect(page.locator("#status")).to_contain_text("The team says that it is fixed.")
        await expect(page.get_by_label("Photos (up to three)")).to_be_hidden()
        await page.get_by_label("No, it is not fixed").check()
        await page.get_by_label("What do you see now?").fill("Washed out")
        await page.get_by_label("Photos (up to three)").set_input_files(tmp_path / "still.jpg")
        await page.get_by_role("button", name="Tell the team").click()
        told = page.get_by_text("Thank you. It is open again, and the team reads what you wrote.")
        await expect(told).to_be_visible()
        await expect(told).to_be_focused()
        first = page.locator("#timeline li").first
        await expect(first).to_contain_text("You told us that it is not fixed.")
        await expect(first).to_contain_text("Washed out")
        await expect(first).to_contain_text("The photo is being made ready")
        assert await axe(page) == []
    whole = await story.job()
    assert (whole["status"], whole["reopened"]) == ("received", 1)
    assert whole["updates"][-1]["note"] == "Washed out"
    ((width, height),) = await story.rows("select width, height from photo")
    assert (width, height) == (1920, 1440)  # shrunk in the browser


async def test_an_answer_that_is_lost_twice_is_said_once(
    browser: Browser, site: str, story: Story, trouble: Trouble
) -> None:
    await story.crews(status="fixed")
    lost = 0

    async def lose(route: Route) -> None:
        nonlocal lost
        if lost < 2:
            lost += 1
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    async with opened(browser, site, own(story), trouble) as page:
        await page.route("**/feedback", lose)
        await page.get_by_label("No, it is not fixed").check()
        await page.get_by_role("button", name="Tell the team").click()
        await expect(page.locator("#told")).to_be_visible()
    assert lost == 2
    assert [each["kind"] for each in (await story.job())["updates"]].count("feedback") == 1


async def test_feedback_taking_back_and_updates_without_scripts(
    browser: Browser, site: str, story: Story, tmp_path: Path, trouble: Trouble
) -> None:
    await story.crews(status="fixed")
    (tmp_path / "still.jpg").write_bytes(encoded(picture()))
    (tmp_path / "no.jpg").write_bytes(b"no picture")
    options = {"java_script_enabled": False, "viewport": PHONE}
    async with opened(browser, site, own(story), trouble, **options) as page:
        await page.get_by_label("No, it is not fixed").check()
        await page.get_by_label("What do you see now?").fill("Still there")
        photo = page.get_by_label("Photos (up to three)")
        await photo.set_input_files([tmp_path / "still.jpg", tmp_path / "no.jpg"])
        await page.get_by_role("button", name="Tell the team").click()
        await expect(page.get_by_role("alert")).to_contain_text("not a picture we can take")
        await expect(page.get_by_text("1 photo is with us already.")).to_be_visible()
        await expect(page.get_by_label("What do you see now?")).to_have_value("Still there")
        await page.get_by_role("button", name="Tell the team").click()
        await expect(page.get_by_text("The team reads that it is not fixed.")).to_be_visible()
        whole = await story.job()
        assert (whole["status"], whole["updates"][-1]["note"]) == ("received", "Still there")
        assert len(whole["updates"][-1]["photos"]) == 1

        await page.get_by_role("button", name="Stop the e-mail about this report").click()
        await expect(page.get_by_text("You get no more e-mail about this report.")).to_be_visible()
        assert (await story.own())["contact"]["updates"] == []
        await page.get_by_label("Tell me by e-mail").fill("new@example.org")
        await page.get_by_role("button", name="Write to me").click()
        await expect(page.get_by_text("We write to new@example.org each time")).to_be_visible()
        assert (await story.own())["contact"]["name"] == "Ann"

        await page.get_by_role("link", name="Take this report back").click()
        await expect(page.get_by_text("Nobody else has reported it")).to_be_visible()
        await page.get_by_role("link", name="Keep it").click()
        await page.get_by_role("link", name="Take this report back").click()
        await page.get_by_role("button", name="Take it back").click()
        await expect(page.locator("#status .tag")).to_have_text("Taken back")
        await expect(page.get_by_role("button", name="Tell the team")).to_have_count(0)
    assert (await story.job())["reason"] == "withdrawn"


async def test_seeing_taking_away_and_deleting_my_data(
    browser: Browser, site: str, story: Story, trouble: Trouble
) -> None:
    async with opened(browser, site, own(story), trouble, viewport=PHONE) as page:
        await page.get_by_role("link", name="See, take away or delete").click()
        await expect(page.get_by_role("link", name="Pothole")).to_be_visible()
        assert await axe(page) == []
        async with page.expect_download() as coming:
            await page.get_by_role("link", name="Download my data").click()
        download = await coming.value
        assert download.suggested_filename == "kerbline-my-data.json"
        held = Path(await download.path()).read_text()
        assert HELD in held
        assert "ann@example.org" in held
        await page.evaluate("localStorage.setItem('kept', 'here')")
        await page.get_by_role("link", name="Delete my data").click()
        assert await axe(page) == []
        await page.get_by_role("button", name="Delete my data").click()
        await expect(page.get_by_text("are deleted, and this browser is forgotten")).to_be_visible()
        assert await page.evaluate("localStorage.getItem('kept')") is None
        assert await page.context.cookies() == []
        await page.goto(f"/r/{story.made['reference']}")
        await expect(page.get_by_role("heading", name="Is this yours?")).to_be_visible()
    assert await story.rows("select 1 from report_words") == []
    assert await story.rows("select 1 from reporter") == []


async def test_everybody_else_sees_no_held_word_and_no_form(
    browser: Browser, site: str, story: Story, trouble: Trouble
) -> None:
    await story.crews(status="scheduled", public_message="Ring Dave on 07700 900123")
    async with opened(browser, site, f"/r/{story.made['reference']}", trouble) as page:
        text = await page.content()
        for secret in ("07700", "Smith", "ann@", "kbt_"):
            assert secret not in text
        await expect(page.locator("form")).to_have_count(0)
        await expect(page.get_by_role("heading", name="Is this yours?")).to_be_visible()
        await story.crews(status="in_progress")
        await expect(page.locator("#status")).to_contain_text("A crew is on it.")
        assert await axe(page) == []


PHONE = {"width": 320, "height": 640}


@pytest.mark.parametrize(
    "how",
    [
        "320 px",
        pytest.param("200 % text", marks=pytest.mark.long),
        pytest.param("forced colours", marks=pytest.mark.long),
        "Welsh",
        pytest.param("wide", marks=pytest.mark.long),
    ],
)
async def test_it_fits_and_nothing_keeps_people_from_it(
    browser: Browser, site: str, story: Story, how: str, trouble: Trouble
) -> None:
    await story.crews(status="fixed", public_message="Filled, and rolled flat twice over.")
    options: dict[str, Any] = {"viewport": PHONE}
    if how == "forced colours":
        options["forced_colors"] = "active"
    if how == "wide":
        options["viewport"] = {"width": 1280, "height": 900}
    path = own(story) + ("&lang=cy" if how == "Welsh" else "")
    async with opened(browser, site, path, trouble, **options) as page:
        if how == "200 % text":
            await page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        await page.get_by_role("radio").first.check()
        assert (
            await page.evaluate("document.documentElement.scrollWidth")
            <= (options["viewport"]["width"])
        )
        assert await axe(page) == []
        small = await page.evaluate(
            """() => [...document.querySelectorAll("main button, main .button, main summary")]
              .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44)
              .map(each => each.outerHTML)"""
        )
        assert small == []
        if how == "Welsh":
            await expect(page.locator("html")).to_have_attribute("lang", "cy")
            status = page.locator("#status")
            await expect(status).to_contain_text("Mae'r tîm yn dweud ei fod wedi'i drwsio.")
            await page.get_by_role("radio").first.check()
            await page.get_by_role("button", name="Dweud wrth y tîm").click()
            await expect(page.locator("#told")).to_have_text(
                "Diolch. Mae ar agor eto, a bydd y tîm yn darllen yr hyn a ysgrifenasoch."
            )


async def test_by_keyboard_alone(
    browser: Browser, site: str, story: Story, trouble: Trouble
) -> None:
    await story.crews(status="fixed")
    async with opened(browser, site, own(story), trouble) as page:
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "fixed-no":
                break
        await page.keyboard.press("Space")
        for _ in range(4):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.type") == "submit":
                break
        await page.keyboard.press("Enter")
        await expect(page.locator("#told")).to_be_focused()


async def test_messages_on_this_device_begin_and_stop(
    browser: Browser, site: str, county: County, owner: Connection, trouble: Trouble
) -> None:
    """A browser's push service cannot be reached here: what it would give is given instead."""
    context = await browser.new_context(base_url=site, permissions=["notifications"])
    trouble.watch_all(context, site)
    page = await context.new_page()
    await page.goto("/docs")
    given = await page.evaluate("fetch('/browser', {method: 'POST'}).then(a => a.status)")
    assert given == 204
    made = await page.evaluate(
        """async ([key, body]) => {
          const answer = await fetch("/v1/reports", {method: "POST", body: JSON.stringify(body),
            headers: {"Content-Type": "application/json", "Idempotency-Key": key}});
          return answer.json();
        }""",
        [str(uuid4()), pothole()],
    )
    await page.add_init_script(
        """(() => {
          let held = null;
          PushManager.prototype.getSubscription = async () => held;
          PushManager.prototype.subscribe = async function (options) {
            window.askedWith = options;
            const base64 = (bytes) => btoa(String.fromCharCode(...bytes))
              .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
            const curve = {name: "ECDH", namedCurve: "P-256"};
            const pair = await crypto.subtle.generateKey(curve, true, ["deriveBits"]);
            const point = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
            const auth = crypto.getRandomValues(new Uint8Array(16));
            const keys = {p256dh: base64(point), auth: base64(auth)};
            held = {unsubscribe: async () => { held = null; return true; },
              toJSON: () => ({endpoint: "http://127.0.0.1:9/push/here", keys})};
            return held;
          };
        })()"""
    )
    await page.goto(f"/r/{made['reference']}")
    await page.get_by_role("button", name="Tell me on this device").click()
    stop = page.get_by_role("button", name="Tell me nothing more on this device")
    await expect(stop).to_be_visible()
    key = await page.evaluate("window.askedWith.applicationServerKey")
    assert len(key) == 87  # 65 bytes, base64url
    cursor = await owner.execute("select channel, ended_at is null from subscription")
    assert await cursor.fetchall() == [("webpush", True)]
    await stop.click()
    await expect(page.get_by_text("This device shows no more messages.")).to_be_visible()
    cursor = await owner.execute("select ended_at is null from subscription")
    assert await cursor.fetchall() == [(False,)]
    await context.close()
    assert not trouble.refused


@pytest.mark.long
async def test_where_no_mail_is_configured_and_no_messages_can_be_shown_it_says_so(
    browser: Browser, site: str, story: Story, app: FastAPI, trouble: Trouble
) -> None:
    app.state.runtime = _without_mail(app)
    async with opened(browser, site, own(story), trouble) as page:
        await expect(page.get_by_text("This council has no e-mail set up here.")).to_be_visible()
        await expect(page.locator("#updates form")).to_have_count(0)


def _without_mail(app: FastAPI) -> Any:

    plain = app.state.runtime.settings.model_copy(update={"smtp_url": None})
    return replace(app.state.runtime, settings=plain)
