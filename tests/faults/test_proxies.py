"""Whose address counts, on a real server: the connection's, or what a trusted proxy says of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from redis import Redis

from tests.support.county import County
from tests.support.processes import Api, Machine, api

#: Tokens that are none; the next is one too many.
GUESSES = 30


@pytest.fixture(autouse=True)
def counters(machine: Machine) -> None:
    with Redis.from_url(machine.env["KERBLINE_REDIS_URL"]) as redis:
        redis.flushdb()


@asynccontextmanager
async def serving(machine: Machine, trusted: str) -> AsyncIterator[Api]:
    async with api(machine, KERBLINE_LIMITS="on", KERBLINE_TRUSTED_PROXIES=trusted) as found:
        yield found


async def guess(client: httpx.AsyncClient, forwarded_for: str) -> int:
    headers = {"Authorization": f"Bearer kbt_{'0' * 43}", "X-Forwarded-For": forwarded_for}
    return (await client.get("/v1/me/reports", headers=headers)).status_code


async def test_nobody_is_believed_who_is_not_trusted(machine: Machine, county: County) -> None:
    for trusted in ("", "192.0.2.1"):
        async with serving(machine, trusted) as to:
            codes = [await guess(to.client, f"198.51.100.{n}") for n in range(GUESSES + 1)]
            if trusted:  # the counter is the one of before: it is the same address
                assert codes == [429] * (GUESSES + 1)
            else:
                assert codes == [401] * GUESSES + [429]


async def test_behind_a_trusted_proxy_the_hop_that_it_saw_counts(
    machine: Machine, county: County
) -> None:
    async with serving(machine, "127.0.0.1,10.0.0.0/8") as to:
        # What a client wrote itself stands before what the proxy added.
        forged = [await guess(to.client, f"198.51.100.{n}, 203.0.113.1") for n in range(31)]
        assert forged == [401] * GUESSES + [429]
        # A second proxy of ours, in front of the first, is passed over.
        assert await guess(to.client, "203.0.113.1, 10.0.0.7") == 429
        assert await guess(to.client, "203.0.113.2, 10.0.0.7") == 401
        # Whoever really comes from elsewhere is somebody else.
        others = [await guess(to.client, f"203.0.113.{n}") for n in range(10, 10 + GUESSES + 1)]
        assert others == [401] * (GUESSES + 1)
        # An IPv6 house is one, whichever of its addresses it uses.
        house = [await guess(to.client, f"2001:db8:1:2::{n:x}") for n in range(GUESSES + 1)]
        assert house == [401] * GUESSES + [429]
