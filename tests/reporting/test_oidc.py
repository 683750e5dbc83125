"""Signing in at the council's identity provider: with a real one, and against every trick."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from reporting import keys
from reporting.app import create_app
from reporting.runtime import Connection
from reporting.settings import Settings
from tests.support.county import County
from tests.support.people import People
from tests.support.provider import Liar, RealProvider, liar, real_provider

ANN = {"email": "ann@x.example", "email_verified": True}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealProvider]:
    with real_provider(tmp_path_factory.mktemp("provider")) as found:
        yield found


@pytest.fixture
def lying() -> Iterator[Liar]:
    with liar() as found:
        yield found


@asynccontextmanager
async def browsing(settings: Settings, issuer: str, **more: Any) -> AsyncIterator[FastAPI]:
    """The application, with this provider."""
    client_id = more.pop("oidc_client_id", "kerbline")
    changes = {"oidc_issuer": issuer, "oidc_client_id": client_id, "oidc_name": "Shire ID", **more}
    app = create_app(settings.model_copy(update=changes))
    async with app.router.lifespan_context(app):
        yield app


def browser(app: FastAPI) -> httpx.AsyncClient:
    """A browser that has never been here."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver")


async def account(county: County, email: str = "ann@x.example", role: str = "admin") -> UUID:
    headers = await People(county).staff(role, "shire")
    token = keys.token_hash(headers["Authorization"].removeprefix("Bearer "))
    cursor = await county.conn.execute(
        "update staff set email = %s where id = (select staff_id from staff_token"
        " where token_hash = %s) returning id",
        (email, token),
    )
    (found,) = await cursor.fetchone()
    await county.conn.execute("delete from staff_token where staff_id = %s", (found,))
    return found


async def begin(client: httpx.AsyncClient, way: str = "/console/words", **more: str) -> str:
    answer = await client.get("/oidc/start", params={"next": way, **more})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def sessions(owner: Connection) -> list[tuple[Any, ...]]:
    cursor = await owner.execute("select staff_id, tablet, expires_at - now() from staff_token")
    return await cursor.fetchall()


# --- a real provider ----------------------------------------------------------------------------


