"""What somebody of bad will, or without luck, tries at the edge, and what it comes to."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from limits import RateLimitItemPerHour

from reporting.households import household
from reporting.photo_store import PhotoStore
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web import limits
from reporting.web.door import ADDRESS, Door
from reporting.web.photo_links import Audience, link
from tests.reporting.test_reports import pothole, send
from tests.reporting.web.test_confirming import ANN
from tests.reporting.web.test_photos import decided, ready
from tests.reporting.web.test_uploads import PICTURE, THIRD, rest
from tests.support.county import County
from tests.support.people import People


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(limits, "TIMEOUT_S", 5.0)  # this machine may be busy
    mail = {"smtp_url": "smtp://127.0.0.1:1", "mail_from": "reports@shire.example"}
    return settings.model_copy(update={"limits": "on", **mail})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::3", "2001:db8:1:2:ffff::4", True),
        ("2001:db8:1:2::3", "2001:db8:1:3::3", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "unix", False),
    ],
)
def test_who_is_counted_as_one(one: str, other: str, same: bool) -> None:
    assert (household(one) == household(other)) is same


def test_a_flood_from_a_household_s_many_addresses_is_one_flood() -> None:
    keeper = Door(on=True)
    waits = [
        keeper.wait_s({"headers": [], "client": (f"2001:db8::{n:x}", 1)})
        for n in range(3 * ADDRESS[1])
    ]
    assert any(waits)


def of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("theirs", ["nonsense", "another report's"])
async def test_a_link_that_opens_nothing_takes_nothing_from_its_reporter(
    client: httpx.AsyncClient, county: County, theirs: str
) -> None:
    mine = of(await send(client, pothole("W1", description="By the gate, ring 01234 567890")))
    other = of(await send(client, pothole("E1")))
    page = f"/r/{mine['reference']}"
    await client.get(f"{page}?t={mine['tracking_token']}")
    assert "01234" in (await client.get(page)).text
    token = "kbt_" + "x" * 43 if theirs == "nonsense" else other["tracking_token"]
    assert (await client.get(f"{page}?t={token}")).status_code == 303
    assert "01234" in (await client.get(page)).text


async def test_pictures_of_forms_are_counted_too(
    client: httpx.AsyncClient, county: County, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "photos", (RateLimitItemPerHour(2),))
    codes = []
    for _ in range(4):
        files = [("photo", ("a.jpg", PICTURE, "image/jpeg"))]
        answer = await client.post("/", data={"key": str(uuid4())}, files=files)
        codes.append(answer.status_code)
    assert codes == [422] * 4  # nothing else is filled in
    rows = await owner.execute("select count(*) from photo")
    assert await rows.fetchone() == (2,)


async def test_what_was_kept_to_be_confirmed_is_forgotten_with_the_report(
    client: httpx.AsyncClient,
    county: County,
    runtime: Runtime,
    owner: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(limits.RATES, "reports", (RateLimitItemPerHour(1),))
    of(await send(client, pothole("W1")))
    contact, body, key = {**ANN, "name": "Ann Example"}, "Ann's words", str(uuid4())
    asked = await send(client, pothole("E1", description=body, contact=contact), key)
    assert asked.status_code == 202
    kept = runtime.keys.confirm_token(UUID(asked.json()["id"]))
    assert (await client.post(f"/confirm/{kept}")).status_code == 303
    sent = of(await send(client, pothole("E1", description=body, contact=contact), key))
    client.cookies.clear()
    mine = {"Authorization": f"Bearer {sent['tracking_token']}"}
    assert (await client.delete("/v1/me", headers=mine)).status_code == 204
    rows = await owner.execute("select convert_from(body, 'utf8') from unconfirmed")
    assert await rows.fetchall() == []
    # The link leads nowhere any more, and makes no second report.
    assert (await client.post(f"/confirm/{kept}")).status_code == 404
    rows = await owner.execute("select count(*) from report")
    assert await rows.fetchone() == (2,)


async def listed(store: PhotoStore) -> list[str]:
    return [key async for key, _ in store.listing()]


async def test_a_picture_that_came_in_part_is_forgotten_with_its_device(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    mine, others = [await People(county).device() for _ in range(2)]
    for headers in (mine, others):
        more = {"Upload-Complete": "?0", **headers}
        part = await rest(client, uuid4(), 0, PICTURE[:THIRD], **more)
        assert part.status_code == 202
    assert len(await listed(runtime.photos)) == 2
    assert (await client.delete("/v1/me", headers=mine)).status_code == 204
    rows = await owner.execute("select count(*) from upload")
    assert await rows.fetchone() == (1,)
    assert len(await listed(runtime.photos)) == 1


async def test_a_public_link_ends_when_the_report_is_taken_back(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    photo = await ready(runtime, owner, client)
    sent = of(await send(client, pothole("W1", photos=[str(photo)])))
    await decided(owner, photo, "human_ok")
    public = link(runtime.keys, photo, "large", Audience.PUBLIC)
    assert (await client.get(public)).status_code == 200
    mine = {"Authorization": f"Bearer {sent['tracking_token']}", "Idempotency-Key": str(uuid4())}
    path = f"/v1/reports/{sent['id']}/withdraw"
    assert (await client.post(path, headers=mine)).status_code == 200
    assert (await client.get(public)).status_code == 410
    assert (await client.get(link(runtime.keys, photo, "large"))).status_code == 200


@pytest.mark.parametrize("referer", ["http://[", "//", "http://elsewhere.example/console"])
async def test_who_is_not_signed_in_is_led_there_from_wherever(
    client: httpx.AsyncClient, county: County, referer: str
) -> None:
    answer = await client.post("/console/report", headers={"Referer": referer})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in?next=")
