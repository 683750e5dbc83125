"""A browser is known by its cookies, to pages of ours only."""

from uuid import uuid4

import pytest

from reporting import keys
from tests.support.county import inside

REPORT = {"category": "pothole", "answers": {"where": "cycle_lane", "depth": "over_7cm"}}


@pytest.fixture
async def known(client, county):
    """A client that is a device."""
    answer = await client.post("/browser")
    assert answer.status_code == 204
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    return client


async def send(client, **headers):
    body = {**REPORT, "location": inside("W1")}
    return await client.post(
        "/v1/reports", json=body, headers={"Idempotency-Key": str(uuid4()), **headers}
    )


async def mine(client) -> set[str]:
    answer = await client.get("/v1/me/reports")
    return {each["reference"] for each in answer.json()["items"]}


async def test_what_a_browser_sends_is_its_own(known):
    sent = await send(known, **{"Sec-Fetch-Site": "same-origin"})
    assert sent.status_code == 201
    assert await mine(known) == {sent.json()["reference"]}


async def test_a_browser_stays_the_device_it_is(known, owner):
    assert "set-cookie" not in (await known.post("/browser")).headers
    [(devices,)] = await (await owner.execute("select count(*) from device")).fetchall()
    assert devices == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
async def test_another_site_cannot_speak_for_it(known, headers):
    sent = await send(known, **headers)
    assert sent.status_code == 201  # as anyone's
    assert await mine(known) == set()


async def test_another_site_cannot_make_it_a_device(client, county):
    answer = await client.post("/browser", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403


async def test_an_old_cookie_is_passed_over(client, county):
    client.cookies.set("device", keys.new_token(keys.DEVICE))
    assert (await send(client)).status_code == 201


async def test_a_bearer_counts_before_cookies(known):
    answer = await known.get(
        "/v1/me/reports", headers={"Authorization": f"Bearer {keys.new_token(keys.DEVICE)}"}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("cookie", ["kbd_short", "x" * 5000, "kbs_" + "A" * 43])
async def test_what_is_no_bearer_of_ours_is_nobody(client, county, cookie):
    client.cookies.set("device", cookie)
    assert (await client.get("/v1/me/reports")).status_code == 401
