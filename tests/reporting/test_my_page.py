"""`/me`: a browser that is a device, and holds the tokens of other reports besides."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reporting.runtime import Connection
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import report

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def browser(app: FastAPI, county: County) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as found:
        yield found


async def follows(browser: httpx.AsyncClient, made: dict[str, Any]) -> None:
    """Open the report by its reporter's own link."""
    answer = await browser.get(f"/r/{made['reference']}?t={made['tracking_token']}")
    assert answer.status_code == 303


@pytest.fixture
async def three(browser: httpx.AsyncClient, client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """One that this browser sent, one that it follows by a link, and a stranger's."""
    assert (await browser.post("/browser")).status_code == 204
    sent = await report(browser, pothole("W1", description="Ann was here"))
    followed = await report(client, pothole("W2", description="Ann on another phone"))
    other = await report(client, pothole("E1", description="Bob"))
    await follows(browser, sent)  # which it knows twice then
    await follows(browser, followed)
    return [sent, followed, other]


async def test_each_report_is_listed_once_and_no_stranger_s(
    browser: httpx.AsyncClient, three: list[dict[str, Any]]
) -> None:
    sent, followed, other = [made["reference"] for made in three]
    page = (await browser.get("/me")).text
    assert (page.count(f'href="/r/{sent}"'), page.count(f'href="/r/{followed}"')) == (1, 1)
    assert other not in page
    assert "This is about 2 reports." in (await browser.get("/me/forget")).text
    data = await browser.get("/me/data")
    assert data.headers["content-disposition"].startswith("attachment")
    assert data.headers["cache-control"] == "no-store"
    held = [each["reference"] for holder in data.json()["held"] for each in holder["reports"]]
    assert sorted(held) == sorted([sent, followed])


async def test_forgetting_takes_all_that_this_browser_is_known_by(
    browser: httpx.AsyncClient, three: list[dict[str, Any]], owner: Connection
) -> None:
    gone = await browser.post("/me/forget", headers=OURS)
    assert gone.status_code == 200
    assert gone.headers["clear-site-data"] == '"storage"'
    assert [name for name in browser.cookies if name != "lang"] == []
    cursor = await owner.execute("select description from report_words")
    assert await cursor.fetchall() == [("Bob",)]
    cursor = await owner.execute("select count(*) from device")
    assert await cursor.fetchone() == (0,)
    assert "not known here" in (await browser.get("/me")).text


@pytest.mark.parametrize("path", ["/me/data", "/me/forget"])
async def test_a_browser_that_nobody_knows_has_nothing(
    browser: httpx.AsyncClient, path: str
) -> None:
    assert (await browser.get(path)).status_code == 401
    assert (await browser.post("/me/forget", headers=OURS)).status_code == 401


@pytest.mark.parametrize(
    "path", ["/me/forget", "/r/{}/withdraw", "/r/{}/feedback", "/r/{}/contact"]
)
async def test_a_page_of_others_cannot_do_it_for_them(
    browser: httpx.AsyncClient, three: list[dict[str, Any]], owner: Connection, path: str
) -> None:
    before = await (await owner.execute("select count(*) from job_update")).fetchone()
    answer = await browser.post(
        path.format(three[0]["reference"]),
        data={"fixed": "no", "stop": "yes"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status_code == 403
    assert await (await owner.execute("select count(*) from job_update")).fetchone() == before
    assert "Ann was here" in (await browser.get(f"/r/{three[0]['reference']}")).text
