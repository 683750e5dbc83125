"""Staff accounts over the API: who makes, changes and ends them; one's own devices and factor."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pyotp
import pytest
from fastapi import FastAPI

from reporting.runtime import Connection
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk

Headers = dict[str, str]
NEW = "granite otter umbrella"


@dataclass
class Office:
    """People with passwords, and how they come in."""

    client: httpx.AsyncClient
    desk: Desk
    owner: Connection

    async def log_in(self, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
        form = {"grant_type": "password", "username": f"{name}@shire.example", "password": password}
        return await self.client.post("/v1/auth/token", data={**form, **more})

    async def bearer(self, name: str, password: str = PASSWORD, **more: str) -> Headers:
        answer = await self.log_in(name, password, **more)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def entries(self, staff: UUID | str) -> list[str]:
        cursor = await self.owner.execute(
            "select what from staff_entry where staff_id = %s order by id", (staff,)
        )
        return [what for (what,) in await cursor.fetchall()]


@pytest.fixture
async def office(app: FastAPI, county: County, owner: Connection) -> AsyncIterator[Office]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    desk = Desk(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield Office(client, desk, owner)


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows so many steps from now."""
    now = int(datetime.now(UTC).timestamp()) // 30
    return pyotp.TOTP(secret).generate_otp(now + steps)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_supervisor_makes_a_crews_account_and_its_person_sets_the_password(
    office: Office,
) -> None:
    await office.desk.account(name="Jo Marsh")
    jo = await office.bearer("jo")
    body = {"email": "Al@shire.example", "name": "Al", "role": "crew", "teams": ["highways"]}
    made = await office.client.post("/v1/admin/staff", json=body, headers=jo)
    assert made.status_code == 201, made.text
    link, staff = made.json()["invitation_url"], made.json()["id"]
    token = link.rpartition("/")[2]
    stored = await (
        await office.owner.execute("select token_hash::text from staff_invitation")
    ).fetchone()
    assert token not in stored[0]
    assert told(await office.log_in("al", NEW)) == (401, "wrong-password")
    page = f"/invitation/{token}"
    assert "al@shire.example" in (await office.client.get(page)).text
    weak = await office.client.post(page, data={"password": "password1234"})
    assert weak.status_code == 422
    assert "among the first" in weak.text
    done = await office.client.post(page, data={"password": NEW})
    assert (done.status_code, done.headers["location"]) == (303, "/crew/sign-in")
    assert (await office.client.get(page)).status_code == 404
    assert (await office.client.post(page, data={"password": NEW})).status_code == 404
    al = await office.bearer("al", NEW)
    assert (await office.client.get("/v1/me", headers=al)).json()["teams"][0]["slug"] == "highways"
    whole = (await office.client.get(f"/v1/admin/staff/{staff}", headers=jo)).json()
    assert [entry["what"] for entry in whole["entries"]] == ["password_set", "invited", "made"]
    assert whole["entries"][1]["by"] == "Jo Marsh"
    assert whole["has_password"]
    assert whole["invited_until"] is None


async def test_a_newer_invitation_and_the_clock_end_an_invitation(office: Office) -> None:
    await office.desk.account("admin", name="Ada")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    ada = await office.bearer("ada")
    links = [
        (await office.client.post(f"/v1/admin/staff/{al}/invitation", headers=ada)).json()
        for _ in range(2)
    ]
    first, second = ("/invitation/" + it["invitation_url"].rpartition("/")[2] for it in links)
    assert (await office.client.get(first)).status_code == 404
    assert (await office.client.get(second)).status_code == 200
    await office.owner.execute("update staff_invitation set expires_at = now()")
    assert (await office.client.get(second)).status_code == 404


async def test_who_is_disabled_is_out_with_the_next_request_and_their_tablet_is_told(
    office: Office,
) -> None:
    await office.desk.account("admin", name="Ada")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    ada = await office.bearer("ada")
    tablet = await office.bearer("al", tablet=str(uuid4()))
    assert (await office.client.get("/v1/me", headers=tablet)).status_code == 200
    path = f"/v1/admin/staff/{al}"
    answer = await office.client.patch(path, json={"disabled": True}, headers=ada)
    assert answer.json()["disabled_at"] is not None
    for _ in range(2):
        refused = await office.client.get("/v1/jobs", headers=tablet)
        assert told(refused) == (401, "session-revoked")
    assert told(await office.log_in("al")) == (401, "wrong-password")
    assert (await office.client.post(path + "/invitation", headers=ada)).status_code == 422
    await office.client.patch(path, json={"disabled": False}, headers=ada)
    # What was revoked stays so; a tablet that slept through it is told also after its time.
    await office.owner.execute("update staff_token set expires_at = now() where tablet is not null")
    assert told(await office.client.get("/v1/me", headers=tablet)) == (401, "session-revoked")
    assert (await office.log_in("al")).status_code == 200
    assert told(await office.client.get("/v1/me", headers=tablet)) == (401, "session-revoked")
    assert await office.entries(al) == ["made", "disabled", "enabled"]


