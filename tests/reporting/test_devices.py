"""App installs over HTTP: made without an account, told where to push, forgotten."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import orjson
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerHour
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from reporting.keys import token_hash
from reporting.runtime import Connection
from reporting.settings import Settings
from reporting.web import limits
from tests.reporting.test_endpoints import HOSTILE
from tests.support.killable import free_port
from tests.support.people import People

DEVICES = "/v1/devices"
#: Of the example in RFC 8291.
POINT = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
SECRET = "BTBZMqHH6r4Tts7J_aSIgg"
PUSH_SERVICE = "https://push.example.com/send/1"


def browser(endpoint: str = PUSH_SERVICE, p256dh: str = POINT, auth: str = SECRET) -> dict:
    """As ``PushSubscription.toJSON()`` gives it."""
    return {
        "endpoint": endpoint,
        "expirationTime": None,
        "keys": {"p256dh": p256dh, "auth": auth},
    }


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def made(client: httpx.AsyncClient, **values: str) -> tuple[str, dict[str, str]]:
    """A device's id and the header that speaks for it."""
    said = await client.post(DEVICES, json=values)
    assert said.status_code == 201, said.text
    return said.json()["id"], bearer(said.json()["device_token"])


async def subscriptions(owner: Connection) -> list[Any]:
    cursor = await owner.execute("select address, ended_at is null from subscription order by id")
    return await cursor.fetchall()


async def test_a_device_gets_a_bearer_that_is_stored_only_as_its_hash(
    client: httpx.AsyncClient, owner: Connection
):
    said = await client.post(DEVICES, json={"platform": "android", "language": "cy"})
    assert said.status_code == 201
    assert said.headers["cache-control"] == "no-store"
    token = said.json()["device_token"]
    assert token.startswith("kbd_")
    cursor = await owner.execute("select id, token_hash, platform, language from device")
    (row,) = await cursor.fetchall()
    assert str(row[0]) == said.json()["id"]
    assert row[1:] == (token_hash(token), "android", "cy")


@pytest.mark.parametrize("request_", [{"json": {}}, {}])
async def test_nothing_has_to_be_said(client: httpx.AsyncClient, owner: Connection, request_: dict):
    assert (await client.post(DEVICES, **request_)).status_code == 201


async def test_it_says_where_it_hears_back_and_changes_that(
    client: httpx.AsyncClient, owner: Connection
):
    device, mine = await made(client)
    for token in ("first", "first", "second"):
        said = await client.put(
            f"{DEVICES}/{device}/push", json={"fcm": {"token": token}}, headers=mine
        )
        assert said.status_code == 204
    assert await subscriptions(owner) == [("second", True)]


async def test_after_its_token_died_it_gives_a_new_one(
    client: httpx.AsyncClient, owner: Connection
):
    device, mine = await made(client)
    url = f"{DEVICES}/{device}/push"
    await client.put(url, json={"fcm": {"token": "old"}}, headers=mine)
    await owner.execute("update subscription set ended_at = now(), ended_because = 'unregistered'")
    await client.put(url, json={"fcm": {"token": "new"}}, headers=mine)
    assert await subscriptions(owner) == [("old", False), ("new", True)]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"webpush": {"endpoint": "https://push.example/1"}}, "required"),
        ({"fcm": {"token": "ok"}, "webpush": {}}, "required"),
        ({"webpush": browser(endpoint="https://push.example.com/\r\nHost: 10.0.0.1")}, "pattern"),
        ({"webpush": browser(endpoint="https://push.example.com/" + "x" * 2000)}, "pattern"),
        ({"webpush": browser(p256dh=POINT[:-4])}, "65 bytes"),
        ({"webpush": browser(p256dh=urlsafe_b64encode(b"\4" + bytes(64)).decode())}, "p256dh"),
        ({"webpush": browser(p256dh="not base64!")}, "pattern"),
        ({"webpush": browser(auth="AAAA")}, "16 bytes"),
        ({"webpush": browser() | {"more": 1}}, "not known"),
        ({}, "required"),
        ({"fcm": {"token": ""}}, "pattern"),
        ({"fcm": {"token": "with space"}}, "pattern"),
        ({"fcm": {"token": "x" * 4097}}, "pattern"),
        ({"fcm": {"token": "ok", "more": 1}}, "not known"),
    ],
)
async def test_what_is_no_address_is_refused_and_not_stored(
    client: httpx.AsyncClient, owner: Connection, body: dict, detail: str
):
    device, mine = await made(client)
    said = await client.put(f"{DEVICES}/{device}/push", json=body, headers=mine)
    assert said.status_code == 422
    assert said.headers["content-type"] == "application/problem+json"
    assert detail in str(said.json()["errors"])
    assert await subscriptions(owner) == []


