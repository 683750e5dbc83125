"""What its reporter does to a report: fixed or not, taken back, how to be reached, forgotten."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting import outbox
from reporting.runtime import Connection, Runtime
from reporting.verify import verify
from reporting.web.body import JSON_LIMIT
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report
from tests.support.pictures import encoded, noisy, picture
from tests.support.street import Street

CONTACT = {"name": "Ann Example", "email": "ann@example.org", "updates": ["email"]}


@dataclass
class Story:
    """A report, its reporter and the crew that works it."""

    client: httpx.AsyncClient
    owner: Connection
    county: County
    crew: Headers
    made: dict[str, Any]

    @property
    def mine(self) -> Headers:
        return {"Authorization": f"Bearer {self.made['tracking_token']}"}

    async def crews(self, **more: Any) -> httpx.Response:
        whole = (await self.client.get(f"/v1/jobs/{job_of(self.made)}", headers=self.crew)).json()
        body = {
            "id": str(uuid4()),
            "base_version": whole["version"],
            "made_at": datetime.now(UTC).isoformat(),
            **more,
        }
        path = f"/v1/jobs/{job_of(self.made)}/updates"
        return await self.client.post(path, json=body, headers=self.crew)

    async def says(self, fixed: bool, key: str | None = None, **more: Any) -> httpx.Response:
        return await self.client.post(
            f"/v1/reports/{self.made['id']}/feedback",
            json={"fixed": fixed, **more},
            headers=self.mine | {"Idempotency-Key": key or str(uuid4())},
        )

    async def withdraws(self, key: str | None = None) -> httpx.Response:
        return await self.client.post(
            f"/v1/reports/{self.made['id']}/withdraw",
            headers=self.mine | {"Idempotency-Key": key or str(uuid4())},
        )

    async def contact(self, **body: Any) -> httpx.Response:
        path = f"/v1/reports/{self.made['id']}/contact"
        return await self.client.put(path, json=body, headers=self.mine)

    async def own(self) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/reports/{self.made['id']}", headers=self.mine)
        found: dict[str, Any] = answer.json()
        return found

    async def job(self) -> dict[str, Any]:
        answer = await self.client.get(f"/v1/jobs/{job_of(self.made)}", headers=self.crew)
        found: dict[str, Any] = answer.json()
        return found

    async def photo(self) -> str:
        name = str(uuid4())
        put = await self.client.put(
            f"/v1/photos/{name}",
            content=encoded(picture()),
            headers={"Content-Type": "image/jpeg"},
        )
        assert put.status_code == 201, put.text
        return name

    async def rows(self, statement: str, *params: Any) -> list[Any]:
        return await (await self.owner.execute(statement, params)).fetchall()


@pytest.fixture
async def story(client: httpx.AsyncClient, county: County, owner: Connection) -> Story:
    made = await report(client, pothole(description="by the gate", contact=CONTACT))
    return Story(client, owner, county, await People(county).crew(), made)


async def test_not_fixed_opens_it_again_with_words_and_a_photo(
    story: Story, runtime: Runtime
) -> None:
    assert (await story.crews(status="fixed")).json()["status"] == "fixed"
    photo = await story.photo()
    said = await story.says(False, description="Washed out again", photos=[photo])
    assert said.status_code == 200, said.text
    assert said.json() == {**said.json(), "status": "received", "reopened": True}
    whole = await story.job()
    assert (whole["status"], whole["reopened"], whole["reason"]) == ("received", 1, None)
    last = whole["updates"][-1]
    assert (last["kind"], last["by"], last["note"]) == ("feedback", "reporter", "Washed out again")
    assert [each["id"] for each in last["photos"]] == [photo]
    entry = (await story.own())["timeline"][-1]
    assert entry == {
        **entry,
        "id": said.json()["id"],
        "kind": "feedback",
        "by_reporter": True,
        "fixed": False,
        "status": "received",
        "message": "Washed out again",
    }
    assert [each["id"] for each in entry["photos"]] == [photo]
    public = await story.client.get(f"/v1/reports/{story.made['id']}")
    assert "Washed" not in public.text
    assert photo not in public.text
    proof = await verify(story.owner, runtime.keys)
    assert proof.findings == []


async def test_a_plain_form_brings_a_photo_as_large_as_phones_make_them(story: Story) -> None:
    page = f"/r/{story.made['reference']}"
    await story.client.get(f"{page}?t={story.made['tracking_token']}")
    large = noisy(3000, 2000)
    assert len(large) > JSON_LIMIT
    said = await story.client.post(
        f"{page}/feedback",
        data={"key": str(uuid4()), "fixed": "no", "description": "There it is still."},
        files=[("photo", ("there.jpg", large, "image/jpeg"))],
    )
    assert said.status_code == 303, said.text
    assert (await story.rows("select count(*) from photo where update_id is not null")) == [(1,)]


async def test_it_is_due_anew_when_it_is_opened_again(story: Story) -> None:
    await story.owner.execute("update job set due_at = now() - interval '3 days'")
    await story.crews(status="fixed")
    await story.says(False)
    assert datetime.fromisoformat((await story.own())["due_at"]) > datetime.now(UTC)


@pytest.mark.parametrize("status", ["fixed", "closed"])
async def test_after_28_days_it_takes_a_new_report(story: Story, status: str) -> None:
    reason = {"reason": "not_found"} if status == "closed" else {}
    await story.crews(status=status, **reason)
    await story.owner.execute("update job set closed_at = now() - interval '28 days 1 minute'")
    key = str(uuid4())
    said = await story.says(False, key)
    assert (said.status_code, said.json()["code"]) == (409, "too-late-to-reopen")
    assert said.json()["category"] == "pothole"
    assert (await story.job())["status"] == status
    assert (await story.says(True)).status_code == 200  # which asks for nothing
    await story.owner.execute("update job set closed_at = now() - interval '27 days 23 hours'")
    assert (await story.says(False, key)).json()["reopened"]  # a refusal is not kept


async def test_fixed_is_written_down_and_changes_nothing(story: Story) -> None:
    for said in (await story.says(True), await story.says(False, description="Bigger now")):
        assert said.json() == {**said.json(), "status": "received", "reopened": False}
    own = await story.own()
    assert [(each["kind"], each["fixed"]) for each in own["timeline"]][1:] == [
        ("feedback", True),
        ("feedback", False),
    ]
    public = (await story.client.get(f"/v1/reports/{story.made['id']}")).json()
    assert [each["kind"] for each in public["timeline"]] == ["reported"]


async def test_the_same_feedback_again_is_the_same_answer(story: Story) -> None:
    await story.crews(status="fixed")
    key = str(uuid4())
    first, again = await story.says(False, key), await story.says(False, key)
    assert first.content == again.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await story.job())["updates"]) == 3
    other = await story.says(True, key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    without = await story.client.post(
        f"/v1/reports/{story.made['id']}/feedback", json={"fixed": True}, headers=story.mine
    )
    assert (without.status_code, without.json()["code"]) == (400, "idempotency-key-missing")


async def test_two_who_say_at_once_that_it_is_not_fixed_open_it_once(
    story: Story, runtime: Runtime
) -> None:
    await story.crews(status="fixed")
    said = await asyncio.gather(*(story.says(False, description=str(n)) for n in range(6)))
    assert {each.status_code for each in said} == {200}
    assert sum(each.json()["reopened"] for each in said) == 1
    whole = await story.job()
    assert (whole["status"], whole["reopened"]) == ("received", 1)
    assert {each["note"] for each in whole["updates"][2:]} == {str(n) for n in range(6)}
    assert (await verify(story.owner, runtime.keys)).holds


async def test_the_same_key_many_times_at_once_happens_once(story: Story) -> None:
    key = str(uuid4())
    said = await asyncio.gather(*(story.says(True, key) for _ in range(6)))
    assert {each.status_code for each in said} <= {200, 409}
    assert {each.json()["code"] for each in said if each.status_code == 409} <= {"still-running"}
    assert len((await story.job())["updates"]) == 2


async def test_a_crew_that_closes_it_while_the_reporter_speaks_loses_nothing(
    story: Story, runtime: Runtime
) -> None:
    """Whoever comes first, both stand in the chain, and the status is that of the later one."""
    for _ in range(5):
        said, closed = await asyncio.gather(story.says(False), story.crews(status="fixed"))
        assert said.status_code == 200
        assert closed.status_code in {200, 409}
        whole = await story.job()
        kinds = [each["kind"] for each in whole["updates"]]
        assert kinds.count("feedback") >= 1
        assert whole["status"] == ("received" if said.json()["reopened"] else whole["status"])
        if whole["status"] == "fixed":
            assert (await story.says(False)).json()["reopened"]
    assert (await verify(story.owner, runtime.keys)).holds


async def test_a_browser_that_holds_the_reports_token_sends_pictures_as_the_device_it_is(
    story: Story, app: Any
) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
        assert (await browser.post("/browser")).status_code == 204
        await browser.get(f"/r/{story.made['reference']}?t={story.made['tracking_token']}")
        staff = story.crew["Authorization"].removeprefix("Bearer ")
        browser.cookies.set("staff", staff, domain="testserver.local")
        photo = str(uuid4())
        put = await browser.put(
            f"/v1/photos/{photo}",
            content=encoded(picture()),
            headers={"Content-Type": "image/jpeg"},
        )
        assert put.status_code == 201, put.text
        said = await browser.post(
            f"/v1/reports/{story.made['reference']}/feedback",
            json={"fixed": False, "photos": [photo]},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert said.status_code == 200, said.text


async def test_who_works_here_may_follow_their_own_report_in_the_same_browser(
    story: Story, app: Any
) -> None:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
        assert (await browser.post("/browser")).status_code == 204
        made = await report(browser, pothole("E2"))
        staff = story.crew["Authorization"].removeprefix("Bearer ")
        browser.cookies.set("staff", staff, domain="testserver.local")
        said = await browser.post(
            f"/v1/reports/{made['reference']}/feedback",
            json={"fixed": True},
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert said.status_code == 200, said.text


async def test_who_says_it_again_and_again_is_asked_to_wait(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.feedback.MOST_A_DAY", 2)
    codes = [(await story.says(False)).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    await story.owner.execute("set session_replication_role = replica")
    await story.owner.execute("update job_update set recorded_at = now() - interval '25 hours'")
    await story.owner.execute("set session_replication_role = origin")
    assert (await story.says(False)).status_code == 200


@pytest.mark.parametrize("photos", ["unknown", "twice", "taken", "another's"])
async def test_only_pictures_of_their_own_go_with_it(story: Story, photos: str) -> None:
    photo = await story.photo()
    asked = [photo]
    if photos == "unknown":
        asked = [str(uuid4())]
    elif photos == "twice":
        asked = [photo, photo]
    elif photos == "taken":
        await story.says(False, photos=[photo])
    else:
        await story.owner.execute(
            "insert into device (id, token_hash) values (%s, 'x')", (other := uuid4(),)
        )
        await story.owner.execute("update photo set device_id = %s", (other,))
    said = await story.says(False, photos=asked)
    assert said.status_code == 422
    assert said.json()["code"] in {"photo-unknown", "invalid"}


async def test_the_last_report_taken_back_closes_the_job(story: Story, runtime: Runtime) -> None:
    key = str(uuid4())
    said = await story.withdraws(key)
    assert said.json()["status"] == "closed"
    whole = await story.job()
    assert (whole["status"], whole["reason"], whole["report_count"]) == ("closed", "withdrawn", 1)
    own = await story.own()
    assert own["withdrawn_at"]
    assert own["timeline"][-1] == {**own["timeline"][-1], "kind": "withdrawn", "by_reporter": True}
    assert own["description"] == "by the gate"  # nothing is lost
    again, replay = await story.withdraws(), await story.withdraws(key)
    assert again.json()["withdrawn_at"] == said.json()["withdrawn_at"]
    assert replay.headers["idempotency-replayed"] == "true"
    assert len((await story.job())["updates"]) == 2
    public = (await story.client.get(f"/v1/reports/{story.made['id']}")).json()
    assert (public["description"], public["photos"]) == (None, [])
    late = await story.says(False)
    assert (late.status_code, late.json()["code"]) == (409, "report-withdrawn")
    assert (await verify(story.owner, runtime.keys)).holds


async def test_a_report_taken_back_leaves_the_others_on_the_job(story: Story) -> None:
    other = await report(story.client, pothole(same_as=story.made["job"]["reference"]))
    assert other["job"]["id"] == story.made["job"]["id"]
    assert (await story.withdraws()).json()["status"] == "received"
    whole = await story.job()
    assert (whole["status"], whole["report_count"]) == ("received", 1)
    taken_back = [bool(each["withdrawn_at"]) for each in whole["reports"]]
    assert taken_back == [True, False]  # it stays there, and nothing of it is lost
    theirs = Story(story.client, story.owner, story.county, story.crew, other)
    assert [each["kind"] for each in (await theirs.own())["timeline"]] == ["attached"]
    assert (await theirs.withdraws()).json()["status"] == "closed"


async def test_two_who_take_back_at_once_close_it_once(story: Story, runtime: Runtime) -> None:
    other = await report(story.client, pothole(same_as=story.made["job"]["reference"]))
    theirs = Story(story.client, story.owner, story.county, story.crew, other)
    said = await asyncio.gather(story.withdraws(), theirs.withdraws())
    assert sorted(each.json()["status"] for each in said) == ["closed", "received"]
    assert (await story.job())["reason"] == "withdrawn"
    assert (await verify(story.owner, runtime.keys)).holds


async def test_who_took_it_back_hears_no_more(story: Story) -> None:
    street = Street(story.county)
    await story.withdraws()
    await story.crews(status="received")
    await outbox.fan_out(story.owner, await street.outbox_ids())
    assert await street.ledger("ann@example.org") == []


async def test_updates_are_changed_stopped_and_begun_again(story: Story) -> None:
    live = "select address from subscription where ended_at is null"
    assert await story.rows(live) == [("ann@example.org",)]
    await story.contact(email="new@example.org", updates=["email"], language="cy")
    assert await story.rows(live) == [("new@example.org",)]
    assert (await story.own())["contact"] == {
        "name": None,
        "email": "new@example.org",
        "phone": None,
        "language": "cy",
        "updates": ["email"],
    }
    await story.contact(email="new@example.org")
    assert await story.rows(live) == []
    assert (await story.own())["contact"]["updates"] == []
    await story.contact(email="new@example.org", updates=["email"])
    assert await story.rows(live) == [("new@example.org",)]
    await story.contact()
    assert (await story.own())["contact"] is None
    assert await story.rows("select 1 from reporter") == []
    assert await story.rows("select 1 from subscription") == []
    refused = await story.contact(updates=["email"])
    assert refused.status_code == 422


async def test_what_waits_to_be_mailed_is_dropped_when_they_stop(story: Story) -> None:
    street = Street(story.county)
    await outbox.fan_out(story.owner, await street.outbox_ids())
    assert [state for _, state in await street.ledger("ann@example.org")] == ["pending"]
    await story.contact(email="ann@example.org")
    assert [state for _, state in await street.ledger("ann@example.org")] == ["dropped"]


async def test_contact_details_said_twice_at_once_leave_one_row(story: Story) -> None:
    await story.contact()
    await asyncio.gather(*(story.contact(name=f"Ann {n}") for n in range(5)))
    assert len(await story.rows("select 1 from reporter")) == 1


async def test_forgetting_takes_the_words_and_pictures_of_feedback_too(
    story: Story, runtime: Runtime, app: Any
) -> None:
    photo, sent = await story.photo(), await story.photo()
    mine = await report(
        story.client, pothole("E1", description="Ann's words", photos=[sent], contact=CONTACT)
    )
    teller = Story(story.client, story.owner, story.county, story.crew, mine)
    await teller.says(False, description="Ann again", photos=[photo])
    store = app.state.runtime.photos
    keys = [key async for key, _ in store.listing()]
    assert len(keys) == 2
    export = (await story.client.get("/v1/me/export", headers=teller.mine)).json()
    (whole,) = export["reports"]
    assert whole["timeline"][-1]["message"] == "Ann again"
    assert [each["id"] for each in whole["photos"]] == [sent]
    assert whole["photos"][0]["large"].startswith("/v1/photos/")
    assert whole["subscriptions"][0]["address"] == "ann@example.org"
    gone = await story.client.delete("/v1/me", headers=teller.mine)
    assert gone.status_code == 204
    assert [key async for key, _ in store.listing()] == []
    assert await story.rows("select 1 from update_words where note like '%%Ann%%'") == []
    states = await story.rows("select state, review, object_key from photo order by id")
    assert {state[:2] for state in states} == {("unreadable", "hidden")}
    assert all(key.startswith("gone/") for _, _, key in states)
    own = await teller.own()
    assert [each["message"] for each in own["timeline"]] == [None, None]
    assert (await verify(story.owner, runtime.keys)).findings == []


async def test_words_of_others_are_not_in_ones_own_story(story: Story) -> None:
    other = await report(story.client, pothole(same_as=story.made["job"]["reference"]))
    theirs = Story(story.client, story.owner, story.county, story.crew, other)
    await story.crews(status="fixed")
    photo = await theirs.photo()
    await theirs.says(False, description="Me again, Bob", photos=[photo])
    entry = (await story.own())["timeline"][-1]
    assert entry == {**entry, "kind": "feedback", "by_reporter": False, "message": None}
    assert entry["photos"] == []
    await story.owner.execute("update photo set state = 'ready', made = 'x', review = 'human_ok'")
    entry = (await story.own())["timeline"][-1]
    assert [each["id"] for each in entry["photos"]] == [photo]
    assert "audience=public" in entry["photos"][0]["large"]


STEPS = st.lists(
    st.sampled_from(
        ["fixed", "in_progress", "closed", "received", "says fixed", "says not", "withdraws"]
    ),
    min_size=1,
    max_size=6,
)


@given(steps=STEPS)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_whatever_they_do_in_whatever_order_the_job_stays_true(
    client: httpx.AsyncClient, owner: Connection, runtime: Runtime, steps: list[str]
) -> None:
    county = await _county(owner)
    cursor = await owner.execute("select count(*) from job")
    (jobs,) = await cursor.fetchone() or (0,)
    made = await report(client, pothole(dx=0.02 + jobs % 40 / 42, dy=0.02 + jobs // 40 / 42))
    assert not made["job"]["matched"]  # each example has a place of its own
    story = Story(client, owner, county, await People(county).crew(), made)
    withdrawn = False
    for step in steps:
        before = await story.job()
        if step.startswith("says"):
            said = await story.says(step == "says fixed")
            assert said.status_code == (409 if withdrawn else 200)
            closed = before["status"] in {"fixed", "closed"}
            reopens = step == "says not" and closed and not withdrawn
            assert (await story.job())["reopened"] == before["reopened"] + reopens
        elif step == "withdraws":
            assert (await story.withdraws()).status_code == 200
            after = await story.job()
            was_open = before["status"] not in {"fixed", "closed"}
            if was_open and not withdrawn:
                assert (after["status"], after["reason"]) == ("closed", "withdrawn")
            else:
                assert after["status"] == before["status"]
            withdrawn = True
        else:
            reason = {"reason": "not_found"} if step == "closed" else {}
            answer = await story.crews(status=step, **reason)
            assert answer.status_code in {200, 409, 422}
        assert (await story.own())["status"] == (await story.job())["status"]
    versions = [each["version"] for each in (await story.job())["updates"]]
    assert versions == list(range(1, len(versions) + 1))
    assert (await verify(owner, runtime.keys)).findings == []


async def _county(owner: Connection) -> County:
    """The county, built once for all examples of a test."""
    found = County(owner)
    cursor = await owner.execute("select slug, id from authority")
    found.authorities = dict(await cursor.fetchall())
    if not found.authorities:
        await found.build()
        return found
    cursor = await owner.execute(
        "select authority.slug || '/' || team.slug, team.id from team"
        " join authority on authority.id = team.authority_id"
    )
    found.teams = dict(await cursor.fetchall())
    return found
