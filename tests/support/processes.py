"""Real processes that a test may kill: a PostgreSQL, a Redis, the API, the worker.

PostgreSQL and Redis come from ``./dev env --data-dir``: a supervisor brings back what dies, as
``./dev up`` has it. The API and the worker are started here and brought back by ``Kept``.
Everything is ended by the pid it was given, and by nothing broader.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from redis import Redis

from tests.support.until import until

ROOT = Path(__file__).resolve().parents[2]
#: Below what the kernel gives to outgoing connections, so that nobody takes a port while its
#: process is down.
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A loopback port that nobody has."""
    while True:
        port = random.choice(PORTS)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Kept:
    """A process that is started again whenever it ends, until it is stopped."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.starts = 0
        self.log = log
        self._command = command
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()
        self._started.wait(10)

    def _keep(self) -> None:
        with self.log.open("ab") as log:
            while not self._stopping.is_set():
                self._process = subprocess.Popen(
                    self._command, cwd=ROOT, env=self._env, stdout=log, stderr=log
                )
                self.starts += 1
                self._started.set()
                self._process.wait()

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to stop, as a roll-out does; another is started when it has."""
        os.kill(self.pid, signal.SIGTERM)

    def children(self) -> list[int]:
        """The processes it started."""
        return [child.pid for child in psutil.Process(self.pid).children()]

    def stop(self) -> None:
        """End it for good."""
        self._stopping.set()
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(25)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join(10)


@dataclass
class Machine:
    """PostgreSQL and Redis in a folder, a migrated database, and what a process is started with."""

    data: Path
    env: dict[str, str]
    kept: list[Kept] = field(default_factory=list)

    @property
    def owner_url(self) -> str:
        """The database, as the owner of its schema."""
        return self.env["KERBLINE_OWNER_DATABASE_URL"]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``python -m reporting …``, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "reporting", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def keep(self, name: str, *command: str, **env: str) -> Kept:
        """Start ``python -m …`` and bring it back whenever it ends."""
        kept = Kept(
            name,
            [sys.executable, "-m", *command],
            {**self.env, **env},
            self.data / "log" / f"{name}.log",
        )
        self.kept.append(kept)
        return kept

    def postgres(self) -> list[psutil.Process]:
        """The server and all its children."""
        pid = int((self.data / "pg" / "postmaster.pid").read_text().split("\n", 1)[0])
        server = psutil.Process(pid)
        assert Path(server.cwd()) == self.data / "pg"
        return [server, *server.children(recursive=True)]

    def kill_postgres(self) -> None:
        """kill -9 of all of it, the server first."""
        for process in self.postgres():
            _signal(process, signal.SIGKILL)

    @contextmanager
    def frozen_postgres(self) -> Iterator[None]:
        """It answers nothing and closes nothing, as on a dead disk."""
        with self.frozen(*(process.pid for process in self.postgres())):
            yield

    @contextmanager
    def frozen(self, *pids: int) -> Iterator[None]:
        """SIGSTOP, and SIGCONT on leaving."""
        processes = [psutil.Process(pid) for pid in pids]
        for process in processes:
            _signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                _signal(process, signal.SIGCONT)

    def redis_pid(self) -> int:
        """Of the server that runs now."""
        with Redis.from_url(self.env["KERBLINE_REDIS_URL"]) as client:
            return int(client.info("server")["process_id"])

    def kill_redis(self) -> None:
        """kill -9."""
        os.kill(self.redis_pid(), signal.SIGKILL)


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


@contextmanager
def machine(data: Path) -> Iterator[Machine]:
    """PostgreSQL and Redis under a supervisor of their own, ended on leaving."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KERBLINE_")}
    script = 'settings=$("$0" env --data-dir "$1") && eval "$settings" && env -0'
    try:
        started = subprocess.run(
            ["bash", "-c", script, str(ROOT / "dev"), str(data)],
            env=clean,
            capture_output=True,
            timeout=180,
        )
        assert started.returncode == 0, started.stderr.decode()
        settings = dict(
            line.split("=", 1) for line in started.stdout.decode().split("\0") if "=" in line
        )
        found = Machine(data, settings)
        migrated = found.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        try:
            yield found
        finally:
            for kept in reversed(found.kept):
                kept.stop()
    finally:
        subprocess.run(
            [str(ROOT / "dev"), "down", "--data-dir", str(data)],
            env=clean,
            capture_output=True,
            timeout=120,
        )


@dataclass
class Api:
    """The API on its port."""

    process: Kept
    client: httpx.AsyncClient

    async def ready(self, within_s: float = 60.0) -> None:
        """Wait until it says that it can work."""
        await until(self._is_ready, f"{self.process.name} ready", within_s)

    async def _is_ready(self) -> bool:
        try:
            return (await self.client.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False


@asynccontextmanager
async def api(on: Machine, workers: int = 1, **env: str) -> AsyncIterator[Api]:
    """``python -m reporting serve``, ready, and a client of it."""
    port = free_port()
    process = on.keep(
        "api", "reporting", "serve", "--port", str(port), "--workers", str(workers), **env
    )
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}",
        timeout=httpx.Timeout(15),
        limits=httpx.Limits(max_connections=200),
    ) as client:
        found = Api(process, client)
        await found.ready()
        try:
            yield found
        finally:
            await asyncio.to_thread(process.stop)
            on.kept.remove(process)