async def test_a_browser_says_where_beside_an_app_and_stops(
    client: httpx.AsyncClient, owner: Connection
):
    device, mine = await made(client, platform="web")
    url = f"{DEVICES}/{device}/push"
    for endpoint in (PUSH_SERVICE, PUSH_SERVICE, f"{PUSH_SERVICE}/again"):
        body = {"webpush": browser(endpoint), "fcm": {"token": "app"}}
        assert (await client.put(url, json=body, headers=mine)).status_code == 204
    app, web = sorted(await subscriptions(owner))
    assert app == ("app", True)
    assert orjson.loads(web[0]) == {
        "endpoint": f"{PUSH_SERVICE}/again",
        "keys": {"p256dh": POINT, "auth": SECRET},
    }
    other, theirs = await made(client)
    await client.put(f"{DEVICES}/{other}/push", json={"fcm": {"token": "other"}}, headers=theirs)
    for _ in range(2):
        assert (await client.delete(url, headers=mine)).status_code == 204
    assert [live for _, live in await subscriptions(owner)] == [False, False, True]


async def test_me_is_the_device_that_calls(client: httpx.AsyncClient, owner: Connection):
    """A browser's token is in a cookie; the page does not know its device's id."""
    assert (await client.post("/browser")).status_code == 204
    url = f"{DEVICES}/me/push"
    said = await client.put(url, json={"webpush": browser()})
    assert said.status_code == 204
    ((address, live),) = await subscriptions(owner)
    assert PUSH_SERVICE in address
    assert live
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"}
    assert (await client.delete(url, headers=elsewhere)).status_code == 401
    assert (await client.delete(url)).status_code == 204
    client.cookies.clear()
    assert (await client.put(url, json={"webpush": browser()})).status_code == 401


@pytest.mark.parametrize("endpoint", HOSTILE)
async def test_an_address_of_ours_is_no_push_service(
    app: FastAPI, client: httpx.AsyncClient, owner: Connection, endpoint: str
):
    settings = app.state.runtime.settings.model_copy(update={"environment": "production"})
    app.state.runtime = replace(app.state.runtime, settings=settings)
    device, mine = await made(client)
    body = {"webpush": browser(endpoint)}
    said = await client.put(f"{DEVICES}/{device}/push", json=body, headers=mine)
    assert said.status_code == 422
    assert await subscriptions(owner) == []


async def test_the_push_key_is_public_and_stays(client: httpx.AsyncClient):
    said = await client.get("/v1/push-key")
    assert said.headers["cache-control"] == "public, max-age=3600"
    key = said.json()["vapid_public_key"]
    assert len(urlsafe_b64decode(key + "=")) == 65
    assert (await client.get("/v1/push-key")).json()["vapid_public_key"] == key


