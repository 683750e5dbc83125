"""Logging in and out, and who a bearer is."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx
import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from fastapi import FastAPI

from reporting import staff
from reporting.accounts import making
from reporting.errors import StaffRefused, TooManyRequests, TooManyTries, WrongPassword
from reporting.keys import token_hash
from reporting.passwords import Passwords
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import People, report

PASSWORD = "a long enough password"
EMAIL = "crew@shire.example"


def cheap() -> Passwords:
    """argon2id, as fast as it goes: the tests are not about its strength."""
    return Passwords(PasswordHasher.from_parameters(CHEAPEST))


@pytest.fixture
async def account(runtime: Runtime, county: County) -> UUID:
    async with runtime.unit() as conn:
        return await making.add(
            conn,
            cheap(),
            email=EMAIL,
            password=PASSWORD,
            role="crew",
            authority="shire",
            teams=("highways",),
        )


@pytest.fixture
async def door(app: FastAPI, account: UUID) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with cheap password hashes."""
    app.state.runtime = replace(app.state.runtime, passwords=cheap())
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as found:
        yield found


async def log_in(
    door: httpx.AsyncClient, password: str = PASSWORD, email: str = EMAIL, **more: str
) -> httpx.Response:
    form = {"grant_type": "password", "username": email, "password": password, **more}
    return await door.post("/v1/auth/token", data=form)


def bearer(answer: httpx.Response) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_log_in_gives_a_bearer_until_the_log_out(
    door: httpx.AsyncClient, owner: Connection
) -> None:
    answer = await log_in(door)
    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "access_token": answer.json()["access_token"],
        "token_type": "bearer",
        "expires_in": 12 * 3600,
    }
    assert answer.json()["access_token"].startswith("kbs_")
    assert answer.headers["cache-control"] == "no-store"
    who = bearer(answer)
    me = (await door.get("/v1/me", headers=who)).json()
    assert (me["email"], me["role"]) == (EMAIL, "crew")
    assert me["authority"] == {"slug": "shire", "name": "Shire County Council"}
    assert [team["slug"] for team in me["teams"]] == ["highways"]
    assert (await door.delete("/v1/auth/token", headers=who)).status_code == 204
    assert (await door.get("/v1/me", headers=who)).status_code == 401
    assert (await door.delete("/v1/auth/token", headers=who)).status_code == 401


async def test_only_hashes_are_stored(door: httpx.AsyncClient, owner: Connection) -> None:
    token = (await log_in(door)).json()["access_token"]
    for table in ("staff", "staff_token", "login_try"):
        row = await (
            await owner.execute(f"select string_agg(t::text, '') from {table} t")
        ).fetchone()
        assert PASSWORD not in row[0]
        assert token not in row[0]
    row = await (await owner.execute("select password_hash from staff")).fetchone()
    assert row[0].startswith("$argon2id$")
    row = await (await owner.execute("select token_hash from staff_token")).fetchone()
    assert row[0] == token_hash(token)


async def test_the_parameters_in_use_are_those_of_rfc_9106() -> None:
    stored = await Passwords().hash("x")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")


async def test_a_bearer_ends_by_the_clock_and_with_the_account(
    door: httpx.AsyncClient, owner: Connection
) -> None:
    first, second = bearer(await log_in(door)), bearer(await log_in(door))
    await owner.execute(
        "update staff_token set expires_at = now() where token_hash = %s",
        (token_hash(first["Authorization"].removeprefix("Bearer ")),),
    )
    assert (await door.get("/v1/me", headers=first)).status_code == 401
    assert (await door.get("/v1/me", headers=second)).status_code == 200
    await owner.execute("update staff set disabled_at = now()")
    answer = await door.get("/v1/me", headers=second)
    assert (answer.status_code, answer.json()["code"]) == (401, "session-revoked")
    assert (await log_in(door)).status_code == 401


async def test_known_and_unknown_accounts_answer_alike(door: httpx.AsyncClient) -> None:
    known, unknown = await log_in(door, "wrong"), await log_in(door, "wrong", "x@y.example")
    assert known.status_code == unknown.status_code == 401
    for answer in (known, unknown):
        del answer.headers["x-request-id"]
    assert (known.content, known.headers) == (unknown.content, unknown.headers)
    assert known.json()["code"] == "wrong-password"


