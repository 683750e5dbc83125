import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from reporting.runtime import Connection
from reporting.settings import Settings
from tests.reporting.test_reports import pothole, send
from tests.reporting.web.test_observe import requests
from tests.support.county import County
from tests.support.killable import environment, free_port
from tests.support.until import until

ROOT = Path(__file__).resolve().parents[2]


def value(page: str, series: str) -> float:
    return next(
        float(line.rsplit(" ", 1)[1]) for line in page.splitlines() if line.startswith(series)
    )


async def test_what_waits_is_read_from_the_database(
    client: httpx.AsyncClient, owner: Connection
) -> None:
    page = (await client.get("/metrics")).text
    assert 'topic="photo"' not in page
    await owner.execute(
        "insert into outbox (topic, subject, created_at, dead_at) values"
        " ('photo', gen_random_uuid(), now() - interval '90 s', null),"
        " ('photo', gen_random_uuid(), now(), null),"
        " ('photo', gen_random_uuid(), now(), now())"
    )
    page = (await client.get("/metrics")).text
    assert value(page, 'kerbline_outbox{state="due",topic="photo"}') == 2
    assert value(page, 'kerbline_outbox{state="dead",topic="photo"}') == 1
    assert 90 <= value(page, 'kerbline_outbox_oldest_seconds{state="due",topic="photo"}') < 150
    assert value(page, 'kerbline_deliveries{channel="email",state="pending"}') == 0
    assert 'kerbline_database_connections{application="kerbline-api",state="active"} 1' in page


async def test_reports_are_counted_and_their_repeats_are_not(
    client: httpx.AsyncClient, county: County
) -> None:
    series = 'kerbline_reports_accepted_total{category="pothole"}'
    await send(client, pothole())  # the series is there
    before = value((await client.get("/metrics")).text, series)
    key = str(uuid4())
    for _ in range(3):
        assert (await send(client, pothole("E2"), key)).status_code == 201
    assert (await send(client, {**pothole(), "answers": {}})).status_code == 422
    assert value((await client.get("/metrics")).text, series) == before + 1


@pytest.fixture
def served(settings: Settings, tmp_path: Path):
    """Two processes of the API behind one port."""
    port = free_port()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "reporting", "serve", "--port", str(port), "--workers", "2"],
            cwd=ROOT,
            env=environment(settings) | {"TMPDIR": str(tmp_path)},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            process.wait(30)
    assert list(tmp_path.glob("kerbline-metrics-*")) == []


def get(url: str) -> httpx.Response:
    """On a connection of its own, so that any of the processes may take it."""
    return httpx.get(url, timeout=60)


def is_ready(url: str) -> bool:
    try:
        return get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


async def test_two_processes_count_together_and_the_dead_still_count(
    owner: Connection, redis: object, served: tuple[str, int]
) -> None:
    url, parent = served
    await until(lambda: is_ready(url), within_s=60)
    for _ in range(40):
        assert get(f"{url}/healthz").status_code == 200
    assert requests(get(f"{url}/metrics").text, "/healthz") == {"GET 200": 40}
    workers = [
        child.pid
        for child in psutil.Process(parent).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    await until(lambda: not psutil.pid_exists(workers[0]), within_s=30)
    await until(lambda: is_ready(url), within_s=60)
    for _ in range(10):
        get(f"{url}/healthz")
    assert requests(get(f"{url}/metrics").text, "/healthz") == {"GET 200": 50}