async def test_a_session_that_ran_out_is_not_a_revoked_one(office: Office) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    al = await office.bearer("al")
    await office.owner.execute("update staff_token set expires_at = now()")
    assert told(await office.client.get("/v1/me", headers=al)) == (401, "not-signed-in")


async def test_a_browser_is_told_of_its_revoked_session_too(office: Office) -> None:
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    token = (await office.bearer("al"))["Authorization"].removeprefix("Bearer ")
    office.client.cookies.set("staff", token)
    assert (await office.client.get("/v1/me")).status_code == 200
    await office.owner.execute(
        "update staff_token set revoked_at = now() where staff_id = %s", (al,)
    )
    assert told(await office.client.get("/v1/me")) == (401, "session-revoked")
    assert (await office.client.get("/v1/categories")).status_code == 200


async def test_teams_and_roles_change_with_the_next_request(office: Office) -> None:
    await office.desk.account("admin", name="Ada")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    ada, crew = await office.bearer("ada"), await office.bearer("al")
    path = f"/v1/admin/staff/{al}"
    await office.client.patch(path, json={"teams": ["shire-triage"]}, headers=ada)
    me = (await office.client.get("/v1/me", headers=crew)).json()
    assert [team["slug"] for team in me["teams"]] == ["shire-triage"]
    await office.client.patch(path, json={"role": "supervisor", "wards": ["D1"]}, headers=ada)
    me = (await office.client.get("/v1/me", headers=crew)).json()
    assert (me["role"], me["teams"], me["wards"]) == ("supervisor", [], ["D1"])
    whole = (await office.client.get(path, headers=ada)).json()
    assert whole["entries"][0]["details"] == {
        "role": ["crew", "supervisor"],
        "teams": [["shire-triage"], []],
        "wards": [[], ["D1"]],
    }


async def test_nobody_lifts_themselves_and_supervisors_keep_to_crews(office: Office) -> None:
    ada = await office.desk.account("admin", name="Ada")
    jo = await office.desk.account(name="Jo Marsh")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    as_ada, as_jo = await office.bearer("ada"), await office.bearer("jo")

    async def change(who: Headers, staff: UUID, **body: Any) -> tuple[int, str]:
        return told(await office.client.patch(f"/v1/admin/staff/{staff}", json=body, headers=who))

    assert await change(as_ada, ada, disabled=True) == (403, "not-allowed")
    assert await change(as_ada, ada, role="auditor") == (403, "not-allowed")
    assert await change(as_jo, jo, role="admin") == (404, "not-found")
    assert await change(as_jo, ada, disabled=True) == (404, "not-found")
    assert await change(as_jo, al, role="admin") == (403, "not-allowed")
    body = {"email": "x@shire.example", "name": "X", "role": "supervisor"}
    made = await office.client.post("/v1/admin/staff", json=body, headers=as_jo)
    assert told(made) == (403, "not-allowed")
    assert await change(as_ada, al, email="jo@shire.example") == (422, "staff-refused")
    assert await change(as_ada, al, teams=["nowhere"]) == (422, "staff-refused")
    listed = (await office.client.get("/v1/admin/staff", headers=as_jo)).json()["items"]
    assert [item["name"] for item in listed] == ["Al"]
    assert await office.entries(ada) == ["made"]


async def test_two_admins_who_disable_each_other_at_once_leave_one(office: Office) -> None:
    ada = await office.desk.account("admin", name="Ada")
    bo = await office.desk.account("admin", name="Bo")
    as_ada, as_bo = await office.bearer("ada"), await office.bearer("bo")
    answers = await asyncio.gather(
        office.client.patch(f"/v1/admin/staff/{bo}", json={"disabled": True}, headers=as_ada),
        office.client.patch(f"/v1/admin/staff/{ada}", json={"disabled": True}, headers=as_bo),
    )
    assert min(answer.status_code for answer in answers) == 200
    row = await (
        await office.owner.execute("select count(*) from staff where disabled_at is null")
    ).fetchone()
    assert row == (1,)


