"""Every other body and query is read as strictly as a report's."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from reporting.runtime import Connection
from reporting.web.examples import REQUESTS
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.people import Headers, People
from tests.support.refusals import MARK, Doorway, all_refused, dumps


@pytest.fixture
async def calls(client: httpx.AsyncClient, county: County) -> dict[str, tuple[str, str, Headers]]:
    """Method, path and headers of each operation that takes JSON."""
    job = (await send(client, pothole())).json()["job"]["id"]
    device = (await client.post("/v1/devices", json={})).json()
    bearer = {"Authorization": f"Bearer {device['device_token']}"}
    return {
        "updateJob": ("POST", f"/v1/jobs/{job}/updates", await People(county).crew()),
        "createDevice": ("POST", "/v1/devices", {}),
        "setPush": ("PUT", f"/v1/devices/{device['id']}/push", bearer),
    }


async def test_bodies(
    client: httpx.AsyncClient,
    county: County,
    owner: Connection,
    calls: dict[str, tuple[str, str, Headers]],
) -> None:
    with all_refused(client, owner) as door:
        for name, (method, path, headers) in calls.items():
            good = next(iter(REQUESTS[name].values()))["value"]
            text = dumps(good)

            def request(
                content: bytes,
                kind: str = "application/json",
                call: tuple[str, str, Headers] = (method, path, headers),
            ) -> httpx.Request:
                return client.build_request(
                    call[0], call[1], content=content, headers={**call[2], "Content-Type": kind}
                )

            for what, content in (
                ("UTF-16", text.decode().encode("utf-16")),
                ("cut", text[:-3]),
                ("NaN", text[:-1] + b',"x":NaN}'),
                ("a name twice", text[:-1] + b',"x":1,"x":1}'),
                ("deep", text[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
            ):
                await door.refused(f"{name} {what}", request(content), 400, "body-unreadable")
            for what, content in (
                ("unknown field", dumps({**good, MARK: 1})),
                ("a list", b"[]"),
                ("a text", b'"x"'),
                *(
                    (f"{field} {odd!r}", dumps({**good, field: odd}))
                    for field in good
                    for odd in (7.5, True, [], {"x": 1}, "\x00", "\ud7ff\x1b", MARK * 2000)
                    if not (field == "language" and odd is True)
                ),
            ):
                await door.refused(f"{name} {what}", request(content), 422)
            await door.refused(f"{name} text", request(text, "text/plain"), 415)
            large = dumps({**good, "x": "a" * 2_000_000})
            await door.refused(f"{name} large", request(large), 413)


async def test_log_in_forms(client: httpx.AsyncClient, county: County, owner: Connection) -> None:
    """A failed try is counted; whatever is typed, nobody gets in and nothing breaks."""
    good = {"grant_type": "password", "username": "a@example.org", "password": "x"}
    for form in (
        {**good, "username": "\x00"},
        {**good, "password": "\x00"},
        {**good, "username": "a" * 5000},
        {**good, "password": "a" * 5000},
        {**good, "username": "' or 1=1 --"},
        {**good, "username": "\U0001f6b2"},
        {**good, "username": ""},
        {**good, "otp": "\x00"},
        {"username": "a@example.org"},
        {},
    ):
        answer = await client.post("/v1/auth/token", data=form)
        assert 400 <= answer.status_code < 500, (form, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
    for content, kind in (
        (b"\xff\xfe=%zz&&&=", "application/x-www-form-urlencoded"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"--x\r\n", "multipart/form-data"),
        (b"username=a" + b"&a=b" * 5000, "application/x-www-form-urlencoded"),
        (dumps(good), "application/json"),
        (b"a" * 2_000_000, "application/x-www-form-urlencoded"),
    ):
        answer = await client.post(
            "/v1/auth/token", content=content, headers={"Content-Type": kind}
        )
        assert 400 <= answer.status_code < 500, (content[:40], answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_lists_and_single_things(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    crew = await People(county).crew()
    made = (await send(client, pothole())).json()

    async def ask(door: Doorway, path: str, query: dict[str, Any] | str) -> None:
        request = client.build_request("GET", path, params=query, headers=crew)
        await door.refused(f"{path} {query}", request, 422)

    with all_refused(client, owner) as door:
        for query in (
            {"bbox": "NaN,NaN,NaN,NaN"},
            {"bbox": "1,2,3"},
            {"bbox": "inf,52,1,53"},
            {"bbox": "-0.9,52.1,-1.0,52.0"},
            {"bbox": "-1,52,-0.9,1e999"},
            {"bbox": MARK},
            {"limit": 0},
            {"limit": -1},
            {"limit": 10**9},
            {"limit": "1e9"},
            {"limit": "9" * 5000},
            {"cursor": MARK},
            {"cursor": "\x00"},
            {"cursor": "AAAA"},
            {"status": MARK},
            {"priority": "P9"},
            {"priority": "1"},
            {"overdue": MARK},
            {MARK: "1"},
            "limit=1&limit=2",
        ):
            await ask(door, "/v1/jobs", query)
    # Names that nobody has find nothing, whatever they are made of.
    for query in (
        {"team": "\x00"},
        {"ward": "\x00"},
        {"category": "\x00"},
        {"authority": "\U0001f600"},
        {"team": "' or 1=1 --"},
        {"bbox": "-180,-90,180,90"},
    ):
        answer = await client.get("/v1/jobs", params=query, headers=crew)
        assert answer.status_code in {200, 422}, (query, answer.text)
    for path in (
        f"/v1/jobs/{MARK}",
        f"/v1/jobs/{uuid4()}",
        f"/v1/jobs/{made['job']['reference']}",
        f"/v1/jobs/{uuid4()}/assignment",
        "/v1/jobs/%00",
        f"/v1/photos/{uuid4()}/original",
        f"/v1/photos/{uuid4()}/large?expires=%00&signature=%00",
        f"/v1/photos/{uuid4()}/large?expires={'9' * 5000}&signature=x",
    ):
        answer = await client.get(path, headers=crew)
        assert answer.status_code in {404, 422}, (path, answer.status_code, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert MARK not in answer.text
