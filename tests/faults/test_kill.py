"""kill -9 of each process in turn, under load: nothing accepted is lost, doubled or misrouted.

Phones and a crew keep a ledger (``clients.py``); a gateway keeps another of what it was given to
push. When everything runs again, the two must agree with the database, and the log must verify.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection
from shapely import Point, from_wkt

from reporting.keys import token_hash
from tests.faults.clients import Clients, Ledger
from tests.support import fcm as gateway
from tests.support.county import WARDS, County, box
from tests.support.fcm import FakeFcm
from tests.support.people import People
from tests.support.processes import Api, Kept, Machine, api
from tests.support.until import until

#: Accepted requests between one kill and the next, the phones that send them, and how many at once.
APART = 25
PHONES = 36
AT_ONCE = 6


@dataclass
class World:
    """Everything that runs."""

    machine: Machine
    api: Api
    worker: Kept
    fcm: FakeFcm
    clients: Clients
    #: Device id → push address.
    phones: dict[str, str]

    @property
    def ledger(self) -> Ledger:
        return self.clients.ledger

    async def more(self, count: int = APART) -> None:
        """Wait until so many more requests were accepted."""
        wanted = len(self.ledger.promised) + count
        await until(lambda: len(self.ledger.promised) >= wanted, f"{count} more accepted", 60)

    async def pushing(self) -> None:
        """Wait until the worker pushes: so the next kill hits a worker with work in hand."""
        taken = len(self.fcm.accepted)
        await until(lambda: len(self.fcm.accepted) > taken, "a push", 60)


@asynccontextmanager
async def world(on: Machine, county: County, tmp_path: Path) -> AsyncIterator[World]:
    with gateway.running(FakeFcm()) as fcm:
        credentials = fcm.credentials(tmp_path / "firebase.json")
        env = {
            "KERBLINE_FIREBASE_CREDENTIALS": str(credentials),
            "KERBLINE_FCM_ENDPOINT": fcm.url,
            "KERBLINE_LIMITS": "off",
        }
        crew = await People(county).crew()
        bearers, phones = [], {}
        for number in range(PHONES):
            device, token, address = uuid4(), f"kbd_phone-{number}", f"phone-{number}"
            await county.conn.execute(
                "insert into device (id, token_hash) values (%s, %s)", (device, token_hash(token))
            )
            await county.conn.execute(
                "insert into subscription (device_id, channel, address) values (%s, 'fcm', %s)",
                (device, address),
            )
            bearers.append({"Authorization": f"Bearer {token}"})
            phones[str(device)] = address
        worker = on.keep("worker", "workers", **env)
        async with api(on, **env) as serving:
            clients = Clients(serving.client, Ledger(tmp_path / "ledger.jsonl"), crew)
            tasks = [
                *(
                    asyncio.create_task(clients.send(bearers[n::AT_ONCE], n))
                    for n in range(AT_ONCE)
                ),
                *(asyncio.create_task(clients.work(n)) for n in range(3)),
            ]
            found = World(on, serving, worker, fcm, clients, phones)
            try:
                yield found
            finally:
                clients.stopping = True
                done, stuck = await asyncio.wait(tasks, timeout=30)
                for task in stuck:
                    task.cancel()
                for task in done:
                    task.result()
                await asyncio.to_thread(worker.stop)
                on.kept.remove(worker)
                assert not stuck, "a client never got its answer"


async def test_nothing_is_lost_when_anything_is_killed(
    machine: Machine, county: County, tmp_path: Path
) -> None:
    async with world(machine, county, tmp_path) as found:
        await _kill_all(found, APART)
        found.clients.stopping = True
        await _check(found)


@pytest.mark.long
async def test_nothing_is_lost_however_often(
    machine: Machine, county: County, tmp_path: Path
) -> None:
    """Twenty-four kills, hundreds of requests between them."""
    async with world(machine, county, tmp_path) as found:
        for _ in range(4):
            await _kill_all(found, 4 * APART)
        found.clients.stopping = True
        await _check(found)


async def _kill_all(found: World, apart: int) -> None:
    """kill -9 of each in turn; then of Redis and the worker together, with all they had in hand."""
    kills: dict[str, tuple[Callable[[], None], ...]] = {
        "API": (found.api.process.kill,),
        "worker": (found.worker.kill,),
        "Redis": (found.machine.kill_redis,),
        "PostgreSQL": (found.machine.kill_postgres,),
        "Redis and worker": (found.machine.kill_redis, found.worker.kill),
    }
    await found.more(apart)
    for name, parts in kills.items():
        await found.pushing()
        began = time.monotonic()
        for kill in parts:
            kill()
        await found.more(apart)
        took_s = time.monotonic() - began
        print(f"{name} killed; {apart} more accepted after {took_s:.1f} s")


async def _check(found: World) -> None:
    await found.api.ready()
    began = time.monotonic()
    await _settled(found)
    print(f"all pushed {time.monotonic() - began:.1f} s after the last request")
    async with await AsyncConnection.connect(found.machine.owner_url, autocommit=True) as owner:

        async def rows(statement: str) -> list[Any]:
            return await (await owner.execute(statement)).fetchall()

        assert found.clients.unexpected == []
        promised = list(found.ledger.of("report"))
        stored = {str(row[0]): row[1:] for row in await rows(REPORTS)}
        ids = [each["answer"]["id"] for each in promised]
        assert len(set(ids)) == len(ids), "two keys got one report"
        assert set(ids) - stored.keys() == set(), "lost"
        assert stored.keys() - set(ids) == set(), "doubled: stored and never promised"
        for each in promised:
            assert stored[each["answer"]["id"]] == _oracle(each["body"]), each
        for job, reports, links, last, version in await rows(JOBS):
            assert (reports, version) == (links, last), job
        updates = Counter(str(row[0]) for row in await rows("select id from job_update"))
        assert {each["key"] for each in found.ledger.of("update")} - updates.keys() == set()
        assert max(updates.values()) == 1
        expected = await _expected(owner, found.phones)
        for address in found.phones.values():
            shown = found.fcm.shown(address)
            assert set(shown) == {update for _, update in expected[address]}, address
            assert _by_job(shown, expected[address]) == _by_job(
                [update for _, update in expected[address]], expected[address]
            ), f"{address} heard in another order"
        total = sum(len(each) for each in expected.values())
        print(
            f"{len(promised)} reports, {len(updates)} updates, {total} messages shown of"
            f" {len(found.fcm.accepted)} taken; sent again: {found.ledger.again}"
        )
        assert total > len(promised)
    proof = found.machine.run("verify")
    assert proof.returncode == 0, proof.stdout + proof.stderr


REPORTS = """
select report.id, area.code, authority.slug, team.slug
from report
join job_report link on link.report_id = report.id
join job on job.id = link.job_id
join area on area.id = report.ward_area_id
join authority on authority.id = report.authority_id
join team on team.id = job.team_id
"""

JOBS = """
select id, reports,
  (select count(*) from job_report where job_id = job.id and until is null),
  (select max(seq) from job_update where job_id = job.id),
  version
