"""The crews' page without signal: nothing lost, nothing doubled, nothing sent as somebody else."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Page, expect

from reporting.runtime import Connection
from reporting.web.pages import crew
from reporting.web.pages.static import VERSION, packed
from tests.browser.test_offline import IN_CONTROL, NO_SIGNAL, Phone, photographed
from tests.reporting.test_reports import pothole
from tests.support.browser import axe
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk
from tests.support.line import Line, line
from tests.support.people import Headers, People, job_of, report
from tests.support.until import until

ACT = "([job, fields, undo_s]) => Crew.act(job, fields, { undo_s })"
ADD_PICTURE = """async ([job, text]) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return await Crew.addPicture(job, new File([bytes], "hole.jpg"), "after");
}"""
SHELLS = "caches.keys().then((names) => names.filter((name) => name.includes('crew-shell')))"
#: Everything that stands in the crew's database.
KEPT = """async () => {
  const db = await new Promise((found) => {
    indexedDB.open("kerbline-crew").onsuccess = (event) => found(event.target.result);
  });
  const all = {};
  for (const name of db.objectStoreNames) {
    all[name] = await new Promise((found) => {
      db.transaction(name).objectStore(name).getAll().onsuccess = (e) => found(e.target.result);
    });
  }
  db.close();
  return JSON.parse(JSON.stringify(all));
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary, label")]
  .filter((each) => each.checkVisibility() && !each.closest(".skip") && each.type !== "hidden")
  .filter((each) => !(each.control && each.control.offsetHeight >= 56))
  .map((each) => [each.textContent.trim() || each.id, each.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 55.5 || box.height < 55.5))
  .map(([words, box]) => `${words}: ${box.width} x ${box.height}`)"""


@dataclass
class Tablet(Phone):
    """A crew's tablet and a line to the site in our hands; and a colleague at a desk."""

    line: Line = field(default_factory=Line)
    jobs: list[UUID] = field(default_factory=list)

    async def sign_in(self, name: str = "ann") -> Page:
        page = await self.open("/crew/sign-in")
        await self.fill(page, name)
        await until(lambda: page.evaluate(IN_CONTROL), "the worker is in control", 60)
        return page

    async def fill(self, page: Page, name: str = "ann") -> None:
        await expect(page.locator("#tablet")).to_have_value(re.compile(".{36}"))
        await page.get_by_label("E-mail address").fill(f"{name}@shire.example")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url("**/crew")
        await self.has(page, len(self.jobs))

    async def has(self, page: Page, number: int) -> None:
        async def probe() -> bool:
            return len(await page.evaluate("Crew.jobs()")) == number

        await until(probe, f"{number} jobs are on the tablet", 40)


@pytest.fixture
async def tablet(
    app: FastAPI,
    client: httpx.AsyncClient,
    browser: Browser,
    county: County,
    tmp_path: Path,
    site: str,
) -> AsyncIterator[Tablet]:
    """With two accounts to sign in with and three jobs."""
    desk = Desk(app)
    for name in ("Ann Cole", "Bob Dean"):
        await desk.account("crew", name=name, teams=("highways",))
    made = [job_of(await report(client, pothole("W1", dx))) for dx in (0.2, 0.5, 0.8)]
    async with line(site) as found:
        found.watched = b"POST /v1/sync "
        tablet = Tablet(browser, tmp_path / "tablet", found.url, line=found, jobs=made)
        yield tablet
        await tablet.close()
    assert [each for each in tablet.trouble.refused if not NO_SIGNAL.search(each)] == []
    assert tablet.trouble.elsewhere == []


async def act(page: Page, job: UUID, undo_s: float = 0, **fields: Any) -> str:
    found: str = await page.evaluate(ACT, [str(job), fields, undo_s])
    return found


async def states(page: Page) -> list[str]:
    """Of what was done here, the first first."""
    found: list[dict[str, Any]] = await page.evaluate("Crew.queue()")
    return [each["state"] for each in reversed(found)]


async def become(page: Page, *wanted: str) -> None:
    async def probe() -> bool:
        return await states(page) == list(wanted)

    try:
        await until(probe, "", 40)
    except AssertionError:
        raise AssertionError(await page.evaluate("Crew.queue()")) from None


async def outcomes(owner: Connection) -> list[str]:
    cursor = await owner.execute("select outcome from operation order by device_seq")
    return [outcome for (outcome,) in await cursor.fetchall()]


async def updates(owner: Connection, job: UUID) -> list[dict[str, Any]]:
    """What the job's updates say, without the report's own."""
    cursor = await owner.execute(
        "select changes from job_update where job_id = %s and kind <> 'reported' order by seq",
        (job,),
    )
    return [changes for (changes,) in await cursor.fetchall()]


async def looked_at(page: Page) -> None:
    """Nothing keeps anybody from using it: in gloves, by ear, on a narrow screen."""
    assert await axe(page) == []
    assert await page.evaluate(SMALL_TARGETS) == []
    await page.set_viewport_size({"width": 320, "height": 640})
    assert await page.evaluate(SMALL_TARGETS) == []
    assert await page.evaluate("document.documentElement.scrollWidth") <= 320
    await page.set_viewport_size({"width": 1024, "height": 768})


async def test_a_browser_killed_while_its_answer_was_lost_loses_and_doubles_nothing(
    tablet: Tablet, owner: Connection
) -> None:
    first, second, third = tablet.jobs
    page = await tablet.sign_in()
    await tablet.offline(True)
    await page.reload()
    await expect(page.locator(".part-signal")).to_have_text("No signal")
    await act(page, first, status="in_progress")
    await act(page, first, note="Filled with cold mix")
    await act(page, first, status="fixed")
    await act(page, second, status="closed", reason="not_found")
    undone = await act(page, third, 60, status="in_progress")
    assert (await page.evaluate("id => Crew.job(id)", str(third)))["status"] == "in_progress"
    await page.get_by_role("button", name="Undo").click()
    await expect(page.locator("#toast")).to_contain_text("Undone")
    assert (await page.evaluate("id => Crew.job(id)", str(third)))["status"] == "received"
    assert await states(page) == ["waiting"] * 4
    await expect(page.locator(".part-waiting")).to_have_text("4 waiting")
    assert await outcomes(owner) == []

    tablet.line.lose = 10  # the server takes them all, and each answer is lost
    await tablet.offline(False)
    await until(lambda: tablet.line.seen, "it was sent", 40)
    await until(lambda: outcomes(owner), "the server took it")
    await tablet.close()
    tablet.line.lose = 0
    page = await tablet.open("/crew")
    await become(page, *["applied"] * 4)
    assert await outcomes(owner) == ["applied"] * 4
    assert len(await updates(owner, first)) == 3
    assert await status_of(owner, first) == "fixed"
    assert await updates(owner, third) == []
    cursor = await owner.execute("select count(*) from operation where id = %s", (UUID(undone),))
    assert await cursor.fetchall() == [(0,)]
    await expect(page.locator(".part-clear")).to_have_text("All sent")


async def test_what_two_people_changed_is_asked_and_settled_either_way(
    tablet: Tablet, owner: Connection, client: httpx.AsyncClient, county: County
) -> None:
    first, second, third = tablet.jobs
    page = await tablet.sign_in()
    await tablet.offline(True)
    for job in (first, second):
        await act(page, job, status="fixed", note="Filled")
    await act(page, third, note="Nobody else touches this one")
    sam = await People(county).staff("supervisor", "shire")
    for job in (first, second):
        await change(client, sam, job, status="waiting", reason="a road closure")
    await tablet.offline(False)
    await become(page, "conflict", "conflict", "applied")
    await expect(page.locator(".part-needs")).to_have_text("2 need you")

    await page.locator(".part-needs a").click()
    card = page.locator("#view .needs").first
    await expect(card.locator(".mine")).to_contain_text("Done")
    await expect(card.locator(".theirs")).to_contain_text("Supervisor of shire")
    await expect(card.locator(".theirs")).to_contain_text("Waiting")
    await looked_at(page)
    links = await page.locator("#view .needs h3 a").all()
    mine, theirs = [
        UUID(str(await each.get_attribute("href")).rpartition("/")[2]) for each in links
    ]
    await card.get_by_role("button", name="Use mine").click()
    await expect(page.locator("#view .needs")).to_have_count(1)
    await page.locator("#view .needs").get_by_role("button", name="Keep theirs").click()
    await expect(page.locator("#view .needs")).to_have_count(0)
    await expect(page.locator(".part-clear")).to_have_text("All sent", timeout=40_000)
    assert await status_of(owner, mine) == "fixed"
    assert await status_of(owner, theirs) == "waiting"
    # What did not clash was not lost with it.
    cursor = await owner.execute(
        "select note from update_words join job_update on id = update_id where job_id = %s",
        (theirs,),
    )
    assert ("Filled",) in await cursor.fetchall()
    assert (await page.evaluate("id => Crew.job(id)", str(theirs)))["status"] == "waiting"


@pytest.mark.long
async def test_two_tabs_send_once_and_one_unreadable_change_holds_nothing_back(
    tablet: Tablet, owner: Connection
) -> None:
    first, second, third = tablet.jobs
    page = await tablet.sign_in()
    other = await tablet.another("/crew")
    await tablet.has(other, 3)
    tablet.line.cut()
    await act(page, first, status="in_progress")
    await act(page, second, note="x" * 5000)
    await act(other, third, note="From the other tab")
    assert set(await states(page) + await states(other)) <= {"waiting", "sending"}
    tablet.line.mend()
    await asyncio.gather(*(each.evaluate("Crew.sync()") for each in (page, other)))
    await become(page, "applied", "refused", "applied")
    await become(other, "applied", "refused", "applied")
    assert [len(await updates(owner, job)) for job in tablet.jobs] == [1, 0, 1]

    await page.evaluate("location.hash = '#/queue'")
    card = page.locator("#view .needs")
    await expect(card).to_contain_text("not taken")
    await looked_at(page)
    async with page.expect_download() as saved:
        await page.get_by_role("button", name="Save all as a file").click()
    written = json.loads((await (await saved.value).path()).read_text())
    assert [each["state"] for each in written["operations"]] == ["applied", "refused", "applied"]
    assert written["operations"][1]["fields"]["note"] == "x" * 5000
    await card.get_by_role("button", name="Drop it").click()
    await card.get_by_role("button", name="Yes, drop it").click()
    await expect(page.locator("#view .needs")).to_have_count(0)
    await expect(page.locator(".part-clear")).to_have_text("All sent")


@pytest.mark.long
async def test_a_picture_goes_after_the_status_and_once_over_a_broken_line(
    tablet: Tablet, owner: Connection
) -> None:
    job = tablet.jobs[0]
    page = await tablet.sign_in()
    await tablet.offline(True)
    await page.evaluate(ADD_PICTURE, [str(job), b64encode(photographed()).decode()])
    await act(page, job, status="fixed")
    [own] = await page.evaluate("id => Crew.picturesOf(id)", str(job))
    assert await page.evaluate("id => Crew.photo(id, 'large')", own["upload"])
    tablet.line.lose = 1
    await tablet.offline(False)
    await become(page, "applied", "applied")
    status, photo = await updates(owner, job)
    assert (status["status"], photo["photos_show"]) == ("fixed", "after")
    cursor = await owner.execute("select count(*) from photo where update_id is not null")
    assert await cursor.fetchall() == [(1,)]


async def test_signing_out_waits_until_all_is_sent_and_then_leaves_nothing(
    tablet: Tablet, owner: Connection
) -> None:
    page = await tablet.sign_in()
    await tablet.offline(True)
    await act(page, tablet.jobs[0], status="in_progress")
    await page.evaluate("location.hash = '#/queue'")
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.locator(".leaving .note")).to_contain_text("Not yet: 1 waiting to be sent")
    await looked_at(page)
    assert len(await page.evaluate("Crew.jobs()")) == 3
    await tablet.offline(False)
    await become(page, "applied")
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_role("button", name="Yes, sign out").click()
    await page.wait_for_url("**/crew/sign-in?left=1")
    assert await axe(page) == []
    kept = await page.evaluate(KEPT)
    assert [kept[name] for name in ("jobs", "ops", "pictures", "photos")] == [[]] * 4
    assert {each["id"] for each in kept["kept"] + kept["bytes"]} <= {
        "tablet",
        "map",
        "areas",
        "categories",
    }
    await page.goto(f"{tablet.url}/crew")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is signed in")