async def test_known_and_unknown_accounts_take_as_long() -> None:
    """Both hash once; without that one of them would be thousands of times faster."""
    passwords = Passwords(PasswordHasher(time_cost=2, memory_cost=16384, parallelism=1))
    stored = await passwords.hash(PASSWORD)
    await passwords.fits("warm", None)

    async def spent(known: str | None) -> float:
        times = []
        for _ in range(9):
            began = time.process_time()
            assert not await passwords.fits("wrong", known)
            times.append(time.process_time() - began)
        return statistics.median(times)

    ratio = await spent(stored) / await spent(None)
    assert 0.5 < ratio < 2


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"username": EMAIL, "password": PASSWORD},
        {"grant_type": "client_credentials", "username": EMAIL, "password": PASSWORD},
        {"grant_type": "password", "username": EMAIL},
        {"grant_type": "password", "username": "a\x00", "password": PASSWORD},
    ],
    ids=["empty", "no grant", "other grant", "no password", "control"],
)
async def test_a_form_that_does_not_fit_is_refused(
    door: httpx.AsyncClient, form: dict[str, str]
) -> None:
    answer = await door.post("/v1/auth/token", data=form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert PASSWORD not in answer.text


@pytest.mark.parametrize(
    "header",
    [
        "Bearer kbs_nothing",
        "Bearer kbd_nothing",
        "Bearer kbt_nothing",
        "Bearer kbk_nothing",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "Bearer ",
        "Basic dTpw",
        "kbs_nothing",
    ],
)
async def test_an_invalid_bearer_is_refused_wherever_a_bearer_is_taken(
    client: httpx.AsyncClient, county: County, header: str
) -> None:
    made = await report(client, pothole())
    for path in ("/v1/me", "/v1/jobs", f"/v1/reports/{made['id']}"):
        answer = await client.get(path, headers={"Authorization": header})
        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in"), path
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_reporters_are_not_staff(client: httpx.AsyncClient, county: County) -> None:
    made = await report(client, pothole())
    tracking = {"Authorization": f"Bearer {made['tracking_token']}"}
    for who in (tracking, await People(county).device()):
        for path in ("/v1/jobs", "/v1/jobs/" + made["job"]["id"], "/v1/me"):
            answer = await client.get(path, headers=who)
            assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed"), path


# Guessing


async def guess(runtime: Runtime, address: str, email: str = EMAIL, password: str = "wrong") -> str:
    try:
        await staff.log_in(
            runtime.unit,
            runtime.keys,
            runtime.passwords,
            email=email,
            password=password,
            address=address,
        )
    except (WrongPassword, TooManyTries, TooManyRequests) as refusal:
        return refusal.code
    return "in"


@pytest.fixture
def guarded(runtime: Runtime, account: UUID) -> Runtime:
    return replace(runtime, passwords=cheap())


async def test_five_guesses_then_it_has_to_wait(guarded: Runtime, owner: Connection) -> None:
    answers = [await guess(guarded, "192.0.2.1") for _ in range(7)]
    assert answers == ["wrong-password"] * 5 + ["too-many-tries"] * 2
    assert await guess(guarded, "192.0.2.1", password=PASSWORD) == "too-many-tries"
    assert await guess(guarded, "192.0.2.2", password=PASSWORD) == "too-many-tries"
    await owner.execute("update login_try set at = at - interval '31 minutes'")
    assert await guess(guarded, "192.0.2.1", password=PASSWORD) == "in"


async def test_guesses_at_the_same_time_count_too(guarded: Runtime) -> None:
    answers = await asyncio.gather(*(guess(guarded, "192.0.2.1") for _ in range(40)))
    assert sorted(answers) == ["too-many-tries"] * 35 + ["wrong-password"] * 5


async def test_an_unknown_account_is_counted_like_a_known_one(guarded: Runtime) -> None:
    answers = [await guess(guarded, "192.0.2.1", "x@y.example") for _ in range(6)]
    assert answers == ["wrong-password"] * 5 + ["too-many-tries"]


async def test_an_address_that_tries_many_accounts_has_to_wait(guarded: Runtime) -> None:
    answers = [await guess(guarded, "192.0.2.1", f"a{n}@y.example") for n in range(27)]
    assert answers == ["wrong-password"] * 25 + ["too-many-tries"] * 2
    assert await guess(guarded, "192.0.2.1", password=PASSWORD) == "too-many-tries"


async def test_a_stranger_with_many_addresses_guesses_five_times_and_locks_nobody_out(
    guarded: Runtime,
) -> None:
    assert await guess(guarded, "198.51.100.7", password=PASSWORD) == "in"
    answers = [await guess(guarded, f"192.0.2.{n}") for n in range(20)]
    assert answers == ["wrong-password"] * 5 + ["too-many-tries"] * 15
    assert await guess(guarded, "203.0.113.9", password=PASSWORD) == "too-many-tries"
    assert await guess(guarded, "198.51.100.7", password=PASSWORD) == "in"


async def test_addresses_of_one_ipv6_network_are_one(guarded: Runtime) -> None:
    answers = [await guess(guarded, f"2001:db8::{n}") for n in range(6)]
    assert answers[-1] == "too-many-tries"
    answers = [await guess(guarded, "2001:db8::1", f"a{n}@y.example") for n in range(21)]
    assert answers == ["wrong-password"] * 20 + ["too-many-tries"]
    assert await guess(guarded, "2001:db8:0:1::1", "a0@y.example") == "wrong-password"


async def test_a_right_password_forgives_the_wrong_ones(guarded: Runtime) -> None:
    for _ in range(3):
        assert [await guess(guarded, "192.0.2.1") for _ in range(4)] == ["wrong-password"] * 4
        assert await guess(guarded, "192.0.2.1", password=PASSWORD) == "in"


async def test_tries_are_forgotten_and_known_addresses_later(
    guarded: Runtime, owner: Connection
) -> None:
    await guess(guarded, "192.0.2.1", password=PASSWORD)
    await guess(guarded, "192.0.2.2")
    await owner.execute("update login_try set at = at - interval '31 minutes'")
    async with guarded.unit() as conn:
        assert await staff.forget_tries(conn) == 1
    await owner.execute("update login_try set at = at - interval '91 days'")
    async with guarded.unit() as conn:
        assert await staff.forget_tries(conn) == 1


async def test_who_comes_in_a_flood_is_told_to_come_back_and_loses_no_try(
    guarded: Runtime, owner: Connection
) -> None:
    no_turn_left = Passwords(PasswordHasher.from_parameters(CHEAPEST), at_once=0, patience_s=0.001)
    flooded = replace(guarded, passwords=no_turn_left)
    assert await guess(flooded, "192.0.2.1", password=PASSWORD) == "too-many-requests"
    row = await (await owner.execute("select count(*) from login_try")).fetchone()
    assert row == (0,)


async def test_an_old_hash_is_made_anew_at_log_in(guarded: Runtime, owner: Connection) -> None:
    stronger = replace(
        guarded,
        passwords=Passwords(PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)),
    )
    assert await guess(stronger, "192.0.2.1", password=PASSWORD) == "in"
    row = await (await owner.execute("select password_hash from staff")).fetchone()
    assert "t=2," in row[0]
    assert await guess(stronger, "192.0.2.1", password=PASSWORD) == "in"


