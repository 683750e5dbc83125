"""Handing a job over: the API that makes links, and the page that somebody without an account has.

The page is used here as a browser without JavaScript uses it.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from reporting import handovers, keys, retention, verify
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web import limits
from tests.reporting.test_pages import photo
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import Headers, People, job_of, report
from tests.support.prints import Prints

Answer = dict[str, Any]
WITH_A_NUMBER = "Ring me on 07700 900123."


@pytest.fixture
def people(county: County) -> People:
    return People(county)


@pytest.fixture
async def made(client: httpx.AsyncClient, county: County) -> Answer:
    return await report(client, pothole("W1", description="Right by the zebra crossing."))


@pytest.fixture
async def boss(people: People) -> Headers:
    return await people.staff("supervisor", "shire")


async def hand_over(
    client: httpx.AsyncClient, job: UUID, who: Headers, expected: int = 201, **more: Any
) -> Answer:
    body = {"name": "Mere Surfacing Ltd", "days": 14, **more}
    answer = await client.post(f"/v1/jobs/{job}/handovers", json=body, headers=who)
    assert answer.status_code == expected, answer.text
    found: Answer = answer.json()
    return found


async def seen(client: httpx.AsyncClient, job: UUID, who: Headers) -> Answer:
    found: Answer = (await client.get(f"/v1/jobs/{job}", headers=who)).json()
    return found


def page_of(link: Answer) -> str:
    return str(link["url"]).removeprefix("http://testserver")


async def say(
    client: httpx.AsyncClient, page: str, files: list[Any] | None = None, **values: str
) -> httpx.Response:
    data = {"key": str(uuid4()), "said": "done", **values}
    return await client.post(page, data=data, files=files)


async def test_a_contractor_does_a_job_with_a_link_and_a_photo(
    client: httpx.AsyncClient, made: Answer, boss: Headers, owner: Connection, runtime: Runtime
) -> None:
    job = job_of(made)
    link = await hand_over(client, job, boss, message="Make it safe first.")
    left = datetime.fromisoformat(link["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=13, hours=23) < left <= timedelta(days=14)
    assert len(page_of(link).removeprefix("/handover/")) == 43  # 256 bits
    # The supervisor sees it again, and the log says to whom the job went.
    listed = await client.get(f"/v1/jobs/{job}/handovers", headers=boss)
    assert listed.json() == {"items": [link]}
    noted = (await seen(client, job, boss))["updates"][-1]
    assert noted["changes"]["handover"] == {"id": link["id"], "state": "made"}
    assert noted["note"].startswith("Handed over to Mere Surfacing Ltd, by a link that works until")
    # Opening it, however often, uses nothing up.
    for _ in range(3):
        opened = await client.get(page_of(link))
        assert opened.status_code == 200
    for told in ("Pothole", "Make it safe first.", "W1 Ward", "52.01000, -0.99000"):
        assert told in opened.text
    for told in ("Right by the zebra crossing.", "How deep is it", "Mere Surfacing Ltd"):
        assert told in opened.text
    assert opened.headers["cache-control"] == "no-store"
    assert opened.headers["referrer-policy"] == "same-origin"
    again = (await client.get(f"/v1/jobs/{job}/handovers", headers=boss)).json()["items"]
    assert again[0]["opened_at"] is not None
    assert (again[0]["state"], again[0]["done_at"]) == ("live", None)
    # Without a photo it is not taken, and what was written stays.
    refused = await say(client, page_of(link), note="Filled and sealed.")
    assert refused.status_code == 422
    assert "Add a photo that shows it is done." in refused.text
    assert "Filled and sealed." in refused.text
    # With one it is.
    sent = await say(client, page_of(link), [photo()], note="Filled and sealed.")
    assert (sent.status_code, sent.headers["location"]) == (303, page_of(link))
    done = await client.get(page_of(link))
    assert "You said that it is done" in done.text
    assert "Filled and sealed." in done.text
    assert "<form" not in done.text
    whole = await seen(client, job, boss)
    last = whole["updates"][-1]
    assert (whole["status"], last["by"]) == ("fixed", "Mere Surfacing Ltd")
    assert last["note"] == "Filled and sealed."
    assert last["changes"]["handover"] == {"id": link["id"], "state": "done"}
    assert [each["review"] for each in last["photos"]] == ["needs_check"]
    # Nobody sees the photo before it was looked at; residents read that it is fixed, no more.
    public = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert (public["status"], public["timeline"][-1]["photos"]) == ("fixed", [])
    assert "sealed" not in str(public)
    cursor = await owner.execute(
        "select actor from job_update order by recorded_at desc, seq desc limit 1"
    )
    assert await cursor.fetchone() == (f"handover:{link['id']}",)
    # What comes afterwards changes nothing.
    more = await say(client, page_of(link), [photo(97)], note="Once more.")
    assert more.status_code == 303
    assert (await seen(client, job, boss))["version"] == whole["version"]
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


async def test_what_cannot_be_done_comes_back_to_the_council(
    client: httpx.AsyncClient, made: Answer, boss: Headers
) -> None:
    job = job_of(made)
    started = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        "status": "scheduled",
    }
    await client.post(f"/v1/jobs/{job}/updates", json=started, headers=boss)
    link = await hand_over(client, job, boss)
    for values in ({"reason": ""}, {"reason": "nonsense"}, {"reason": "other", "note": ""}):
        assert (await say(client, page_of(link), said="cannot", **values)).status_code == 422
    sent = await say(
        client, page_of(link), said="cannot", reason="no_access", note="A lorry stands on it."
    )
    assert sent.status_code == 303
    page = (await client.get(page_of(link))).text
    assert "You said that it cannot be done" in page
    assert "We could not get to it" in page
    whole = await seen(client, job, boss)
    assert (whole["status"], whole["updates"][-1]["note"]) == ("received", "A lorry stands on it.")
    assert "handed_back" in whole["flags"]
    assert whole["updates"][-1]["changes"]["handover"]["reason"] == "no_access"
    public = (await client.get(f"/v1/reports/{made['id']}")).json()
    assert public["status_text"].startswith("We have it; Highways will look at it by")
    # Deciding how it goes on answers the flag.
    decided = {**started, "id": str(uuid4()), "base_version": whole["version"]}
    answer = await client.post(f"/v1/jobs/{job}/updates", json=decided, headers=boss)
    assert "handed_back" not in answer.json()["flags"]


async def test_links_that_lead_nowhere_look_alike(
    client: httpx.AsyncClient, made: Answer, boss: Headers, people: People, owner: Connection
) -> None:
    job = job_of(made)
    revoked, over, moved = [await hand_over(client, job, boss) for _ in range(3)]
    for _ in range(2):
        answer = await client.delete(f"/v1/handovers/{revoked['id']}", headers=boss)
        assert answer.status_code == 204
    await owner.execute("update handover set expires_at = now() where id = %s", (over["id"],))
    before = await client.get(page_of(moved))
    assert before.status_code == 200
    away = {
        "id": str(uuid4()),
        "base_version": 5,
        "made_at": datetime.now(UTC).isoformat(),
        "status": "referred",
        "authority": "west",
    }
    answer = await client.post(f"/v1/jobs/{job}/updates", json=away, headers=boss)
    assert answer.status_code == 200, answer.text
    pages = [page_of(revoked), page_of(over), page_of(moved), f"/handover/{keys.new_token('')}"]
    answers = [await client.get(page) for page in pages]
    answers += [await say(client, page, [photo()]) for page in pages]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    assert "It is over, was ended, or never was" in answers[0].text
    cursor = await owner.execute("select count(*) from photo")
    assert await cursor.fetchone() == (0,)  # nothing of a stranger's is kept
    west = await people.staff("supervisor", "west")
    listed = (await client.get(f"/v1/jobs/{job}/handovers", headers=west)).json()["items"]
    assert [each["state"] for each in listed] == ["revoked"] * 3
    assert {each["url"] for each in listed} == {None}


async def test_only_what_everybody_may_read_is_on_it(
    app: FastAPI,
    client: httpx.AsyncClient,
    county: County,
    boss: Headers,
    owner: Connection,
    runtime: Runtime,
) -> None:
    contact = {"name": "Ann Reporter", "email": "ann@home.example"}
    made = await report(client, pothole("W2", description=WITH_A_NUMBER, contact=contact))
    job, prints = job_of(made), Prints(app.state.runtime, owner)
    shown = [await prints.of(made["id"], review=it) for it in ("auto_ok", "human_ok")]
    hidden = [await prints.of(made["id"], review=it) for it in ("needs_check", "hidden")]
    noted = {
        "id": str(uuid4()),
        "base_version": 1,
        "made_at": datetime.now(UTC).isoformat(),
        "note": "The owner is difficult.",
    }
    await client.post(f"/v1/jobs/{job}/updates", json=noted, headers=boss)
    link = await hand_over(client, job, boss)
    page = (await client.get(page_of(link))).text
    for secret in (WITH_A_NUMBER, "07700", *contact.values(), "difficult", made["tracking_token"]):
        assert secret not in page
    assert all(str(each) in page for each in shown)
    assert not any(str(each) in page for each in hidden)
    async with runtime.reading() as conn:
        found = await handovers.find(conn, page_of(link).removeprefix("/handover/"))
    assert found.state == "live"


async def test_who_hands_over_what(
    client: httpx.AsyncClient, made: Answer, boss: Headers, people: People
) -> None:
    job = job_of(made)
    for fields in (
        {"name": ""},
        {"days": 0},
        {"days": 61},
        {"email": "nobody"},
        {"message": "x" * 2001},
        {"more": 1},
    ):
        await hand_over(client, job, boss, 422, **fields)
    mine = str(uuid4())
    first = await hand_over(client, job, boss, id=mine)
    assert await hand_over(client, job, boss, id=mine) == first
    await hand_over(client, job, boss, 422, id=mine, name="Somebody else")
    for _ in range(handovers.MOST - 1):
        await hand_over(client, job, boss)
    problem = await hand_over(client, job, boss, 422)
    assert "revoke one first" in problem["detail"]
    await client.delete(f"/v1/handovers/{mine}", headers=boss)
    await hand_over(client, job, boss)
    closed = {
        "id": str(uuid4()),
        "base_version": (await seen(client, job, boss))["version"],
        "made_at": datetime.now(UTC).isoformat(),
        "status": "closed",
        "reason": "not_found",
    }
    await client.post(f"/v1/jobs/{job}/updates", json=closed, headers=boss)
    assert "closed" in (await hand_over(client, job, boss, 422))["detail"]


async def test_work_on_a_job_that_was_closed_meanwhile_is_kept(
    client: httpx.AsyncClient, made: Answer, boss: Headers
) -> None:
    job = job_of(made)
    link = await hand_over(client, job, boss)
    closed = {
        "id": str(uuid4()),
        "base_version": 2,
        "made_at": datetime.now(UTC).isoformat(),
        "status": "closed",
        "reason": "not_found",
    }
    await client.post(f"/v1/jobs/{job}/updates", json=closed, headers=boss)
    assert "It was closed meanwhile" in (await client.get(page_of(link))).text
    sent = await say(client, page_of(link), [photo()], note="It is there, and filled now.")
    assert sent.status_code == 303
    whole = await seen(client, job, boss)
    assert (whole["status"], whole["reason"]) == ("closed", "not_found")
    assert whole["updates"][-1]["note"] == "It is there, and filled now."
    assert len(whole["updates"][-1]["photos"]) == 1


async def test_a_bad_photo_is_named_and_a_good_one_kept(
    client: httpx.AsyncClient, made: Answer, boss: Headers, owner: Connection
) -> None:
    link = await hand_over(client, job_of(made), boss)
    broken = ("photo", ("report.pdf", b"%PDF-1.7 no picture", "application/pdf"))
    key = str(uuid4())
    refused = await say(client, page_of(link), [photo(), broken], key=key)
    assert refused.status_code == 422
    assert "report.pdf" in refused.text
    assert "1 photo is with us already" in refused.text
    [(kept,)] = await (await owner.execute("select id from photo")).fetchall()
    sent = await say(client, page_of(link), key=key, photo_id=str(kept))
    assert sent.status_code == 303


async def test_a_link_used_by_two_at_once_counts_once(
    client: httpx.AsyncClient, made: Answer, boss: Headers
) -> None:
    link = await hand_over(client, job_of(made), boss)
    answers = await asyncio.gather(
        *(say(client, page_of(link), [photo(seed)], note=str(seed)) for seed in (96, 97, 98))
    )
    assert [answer.status_code for answer in answers] == [303] * 3
    whole = await seen(client, job_of(made), boss)
    assert whole["version"] == 3
    assert len(whole["updates"][-1]["photos"]) == 1


async def test_a_form_of_another_site_is_refused(
    client: httpx.AsyncClient, made: Answer, boss: Headers
) -> None:
    link = await hand_over(client, job_of(made), boss)
    sent = await client.post(
        page_of(link),
        data={"said": "cannot", "reason": "not_found", "key": str(uuid4())},
        headers={"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"},
    )
    assert sent.status_code == 403
    assert (await seen(client, job_of(made), boss))["version"] == 2


async def test_nothing_of_a_link_is_stored_that_opens_it(
    client: httpx.AsyncClient, made: Answer, boss: Headers, owner: Connection
) -> None:
    link = await hand_over(client, job_of(made), boss)
    token = page_of(link).removeprefix("/handover/")
    await client.get(page_of(link))
    cursor = await owner.execute(
        "select (select string_agg(h::text, ' ') from handover h)"
        " || (select string_agg(u::text, ' ') from job_update u)"
        " || (select string_agg(w::text, ' ') from update_words w)"
        " || coalesce((select string_agg(o::text, ' ') from outbox o), '')"
    )
    (everything,) = await cursor.fetchone()
    assert link["id"] in everything
    assert token not in everything


async def test_whom_it_went_to_is_forgotten_in_time(
    client: httpx.AsyncClient, made: Answer, boss: Headers, owner: Connection, runtime: Runtime
) -> None:
    link = await hand_over(client, job_of(made), boss, email="jo@mere.example", message="Mind.")
    for age, left in ((89, ("jo@mere.example", "Mind.")), (91, (None, None))):
        await owner.execute(
            "update handover set expires_at = now() - make_interval(days => %s)", (age,)
        )
        async with runtime.unit() as conn:
            await retention.forget_the_old(conn)
        cursor = await owner.execute("select email, message, name from handover")
        assert await cursor.fetchone() == (*left, link["name"])


class TestWithLimits:
    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        monkeypatch.setattr(limits, "TIMEOUT_S", 5.0)  # this machine may be busy
        return settings.model_copy(update={"limits": "on"})

    async def test_whoever_guesses_at_links_is_sent_away(
        self, client: httpx.AsyncClient, made: Answer, boss: Headers
    ) -> None:
        link = await hand_over(client, job_of(made), boss)
        codes = [
            (await client.get(f"/handover/{keys.new_token('')}")).status_code for _ in range(31)
        ]
        assert codes == [404] * 30 + [429]
        assert (await client.get(page_of(link))).status_code == 429
