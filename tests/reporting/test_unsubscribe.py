"""The page where mail ends: looking changes nothing, one click ends it, and it stays ended."""

from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from reporting import outbox
from tests.support.county import County
from tests.support.street import Street

ANN = "ann@example.org"


@pytest.fixture
async def street(county: County) -> Street:
    return Street(county)


@pytest.fixture
async def reader(street: Street) -> UUID:
    return await street.reader(ANN)


@pytest.fixture
async def link(app: FastAPI, street: Street, reader: UUID) -> str:
    """As it stands in a mail about a report of hers."""
    await street.report(None, reporter=reader)
    (subscription,) = await street.one("select id from subscription")
    token = app.state.runtime.keys.unsubscribe_token(subscription)
    return f"/unsubscribe/{token}"


async def live(street: Street) -> int:
    (found,) = await street.one("select count(*) from subscription where ended_at is null")
    return int(found)


async def test_looking_shows_what_would_end_and_changes_nothing(
    client: httpx.AsyncClient, street: Street, link: str
) -> None:
    """Programs open every link of a mail before its reader does."""
    (reference,) = await street.one("select reference from report")
    for method in ("HEAD", "GET"):
        said = await client.request(method, link)
        assert said.status_code == 200
        assert said.headers["cache-control"] == "no-store"
        assert "unsafe" not in said.headers["content-security-policy"]
    assert said.headers["content-language"] == "cy"
    assert f"Peidio â chael rhagor o negeseuon e-bost am {reference}?" in said.text
    assert ANN not in said.text
    assert '<form method="post">' in said.text
    english = await client.get(f"{link}?lang=en")
    assert f"Get no more e-mail about {reference}?" in english.text
    assert await live(street) == 1


@pytest.mark.parametrize(
    "request_",
    [
        # RFC 8058, by the provider's machines.
        {
            "content": "List-Unsubscribe=One-Click",
            "headers": {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": "https://mail.example",
                "Sec-Fetch-Site": "cross-site",
            },
        },
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        # The page's own button.
        {"headers": {"Origin": "http://test", "Sec-Fetch-Site": "same-origin"}},
        {},
        {"content": b"\xff" * 5000, "headers": {"Content-Type": "application/json"}},
    ],
)
async def test_one_click_ends_it_whoever_sends_it_and_however_often(
    client: httpx.AsyncClient, street: Street, link: str, request_: dict
) -> None:
    (reference,) = await street.one("select reference from report")
    told = await outbox.fan_out(street.conn, await street.outbox_ids())
    assert len(told) == 1
    for _ in range(3):
        said = await client.post(f"{link}?lang=en", **request_)
        assert said.status_code == 200
        assert f"You will get no more e-mail about {reference}." in said.text
    assert await live(street) == 0
    assert await street.one("select state, last_error from delivery") == ("dropped", "unsubscribed")
    assert await street.one("select updates from reporter") == ([],)
    again = await client.get(f"{link}?lang=en")
    assert f"You will get no more e-mail about {reference}." in again.text
    assert "<form" not in again.text


async def test_a_token_ends_its_own_mail_alone(
    client: httpx.AsyncClient, street: Street, link: str
) -> None:
    await street.report(None, reporter=await street.reader("bob@example.org"))
    phone = await street.phone("phone")
    await street.report(phone)
    await client.post(link)
    rows = await street.all("select address from subscription where ended_at is null order by 1")
    assert rows == [("bob@example.org",), ("phone",)]


async def test_a_phones_subscription_is_not_ended_here(
    app: FastAPI, client: httpx.AsyncClient, street: Street
) -> None:
    await street.report(await street.phone("phone"))
    (subscription,) = await street.one("select id from subscription")
    token = app.state.runtime.keys.unsubscribe_token(subscription)
    await client.post(f"/unsubscribe/{token}")
    assert await live(street) == 1


async def test_who_was_forgotten_is_told_that_nothing_is_left(
    client: httpx.AsyncClient, street: Street, link: str
) -> None:
    await street.conn.execute("delete from reporter")
    for method in ("GET", "POST"):
        said = await client.request(method, link)
        assert said.status_code == 200
        assert "We hold no e-mail address for this report any more." in said.text


@pytest.mark.parametrize("token", ["x", "A" * 43, "%00", "A" * 5000, "../x"])
async def test_what_is_no_token_is_not_found(
    client: httpx.AsyncClient, street: Street, link: str, token: str
) -> None:
    for method in ("GET", "POST"):
        assert (await client.request(method, f"/unsubscribe/{token}")).status_code == 404
    assert await live(street) == 1