# Accounts


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"password": "eleven char"}, "A password has 12 to 128 characters."),
        ({"password": "x" * 129}, "A password has 12 to 128 characters."),
        (
            {"password": "new@shire.example"},
            "The password must not be your name or e-mail address.",
        ),
        ({"email": "nobody"}, "That is no e-mail address."),
        ({"role": "mayor"}, "The roles are crew, supervisor, admin, auditor."),
        ({"authority": "nowhere"}, "There is no authority nowhere."),
        ({"teams": ()}, "A crew works for a team; name one."),
        ({"teams": ("cleansing",)}, "shire has no team cleansing."),
        ({"wards": ("D1",)}, "Only a supervisor answers for wards."),
        ({"role": "supervisor"}, "Only a crew belongs to teams."),
        (
            {"role": "supervisor", "teams": (), "wards": ("W1",)},
            "shire has no ward or division W1.",
        ),
        ({"email": EMAIL.upper()}, f"There is an account for {EMAIL} already."),
    ],
)
async def test_an_account_that_cannot_be_is_refused_in_one_sentence(
    guarded: Runtime, change: dict[str, Any], sentence: str
) -> None:
    asked = {
        "email": "new@shire.example",
        "password": PASSWORD,
        "role": "crew",
        "authority": "shire",
        "teams": ("highways",),
        **change,
    }
    with pytest.raises(StaffRefused) as refused:
        async with guarded.unit() as conn:
            await making.add(conn, guarded.passwords, **asked)
    assert refused.value.detail == sentence
