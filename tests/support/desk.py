"""Somebody of the staff at a desk: an account with a password, and a browser signed in with it."""

from dataclasses import dataclass, replace
from uuid import UUID

import httpx
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST
from fastapi import FastAPI

from reporting.accounts import making
from reporting.passwords import Passwords
from reporting.runtime import Runtime

PASSWORD = " a long enough password "  # blanks at its ends are a part of it


@dataclass
class Desk:
    """Makes accounts of the application under test; its hashes are as fast as they go."""

    app: FastAPI

    def __post_init__(self) -> None:
        cheap = Passwords(PasswordHasher.from_parameters(CHEAPEST))
        self.app.state.runtime = replace(self.app.state.runtime, passwords=cheap)

    @property
    def runtime(self) -> Runtime:
        found: Runtime = self.app.state.runtime
        return found

    async def account(
        self,
        role: str = "supervisor",
        *,
        name: str = "Jo Marsh",
        email: str | None = None,
        authority: str = "shire",
        teams: tuple[str, ...] = (),
    ) -> UUID:
        """An account, ``jo@shire.example`` for Jo Marsh."""
        async with self.runtime.unit() as conn:
            return await making.add(
                conn,
                self.runtime.passwords,
                email=email or f"{name.partition(' ')[0].lower()}@{authority}.example",
                password=PASSWORD,
                role=role,
                authority=authority,
                teams=teams,
                name=name,
            )


async def sign_in(
    client: httpx.AsyncClient,
    email: str = "jo@shire.example",
    password: str = PASSWORD,
    on: str = "",
    **headers: str,
) -> httpx.Response:
    """Send the form; the client keeps the cookie."""
    form = {"email": email, "password": password, "next": on}
    return await client.post("/console/sign-in", data=form, headers=headers)