from job
"""

SHAPES = {ward: from_wkt(box(west)) for ward, (_, west) in WARDS.items()}


def _oracle(body: dict[str, Any]) -> tuple[str, str, str]:
    """Ward, authority and team by Shapely on the same squares."""
    place = Point(body["location"]["lng"], body["location"]["lat"])
    (ward,) = [code for code, shape in SHAPES.items() if shape.contains(place)]
    if body["category"] == "pothole":
        return ward, "shire", "highways"
    return ward, WARDS[ward][0], "cleansing"


async def _settled(found: World) -> None:
    """Wait until nothing is left to be told."""
    async with await AsyncConnection.connect(found.machine.owner_url, autocommit=True) as owner:

        async def left() -> bool:
            row = await (
                await owner.execute(
                    "select (select count(*) from outbox where done_at is null),"
                    " (select count(*) from delivery where state = 'pending')"
                )
            ).fetchone()
            return row == (0, 0)

        await until(left, "outbox and deliveries drained", 90)
        states = await (
            await owner.execute("select state, count(*) from delivery group by 1")
        ).fetchall()
        assert [state for state, _ in states] == ["sent"], states


async def _expected(
    owner: AsyncConnection[Any], phones: dict[str, str]
) -> dict[str, list[tuple[str, str]]]:
    """For each address, (job, update) of all that its phone must hear, in the order of each job.

    By the order of the log alone: from its own report on, a phone hears of every status.
    """
    cursor = await owner.execute(
        "select entry.job_id, entry.id, entry.kind, entry.changes, report.device_id"
        " from job_update entry left join report on report.id = (entry.changes ->> 'report')::uuid"
        " order by entry.job_id, entry.seq"
    )
    listening: dict[str, list[str]] = defaultdict(list)
    expected: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in await cursor.fetchall():
        job, update, kind, changes, device = str(row[0]), str(row[1]), *row[2:]
        if kind in {"reported", "attached"}:
            address = phones[str(device)]
            expected[address].append((job, update))
            if address not in listening[job]:
                listening[job].append(address)
        elif "status" in changes:
            for address in listening[job]:
                expected[address].append((job, update))
    return expected


def _by_job(updates: list[str], of: list[tuple[str, str]]) -> dict[str, list[str]]:
    jobs = {update: job for job, update in of}
    found: dict[str, list[str]] = defaultdict(list)
    for update in updates:
        found[jobs[update]].append(update)
    return found
