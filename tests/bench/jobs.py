"""What a page of 50 jobs out of 20,000 costs, beside a hello route in the same run.

A crew's page (one team), a supervisor's (some wards) and an administrator's (the whole authority),
the first and one in the middle. At most 20 hellos of CPU and 4 statements are the aim.
"""

import argparse
import asyncio
from contextlib import ExitStack
from statistics import median
from typing import Any

import httpx
import psycopg
from psycopg import AsyncConnection, AsyncCursor

from reporting.app import create_app
from reporting.settings import Settings
from tests.bench import harness
from tests.bench.intake import HEAD, Meter
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.people import Headers, People
from tests.support.scratch import Database, scratch

JOBS = 20_000
CLIENTS, ROUNDS = 8, 5


async def prepare(database: Database) -> dict[str, Headers]:
    """The county, its jobs, and who asks for them."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        county = County(conn)
        await county.build()
        # All open is the hardest: nothing is left out by an index of open jobs.
        await fill(county, JOBS, closed=0)
        people = People(county)
        return {
            "crew": await people.crew(),
            "supervisor": await people.staff("supervisor", "shire", wards=("D1",)),
            "admin": await people.staff("admin", "shire"),
        }


def get(path: str, who: Headers) -> bytes:
    """A GET with a bearer, as bytes."""
    lines = [f"GET {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in who.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def count_statements(database: Database, who: Headers) -> int:
    """How many statements one page runs, the look at the bearer included."""
    found = []
    execute = AsyncCursor.execute

    async def counted(self: AsyncCursor[Any], query: Any, *args: Any, **more: Any) -> Any:
        found.append(query)
        return await execute(self, query, *args, **more)

    app = create_app(Settings(database_url=database.url, environment="development"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench") as client,
    ):
        await client.get("/v1/jobs", headers=who)  # the rules are read once for each process
        AsyncCursor.execute = counted  # type: ignore[method-assign, assignment]
        try:
            answer = await client.get("/v1/jobs", headers=who)
        finally:
            AsyncCursor.execute = execute  # type: ignore[method-assign]
    assert len(answer.json()["items"]) == 50
    return len(found)


async def measure(database: Database, people: dict[str, Headers], count: int) -> None:
    """Print the table."""
    environment = harness.settings(database)
    with ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        floor_url, floor = stack.enter_context(
            harness.server("-m", "tests.bench.floor", environment=environment)
        )
        api_url, api = stack.enter_context(
            harness.server("-m", "reporting", "serve", environment=environment)
        )
        print(HEAD)
        hello, ours = (
            Meter(conn, database, floor, "floor"),
            Meter(conn, database, api, "kerbline-api"),
        )
        for name, who in people.items():
            for label, path in await pages(api_url, who):
                await ours.run(api_url, [get(path, who)] * 200, CLIENTS, b"200")
                ratios = []
                for _ in range(ROUNDS):  # in turns, so that a busy machine is busy for both
                    floor_row = await hello.run(
                        floor_url, [harness.get("/healthz")] * count, CLIENTS, b"200"
                    )
                    row = await ours.run(
                        api_url, [get(path, who)] * (count // ROUNDS), CLIENTS, b"200"
                    )
                    ratios.append(row.total_ms / floor_row.total_ms)
                ratio = f"{median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}) hellos"
                print(f"{row.line(f'{name}, {label}')}   {ratio}", flush=True)
        print(floor_row.line("hello"))
    for name, who in people.items():
        print(f"statements of a page for the {name}: {await count_statements(database, who)}")


async def pages(url: str, who: Headers) -> list[tuple[str, str]]:
    """The first page, and one after some others."""
    found, path = [("first page", "/v1/jobs")], "/v1/jobs"
    async with httpx.AsyncClient(base_url=url, headers=who) as client:
        for _ in range(20):
            path = f"/v1/jobs?cursor={(await client.get(path)).json()['next']}"
    return [*found, ("page 21", path), ("open only", "/v1/jobs?status=open")]


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench jobs", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="requests for each line")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        people = asyncio.run(prepare(database))
        asyncio.run(measure(database, people, options.count))