async def test_a_device_speaks_for_itself_only(client: httpx.AsyncClient, owner: Connection):
    device, mine = await made(client)
    other, _ = await made(client)
    body = {"fcm": {"token": "phone"}}
    url = f"{DEVICES}/{device}/push"
    assert (await client.put(url, json=body)).status_code == 401
    assert (await client.put(url, json=body, headers=bearer("kbd_made-up"))).status_code == 401
    assert (await client.put(url, json=body, headers=bearer("eyJ.a.b"))).status_code == 401
    foreign = await client.put(f"{DEVICES}/{other}/push", json=body, headers=mine)
    absent = await client.put(f"{DEVICES}/{uuid4()}/push", json=body, headers=mine)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.json() == absent.json()
    assert (await client.delete(f"{DEVICES}/{other}", headers=mine)).status_code == 404
    assert await subscriptions(owner) == []


async def test_a_deleted_device_is_gone_with_its_bearer(
    client: httpx.AsyncClient, owner: Connection
):
    device, mine = await made(client)
    await client.put(f"{DEVICES}/{device}/push", json={"fcm": {"token": "a"}}, headers=mine)
    assert (await client.delete(f"{DEVICES}/{device}", headers=mine)).status_code == 204
    assert (await client.delete(f"{DEVICES}/{device}", headers=mine)).status_code == 401
    assert await subscriptions(owner) == []


class TestLimits:
    """Making devices is limited for an address, as long as Redis can count."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"limits": "on"})

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the hour: a test may run over the full minute, and the window slides with it."""
        for what in limits.RATES:
            monkeypatch.setitem(limits.RATES, what, (RateLimitItemPerHour(5),))

    async def test_too_many_from_one_address(self, client: httpx.AsyncClient):
        for _ in range(5):
            assert (await client.post(DEVICES)).status_code == 201
        said = await client.post(DEVICES)
        assert said.status_code == 429
        assert said.json()["code"] == "too-many-requests"
        assert int(said.headers["retry-after"]) > 0

    async def test_a_forwarded_address_is_believed_of_a_trusted_proxy_only(self, app: FastAPI):
        """As `serve` sets uvicorn up with KERBLINE_TRUSTED_PROXIES=10.0.0.1."""
        behind = ProxyHeadersMiddleware(app, trusted_hosts=["10.0.0.1"])

        async def last_of_6(peer: str) -> int:
            transport = httpx.ASGITransport(behind, client=(peer, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as phone:
                answers = [
                    await phone.post(DEVICES, headers={"X-Forwarded-For": f"192.0.2.{n}"})
                    for n in range(6)
                ]
            return answers[-1].status_code

        assert await last_of_6("198.51.100.7") == 429
        assert await last_of_6("10.0.0.1") == 201

    async def test_one_household_of_ipv6_is_one_address(self, app: FastAPI):
        answers = []
        for n in range(6):
            transport = httpx.ASGITransport(app, client=(f"2001:db8:1:2::{n:x}", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as phone:
                answers.append(await phone.post(DEVICES))
        assert answers[-1].status_code == 429

    async def test_no_address_stands_in_redis(self, client: httpx.AsyncClient, redis: Any):
        await client.post(DEVICES)
        keys = [key.decode() async for key in redis.scan_iter("kerbline:limit*")]
        assert keys
        assert not any("127.0.0.1" in key for key in keys)


class TestWithoutRedis:
    """A counter that is down sends nobody away."""

    @pytest.fixture
    def redis(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """There is none."""
        monkeypatch.setitem(limits.RATES, "devices", (RateLimitItemPerHour(1),))

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(
            update={"limits": "on", "redis_url": f"redis://127.0.0.1:{free_port()}/0"}
        )

    async def test_devices_are_made(self, client: httpx.AsyncClient):
        for _ in range(3):
            assert (await client.post(DEVICES)).status_code == 201


async def test_a_browser_whose_owner_also_works_here_may_subscribe_it(client, county):
    assert (await client.post("/browser")).status_code == 204
    bearer = await People(county).staff("supervisor", "shire")
    client.cookies.set("staff", bearer["Authorization"].removeprefix("Bearer "))
    answer = await client.put("/v1/devices/me/push", json={"fcm": {"token": "a-token"}})
    assert answer.status_code == 204
