"""The whole path: a report, two status updates, and three pushes to the phone that sent it.

One API process, one worker, a gateway that speaks FCM on loopback in a process of its own, real
PostgreSQL and Redis; no photos. Each report comes from its own phone. Twice: as fast as so many
clients can (each does its report and its two updates one after the other), and at a stated rate.
From commit to push is the gateway's clock at the message less the update's ``recorded_at``, which
is when its transaction began. Every phone must have got every update of its job once and in order.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import psycopg
from psycopg import AsyncConnection
from redis import Redis

from reporting import keys
from tests.bench import harness
from tests.support.county import SIDE, SOUTH, County
from tests.support.people import Headers, People
from tests.support.scratch import Database, scratch

ANSWERS = {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"}
STATUSES = ("in_progress", "fixed")
TOLD = 1 + len(STATUSES)
#: Far enough from each other that no report joins another's job.
COLUMNS = 50
#: Redis databases of the tests have lower numbers.
REDIS_NUMBER = 40
LIMIT_S = 180.0


@dataclass(frozen=True)
class Phone:
    """A device, its bearer, and the address it hears back at."""

    address: str
    bearer: str


class Wire:
    """One kept-alive HTTP connection; cheap, so that the bench leaves the machine to the rest."""

    def __init__(self, url: str) -> None:
        self.parts = urlsplit(url)

    async def open(self) -> "Wire":
        self.reader, self.writer = await asyncio.open_connection(
            self.parts.hostname, self.parts.port
        )
        return self

    async def post(self, path: str, body: dict[str, Any], headers: Headers) -> dict[str, Any]:
        """The JSON of a 2xx."""
        self.writer.write(harness.post(path, json.dumps(body).encode(), headers))
        head = await self.reader.readuntil(b"\r\n\r\n")
        lower = head.lower()
        if b"content-length:" not in lower:
            raise RuntimeError(f"{head!r}")
        at = lower.index(b"content-length:") + 15
        said = await self.reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"{head!r} {said!r}")
        found: dict[str, Any] = json.loads(said)
        return found


def place(number: int) -> dict[str, float]:
    """A place of its own, well inside the county."""
    row, column = divmod(number, COLUMNS)
    return {
        "lat": SOUTH + SIDE * (0.02 + 0.96 * (row % 25) / 25),
        "lng": -1.0 + 4 * SIDE * (0.01 + 0.98 * column / COLUMNS),
    }


async def prepare(database: Database, phones: int) -> tuple[Headers, list[Phone]]:
    """The county, a crew, and phones that hear back."""
    async with await AsyncConnection.connect(database.admin_url, autocommit=True) as conn:
        county = County(conn)
        await county.build()
        crew = await People(county).crew()
        made = [Phone(f"phone-{n}", keys.new_token(keys.DEVICE)) for n in range(phones)]
        await conn.execute(
            "with made as (insert into device (id, token_hash)"
            " select gen_random_uuid(), hash from unnest(%s::bytea[]) hash returning *)"
            " insert into subscription (device_id, channel, address)"
            " select made.id, 'fcm', address from made"
            " join unnest(%s::bytea[], %s::text[]) as of (hash, address) on hash = token_hash",
            (
                [keys.token_hash(phone.bearer) for phone in made],
                [keys.token_hash(phone.bearer) for phone in made],
                [phone.address for phone in made],
            ),
        )
        await conn.execute("analyze")
    return crew, made


async def story(wire: Wire, phone: Phone, number: int, crew: Headers) -> None:
    """A report and its two updates."""
    made = await wire.post(
        "/v1/reports",
        {"category": "pothole", "location": place(number), "answers": ANSWERS},
        {"Idempotency-Key": str(uuid4()), "Authorization": f"Bearer {phone.bearer}"},
    )
    for version, status in enumerate(STATUSES, start=1):
        await wire.post(
            f"/v1/jobs/{made['job']['id']}/updates",
            {
                "id": str(uuid4()),
                "base_version": version,
                "made_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "status": status,
            },
            crew,
        )


async def flat_out(url: str, phones: list[Phone], crew: Headers, clients: int) -> None:
    """So many clients, each with the next phone's story as soon as it is free."""
    numbered = iter(enumerate(phones))

    async def one() -> None:
        wire = await Wire(url).open()
        for number, phone in numbered:
            await story(wire, phone, number, crew)

    await asyncio.gather(*(one() for _ in range(clients)))


async def paced(url: str, phones: list[Phone], crew: Headers, per_second: float) -> None:
    """A story begins every so often, however long the ones before it take."""
    free: asyncio.Queue[Wire] = asyncio.Queue()
    for _ in range(32):
        free.put_nowait(await Wire(url).open())
    began = time.monotonic()

    async def one(number: int, phone: Phone) -> None:
        await asyncio.sleep(max(0.0, began + number / per_second - time.monotonic()))
        wire = await free.get()
        await story(wire, phone, number, crew)
        free.put_nowait(wire)

    await asyncio.gather(*(one(number, phone) for number, phone in enumerate(phones)))


def received(record: Path) -> list[dict[str, Any]]:
    """The messages the gateway took, in order."""
    return [json.loads(line) for line in record.read_text().splitlines()]


async def all_told(record: Path, count: int) -> list[dict[str, Any]]:
    """The messages, when so many have come."""
    limit = time.monotonic() + LIMIT_S
    while len(found := received(record)) < count:
        if time.monotonic() > limit:
            raise RuntimeError(f"only {len(found)} of {count} messages came")
        await asyncio.sleep(0.1)
    return found


