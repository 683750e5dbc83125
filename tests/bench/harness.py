"""What the benches share: processes to measure, their CPU, and closed-loop clients.

CPU is read per process from the kernel, so that other work on the machine does not count. Of
PostgreSQL the backends of the bench's own database count, not the checkpointer's or WAL writer's.
"""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import quantiles
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from tests.support.scratch import ROOT, Database


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def process(*arguments: str, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A Python process of this interpreter, ended on leaving."""
    child = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=None if os.environ.get("BENCH_LOUD") else subprocess.DEVNULL,
    )
    try:
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()


@contextlib.contextmanager
def server(*arguments: str, environment: dict[str, str]) -> Iterator[tuple[str, psutil.Process]]:
    """A web server process that takes ``--port``: its URL, once it answers, and the process."""
    port = free_port()
    with process(*arguments, "--port", str(port), environment=environment) as found:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{url}/healthz", timeout=1).status_code == 200:
                    break
            if time.monotonic() > until or not found.is_running():
                raise RuntimeError(f"{arguments} did not start; BENCH_LOUD=1 shows why")
            time.sleep(0.05)
        yield url, found


def settings(database: Database, **more: str) -> dict[str, str]:
    """The environment of a process on that database."""
    return {
        "KERBLINE_DATABASE_URL": database.url,
        "KERBLINE_ENVIRONMENT": "development",
        "KERBLINE_LIMITS": "off",
        **more,
    }


def cpu(process: psutil.Process) -> float:
    """CPU seconds of a process and its children, those that ended too."""
    found = process.cpu_times()
    total = found.user + found.system + found.children_user + found.children_system
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def backends_cpu(
    conn: psycopg.Connection[tuple[object, ...]], database: Database, application: str = "%"
) -> float:
    """CPU seconds of the database's backends that are connected now, ours apart.

    ``application`` is a LIKE pattern for the name that a process gives its connections.
    """
    rows = conn.execute(
        "select pid from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
        " and application_name like %s",
        (database.name, application),
    ).fetchall()
    total = 0.0
    for (pid,) in rows:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(int(str(pid))).cpu_times()
            total += times.user + times.system
    return total


@dataclass(frozen=True)
class Load:
    """What closed-loop clients saw."""

    seconds: float
    latencies_ms: list[float]

    @property
    def per_second(self) -> float:
        return len(self.latencies_ms) / self.seconds

    def percentile(self, p: int) -> float:
        return quantiles(self.latencies_ms, n=100, method="inclusive")[p - 1]


async def closed_loop(url: str, requests: Sequence[bytes], clients: int, *, expect: bytes) -> Load:
    """Send prepared HTTP/1.1 requests on so many connections, each waiting for its answer."""
    parts = urlsplit(url)
    queue = iter(requests)
    latencies: list[float] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for request in queue:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            lower = head.lower()
            at = lower.index(b"content-length:") + 15
            body = await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
            latencies.append((time.perf_counter() - began) * 1000)
            if head[9:12] != expect:
                raise RuntimeError(f"{head!r} {body!r}")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return Load(time.perf_counter() - began, latencies)


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """A POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def get(path: str) -> bytes:
    """A GET as bytes."""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()


Runs = Callable[[], Awaitable[Load]]
