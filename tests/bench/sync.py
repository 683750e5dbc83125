"""What a tablet's day costs: its first pull of 500 jobs, one with nothing new, 50 operations sent.

A team of 20 tablets, then 10 of a team beside 200 of twenty teams, each with 500 open jobs of a
report, three updates and their words. CPU is the API's and its backends'; bytes are as they were
sent, compressed. The aims: a second pull costs at most 5 % of the first in CPU and bytes; CPU of a
tablet at 200 tablets is at most 1.3 times that at 10.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from psycopg import AsyncConnection

from tests.bench import harness
from tests.support.county import County
from tests.support.people import Headers, People
from tests.support.scratch import Database, scratch

JOBS, OPERATIONS = 500, 50
#: Tablets that talk at the same time.
AT_ONCE = 20

FILL = """
with made as (
  insert into job (
    id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place, status,
    priority, due_at, version, chain_head, created_at, updated_at
  )
  select gen_random_uuid(), gen_random_uuid(), %(shire)s, %(team)s, 'pothole', %(ward)s,
    %(division)s, st_setsrid(st_makepoint(-1 + 0.08 * random(), 52 + 0.02 * random()), 4326),
    'received', 3, now() + n * interval '1 minute', 3, '', now(), now()
  from generate_series(1, %(jobs)s) n
  returning id, authority_id, team_id, place
), told as (
  insert into report (
    id, reference, category, place, accuracy_m, authority_id, ward_area_id, answers, tracking_hash,
    created_at
  )
  select gen_random_uuid(), id, 'pothole', place, 8, authority_id, %(ward)s,
    '{"where": "lane", "depth": "over_7cm"}', uuid_send(id), now()
  from made
  returning id, reference
), words as (
  insert into report_words (report_id, description)
  select id, 'Cyclists swerve round it into the traffic, near number ' || left(reference, 4)
  from told
), linked as (
  insert into job_report (report_id, job_id, since)
  select id, reference::uuid, now() from told
), pictured as (
  insert into photo (
    id, object_key, sha256, bytes, media_type, width, height, report_id, state, made, review
  )
  select gen_random_uuid(), 'k', '', 1, 'image/jpeg', 1, 1, id, 'ready', 'm', 'auto_ok' from told
), assigned as (
  insert into assignment (job_id, at, authority_id, team_id, reasons)
  select id, now(), authority_id, team_id, '{"why": "only", "areas": [
    {"kind": "ward", "code": "W1", "name": "W1 Ward"},
    {"kind": "zone", "code": "Z1", "name": "School", "zone_type": "school"}]}'
  from made
), entered as (
  insert into job_update (
    job_id, seq, id, kind, actor, made_at, recorded_at, changes, previous_hash, hash
  )
  select id, n, gen_random_uuid(), (array['reported', 'changed', 'noted'])[n],
    case n when 1 then 'report:' || id else %(actor)s end, now(), now(),
    (array['{"status": "received", "team": "highways"}', '{"priority": "P3"}', '{}'])[n]::jsonb,
    '', ''
  from made, generate_series(1, 3) n
  returning id, seq
)
insert into update_words (update_id, salt, note)
select id, '', 'Looked at it on the way; needs the big van.' from entered where seq = 3
"""


@dataclass
class Used:
    """What some tablets cost, each."""

    tablets: int
    seconds: float = 0.0
    api_ms: float = 0.0
    pg_ms: float = 0.0
    sent: int = 0

    @property
    def cpu_ms(self) -> float:
        """Of both."""
        return self.api_ms + self.pg_ms

    def line(self, label: str) -> str:
        """As a row of the table."""
        return (
            f"{label:<32}{self.seconds:>9.2f}{self.sent / 1000:>10.1f}"
            f"{self.api_ms:>10.1f}{self.pg_ms:>10.1f}{self.cpu_ms:>10.1f}"
        )


HEAD = f"{'each of them':<32}{'seconds':>9}{'kB':>10}{'API ms':>10}{'PG ms':>10}{'CPU ms':>10}"


@dataclass
class Tablet:
    """A tablet that keeps its cursor and its jobs."""

    http: httpx.AsyncClient
    who: Headers
    number: int
    cursor: str = ""
    jobs: list[dict[str, Any]] = field(default_factory=list)
    tag: str = ""
    bytes: int = 0
    #: How often it was told to come back in a moment.
    waits: int = 0

    async def pull(self) -> None:
        """All that is new."""
        while True:
            headers = {**self.who, "If-None-Match": self.tag}
            params = {"updated_since": self.cursor}
            answer = await self.http.get("/v1/jobs", params=params, headers=headers)
            if answer.status_code == 503:  # as a tablet does
                self.waits += 1
                await asyncio.sleep(float(answer.headers["retry-after"]))
                continue
            self.bytes += size(answer)
            if answer.status_code == 304:
                return
            page = answer.json()
            self.jobs += page["items"]
            self.cursor = page["cursor"]
            self.tag = answer.headers["etag"]
            if not page["more"]:
                return

    async def push(self) -> None:
        """Twenty-five jobs begun and done, which are this tablet's alone."""
        mine = self.jobs[self.number * 25 : self.number * 25 + OPERATIONS // 2]
        made_at = datetime.now(UTC).isoformat()
        acts: list[dict[str, Any]] = [
            {"job_id": job["id"], "base_version": job["version"], **act}
            for job in mine
            for act in ({"status": "in_progress"}, {"status": "fixed", "note": "Filled it"})
        ]
        operations = [
            {"id": str(uuid4()), "device_seq": seq, "made_at": made_at, **act}
            for seq, act in enumerate(acts, start=1)
        ]
        body = {"tablet": str(uuid4()), "operations": operations}
        answer = await self.http.post("/v1/sync", json=body, headers=self.who)
        assert answer.status_code == 200, answer.text
        self.bytes += size(answer) + len(answer.request.content)
        results = [each["outcome"] for each in answer.json()["results"]]
        assert results == ["applied"] * OPERATIONS, answer.text[:500]


def size(answer: httpx.Response) -> int:
    """Bytes of an answer as they came over the line, without its headers."""
    return answer.num_bytes_downloaded


class Bench:
    """The server, its CPU, and teams to send in."""

    def __init__(
        self,
        conn: psycopg.Connection[tuple[object, ...]],
        database: Database,
        url: str,
        api: psutil.Process,
    ) -> None:
        self.url = url
        self.read = lambda: (
            harness.cpu(api),
            harness.backends_cpu(conn, database, "kerbline-api"),
        )

    async def all(self, tablets: list[Tablet], do: Callable[[Tablet], Awaitable[None]]) -> Used:
        """Let all of them do it, some at a time."""
        gate = asyncio.Semaphore(AT_ONCE)
        seconds: list[float] = []

        async def one(tablet: Tablet) -> None:
            async with gate:
                began = time.perf_counter()
                await do(tablet)
                seconds.append(time.perf_counter() - began)

        bytes_before, before = sum(each.bytes for each in tablets), self.read()
        await asyncio.gather(*map(one, tablets))
        after = self.read()
        count = len(tablets)
        api, pg = [(b - a) * 1000 / count for a, b in zip(before, after, strict=True)]
        sent = (sum(each.bytes for each in tablets) - bytes_before) // count
        return Used(count, sum(seconds) / count, api, pg, sent)

    async def day(self, teams: list[list[Headers]]) -> dict[str, Used]:
        """Pull, pull again, push, and pull what the others did."""
        async with httpx.AsyncClient(
            base_url=self.url, timeout=60, limits=httpx.Limits(max_connections=AT_ONCE)
        ) as http:
            tablets = [
                Tablet(http, who, number) for team in teams for number, who in enumerate(team)
            ]
            found = {"first pull": await self.all(tablets, Tablet.pull)}
            assert all(len(tablet.jobs) == JOBS for tablet in tablets)
            found["pull, nothing new"] = await self.all(tablets, Tablet.pull)
            found[f"push of {OPERATIONS}"] = await self.all(tablets, Tablet.push)
            found["pull of what all did"] = await self.all(tablets, Tablet.pull)
            waits = sum(tablet.waits for tablet in tablets)
            if waits:
                print(f"{len(tablets)} tablets were told {waits} times to come back in a moment")
            return found


async def prepare(database: Database, teams: int) -> list[list[Headers]]:
    """The county, its teams with their jobs, and twenty accounts of each."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        county = County(conn)
        await county.build()
        people, found = People(county), []
        for number in range(teams):
            slug = f"crew-{number}"
            team = await county.add_team("shire", slug)
            crew = [await people.crew("shire", slug) for _ in range(AT_ONCE)]
            cursor = await conn.execute(
                "select staff_id from staff_team where team_id = %s limit 1", (team,)
            )
            row = await cursor.fetchone()
            values = {
                "shire": county.authorities["shire"],
                "team": team,
                "ward": county.areas["W1"],
                "division": county.areas["D1"],
                "jobs": JOBS,
                "actor": f"staff:{row[0]}" if row else "system",
            }
            await conn.execute(FILL, values)
            found.append(crew)
        await county.touch()
        await conn.execute("vacuum analyze")
        return found


async def measure(database: Database, teams: list[list[Headers]]) -> None:
    """Print the table."""
    environment = harness.settings(database)
    with ExitStack() as stack:
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        url, api = stack.enter_context(
            harness.server("-m", "reporting", "serve", environment=environment)
        )
        bench = Bench(conn, database, url, api)
        warm, twenty, half, *rest = teams
        await bench.day([warm])
        print(HEAD)
        found = await bench.day([twenty])
        for name, used in found.items():
            print(used.line(f"20 tablets, {name}"), flush=True)
        first, second = found["first pull"], found["pull, nothing new"]
        print(
            f"a second pull: {100 * second.cpu_ms / first.cpu_ms:.1f} % of the first's CPU,"
            f" {100 * second.sent / first.sent:.2f} % of its bytes"
        )
        few, many = await bench.day([half[:10]]), await bench.day([team[:10] for team in rest])
        for name in few:
            count = 10 * len(rest)
            print(few[name].line(f"10 tablets, {name}"))
            print(many[name].line(f"{count} tablets, {name}"), flush=True)
            print(f"  {many[name].cpu_ms / few[name].cpu_ms:.2f} times the CPU of a tablet")
        whole = [sum(used.cpu_ms for used in day.values()) for day in (few, many)]
        print(f"of the whole day: {whole[1] / whole[0]:.2f} times")


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench sync", description=__doc__)
    parser.add_argument("--teams", type=int, default=20, help="of 10 tablets, beside the 10")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        teams = asyncio.run(prepare(database, options.teams + 3))
        asyncio.run(measure(database, teams))