@pytest.mark.long
async def test_work_that_waits_is_never_sent_as_somebody_elses(
    tablet: Tablet, owner: Connection
) -> None:
    """Ann's session ends while she has no signal, and Bob takes the tablet."""
    page = await tablet.sign_in()
    await tablet.offline(True)
    await act(page, tablet.jobs[0], status="in_progress")
    await owner.execute("update staff_token set expires_at = now()")
    await tablet.offline(False)
    await page.get_by_role("link", name="Sign in again").first.wait_for()
    assert await states(page) == ["waiting"]
    assert len(await page.evaluate("Crew.jobs()")) == 3
    await page.get_by_role("link", name="Sign in again").first.click()
    await expect(page.locator("#others")).to_contain_text("Ann Cole (1 change)")
    await looked_at(page)
    await tablet.fill(page, "bob")
    await expect(page.locator("#notices")).to_contain_text("Ann Cole (1 change)")
    assert await states(page) == []
    await page.evaluate("Crew.sync()")
    assert await outcomes(owner) == []
    await page.goto(f"{tablet.url}/crew/sign-in")
    await tablet.fill(page, "ann")
    await become(page, "applied")
    [(by,)] = await (
        await owner.execute("select name from operation join staff on staff.id = staff_id")
    ).fetchall()
    assert by == "Ann Cole"