def check(
    conn: psycopg.Connection[Any], phones: list[Phone], messages: list[dict[str, Any]]
) -> list[float]:
    """Each phone heard each update of its job once and in order; seconds from commit to push."""
    rows = conn.execute(
        "select subscription.address, told.id::text, extract(epoch from told.recorded_at)::float8"
        " from subscription"
        " join report on report.device_id = subscription.device_id"
        " join job_report link on link.report_id = report.id"
        " join job_update told on told.job_id = link.job_id"
        " where subscription.address = any(%s) order by told.job_id, told.seq",
        ([phone.address for phone in phones],),
    ).fetchall()
    due: dict[str, list[str]] = defaultdict(list)
    recorded: dict[str, float] = {}
    for address, update, at in rows:
        due[address].append(update)
        recorded[update] = at
    heard: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        heard[message["token"]].append(message["data"]["update"])
    wrong = [phone.address for phone in phones if heard[phone.address] != due[phone.address]]
    if wrong or any(len(due[phone.address]) != TOLD for phone in phones):
        raise RuntimeError(f"not told exactly once and in order: {wrong[:5]}")
    return [message["at"] - recorded[message["data"]["update"]] for message in messages]


def waited_s(pid: int) -> float:
    """Seconds that a process was ready to run and had no core, because others had them."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


class Run:
    """One run of it all, and what it cost."""

    def __init__(self, name: str, processes: dict[str, psutil.Process], record: Path) -> None:
        self.name = name
        self.processes = processes
        self.record = record

    def cpu(self) -> dict[str, float]:
        found = {name: harness.cpu(process) for name, process in self.processes.items()}
        found["waited"] = waited_s(self.processes["worker"].pid)
        return found

    async def measure(self, conn: psycopg.Connection[Any], phones: list[Phone], load: Any) -> None:
        """Run the load, wait for every push, check, and print a line."""
        before, began = self.cpu(), time.monotonic()
        count = len(received(self.record))
        await load
        accepted_s = time.monotonic() - began
        messages = (await all_told(self.record, count + TOLD * len(phones)))[count:]
        seconds = max(message["at"] for message in messages) - (time.time() - time.monotonic())
        seconds -= began
        used = {name: value - before[name] for name, value in self.cpu().items()}
        late = quantiles(check(conn, phones, messages), n=100, method="inclusive")
        print(
            f"{self.name:<26}{len(phones) / accepted_s:>10.0f}{len(phones) / seconds:>11.0f}"
            f"{late[49]:>9.3f}{late[94]:>9.3f}{late[98]:>9.3f}"
            f"{1000 * used['worker'] / len(messages):>11.2f}"
            f"{1000 * used['api'] / len(messages):>12.2f}"
            f"{100 * used['waited'] / (used['waited'] + used['worker']):>11.0f} %",
            flush=True,
        )


HEAD = (
    f"{'':<26}{'accepted/s':>10}{'told/s':>11}{'p50 s':>9}{'p95':>9}{'p99':>9}"
    f"{'worker ms':>11}{'api ms':>12}{'no core':>13}"
)


def started(stack: ExitStack, database: Database, folder: Path) -> Iterator[Any]:
    """The gateway, the worker and the API, as the name and process of each; the API's URL last."""
    credentials, record = folder / "firebase.json", folder / "messages"
    port = harness.free_port()
    redis = urlsplit(os.environ["KERBLINE_TEST_REDIS_URL"])._replace(path=f"/{REDIS_NUMBER}")
    with Redis.from_url(redis.geturl()) as client:
        client.flushdb()
    environment = harness.settings(
        database,
        KERBLINE_REDIS_URL=redis.geturl(),
        KERBLINE_FIREBASE_CREDENTIALS=str(credentials),
        KERBLINE_FCM_ENDPOINT=f"http://127.0.0.1:{port}",
        KERBLINE_PHOTO_STORE=str(folder / "photos"),
    )
    where = ("--port", str(port), "--credentials", str(credentials), "--record", str(record))
    yield (
        "gateway",
        stack.enter_context(
            harness.process("-m", "tests.support.fcm", *where, environment=environment)
        ),
    )
    limit = time.monotonic() + 30
    while not (credentials.exists() and record.exists()):
        if time.monotonic() > limit:
            raise RuntimeError("the gateway did not start; BENCH_LOUD=1 shows why")
        time.sleep(0.05)
    yield (
        "worker",
        stack.enter_context(harness.process("-m", "workers", environment=environment)),
    )
    url, api = stack.enter_context(
        harness.server("-m", "reporting", "serve", environment=environment)
    )
    yield "api", api
    yield "url", url


async def measure(database: Database, options: argparse.Namespace) -> None:
    """Print the table."""
    count = options.count
    crew, phones = await prepare(database, 2 * count + 20)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        found = dict(started(stack, database, folder))
        url, record = found.pop("url"), folder / "messages"
        await flat_out(url, phones[2 * count :], crew, 2)  # connections, plans and bearer are there
        await all_told(record, TOLD * 20)
        print(HEAD)
        for name, share, load in (
            (
                f"flat out, {options.clients} clients",
                phones[:count],
                lambda share: flat_out(url, share, crew, options.clients),
            ),
            (
                f"{options.rate:g} reports/s",
                phones[count : 2 * count],
                lambda share: paced(url, share, crew, options.rate),
            ),
        ):
            await Run(name, found, record).measure(conn, share, load(share))
        print(f"every phone told each of its {TOLD} updates once and in order")
        print("ms of CPU are for each push: it stands for one of the API's calls and one message")
        print("no core: how much of the worker's time to run it waited for others on this machine")


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench path", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="reports of each run")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rate", type=float, default=20.0, help="reports a second, offered")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        asyncio.run(measure(database, options))
