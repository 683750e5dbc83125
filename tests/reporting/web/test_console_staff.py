"""The pages of accounts over HTTP, as a browser without JavaScript uses them."""

import re
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from reporting.runtime import Connection
from tests.reporting.test_pages import Elements
from tests.support.county import County
from tests.support.desk import PASSWORD, Desk, sign_in

NEW = "granite otter umbrella"


class WithPictures(Elements):
    """Pages with pictures in them."""

    VOID = Elements.VOID | {"img"}


@pytest.fixture
async def desk(app: FastAPI, county: County) -> Desk:
    found = Desk(app)
    await found.account("admin", name="Ada Byron")
    return found


async def sent(client: httpx.AsyncClient, path: str, **form: object) -> httpx.Response:
    """Send a form and follow to what it leads to."""
    answer = await client.post(path, data=form)
    return await client.get(answer.headers["location"]) if answer.status_code == 303 else answer


async def ada(client: httpx.AsyncClient) -> None:
    assert (await sign_in(client, "ada@shire.example")).status_code == 303


def well_formed(answer: httpx.Response) -> str:
    WithPictures(answer.text)
    assert "style=" not in answer.text
    assert "<script>" not in answer.text
    return answer.text


async def test_an_account_is_made_changed_disabled_and_enabled(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    await ada(client)
    page = await client.get("/console/staff")
    assert "Ada Byron" in well_formed(page)
    form = {"name": "Al Mere", "email": "al@shire.example", "role": "crew"}
    refused = await client.post("/console/staff", data=form)
    assert refused.status_code == 422
    assert "A crew works for a team" in refused.text
    assert 'value="Al Mere"' in refused.text
    made = await client.post("/console/staff", data={**form, "teams": ["highways"]})
    assert made.status_code == 200
    link = re.search(r'value="(\S+/invitation/\S+)"', well_formed(made))[1]
    row = await (
        await owner.execute("select id from staff where email = 'al@shire.example'")
    ).fetchone()
    path = f"/console/staff/{row[0]}"
    assert "/invitation/" not in (await client.get(path)).text  # shown once
    invited = await client.get("/invitation/" + link.rpartition("/")[2])
    assert "Welcome, Al Mere" in well_formed(invited)
    assert invited.headers["referrer-policy"] == "no-referrer"
    changed = await sent(
        client,
        path,
        action="change",
        name="Al Moor",
        email="al@shire.example",
        role="supervisor",
        wards="D1, D2",
        teams=["highways"],
    )
    assert "Saved." in changed.text
    assert "name: Al Mere → Al Moor" in changed.text
    assert "role: crew → supervisor" in changed.text
    assert "wards: none → D1, D2" in changed.text
    assert "Disabled." in (await sent(client, path, action="disable")).text
    assert (await client.get("/invitation/" + link.rpartition("/")[2])).status_code == 404
    assert "Enabled." in (await sent(client, path, action="enable")).text
    again = await client.post(path, data={"action": "invite"})
    assert "/invitation/" in again.text
    assert "by Ada Byron" in again.text
    assert (await client.post(path, data={"action": "anything"})).status_code == 404


async def test_who_may_not_finds_nothing_and_no_button(
    client: httpx.AsyncClient, desk: Desk
) -> None:
    al = await desk.account("crew", name="Al Mere", teams=("highways",))
    ada_byron = await desk.account("admin", name="Bo")
    await desk.account("auditor", name="Ivy")
    await desk.account(name="Jo Marsh")
    await desk.account(name="Pat", authority="west")
    expected = {"ivy@shire.example": (200, 403), "jo@shire.example": (200, 303)}
    expected |= {"pat@west.example": (404, 404), "al@shire.example": (403, 403)}
    for email, statuses in expected.items():
        await sign_in(client, email)
        page = await client.get(f"/console/staff/{al}")
        done = await client.post(f"/console/staff/{al}", data={"action": "totp"})
        assert (page.status_code, done.status_code) == statuses, email
        assert ('value="disable"' in page.text) == (statuses == (200, 303))
        nav = (await client.get("/console")).text
        assert ('href="/console/staff"' in nav) == (statuses != (403, 403))
    await sign_in(client, "jo@shire.example")
    for other in (ada_byron, uuid4()):
        assert (await client.get(f"/console/staff/{other}")).status_code == 404
    assert 'name="role" value="crew"' in (await client.get("/console/staff")).text
    client.headers["sec-fetch-site"] = "cross-site"
    foreign = await client.post(f"/console/staff/{al}", data={"action": "disable"})
    assert foreign.status_code == 403


async def test_somebody_whose_account_is_disabled_is_sent_to_sign_in(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    await ada(client)
    await owner.execute("update staff set disabled_at = now()")
    answer = await client.get("/console/staff")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/console/sign-in")


async def session_of(owner: Connection, name: str) -> UUID:
    row = await (
        await owner.execute("select id from staff_token where name = %s", (name,))
    ).fetchone()
    found: UUID = row[0]
    return found


async def test_ones_own_password_devices_and_second_factor(
    client: httpx.AsyncClient, desk: Desk, owner: Connection
) -> None:
    client.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
    form = {"grant_type": "password", "username": "ada@shire.example", "password": PASSWORD}
    await client.post("/v1/auth/token", data=form, headers={"user-agent": "council-script/1.0"})
    await ada(client)
    me = await client.get("/console/me")
    assert "Firefox on Linux" in well_formed(me)
    assert "this one" in me.text
    script = await session_of(owner, "council-script")
    revoked = await sent(client, "/console/me", action="revoke", session=str(script))
    assert "That session is revoked." in revoked.text
    assert "council-script" not in re.sub(r"(?s)<ol.*", "", revoked.text)

    wrong = await client.post("/console/me", data={"action": "begin", "password": "wrong"})
    assert wrong.status_code == 422
    assert "That is not your password." in wrong.text
    begun = await sent(client, "/console/me", action="begin", password=PASSWORD)
    assert 'src="data:image/svg+xml' in well_formed(begun)
    app = pyotp.TOTP(re.search(r'class="secret">(\w+)<', begun.text)[1])
    now = int(datetime.now(UTC).timestamp()) // 30
    no = await client.post("/console/me", data={"action": "confirm", "code": "000000"})
    assert no.status_code == 422
    used = await sent(client, "/console/me", action="confirm", code=app.generate_otp(now))
    assert "you are asked for a code" in used.text
    assert app.secret not in used.text

    await client.post("/console/sign-out")
    asked = await sign_in(client, "ada@shire.example")
    assert asked.status_code == 401
    assert 'name="otp"' in well_formed(asked)
    assert PASSWORD not in asked.text
    wanted = {"email": "ada@shire.example", "password": PASSWORD, "next": ""}
    code = app.generate_otp(now + 1)
    signed = await client.post("/console/sign-in", data={**wanted, "otp": code})
    assert signed.status_code == 303

    weak = await client.post(
        "/console/me", data={"action": "password", "password": PASSWORD, "new": "ada byron 2026"}
    )
    assert weak.status_code == 422
    assert "must not be your name" in weak.text
    done = await sent(client, "/console/me", action="password", password=PASSWORD, new=NEW)
    assert "Your password is another now" in done.text
    removed = await sent(client, "/console/me", action="remove", password=NEW)
    assert "not asked for a code any more" in removed.text


async def test_a_desk_is_known_again_while_strangers_guess(
    client: httpx.AsyncClient, desk: Desk, app: FastAPI
) -> None:
    await ada(client)
    kept = client.cookies["desk"]
    await client.post("/console/sign-out")
    assert client.cookies["desk"] == kept
    elsewhere = httpx.ASGITransport(app, client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://testserver") as other:
        answers = [
            (await sign_in(other, "ada@shire.example", "wrong")).status_code for _ in range(6)
        ]
        assert answers == [401] * 5 + [429]
        assert (await sign_in(other, "ada@shire.example")).status_code == 429
        other.cookies.set("desk", kept)  # the same browser, at another address
        assert (await sign_in(other, "ada@shire.example")).status_code == 303