async def test_a_tablet_whose_session_was_ended_is_wiped_and_says_so(
    tablet: Tablet, owner: Connection
) -> None:
    page = await tablet.sign_in()
    await tablet.offline(True)
    await act(page, tablet.jobs[0], note="Written before anybody knew")
    await page.evaluate(ADD_PICTURE, [str(tablet.jobs[0]), b64encode(photographed()).decode()])
    await owner.execute("update staff_token set revoked_at = now()")
    await tablet.offline(False)
    heading = page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("This tablet was signed out", timeout=40_000)
    await expect(page.get_by_role("alert")).to_contain_text("2 changes that had not been sent")
    await looked_at(page)
    kept = await page.evaluate(KEPT)
    assert [kept[name] for name in ("jobs", "ops", "pictures", "photos")] == [[]] * 4
    assert not {"me", "pull"} & {each["id"] for each in kept["kept"]}
    await tablet.offline(True)
    await page.reload()  # the page itself is still there to say it
    await expect(heading).to_have_text("This tablet was signed out")
    assert await outcomes(owner) == []


@pytest.mark.long
async def test_a_job_that_left_the_team_stays_while_something_is_unsent(
    tablet: Tablet, owner: Connection, client: httpx.AsyncClient, county: County
) -> None:
    first, second, _ = tablet.jobs
    page = await tablet.sign_in()
    await tablet.offline(True)
    await act(page, first, status="fixed")
    sam = await People(county).staff("supervisor", "shire")
    for job in (first, second):
        await change(client, sam, job, team="shire-triage")
    await tablet.offline(False)
    await become(page, "refused")
    await tablet.has(page, 2)
    await page.evaluate("location.hash = '#/queue'")
    await expect(page.locator("#view .needs")).to_contain_text("The job has left your team.")
    await page.get_by_role("button", name="Drop it").click()
    await page.get_by_role("button", name="Yes, drop it").click()
    await page.evaluate("Crew.sync()")
    await tablet.has(page, 1)
    # A cursor that the server no longer takes: the list is read anew, and is the same.
    await page.evaluate(
        "CrewDb.change('kept', 'pull', { cursor: 'of-other-keys', etag: null })",
    )
    await change(client, sam, second, base_version=2, team="highways")
    await page.evaluate("Crew.sync()")
    await tablet.has(page, 2)