async def test_the_journal_cannot_be_changed(office: Office) -> None:
    await office.desk.account("admin", name="Ada")
    for statement in ("update staff_entry set what = 'x'", "delete from staff_entry"):
        with pytest.raises(psycopg.Error, match=r"(?i)append|change|permission"):
            async with office.desk.runtime.unit() as conn:
                await conn.execute(statement)


async def test_devices_are_named_and_one_of_them_is_revoked(office: Office) -> None:
    await office.desk.account("admin", name="Ada")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    office.client.headers["User-Agent"] = (
        "Mozilla/5.0 (Linux; Android 14; SM-X210) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Safari/537.36"
    )
    desk = await office.bearer("al")
    tablet = await office.bearer("al", tablet=str(uuid4()))
    listed = (await office.client.get("/v1/me/sessions", headers=desk)).json()["items"]
    assert [(it["name"], it["tablet"], it["this"]) for it in listed] == [
        ("Chrome on Android", True, False),
        ("Chrome on Android", False, True),
    ]
    days = [
        (datetime.fromisoformat(it["expires_at"]) - datetime.fromisoformat(it["created_at"])).days
        for it in listed
    ]
    assert days == [30, 0]
    path = f"/v1/me/sessions/{listed[0]['id']}"
    assert (await office.client.delete(path, headers=desk)).status_code == 204
    assert (await office.client.delete(path, headers=desk)).status_code == 404
    assert told(await office.client.get("/v1/me", headers=tablet)) == (401, "session-revoked")
    ada = await office.bearer("ada")
    path = f"/v1/admin/staff/{al}/sessions"
    [left] = (await office.client.get(path, headers=ada)).json()["items"]
    path = f"/v1/admin/sessions/{left['id']}"
    assert (await office.client.delete(path, headers=ada)).status_code == 204
    assert told(await office.client.get("/v1/me", headers=desk)) == (401, "session-revoked")
    assert await office.entries(al) == ["made", "session_revoked", "session_revoked"]


async def test_when_a_session_was_last_used_is_noted_now_and_then(office: Office) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    al = await office.bearer("al")
    seen = "select last_seen_at from staff_token"
    for minutes, is_noted in ((4, False), (6, True)):
        await office.owner.execute(
            "update staff_token set last_seen_at = now() - make_interval(mins => %s)", (minutes,)
        )
        before = await (await office.owner.execute(seen)).fetchone()
        await office.client.get("/v1/me", headers=al)
        after = await (await office.owner.execute(seen)).fetchone()
        assert (after > before) == is_noted


async def test_another_password_ends_the_other_sessions_and_needs_the_old(office: Office) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    here, there = await office.bearer("al"), await office.bearer("al", tablet=str(uuid4()))

    async def put(old: str, new: str) -> httpx.Response:
        body = {"old": old, "new": new}
        return await office.client.put("/v1/me/password", json=body, headers=here)

    assert told(await put("wrong", NEW)) == (401, "wrong-password")
    assert told(await put(PASSWORD, "Al@Shire.example1")) == (422, "password-refused")
    assert (await put(PASSWORD, NEW)).status_code == 204
    assert (await office.client.get("/v1/me", headers=here)).status_code == 200
    # Nothing that waits on the tablet goes: it only has to sign in again.
    assert told(await office.client.get("/v1/me", headers=there)) == (401, "not-signed-in")
    assert told(await office.log_in("al")) == (401, "wrong-password")
    assert (await office.log_in("al", NEW)).status_code == 200
    answers = [told(await put("wrong", NEW))[1] for _ in range(6)]
    assert answers == ["wrong-password"] * 5 + ["too-many-tries"]


async def enrolled(office: Office, who: Headers) -> str:
    begun = await office.client.post("/v1/me/totp", json={"password": PASSWORD}, headers=who)
    assert begun.status_code == 200, begun.text
    secret: str = begun.json()["secret"]
    assert f"secret={secret}" in begun.json()["address"]
    return secret


