"""The gateway answers as Google does: the real firebase-admin finds in it what it expects."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from firebase_admin import exceptions, messaging
from google.auth.exceptions import RefreshError

from reporting.notices import Notice
from tests.support import fcm as gateway
from tests.support.elsewhere import fcm, fcm_gateway
from tests.support.fcm import Answer, FakeFcm
from workers.messages import Gone, Later, Push, Refused, Sent
from workers.push import Fcm, open_fcm

#: Fixtures of that file.
__all__ = ["fcm", "fcm_gateway"]

MESSAGE = Push(
    "phone", Notice("Title", "Body."), "en-GB", uuid4(), uuid4(), uuid4(), "KB-222222", "fixed"
)


@pytest.fixture
async def client(fcm: FakeFcm, tmp_path: Path) -> AsyncIterator[Fcm]:
    file = fcm.credentials(tmp_path / "firebase.json")
    async with open_fcm(str(file), fcm.url) as found:
        assert found
        yield found


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK tries a busy gateway again, at once in these tests."""
    monkeypatch.setattr("firebase_admin._retry.HttpxRetry.get_backoff_time", lambda _: 0.0)


async def sdk_error(client: Fcm) -> BaseException:
    """What the SDK itself makes of an answer."""
    batch = await messaging.send_each_async(
        [messaging.Message(token="phone", data={})], app=client._app
    )
    return batch.responses[0].exception


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (gateway.UNREGISTERED, messaging.UnregisteredError),
        (gateway.NOT_FOUND, exceptions.NotFoundError),
        (gateway.INVALID, exceptions.InvalidArgumentError),
        (gateway.SENDER_MISMATCH, messaging.SenderIdMismatchError),
        (gateway.THIRD_PARTY_AUTH, messaging.ThirdPartyAuthError),
        (gateway.quota(), messaging.QuotaExceededError),
        (gateway.UNAVAILABLE, exceptions.UnavailableError),
        (gateway.BAD_GATEWAY, exceptions.UnknownError),
    ],
)
async def test_the_sdk_finds_each_answer_what_it_is(
    fcm: FakeFcm, client: Fcm, answer: Answer, expected: type[Exception]
):
    fcm.default = answer
    assert type(await sdk_error(client)) is expected


async def test_a_message_is_taken_and_counted(fcm: FakeFcm, client: Fcm):
    assert await client.send(MESSAGE) == Sent()
    (taken,) = fcm.accepted
    assert taken.token == "phone"
    assert taken.update == str(MESSAGE.update_id)
    assert taken.message["notification"] == {"title": "Title", "body": "Body."}
    assert taken.message["android"]["collapse_key"] == str(MESSAGE.job_id)
    assert taken.message["android"]["notification"]["tag"] == str(MESSAGE.job_id)
    assert taken.message["apns"]["headers"]["apns-collapse-id"] == str(MESSAGE.job_id)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (gateway.UNREGISTERED, Gone("unregistered")),
        (gateway.NOT_FOUND, Later("NotFoundError NOT_FOUND")),
        (gateway.INVALID, Refused("InvalidArgumentError INVALID_ARGUMENT")),
        (gateway.SENDER_MISMATCH, Later("SenderIdMismatchError PERMISSION_DENIED")),
        (gateway.THIRD_PARTY_AUTH, Later("ThirdPartyAuthError UNAUTHENTICATED")),
        (gateway.quota(), Later("QuotaExceededError RESOURCE_EXHAUSTED")),
        (gateway.quota(30), Later("QuotaExceededError RESOURCE_EXHAUSTED", 30.0)),
        (gateway.UNAVAILABLE, Later("UnavailableError UNAVAILABLE")),
        (gateway.BAD_GATEWAY, Later("UnknownError UNKNOWN")),
    ],
)
async def test_what_follows_from_each_answer(
    fcm: FakeFcm, client: Fcm, answer: Answer, expected: object
):
    fcm.default = answer
    assert await client.send(MESSAGE) == expected


async def test_the_token_endpoint_refusing_is_nobodys_address_to_blame(fcm: FakeFcm, client: Fcm):
    fcm.refuse_tokens = True
    refused = await asyncio.gather(*[client.send(MESSAGE) for _ in range(20)])
    assert refused == [Later(f"credentials: {RefreshError.__name__}")] * 20
    assert fcm.refusals == 1
    fcm.refuse_tokens = False
    client._refused = None  # some seconds pass
    assert await client.send(MESSAGE) == Sent()


async def test_a_revoked_bearer_is_replaced(fcm: FakeFcm, client: Fcm):
    await client.send(MESSAGE)
    fcm.forget_bearers()
    assert await client.send(MESSAGE) == Sent()


async def test_one_bearer_serves_many(fcm: FakeFcm, client: Fcm):
    before = fcm.assertions
    sent = await asyncio.gather(*[client.send(MESSAGE) for _ in range(20)])
    assert sent == [Sent()] * 20
    assert fcm.assertions == before + 1


async def test_a_gateway_that_does_not_answer_is_given_up_in_time(
    fcm: FakeFcm, client: Fcm, monkeypatch: pytest.MonkeyPatch
):
    await client.send(MESSAGE)
    fcm.accepted.clear()
    monkeypatch.setattr("workers.push.SEND_TIMEOUT_S", 1.0)
    held = threading.Event()
    fcm.default = Answer(hold=held)
    try:
        assert await client.send(MESSAGE) == Later("no answer in time")
    finally:
        held.set()
    assert len(fcm.accepted) <= 1  # none, if it took that long to get there


async def test_a_token_that_is_none_is_refused_before_it_is_sent(fcm: FakeFcm, client: Fcm):
    assert isinstance(await client.send(replace(MESSAGE, address="")), Refused)
    assert fcm.tries == []


@pytest.mark.parametrize(
    "message",
    [
        {"token": "a", "topic": "b"},
        {"data": {}},
        {"token": "a", "data": {"n": 1}},
        {"token": "a", "data": {"from": "x"}},
        {"token": "a", "colour": "red"},
        {"token": "a", "data": {"long": "x" * 5000}},
    ],
)
async def test_it_refuses_what_google_refuses(fcm: FakeFcm, client: Fcm, message: dict):
    await client.send(MESSAGE)
    (bearer, *_) = fcm.bearers
    url = f"{fcm.url}/v1/projects/{gateway.PROJECT}/messages:send"
    async with httpx.AsyncClient() as http:
        said = await http.post(
            url, json={"message": message}, headers={"Authorization": f"Bearer {bearer}"}
        )
        assert said.status_code == 400
        assert said.json()["error"]["status"] == "INVALID_ARGUMENT"
        said = await http.post(url, json={"message": {"token": "a"}})
        assert said.status_code == 401


async def test_it_refuses_an_assertion_signed_by_another(fcm: FakeFcm, tmp_path: Path):
    stranger = FakeFcm(port=fcm.port)
    file = stranger.credentials(tmp_path / "other.json")
    before = fcm.assertions
    async with open_fcm(str(file), fcm.url) as client:
        assert client
        assert await client.send(MESSAGE) == Later("credentials: RefreshError")
    assert fcm.assertions == before
