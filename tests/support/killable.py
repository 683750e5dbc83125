"""A Redis of a test's own, and a worker: to be killed, and started again."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from reporting.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody listens on, below those that outgoing connections take."""
    for port in range(20_000 + os.getpid() % 10_000, 32_768):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no free port")


class OwnRedis:
    """A Redis without persistence: killed, it forgets everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--dir", str(self.folder), *options],
            stdout=subprocess.DEVNULL,
        )
        limit = time.monotonic() + 10
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert time.monotonic() < limit, "redis-server does not start"
                else:
                    return

    def kill(self) -> None:
        """SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    """A running Redis of this test's own."""
    found = OwnRedis(folder)
    found.start()
    try:
        yield found
    finally:
        found.kill()


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give a process these settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    values = {
        "database_url": settings.database_url,
        "redis_url": settings.redis_url,
        "photo_store": settings.photo_store,
        "secret_key": settings.secret_key.get_secret_value(),
        "environment": settings.environment,
        "public_url": settings.public_url,
        "firebase_credentials": settings.firebase_credentials or "",
        "fcm_endpoint": settings.fcm_endpoint,
        "smtp_url": settings.smtp_url or "",
        "mail_from": settings.mail_from or "",
        "limits": settings.limits,
    }
    return kept | {f"KERBLINE_{name.upper()}": value for name, value in values.items() if value}


@contextmanager
def worker(settings: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """``python -m workers``; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workers"], cwd=ROOT, env=environment(settings)
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
