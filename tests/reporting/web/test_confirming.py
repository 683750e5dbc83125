"""Over a limit nobody is turned away: they are asked by e-mail, and a click lets the report in."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from limits import RateLimitItemPerHour, RateLimitItemPerMinute

from reporting import confirming, retention
from reporting.confirming import read, written
from reporting.reports.values import Claim, Contact, NewReport
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web import limits
from tests.reporting.test_reports import count, pothole, send
from tests.reporting.web.test_photos import PICTURE, where
from tests.support.county import County, inside
from tests.support.people import People

ANN = {"email": "ann@example.org", "language": "cy", "updates": ["email"]}


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for what in ("reports", "reports of a device"):
        monkeypatch.setitem(limits.RATES, what, (RateLimitItemPerHour(1),))
    monkeypatch.setattr(limits, "TIMEOUT_S", 5.0)  # this machine may be busy
    return settings.model_copy(
        update={
            "limits": "on",
            "smtp_url": "smtp://127.0.0.1:1",
            "mail_from": "reports@shire.example",
        }
    )


@pytest.fixture
async def over(client: httpx.AsyncClient, county: County) -> None:
    """This address has sent what it may."""
    assert (await send(client, pothole("W1"))).status_code == 201


def link(runtime: Runtime, asked: dict[str, Any]) -> str:
    """Where the mail leads."""
    return f"/confirm/{runtime.keys.confirm_token(UUID(asked['id']))}"


async def test_from_asked_to_sent(
    over: None, client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    key, photo = str(uuid4()), uuid4()
    await client.put(where(photo), content=PICTURE)
    body = pothole("E1", description="By the <b>gate</b>", contact=ANN, photos=[str(photo)])
    asked = await send(client, body, key)
    assert asked.status_code == 202
    assert asked.json().keys() == {"confirm", "id", "expires_at"}
    assert asked.json()["confirm"] == "email"
    assert await count(owner, "report") == 1
    row = await (
        await owner.execute("select subject from outbox where topic = 'confirm'")
    ).fetchone()
    assert str(row[0]) == asked.json()["id"]

    page = await client.get(link(runtime, asked.json()))
    assert page.status_code == 200
    assert page.headers["content-language"] == "cy"  # as she reads
    assert "By the &lt;b&gt;gate&lt;/b&gt;" in page.text
    assert await count(owner, "report") == 1  # a GET changes nothing

    done = await client.post(link(runtime, asked.json()))
    assert done.status_code == 303
    assert await count(owner, "report") == 2
    row = await (
        await owner.execute(
            "select report.reference, photo.id, language from report"
            " join reporter on reporter.id = reporter_id"
            " join photo on photo.report_id = report.id"
        )
    ).fetchone()
    assert done.headers["location"] == f"/r/{row[0]}"
    assert row[1:] == (photo, "cy")
    tracked = await client.get(done.headers["location"])
    assert "gate" in tracked.text  # the cookie says that it is hers

    # The phone tries again, as if nothing had come between.
    again = await send(client, body, key)
    assert again.status_code == 201
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["reference"] == row[0]
    # So does she, with the link.
    assert "Anfon yr adroddiad hwn" not in (await client.get(link(runtime, asked.json()))).text
    assert (await client.post(link(runtime, asked.json()))).headers["location"] == f"/r/{row[0]}"
    assert await count(owner, "report") == 2


async def test_asked_once_however_often_it_is_sent(
    over: None, client: httpx.AsyncClient, owner: Connection
) -> None:
    key = str(uuid4())
    body = pothole("E1", contact=ANN)
    first, second = await send(client, body, key), await send(client, body, key)
    assert first.status_code == second.status_code == 202
    assert first.json() == second.json()
    assert await count(owner, "unconfirmed") == 1
    assert await count(owner, "outbox where topic = 'confirm'") == 1
    other = await send(client, pothole("E2", contact=ANN), key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_what_would_not_be_taken_in_is_not_asked_about(
    over: None, client: httpx.AsyncClient, owner: Connection
) -> None:
    for body, code in (
        (pothole("E1", contact=ANN, photos=[str(uuid4())]), "photo-unknown"),
        ({**pothole("E1", contact=ANN), "location": {"lat": 1.0, "lng": 1.0}}, "outside-coverage"),
        ({**pothole("E1", contact=ANN), "answers": {}}, "answers-refused"),
    ):
        answer = await send(client, body)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert await count(owner, "unconfirmed") == 0
    assert await count(owner, "report") == 1


async def test_without_an_address_it_says_what_to_do(over: None, client: httpx.AsyncClient) -> None:
    answer = await send(client, pothole("E1"), **{"Accept-Language": "cy"})
    assert (answer.status_code, answer.json()["code"]) == (429, "confirm-by-email")
    minutes = answer.json()["minutes"]
    assert (minutes - 1) * 60 < int(answer.headers["retry-after"]) <= minutes * 60
    assert f"ymhen {minutes} munud" in answer.json()["detail"]
    assert answer.headers["content-language"] == "cy"


async def test_a_device_is_counted_by_itself(
    over: None, client: httpx.AsyncClient, county: County, owner: Connection, runtime: Runtime
) -> None:
    mine = await People(county).device()
    assert (await send(client, pothole("E1"), **mine)).status_code == 201
    key = str(uuid4())
    asked = await send(client, pothole("E2", contact=ANN), key, **mine)
    assert asked.status_code == 202
    done = await client.post(link(runtime, asked.json()))
    again = await send(client, pothole("E2", contact=ANN), key, **mine)
    assert again.json()["reference"] == done.headers["location"].removeprefix("/r/")
    own = (await client.get("/v1/me/reports", headers=mine)).json()["items"]
    assert len(own) == 2


async def test_a_repeat_of_what_was_answered_is_answered(
    client: httpx.AsyncClient, county: County
) -> None:
    key = str(uuid4())
    first, second = await send(client, pothole(), key), await send(client, pothole(), key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()


async def test_staff_are_never_asked(over: None, client: httpx.AsyncClient, county: County) -> None:
    crew = await People(county).crew()
    for _ in range(3):
        assert (await send(client, pothole("E1"), **crew)).status_code == 201


async def test_the_field_that_nobody_sees(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    """A browser that fills in forms may have filled it in: nothing is thrown away."""
    trapped = await send(client, pothole("E1", website="https://spam.example", contact=ANN))
    assert trapped.status_code == 202
    nameless = await send(client, pothole("E1", website="https://spam.example"))
    assert (nameless.status_code, nameless.json()["code"]) == (429, "confirm-by-email")
    assert await count(owner, "report") == 0
    assert await count(owner, "unconfirmed") == 1


class TestWithoutMail:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"smtp_url": None, "mail_from": None})

    async def test_it_says_when_to_try_again(
        self, over: None, client: httpx.AsyncClient, owner: Connection
    ) -> None:
        answer = await send(client, pothole("E1", contact=ANN))
        assert (answer.status_code, answer.json()["code"]) == (429, "too-many-requests")
        assert f"in {answer.json()['minutes']} minutes" in answer.json()["detail"]
        assert answer.headers["retry-after"]
        assert await count(owner, "unconfirmed") == 0


async def test_so_many_are_kept_for_an_address(
    over: None, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, owner: Connection
) -> None:
    monkeypatch.setitem(limits.RATES, "kept", (RateLimitItemPerHour(2),))
    codes = [(await send(client, pothole("E1", contact=ANN))).status_code for _ in range(4)]
    assert codes == [202, 202, 429, 429]
    assert await count(owner, "unconfirmed") == 2


class TestPlaces:
    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        for what in ("reports", "reports of a device"):
            monkeypatch.setitem(limits.RATES, what, (RateLimitItemPerHour(100),))
        monkeypatch.setitem(limits.RATES, "reports of a place", (RateLimitItemPerMinute(3, 10),))
        return settings

    async def test_a_crowded_place_holds_up_only_whom_nobody_knows(
        self, client: httpx.AsyncClient, county: County, owner: Connection
    ) -> None:
        people = People(county)
        young, known = await people.device(), await people.device()
        await owner.execute(
            "update device set created_at = now() - interval '11 minutes'"
            " where token_hash = sha256(%s)",
            (known["Authorization"].removeprefix("Bearer ").encode(),),
        )
        for _ in range(3):
            assert (await send(client, pothole("W1"))).status_code == 201
        assert (await send(client, pothole("W1"))).status_code == 429
        held_up = await send(client, pothole("W1"), **young)
        assert held_up.status_code == 429
        assert 590 <= int(held_up.headers["retry-after"]) <= 600  # then it is known
        assert (await send(client, pothole("W1"), **known)).status_code == 201
        assert (await send(client, pothole("E2"))).status_code == 201  # elsewhere

    async def test_words_lie_in_no_place(self, client: httpx.AsyncClient, county: County) -> None:
        body = {**pothole(), "location": None, "place_text": "By the pond", "authority": "west"}
        for _ in range(5):
            assert (await send(client, body)).status_code == 201


class TestLinks:
    async def test_a_link_ends_with_what_it_leads_to(
        self, over: None, client: httpx.AsyncClient, runtime: Runtime, owner: Connection
    ) -> None:
        asked = (await send(client, pothole("E1", contact=ANN))).json()
        await owner.execute("update unconfirmed set expires_at = now() - interval '1 second'")
        for answer in (
            await client.get(link(runtime, asked)),
            await client.post(link(runtime, asked)),
        ):
            assert answer.status_code == 404
            assert "48 hours" in answer.text
        async with runtime.unit() as conn:
            assert (await retention.forget_the_old(conn))["unconfirmed"] == 1
        assert await count(owner, "unconfirmed") == 0

    async def test_a_time_that_is_over_stands_in_nobody_s_way(
        self, over: None, client: httpx.AsyncClient, owner: Connection
    ) -> None:
        key, body = str(uuid4()), pothole("E1", contact=ANN)
        first = (await send(client, body, key)).json()
        await owner.execute("update unconfirmed set expires_at = now() - interval '1 second'")
        second = await send(client, body, key)
        assert second.status_code == 202
        assert second.json()["id"] != first["id"]

    async def test_guesses_are_counted(
        self, client: httpx.AsyncClient, county: County, runtime: Runtime, app: FastAPI
    ) -> None:
        good = runtime.keys.confirm_token(uuid4())
        for n in range(30):
            bad = good[:-1] + ("A" if good[-1] != "A" else "B")
            answer = await client.get(f"/confirm/{bad if n else 'x'}")
            assert answer.status_code == 404
        assert (await client.get(f"/confirm/{good}")).status_code == 429
        transport = httpx.ASGITransport(app, client=("198.51.100.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as other:
            assert (await other.get(f"/confirm/{good}")).status_code == 404


@pytest.mark.parametrize(
    "new",
    [
        NewReport(category="pothole", place=None, place_text="By the pond", authority="west"),
        NewReport(
            category="pothole",
            place=None,
            answers={"where": "carriageway", "n": 2, "deep": True},
            photos=(uuid4(), uuid4()),
            contact=Contact("Ann", "a@example.org", None, "cy", ("email",)),
            same_as="KB-7F3K9Q",
        ),
    ],
)
async def test_what_is_kept_is_what_was_sent(new: NewReport) -> None:
    assert read(written(new)) == new


async def test_also_its_place_and_time(
    over: None, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    seen = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=0)
    body = pothole("E1", contact=ANN, observed_at=seen.isoformat())
    body["location"] = {**inside("E1"), "accuracy_m": 12.5}
    key = uuid4()
    asked = await send(client, body, str(key))
    async with runtime.reading() as conn:
        found = await confirming.find(conn, UUID(asked.json()["id"]))
    assert found is not None
    assert found.new.place is not None
    assert found.new.place.accuracy_m == 12.5
    assert found.new.observed_at == seen
    assert found.claim == Claim(key, None, found.body_hash)