async def test_somebody_signs_in_and_is_known_from_then_on(
    settings: Settings, provider: RealProvider, county: County, owner: Connection, redis: Any
) -> None:
    ann = await account(county, "Ann@x.example".lower())
    provider.tells(ann={**ANN, "email": "Ann@X.example"})
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        page = await client.get("/console/sign-in?next=/console/words")
        assert "Sign in with Shire ID" in page.text
        assert 'href="/oidc/start?next=/console/words"' in page.text
        there = await begin(client)
        asked = parse_qs(urlsplit(there).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["scope"] == ["openid email"]
        back = await provider.answer(there, "ann")
        assert back.startswith("http://testserver/oidc/callback?")
        answer = await client.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/words")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert (await client.get("/v1/me")).json()["email"] == "ann@x.example"
        [(who, tablet, left)] = await sessions(owner)
        assert (who, tablet) == (ann, None)
        assert 11 < left.total_seconds() / 3600 <= 12

        # The address there changes, and is somebody else's by now: the account is the same one.
        await account(county, "bob@x.example")
        provider.tells(ann={"email": "bob@x.example", "email_verified": True})
        back = await provider.answer(await begin(client), "ann")
        await client.get(back)
        assert (await client.get("/v1/me")).json()["email"] == "ann@x.example"
        assert len(await sessions(owner)) == 1  # whoever was here before is signed out
    cursor = await owner.execute("select staff_id, actor, what, details from staff_entry")
    linked = await cursor.fetchall()
    assert linked == [(ann, "system", "oidc_linked", {"issuer": provider.issuer})]


async def test_a_tablet_stays_signed_in_for_a_month(
    settings: Settings, provider: RealProvider, county: County, owner: Connection, redis: Any
) -> None:
    await account(county, role="crew")
    provider.tells(tab=ANN)
    tablet = uuid4()
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        page = await client.get("/crew/sign-in")
        assert 'href="/oidc/start?next=/crew"' in page.text
        back = await provider.answer(await begin(client, "/crew", tablet=str(tablet)), "tab")
        assert (await client.get(back)).headers["location"] == "/crew"
        [(_, named, left)] = await sessions(owner)
        assert named == tablet
        assert 29 < left.days + 1 <= 30


async def test_a_client_with_a_secret(
    settings: Settings, provider: RealProvider, county: County, redis: Any
) -> None:
    await account(county)
    provider.tells(conf=ANN)
    more = {"oidc_client_id": "closed"}
    for secret, status in (("s3", 303), ("wrong", 403)):
        given = Settings.model_validate({**settings.model_dump(), "oidc_client_secret": secret})
        async with browsing(given, provider.issuer, **more) as app, browser(app) as client:
            back = await provider.answer(await begin(client), "conf")
            assert (await client.get(back)).status_code == status


async def test_the_provider_may_change_its_keys(
    settings: Settings, provider: RealProvider, county: County, redis: Any, monkeypatch: Any
) -> None:
    await account(county)
    provider.tells(rot=ANN)
    monkeypatch.setattr("reporting.oidc.provider.AGAIN_S", 0)
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        for keep in (True, False):
            back = await provider.answer(await begin(client), "rot")
            assert (await client.get(back)).status_code == 303
            provider.rotate(keep=keep)
        back = await provider.answer(await begin(client), "rot")
        assert (await client.get(back)).status_code == 303


async def test_an_answer_is_good_once_and_in_the_browser_that_asked(
    settings: Settings, provider: RealProvider, county: County, owner: Connection, redis: Any
) -> None:
    await account(county)
    provider.tells(eve=ANN)
    async with (
        browsing(settings, provider.issuer) as app,
        browser(app) as client,
        browser(app) as other,
    ):
        back = await provider.answer(await begin(client), "eve")
        await begin(other)  # it has a cookie of its own, and is not the one
        refused = await other.get(back)
        assert refused.status_code == 403
        assert "begun in another browser" in refused.text
        assert await sessions(owner) == []
        # Who caught the answer took nothing away from whom it is for.
        assert (await client.get(back)).status_code == 303
        assert (await client.get(back)).status_code == 403
        # The same code under a state of one's own: the provider gave it for another verifier.
        code = parse_qs(urlsplit(await provider.answer(await begin(client), "eve")).query)["code"][
            0
        ]
        state = parse_qs(urlsplit(await begin(other)).query)["state"][0]
        answer = await other.get("/oidc/callback", params={"state": state, "code": code})
        assert answer.status_code == 403
        assert "did not confirm" in answer.text


@pytest.mark.parametrize(
    ("claims", "disabled"),
    [
        ({"email": "ann@x.example", "email_verified": False}, False),
        ({"email": "ann@x.example"}, False),
        ({"email": "ann@x.example", "email_verified": "true"}, False),
        ({"email": "nobody@x.example", "email_verified": True}, False),
        ({}, False),
        (ANN, True),
    ],
)
async def test_nobody_gets_in_without_an_account_of_that_verified_address(
    claims: dict[str, Any],
    disabled: bool,
    settings: Settings,
    provider: RealProvider,
    county: County,
    owner: Connection,
    redis: Any,
) -> None:
    ann = await account(county)
    if disabled:
        await owner.execute("update staff set disabled_at = now() where id = %s", (ann,))
    name = f"p{uuid4().hex}"
    provider.tells(**{name: claims})
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        answer = await client.get(await provider.answer(await begin(client), name))
        assert answer.status_code == 403
        assert "There is no account here for you." in answer.text
    assert await sessions(owner) == []
    cursor = await owner.execute("select count(*) from staff where oidc_subject is not null")
    assert await cursor.fetchone() == (0,)


async def test_an_account_that_is_disabled_after_it_was_linked_stays_out(
    settings: Settings, provider: RealProvider, county: County, owner: Connection, redis: Any
) -> None:
    ann = await account(county)
    provider.tells(dis=ANN)
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        assert (await client.get(await provider.answer(await begin(client), "dis"))).is_redirect
        await owner.execute("update staff set disabled_at = now() where id = %s", (ann,))
        answer = await client.get(await provider.answer(await begin(client), "dis"))
        assert answer.status_code == 403


async def test_one_account_belongs_to_one_person_there(
    settings: Settings, provider: RealProvider, county: County, redis: Any
) -> None:
    await account(county)
    provider.tells(first=ANN, second=ANN)
    async with browsing(settings, provider.issuer) as app, browser(app) as client:
        assert (await client.get(await provider.answer(await begin(client), "first"))).is_redirect
        answer = await client.get(await provider.answer(await begin(client), "second"))
        assert answer.status_code == 403


# --- a liar -------------------------------------------------------------------------------------

Lie = Callable[[Liar, str], Any]


def claiming(**others: Any) -> Lie:
    return lambda lying, there: lying.sign(lying.claims(there, **others))


def forged(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that no decent library would make."""
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    text = b".".join(parts)
    mac = b"" if secret is None else hmac.digest(secret, text, "sha256")
    return (text + b"." + urlsafe_b64encode(mac).rstrip(b"=")).decode()


def unsigned(lying: Liar, there: str) -> str:
    return forged({"alg": "none", "typ": "JWT"}, lying.claims(there), None)


def by_the_public_key(lying: Liar, there: str) -> str:
    public = lying.private.as_pem(private=False)
    return forged({"alg": "HS256", "kid": "one"}, lying.claims(there), public)


def by_another_key(lying: Liar, there: str) -> str:
    return jwt.encode(
        {"alg": "RS256", "kid": "one"}, lying.claims(there), RSAKey.generate_key(2048)
    )


def own_key_in_the_header(lying: Liar, there: str) -> str:
    other = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "jwk": other.as_dict(private=False)}
    return jwt.encode(header, lying.claims(there), other)


LIES: dict[str, Lie] = {
    "another nonce": claiming(nonce="x"),
    "no nonce": claiming(nonce=...),
    "for another client": claiming(aud="others"),
    "for others and us, issued to others": claiming(aud=["kerbline", "others"], azp="others"),
    "by another issuer": claiming(iss="https://evil.example"),
    "expired": claiming(exp=int(time.time()) - 3600),
    "never expires": claiming(exp=...),
    "of nobody": claiming(sub=...),
    "of a number": claiming(sub=7),
    "of an empty name": claiming(sub=""),
    "of tomorrow": claiming(iat=int(time.time()) + 86400, nbf=int(time.time()) + 86400),
    "of another access token": claiming(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "unsigned": unsigned,
    "HS256 with the public key": by_the_public_key,
    "another key": by_another_key,
    "own key in the header": own_key_in_the_header,
    "no token": lambda *_: None,
    "nonsense": lambda *_: "a.b.c",
    "a list": lambda *_: [1],
}


@pytest.mark.parametrize("lie", LIES)
async def test_what_is_not_true_is_refused(
    lie: str, settings: Settings, lying: Liar, county: County, owner: Connection, redis: Any
) -> None:
    await account(county)
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        there = await begin(client)
        state = parse_qs(urlsplit(there).query)["state"][0]
        lying.id_token = LIES[lie](lying, there)
        answer = await client.get("/oidc/callback", params={"state": state, "code": "c"})
        assert answer.status_code == 403, answer.text
        assert "did not confirm" in answer.text
        assert await sessions(owner) == []
        # The truth is let in; so it was the lie that was refused.
        there = await begin(client)
        state = parse_qs(urlsplit(there).query)["state"][0]
        lying.id_token = lying.sign(lying.claims(there))
        answer = await client.get("/oidc/callback", params={"state": state, "code": "c"})
        assert answer.status_code == 303, answer.text


async def test_an_address_that_only_userinfo_tells_counts_if_it_is_the_same_person(
    settings: Settings, lying: Liar, county: County, redis: Any
) -> None:
    await account(county)
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        for subject, status in (("other", 403), ("s1", 303)):
            there = await begin(client)
            state = parse_qs(urlsplit(there).query)["state"][0]
            lying.id_token = lying.sign(lying.claims(there, email=..., email_verified=...))
            lying.userinfo = {**ANN, "sub": subject}
            answer = await client.get("/oidc/callback", params={"state": state, "code": "c"})
            assert answer.status_code == status


async def test_an_attempt_is_over_after_ten_minutes(
    settings: Settings, lying: Liar, county: County, owner: Connection, redis: Any
) -> None:
    await account(county)
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        there = await begin(client)
        state = parse_qs(urlsplit(there).query)["state"][0]
        lying.id_token = lying.sign(lying.claims(there))
        await owner.execute("update oidc_attempt set expires_at = now() - interval '1 second'")
        answer = await client.get("/oidc/callback", params={"state": state, "code": "c"})
        assert answer.status_code == 403
        await owner.execute(
            "insert into oidc_attempt values ('x', '', '', '', null, now() - interval '1 second')"
        )
        await begin(client)  # sweeps up
        cursor = await owner.execute("select count(*) from oidc_attempt")
        assert await cursor.fetchone() == (1,)


@pytest.mark.parametrize(
    "query",
    [
        {"error": "access_denied"},
        {"code": "c", "iss": "https://evil.example"},
        {"code": ""},
    ],
)
async def test_what_comes_back_without_a_code_is_no_sign_in(
    query: dict[str, str], settings: Settings, lying: Liar, county: County, redis: Any
) -> None:
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        state = parse_qs(urlsplit(await begin(client, "/crew")).query)["state"][0]
        answer = await client.get("/oidc/callback", params={"state": state, **query})
        assert answer.status_code == 403
        assert 'href="/crew/sign-in"' in answer.text
        assert "/token" not in lying.asked


@pytest.mark.parametrize(
    "way", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/ x"]
)
async def test_there_is_no_way_out_of_here(
    way: str, settings: Settings, lying: Liar, county: County, redis: Any
) -> None:
    await account(county)
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        there = await begin(client, way)
        state = parse_qs(urlsplit(there).query)["state"][0]
        lying.id_token = lying.sign(lying.claims(there))
        answer = await client.get("/oidc/callback", params={"state": state, "code": "c"})
        assert answer.headers["location"] == "/console"


async def test_a_provider_that_is_away_says_so_and_passwords_still_work(
    settings: Settings, county: County, redis: Any
) -> None:
    async with browsing(settings, "http://127.0.0.1:9") as app, browser(app) as client:
        answer = await client.get("/oidc/start?next=/console")
        assert answer.status_code == 503
        assert "does not answer. Use your password" in answer.text
        assert 'href="/console/sign-in"' in answer.text
        assert 'name="password"' in (await client.get("/console/sign-in")).text


@pytest.mark.parametrize(
    "published",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
    ],
)
async def test_what_a_provider_publishes_is_believed_only_of_itself(
    published: dict[str, Any], settings: Settings, lying: Liar, county: County, redis: Any
) -> None:
    lying.published = published
    async with browsing(settings, lying.issuer) as app, browser(app) as client:
        assert (await client.get("/oidc/start")).status_code == 503


async def test_without_a_provider_there_is_nothing(client: httpx.AsyncClient) -> None:
    for path in ("/oidc/start", "/oidc/callback?state=x&code=y"):
        assert (await client.get(path)).status_code == 404
    for path in ("/console/sign-in", "/crew/sign-in"):
        assert "/oidc/" not in (await client.get(path)).text


@pytest.mark.parametrize(
    ("environment", "issuer", "client_id", "fits"),
    [
        ("development", "http://127.0.0.1:9/o", "kerbline", True),
        ("production", "https://id.example", "kerbline", True),
        ("production", "http://id.example", "kerbline", False),
        ("production", "https://id.example", None, False),
        ("development", "id.example", "kerbline", False),
    ],
)
def test_settings_name_a_provider_that_can_be_trusted(
    environment: str, issuer: str, client_id: str | None, fits: bool, settings: Settings
) -> None:
    given = settings.model_dump() | {
        "environment": environment,
        "limits": "on",
        "public_url": "https://kerbline.example",
        "oidc_issuer": issuer,
        "oidc_client_id": client_id,
    }
    if fits:
        assert Settings.model_validate(given).oidc_issuer == issuer
    else:
        with pytest.raises(ValidationError):
            Settings.model_validate(given)
