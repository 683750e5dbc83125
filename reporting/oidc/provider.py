"""The identity provider: where it is, what its keys are, and whose code this is.

What it publishes (OpenID Connect Discovery, RFC 8414) and its keys are fetched when somebody signs
in, never at the start, and kept for a while. A token signed by a key that is not among those kept
has them fetched anew, so that a provider may change its keys. Every call has a time limit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic, time
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import structlog
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from reporting.errors import ProviderAway, ProviderRefused

#: Its path.
CALLBACK: Final = "/oidc/callback"
SCOPE: Final = "openid email"
#: Signatures by its private key alone. With HS256 anybody who reads our settings could sign, and
#: where a library lets a token choose, anybody who reads the public key.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_KINDS: Final = frozenset({"RSA", "EC", "OKP"})
#: Seconds for one call, and for all of a log-in's.
CALL_S: Final = 4.0
ALL_S: Final = 8.0
KEPT_S: Final = 600.0
#: Keys are not fetched more often, whatever tokens name.
AGAIN_S: Final = 5.0
#: How far its clock may be from ours.
LEEWAY_S: Final = 30
LONGEST_SUBJECT: Final = 255


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the provider says it is."""

    #: Issuer and subject: an account there, for ever.
    subject: str
    #: None unless the provider says that it is theirs.
    email: str | None