async def test_a_second_factor_is_asked_for_once_it_was_confirmed(office: Office) -> None:
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    who = await office.bearer("al")
    wrong = await office.client.post("/v1/me/totp", json={"password": "x"}, headers=who)
    assert told(wrong) == (401, "wrong-password")
    secret = await enrolled(office, who)
    row = await (await office.owner.execute("select totp_secret from staff")).fetchone()
    assert secret.encode() not in row[0]
    assert (await office.log_in("al")).status_code == 200  # not yet
    path = "/v1/me/totp"
    assert told(await office.client.put(path, json={"code": "000000"}, headers=who)) == (
        422,
        "otp-refused",
    )
    confirmed = await office.client.put(path, json={"code": code_of(secret)}, headers=who)
    assert confirmed.status_code == 204, confirmed.text
    assert told(await office.log_in("al")) == (401, "otp-needed")
    # Nobody learns by it that there is a second factor without the password.
    plain, beside = await office.log_in("al", "x"), await office.log_in("al", "x", otp="123456")
    assert told(plain) == told(beside) == (401, "wrong-password")
    assert told(await office.log_in("al", otp=code_of(secret))) == (401, "wrong-password")  # used
    assert (await office.log_in("al", otp=code_of(secret, 1))).status_code == 200
    assert told(await office.log_in("al", otp=code_of(secret, 1))) == (401, "wrong-password")
    assert told(await office.log_in("al", otp=code_of(secret, 3))) == (401, "wrong-password")
    removed = await office.client.request("DELETE", path, json={"password": PASSWORD}, headers=who)
    assert removed.status_code == 204
    assert (await office.log_in("al")).status_code == 200
    assert await office.entries(al) == ["made", "second_factor_added", "second_factor_removed"]


async def test_codes_are_guessed_five_times_and_an_admin_resets_a_lost_factor(
    office: Office,
) -> None:
    await office.desk.account("admin", name="Ada")
    al = await office.desk.account("crew", name="Al", teams=("highways",))
    who = await office.bearer("al")
    secret = await enrolled(office, who)
    await office.client.put("/v1/me/totp", json={"code": code_of(secret)}, headers=who)
    wrong = f"{(int(code_of(secret)) + 1) % 1_000_000:06}"
    answers = [told(await office.log_in("al", otp=wrong))[1] for _ in range(6)]
    assert answers == ["wrong-password"] * 5 + ["too-many-tries"]
    assert told(await office.log_in("al")) == (429, "too-many-tries")
    ada = await office.bearer("ada")
    path = f"/v1/admin/staff/{al}/totp"
    assert (await office.client.delete(path, headers=ada)).status_code == 204
    await office.owner.execute("delete from login_try where not succeeded")
    assert (await office.log_in("al")).status_code == 200


async def test_one_code_opens_one_session_however_many_send_it_at_once(office: Office) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    who = await office.bearer("al")
    secret = await enrolled(office, who)
    await office.client.put("/v1/me/totp", json={"code": code_of(secret)}, headers=who)
    code = code_of(secret, 1)
    answers = await asyncio.gather(*(office.log_in("al", otp=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


class Counting:
    """The passwords of the application, and how often one was looked at."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.looks = 0
        passwords = office.desk.runtime.passwords
        fits = passwords.fits

        async def counted(password: str, stored: str | None) -> bool:
            self.looks += 1
            return await fits(password, stored)

        monkeypatch.setattr(passwords, "fits", counted)


async def test_a_thousand_guesses_from_everywhere_are_five(
    office: Office, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    tablet = str(uuid4())
    await office.bearer("al", tablet=tablet)
    counting = Counting(office, monkeypatch)
    form = {"grant_type": "password", "username": "al@shire.example", "password": "wrong"}
    clients = [
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(f"198.51.{n // 200}.{n % 200}", 1)),
            base_url="http://testserver",
        )
        for n in range(500)
    ]

    async def guess(client: httpx.AsyncClient) -> list[int]:
        return [(await client.post("/v1/auth/token", data=form)).status_code for _ in range(2)]

    codes = []
    for begin in range(0, len(clients), 20):
        for pair in await asyncio.gather(*map(guess, clients[begin : begin + 20])):
            codes += pair
    assert len(codes) == 1000
    assert codes.count(401) == counting.looks == 5
    assert set(codes) == {401, 429}
    # The owner comes in where the account is known, and by a known tablet from anywhere.
    assert (await office.log_in("al")).status_code == 200
    elsewhere = {**form, "password": PASSWORD}
    stranger, friend = clients[-1], {**elsewhere, "tablet": tablet}
    assert (await stranger.post("/v1/auth/token", data=elsewhere)).status_code == 429
    assert (await stranger.post("/v1/auth/token", data=friend)).status_code == 200


async def test_unknown_accounts_are_as_known_ones_to_the_sixth_try(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.desk.account("crew", name="Al", teams=("highways",))
    counting = Counting(office, monkeypatch)
    for _ in range(7):
        known, unknown = await office.log_in("al", "wrong"), await office.log_in("nobody", "wrong")
        for answer in (known, unknown):
            del answer.headers["x-request-id"]
        assert known.status_code == unknown.status_code
        assert (known.content, known.headers) == (unknown.content, unknown.headers)
    assert counting.looks == 10
