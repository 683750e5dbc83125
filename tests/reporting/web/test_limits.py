"""Limits: what each counts, what it does without Redis, and a storm that must get through."""

import asyncio
import random
import time
from collections import Counter
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits import RateLimitItemPerSecond as PerSecond

from geo.points import Point
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web import door, limits
from reporting.web.door import Buckets, Counts, Door
from tests.reporting.test_reports import POTHOLE, count, pothole, send
from tests.reporting.web.test_photos import PICTURE, digest, where
from tests.support.county import SIDE, SOUTH, County
from tests.support.killable import free_port
from tests.support.people import People


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(limits, "TIMEOUT_S", 5.0)  # this machine may be busy
    return settings.model_copy(update={"limits": "on"})


#: What only its reporter is shown.
SECRET = "01234 567890"


def from_address(app: FastAPI, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, client=(address, 1), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def test_a_device_sends_ten_in_ten_minutes_and_its_neighbour_too(
    client: httpx.AsyncClient, county: County
) -> None:
    people = People(county)
    for _ in range(2):
        phone = await people.device()
        codes = [(await send(client, pothole("W1"), **phone)).status_code for _ in range(11)]
        assert codes == [201] * 10 + [429]


async def test_without_a_device_the_address_counts(
    app: FastAPI, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "reports", (RateLimitItemPerHour(2),))
    async with (
        from_address(app, "198.51.100.1") as one,
        from_address(app, "198.51.100.2") as other,
        from_address(app, "2001:db8::1") as six,
        from_address(app, "2001:db8::ffff:2") as of_the_same_house,
    ):
        codes = [(await send(one, pothole("W1"))).status_code for _ in range(3)]
        assert codes == [201, 201, 429]
        assert (await send(other, pothole("W1"))).status_code == 201
        assert (await send(six, pothole("E1"))).status_code == 201
        assert (await send(of_the_same_house, pothole("E1"))).status_code == 201
        assert (await send(six, pothole("E1"))).status_code == 429
        device = await People(county).device()  # behind the same address, and known by itself
        assert (await send(one, pothole("E2"), **device)).status_code == 201


async def test_what_is_no_report_counts_for_nothing(
    client: httpx.AsyncClient, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "reports", (RateLimitItemPerHour(1),))
    for _ in range(5):
        assert (await send(client, {"category": "pothole"})).status_code == 422
    assert (await send(client, pothole())).status_code == 201


async def test_going_on_with_a_picture_counts_for_nothing(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "photos", (RateLimitItemPerHour(1),))
    photo, length = uuid4(), str(len(PICTURE))
    told = {"Upload-Length": length, "Repr-Digest": digest(PICTURE)}
    for offset in range(0, len(PICTURE), len(PICTURE) // 8):
        part = PICTURE[offset : offset + len(PICTURE) // 8]
        answer = await client.put(
            where(photo),
            content=part,
            headers={**told, "Upload-Offset": str(offset), "Upload-Complete": "?0"},
        )
        assert answer.status_code in {201, 202}
    assert answer.status_code == 201
    assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 429


async def test_a_device_s_photos_are_its_own_to_count(
    client: httpx.AsyncClient, county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(limits.RATES, "photos", (RateLimitItemPerHour(1),))
    monkeypatch.setitem(limits.RATES, "photos of a device", (RateLimitItemPerHour(2),))
    mine = await People(county).device()
    for headers, codes in ((mine, [201, 201, 429]), ({}, [201, 429])):
        for code in codes:
            answer = await client.put(where(uuid4()), content=PICTURE, headers=headers)
            assert answer.status_code == code
            assert (answer.status_code == 429) == ("retry-after" in answer.headers)


class TestGuesses:
    async def test_thirty_tokens_that_are_none_and_no_more(
        self, app: FastAPI, county: County
    ) -> None:
        async with from_address(app, "198.51.100.1") as guesser:
            made = (await send(guesser, pothole(description=f"Ring {SECRET}"))).json()
            for n in range(30):
                bearer = {"Authorization": f"Bearer kbt_{n:043d}"}
                assert (await guesser.get("/v1/me/reports", headers=bearer)).status_code == 401
            good = {"Authorization": f"Bearer {made['tracking_token']}"}
            refused = await guesser.get("/v1/me/reports", headers=good)
            assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
            assert 0 < int(refused.headers["retry-after"]) <= 600
            # Its cookie says nothing now either: the page is the public's.
            reference = made["reference"]
            assert (await guesser.get(f"/r/{reference}")).status_code == 200
            guesser.cookies.set(f"report-{reference}", made["tracking_token"])
            page = await guesser.get(f"/r/{reference}")
            assert page.status_code == 200
            assert SECRET not in page.text
            # Reports go in all the same.
            assert (await send(guesser, pothole("E1"))).status_code == 201
        async with from_address(app, "198.51.100.2") as other:
            assert (await other.get("/v1/me/reports", headers=good)).status_code == 200
            other.cookies.set(f"report-{reference}", made["tracking_token"])
            assert SECRET in (await other.get(f"/r/{reference}")).text

    async def test_devices_and_staff_are_not_kept_out_by_it(
        self, client: httpx.AsyncClient, county: County
    ) -> None:
        people = People(county)
        device, crew = await people.device(), await people.crew()
        for n in range(31):
            await client.get("/v1/me/reports", headers={"Authorization": f"Bearer kbt_{n:043d}"})
        assert (await client.get("/v1/me/reports", headers=device)).status_code == 200
        assert (await client.get("/v1/jobs", headers=crew)).status_code == 200


class TestWithoutRedis:
    @pytest.fixture
    def redis(self) -> None:
        """There is none."""

    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        for what in ("reports", "reports of a device", "devices", "photos"):
            monkeypatch.setitem(limits.RATES, what, (RateLimitItemPerHour(1),))
        return settings.model_copy(update={"redis_url": f"redis://127.0.0.1:{free_port()}/0"})

    async def test_everything_is_taken_in(
        self, client: httpx.AsyncClient, county: County, owner: Connection
    ) -> None:
        device = await People(county).device()
        for _ in range(3):
            assert (await send(client, pothole())).status_code == 201
            assert (await send(client, pothole(), **device)).status_code == 201
            assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 201
            assert (await client.post("/v1/devices", json={})).status_code == 201
        assert await count(owner, "report") == 6

    async def test_guesses_are_counted_all_the_same(self, client: httpx.AsyncClient) -> None:
        codes = []
        for n in range(32):
            bearer = {"Authorization": f"Bearer kbt_{n:043d}"}
            codes.append((await client.get("/v1/me/reports", headers=bearer)).status_code)
        assert codes == [401] * 30 + [429] * 2

    async def test_it_is_asked_seldom(
        self, app: FastAPI, county: County, client: httpx.AsyncClient
    ) -> None:
        """Else each request would wait for the time-outs of all its counters."""
        asked = 0
        limiter = app.state.limiter._limiter

        async def hit(*_: object) -> bool:
            nonlocal asked
            asked += 1
            raise ConnectionError

        limiter.hit = hit
        for _ in range(5):
            assert (await send(client, pothole())).status_code == 201
        assert asked == 1


class TestDoor:
    """What stands before everything else."""

    def scope(self, address: str, bearer: str | None = None, cookie: str = "") -> dict[str, Any]:
        headers = [(b"authorization", f"Bearer {bearer}".encode())] if bearer else []
        headers += [(b"cookie", cookie.encode())] if cookie else []
        return {"headers": headers, "client": (address, 1)}

    def test_a_flood_meets_it_and_its_neighbours_do_not(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(door, "monotonic", lambda: 1000.0)
        keeper, good = Door(on=True), f"kbd_{'g' * 43}"
        keeper.vouch(good)
        flood = [keeper.wait_s(self.scope("192.0.2.1")) for _ in range(300)]
        assert flood[: door.ADDRESS[1]] == [0] * door.ADDRESS[1]
        assert all(flood[door.ADDRESS[1] :])
        # Bearers and cookies that have proved nothing are the address's own.
        assert keeper.wait_s(self.scope("192.0.2.1", f"kbd_{'x' * 43}"))
        assert keeper.wait_s(self.scope("192.0.2.1", cookie=f"device=kbd_{'y' * 43}"))
        # Others are not touched: elsewhere, or known.
        assert not keeper.wait_s(self.scope("192.0.2.2"))
        assert not keeper.wait_s(self.scope("192.0.2.1", good))
        assert not keeper.wait_s(self.scope("192.0.2.1", cookie=f"lang=cy; __Host-device={good}"))

    def test_a_known_bearer_has_its_own_measure(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "monotonic", lambda: 1000.0)
        keeper, good = Door(on=True), f"kbd_{'g' * 43}"
        keeper.vouch(good)
        waits = [keeper.wait_s(self.scope(f"192.0.2.{n}", good)) for n in range(30)]
        assert waits[: door.BEARER[1]] == [0] * door.BEARER[1]
        assert all(waits[door.BEARER[1] :])

    def test_it_fills_up_again_evenly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr(door, "monotonic", lambda: now)
        buckets, came_in = Buckets(), []
        for n in range(10_000):  # a thousand a second, for ten
            now = 1000.0 + n / 1000
            if not buckets.wait_s("a", 20.0, 60):
                came_in.append(now)
        assert 255 <= len(came_in) <= 260
        each_second = Counter(int(at) for at in came_in)
        assert all(18 <= each_second[1000 + n] <= 21 for n in range(1, 10))

    def test_it_forgets(self, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1000.0
        monkeypatch.setattr(door, "monotonic", lambda: now)
        counts = Counts()
        assert [counts.wait_s("a", 2, 10) for _ in range(3)] == [0, 0, 10]
        now = 1009.0
        assert counts.wait_s("a", 2, 10) == 1
        now = 1010.0
        assert counts.wait_s("a", 2, 10) == 0

    def test_it_holds_so_many_and_no_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "KEPT", 100)
        keeper = Door(on=True)
        for n in range(500):
            keeper.wait_s(self.scope(f"10.0.{n // 250}.{n % 250}"))
            keeper.vouch(f"kbd_{n:043d}")
        assert len(keeper._buckets._left) == len(keeper._good) == 100

    async def test_the_answer(self, client: httpx.AsyncClient, app: FastAPI) -> None:
        app.state.limiter.door._buckets.wait_s = lambda *_: 7
        answer = await client.post("/v1/reports", content=b"{", headers={"Accept-Language": "cy"})
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
        assert answer.headers["retry-after"] == "7"
        assert answer.headers["content-language"] == "cy"
        assert len(answer.headers["x-request-id"]) == 32  # it is seen, and measured
        assert (await client.get("/v1/categories")).status_code == 200

    async def test_who_has_proved_themselves_is_vouched_for(
        self, client: httpx.AsyncClient, app: FastAPI, county: County
    ) -> None:
        mine = await People(county).device()
        await client.get("/v1/categories", headers=mine)
        bearer = mine["Authorization"].removeprefix("Bearer ").encode()
        assert list(app.state.limiter.door._good) == [bearer]


def test_a_cell_is_about_half_a_kilometre() -> None:
    corner = Point(52.0 + limits.CELL_LAT / 2, -1.0)
    assert limits.cell(corner) == limits.cell(Point(corner.lat + 0.002, corner.lng))
    assert limits.cell(corner) != limits.cell(Point(corner.lat + limits.CELL_LAT, corner.lng))
    assert limits.cell(corner) != limits.cell(Point(corner.lat, corner.lng + limits.CELL_LNG))


class TestStorm:
    """5,000 phones, each new, behind one carrier's address, within an hour; an hour is a minute.

    Every window is a sixtieth of what it is, so the counts are those of the real hour.
    """

    PHONES, HOUR_S = 5000, 60

    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        shorter = {
            RateLimitItemPerHour: lambda it: RateLimitItemPerMinute(it.amount, it.multiples),
            RateLimitItemPerMinute: lambda it: PerSecond(it.amount, it.multiples),
            RateLimitItemPerDay: lambda it: it,
        }
        for what, rates in limits.RATES.items():
            short = tuple(shorter[type(rate)](rate) for rate in rates)
            monkeypatch.setitem(limits.RATES, what, short)
        monkeypatch.setattr(door, "ADDRESS", (door.ADDRESS[0] * 60, door.ADDRESS[1]))
        monkeypatch.setattr(door, "BEARER", (door.BEARER[0] * 60, door.BEARER[1]))
        return settings.model_copy(update={"pool_size": 8})

    @pytest.mark.long
    async def test_it_gets_through(
        self, client: httpx.AsyncClient, county: County, owner: Connection, runtime: Runtime
    ) -> None:
        rng = random.Random(2026)
        # Twice as many a minute in the middle as on average.
        due = sorted(rng.triangular(0, self.HOUR_S) for _ in range(self.PHONES))
        began, waiting, codes = time.monotonic(), asyncio.Queue[float](), []
        for each in due:
            waiting.put_nowait(each)

        async def phones() -> None:
            while not waiting.empty():
                await asyncio.sleep(max(0.0, began + waiting.get_nowait() - time.monotonic()))
                made = await client.post("/v1/devices", json={"platform": "android"})
                if made.status_code != 201:
                    codes.append(made.status_code)
                    continue
                bearer = {"Authorization": f"Bearer {made.json()['device_token']}"}
                lat = SOUTH + SIDE * (0.02 + 0.96 * rng.random())
                lng = -1.0 + 4 * SIDE * (0.01 + 0.98 * rng.random())
                place = {"lat": round(lat, 6), "lng": round(lng, 6)}
                body = {"category": "pothole", "location": place, "answers": POTHOLE}
                codes.append((await send(client, body, **bearer)).status_code)

        await asyncio.gather(*(phones() for _ in range(8)))
        accepted = codes.count(201)
        print(f"{accepted} of {len(codes)} in {time.monotonic() - began:.0f} s")
        assert len(codes) == self.PHONES
        assert accepted >= 0.99 * self.PHONES
        assert await count(owner, "report") == accepted
