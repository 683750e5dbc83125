"""Staff of the test county, signed in: what the log-in would leave in the database, without it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

from reporting import keys
from tests.support.county import County

Headers = dict[str, str]


@dataclass
class People:
    """Makes accounts and their bearers."""

    county: County

    async def staff(
        self, role: str, authority: str, *, teams: tuple[str, ...] = (), wards: tuple[str, ...] = ()
    ) -> Headers:
        """A signed-in account, as the headers of its requests."""
        account, token = uuid4(), keys.new_token(keys.STAFF)
        conn = self.county.conn
        await conn.execute(
            "insert into staff (id, email, name, role, authority_id, wards)"
            " values (%s, %s, %s, %s, %s, %s)",
            (
                account,
                f"{account}@shire.example",
                f"{role.title()} of {authority}",
                role,
                self.county.authorities[authority],
                list(wards),
            ),
        )
        for team in teams:
            await conn.execute(
                "insert into staff_team (staff_id, team_id) values (%s, %s)",
                (account, self.county.teams[f"{authority}/{team}"]),
            )
        await conn.execute(
            "insert into staff_token (token_hash, staff_id, expires_at)"
            " values (%s, %s, now() + interval '1 hour')",
            (keys.token_hash(token), account),
        )
        return {"Authorization": f"Bearer {token}"}

    async def crew(self, authority: str = "shire", team: str = "highways") -> Headers:
        """A crew of a team."""
        return await self.staff("crew", authority, teams=(team,))

    async def device(self) -> Headers:
        """An app install."""
        token = keys.new_token(keys.DEVICE)
        await self.county.conn.execute(
            "insert into device (id, token_hash) values (%s, %s)",
            (uuid4(), keys.token_hash(token)),
        )
        return {"Authorization": f"Bearer {token}"}


async def report(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """Send a report; its 201."""
    answer = await client.post("/v1/reports", json=body, headers={"Idempotency-Key": str(uuid4())})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def job_of(made: dict[str, Any]) -> UUID:
    """The job a report made or joined."""
    return UUID(made["job"]["id"])