@dataclass
class Provider:
    """One provider, and what is kept of it."""

    issuer: str
    client_id: str
    client_secret: str | None
    name: str
    #: Where it sends the browser back to.
    redirect_uri: str
    _published: tuple[float, dict[str, Any]] | None = field(default=None, repr=False)
    _keys: tuple[float, KeySet] | None = field(default=None, repr=False)

    async def way_there(self, *, state: str, nonce: str, code_verifier: str) -> str:
        """The address to send the browser to. Raises ProviderAway."""
        async with self._client() as client:
            published = await self._metadata(client)
        found: str = prepare_grant_uri(
            published["authorization_endpoint"],
            client_id=self.client_id,
            response_type="code",
            redirect_uri=self.redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(code_verifier),
            code_challenge_method="S256",
        )
        return found

    async def redeem(self, *, code: str, nonce: str, code_verifier: str) -> Person:
        """Who the code stands for. Raises ProviderAway, and ProviderRefused for what is not true.

        What is wrong with a token is logged, without it; the reader is told only that it is.
        """
        try:
            async with self._client() as client:
                published = await self._metadata(client)
                tokens = await self._exchange(client, published, code, code_verifier)
                claims = await self._id_token(client, published, tokens, nonce)
                if "email" not in claims and "userinfo_endpoint" in published:
                    claims |= await self._told(client, published, tokens, claims["sub"])
        except JoseError as error:
            structlog.get_logger("kerbline").warning("oidc_refused", error=type(error).__name__)
            raise ProviderRefused from error
        email = claims.get("email")
        theirs = isinstance(email, str) and claims.get("email_verified") is True
        return Person(f"{self.issuer} {claims['sub']}", email if theirs else None)

    async def _metadata(self, client: httpx.AsyncClient) -> dict[str, Any]:
        if self._published and monotonic() - self._published[0] < KEPT_S:
            return self._published[1]
        where = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = _an_object(await client.get(where))
        if found.get("issuer") != self.issuer:
            # Mix-up: keys and endpoints of another would be believed in this one's name.
            raise ProviderAway
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            self._check_endpoint(found.get(name))
        if "userinfo_endpoint" in found:
            self._check_endpoint(found["userinfo_endpoint"])
        self._published = (monotonic(), found)
        return found

    def _check_endpoint(self, address: Any) -> None:
        """An endpoint is as safe as the issuer's own address."""
        secure = urlsplit(self.issuer).scheme == "https"
        if not isinstance(address, str) or urlsplit(address).scheme not in (
            {"https"} if secure else {"https", "http"}
        ):
            raise ProviderAway

    async def _exchange(
        self, client: httpx.AsyncClient, published: dict[str, Any], code: str, code_verifier: str
    ) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": code_verifier,
        }
        auth = None
        ways = published.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if self.client_secret is None or "client_secret_basic" not in ways:
            form["client_id"] = self.client_id
            if self.client_secret is not None:
                form["client_secret"] = self.client_secret
        else:
            # RFC 6749 section 2.3.1 has both written as in a form first.
            auth = httpx.BasicAuth(
                quote(self.client_id, safe=""), quote(self.client_secret, safe="")
            )
        answer = await client.post(
            published["token_endpoint"],
            data=form,
            headers={"Accept": "application/json"},
            auth=auth or httpx.USE_CLIENT_DEFAULT,
        )
        if answer.is_client_error:  # a code that was used, or made up
            structlog.get_logger("kerbline").warning("oidc_refused", error=answer.status_code)
            raise ProviderRefused
        return _an_object(answer)

    async def _id_token(
        self,
        client: httpx.AsyncClient,
        published: dict[str, Any],
        tokens: dict[str, Any],
        nonce: str,
    ) -> dict[str, Any]:
        """The claims of the ID token, all of them checked. Raises JoseError or ProviderRefused."""
        text = tokens.get("id_token")
        if not isinstance(text, str):
            raise ProviderRefused
        try:
            token = jwt.decode(text, await self._key_set(client, published), list(ALGORITHMS))
        except (JoseError, ValueError):
            # Perhaps by a key that it has only lately.
            keys = await self._key_set(client, published, at_most_s=AGAIN_S)
            try:
                token = jwt.decode(text, keys, list(ALGORITHMS))
            except ValueError as error:
                raise ProviderRefused from error
        claims = CodeIDToken(
            token.claims,
            token.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self.client_id},
                "sub": {"essential": True},
                "exp": {"essential": True},
            },
            {
                "nonce": nonce,
                "client_id": self.client_id,
                "access_token": tokens.get("access_token"),
            },
        )
        claims.validate(now=int(time()), leeway=LEEWAY_S)
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise ProviderRefused
        return dict(claims)

    async def _key_set(
        self, client: httpx.AsyncClient, published: dict[str, Any], *, at_most_s: float = KEPT_S
    ) -> KeySet:
        if self._keys and monotonic() - self._keys[0] < at_most_s:
            return self._keys[1]
        found = _an_object(await client.get(published["jwks_uri"]))
        keys = [
            key
            for key in found.get("keys", ())
            if isinstance(key, dict) and key.get("kty") in _KINDS and key.get("use") != "enc"
        ]
        self._keys = (monotonic(), KeySet.import_key_set({"keys": keys}))
        return self._keys[1]

    async def _told(
        self,
        client: httpx.AsyncClient,
        published: dict[str, Any],
        tokens: dict[str, Any],
        subject: str,
    ) -> dict[str, Any]:
        """What it tells of them elsewhere, where the token does not name their address."""
        bearer = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
        found = _an_object(await client.get(published["userinfo_endpoint"], headers=bearer))
        if found.get("sub") != subject:
            raise ProviderRefused
        return {name: found[name] for name in ("email", "email_verified") if name in found}

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        """For the calls of one log-in. Whatever goes wrong on the way is ProviderAway."""
        try:
            async with (
                asyncio.timeout(ALL_S),
                httpx.AsyncClient(
                    timeout=CALL_S, follow_redirects=False, trust_env=False
                ) as client,
            ):
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            structlog.get_logger("kerbline").warning("oidc_away", error=type(error).__name__)
            raise ProviderAway from error


def _an_object(answer: httpx.Response) -> dict[str, Any]:
    answer.raise_for_status()
    try:
        found = answer.json()
    except ValueError as error:
        raise ProviderAway from error
    if not answer.is_success or not isinstance(found, dict):
        raise ProviderAway
    return found