@pytest.mark.long
async def test_a_full_tablet_says_so_and_gives_up_pictures_first(tablet: Tablet) -> None:
    page = await tablet.sign_in()
    await page.evaluate(
        """() => {
          const put = IDBObjectStore.prototype.put;
          self.full = 1;
          IDBObjectStore.prototype.put = function (...given) {
            if (this.name !== "ops" || self.full-- <= 0) return put.apply(this, given);
            throw new DOMException("", "QuotaExceededError");
          };
          return CrewDb.write(["photos", { id: "p/small", size: 1 }], ["bytes", { id: "p/small" }]);
        }"""
    )
    await tablet.offline(True)
    await act(page, tablet.jobs[0], note="kept all the same")
    assert await page.evaluate("CrewDb.get('photos', 'p/small')") is None
    await page.evaluate("self.full = 9")
    refused = f"given => ({ACT})(given).catch((error) => error.code)"
    assert await page.evaluate(refused, [str(tablet.jobs[0]), {"note": "x"}, 0]) == "storage-full"
    await expect(page.locator("#notices")).to_contain_text("The storage of this tablet is full")
    assert await states(page) == ["waiting"]


@pytest.mark.long
async def test_a_new_version_waits_while_somebody_is_in_the_middle_of_a_job(
    tablet: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await tablet.sign_in()
    newer = crew._WORKER.replace(VERSION.encode(), b"another", 1)
    monkeypatch.setattr(crew, "_WORKER", newer)
    monkeypatch.setattr(crew, "_WORKER_PACKED", packed(newer))
    await page.evaluate(f"location.hash = '#/job/{tablet.jobs[0]}'")
    await page.evaluate(
        "navigator.serviceWorker.getRegistration('/crew').then((it) => it.update())"
    )
    waits = "navigator.serviceWorker.getRegistration('/crew').then((it) => Boolean(it.waiting))"
    await until(lambda: page.evaluate(waits), "the new one is there", 40)
    await expect(page.locator("#newer .note")).to_have_count(0)
    await page.evaluate("location.hash = '#/queue'")
    await expect(page.locator("#newer .note")).to_contain_text("A new version is ready")
    await looked_at(page)
    async with page.expect_navigation():
        await page.get_by_role("button", name="Use it now").click()

    async def is_newer() -> bool:
        return not [url for url in await page.evaluate(SHELLS) if VERSION in url]

    await until(is_newer, "the old one has gone", 40)
    await tablet.has(page, 3)


async def change(client: httpx.AsyncClient, who: Headers, job: UUID, **fields: Any) -> None:
    body = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        **fields,
    }
    answer = await client.post(f"/v1/jobs/{job}/updates", json=body, headers=who)
    assert answer.status_code == 200, answer.text


async def status_of(owner: Connection, job: UUID) -> str:
    cursor = await owner.execute("select status from job where id = %s", (job,))
    [(found,)] = await cursor.fetchall()
    return str(found)
