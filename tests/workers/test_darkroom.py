import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import psutil
import pytest
from PIL import Image

from geo.errors import Refusal
from reporting.errors import ImageBroken, ImageTooLarge
from reporting.images.headers import HEIC, JPEG, PNG, WEBP, inspect
from tests.support.pictures import (
    alike,
    encoded,
    jpeg_bomb,
    noisy,
    picture,
    png_bomb,
    quarters,
)
from tests.support.until import until
from workers.confined.outside import ChildAway, Confined
from workers.darkroom import Darkroom

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def darkroom() -> AsyncIterator[Darkroom]:
    async with Darkroom() as found:
        yield found


def child_of(darkroom: Darkroom) -> int:
    return darkroom.child.pid


def most_memory(child: Confined) -> float:
    """The most it ever had in use, in MiB."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


async def test_one_child_makes_many_pictures(darkroom: Darkroom) -> None:
    first = await darkroom.develop(encoded(picture()))
    child = child_of(darkroom)
    for media_type in (PNG, WEBP, HEIC):
        made = await darkroom.develop(encoded(picture(192, 128), media_type))
        assert (made.width, made.height) == (192, 128)
    assert alike(quarters(first.clear))
    assert child_of(darkroom) == child


async def test_pictures_at_once_come_out_each_its_own(darkroom: Darkroom) -> None:
    sizes = range(64, 640, 64)
    made = await asyncio.gather(*(darkroom.develop(encoded(picture(n, n))) for n in sizes))
    assert [one.width for one in made] == list(sizes)


async def test_a_child_that_is_killed_costs_a_retry(darkroom: Darkroom) -> None:
    await darkroom.develop(encoded(picture()))
    killed = child_of(darkroom)
    os.kill(killed, signal.SIGKILL)
    assert (await darkroom.develop(encoded(picture()))).width == 96
    assert child_of(darkroom) != killed


async def test_a_picture_that_burns_cpu_is_broken_and_the_next_is_not() -> None:
    async with Darkroom(cpu_limit_s=1, patience_s=60) as darkroom:
        await darkroom.develop(encoded(picture()))
        with pytest.raises(ImageBroken):
            await darkroom.develop(encoded(picture(7000, 7000).convert("RGBA"), PNG))
        assert (await darkroom.develop(encoded(picture()))).width == 96


async def test_a_machine_that_is_busy_makes_the_picture_wait() -> None:
    async with Darkroom() as darkroom:
        await darkroom.develop(encoded(picture()))
        darkroom.child.patience_s = 0.5
        child = child_of(darkroom)
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(ChildAway):
            await darkroom.develop(encoded(picture()))
        assert not psutil.pid_exists(child)
        darkroom.child.patience_s = 30
        assert (await darkroom.develop(encoded(picture()))).width == 96


async def test_forty_nine_megapixels_fit() -> None:
    async with Darkroom(patience_s=60) as darkroom:
        made = await darkroom.develop(encoded(picture(7000, 7000).convert("RGBA"), PNG))
        assert (made.width, made.height) == (7000, 7000)
        assert most_memory(darkroom.child) < 512


async def test_two_hundred_megapixels_of_a_phone_pass_and_a_bomb_does_not() -> None:
    async with Darkroom(patience_s=60) as darkroom:
        phone = encoded(Image.new("RGB", (16_320, 12_240), (90, 120, 60)), quality=30)
        made = await darkroom.develop(phone)
        assert (made.width, made.height) == (16_320, 12_240)
        assert most_memory(darkroom.child) < 512
        for bomb in (jpeg_bomb(64_250, 64_250), png_bomb(30_000, 30_000)):
            began = time.process_time()
            with pytest.raises(ImageTooLarge):
                inspect(bomb)
            assert time.process_time() - began < 1
            with pytest.raises(ImageBroken):
                await darkroom.develop(bomb)


class TestTakenOver:
    """What a child that a picture has taken over may say, and what comes of it."""

    GOOD: ClassVar = {
        "width": 96,
        "height": 64,
        "clear": encoded(picture()),
        "small": encoded(picture()),
        "likeness": 5,
        "taken_at": "2026-05-04T11:30:15+00:00",
        "lat": 51.4,
        "lng": -2.6,
    }

    @pytest.mark.parametrize(
        "said",
        [
            {"width": 10**9},
            {"height": "tall"},
            {"clear": b"<script>"},
            {"small": encoded(picture(), PNG)},
            {"clear": encoded(picture(4000, 10))},
            {"likeness": 1 << 64},
            {"taken_at": "yesterday"},
            {"lat": 1000.0},
            {"lng": "west"},
            {"clear": None},
        ],
    )
    async def test_it(
        self, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch, said: dict[str, object]
    ) -> None:
        answers: list[object] = [self.GOOD, {**self.GOOD, **said}, [1, 2]]

        async def ask(_: bytes) -> object:
            return answers.pop(0)

        monkeypatch.setattr(darkroom.child, "ask", ask)
        assert (await darkroom.develop(b"")).facts.lat == 51.4
        for _ in range(2):
            with pytest.raises(ImageBroken):
                await darkroom.develop(b"")


async def test_a_child_that_cannot_start_is_no_fault_of_the_picture(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ChildAway):
        await darkroom.develop(encoded(picture()))


async def test_the_child_has_no_secrets_and_no_rights(
    darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERBLINE_SECRET_KEY", "canary-of-the-secret-key")
    handle = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(handle, True)
    await darkroom.develop(encoded(picture()))
    child = Path(f"/proc/{child_of(darkroom)}")
    os.close(handle)
    assert b"canary" not in child.joinpath("environ").read_bytes()
    assert {path.name for path in child.joinpath("fd").iterdir()} == {"0", "1", "2"}
    limits = child.joinpath("limits").read_text()
    status = child.joinpath("status").read_text()
    assert f"Max address space         {512 << 20}" in limits
    assert "Max file size             0 " in limits
    assert "NoNewPrivs:\t1" in status
    if os.geteuid() == 0:
        assert "Uid:\t65534\t65534\t65534\t65534" in status
        assert "CapEff:\t0000000000000000" in status


KEEPS_ONE = """
import asyncio, sys
from tests.support.pictures import encoded, picture
from workers.darkroom import Darkroom

async def main():
    async with Darkroom() as darkroom:
        await darkroom.develop(encoded(picture()))
        print(darkroom.child.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_child_does_not_outlive_a_worker_that_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KEEPS_ONE], cwd=ROOT, stdout=subprocess.PIPE
    ) as worker:
        child = int(worker.stdout.readline())
        assert psutil.pid_exists(child)
        worker.kill()
    await until(lambda: not psutil.pid_exists(child))


CONFINED = """
import resource, socket, sys
from workers.confined import inside
from workers.decoder import MEMORY
inside.confine(MEMORY)
match sys.argv[1]:
    case "memory":
        bytearray(MEMORY)
    case "write":
        open(sys.argv[2], "wb", buffering=0).write(b"x")
    case "network":
        socket.socket().connect(("127.0.0.1", int(sys.argv[2])))
    case "cpu":
        inside.limit_cpu(1)
        while True:
            pass
"""


def confined(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", CONFINED, *words],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_memory_ends() -> None:
    assert "MemoryError" in confined("memory").stderr


def test_nothing_can_be_written() -> None:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        assert "File too large" in confined("write", f"{folder}/file").stderr


def test_cpu_ends_the_process() -> None:
    assert confined("cpu").returncode == -signal.SIGXCPU


def test_there_is_no_network() -> None:
    allowed = subprocess.run(["unshare", "--user", "--net", "true"]).returncode == 0
    if not allowed and os.geteuid() != 0:
        pytest.skip("this kernel lets nobody make a network of their own")
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = confined("network", str(server.getsockname()[1]))
    assert "unreachable" in found.stderr


def mutated(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    for _ in range(chance.choice([1, 3, 30, 300])):
        at = chance.randrange(len(data))
        match chance.randrange(4):
            case 0:
                data[at] = chance.randrange(256)
            case 1:
                del data[at : at + chance.randrange(1, 60)]
            case 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 60))
            case _:
                data[at : at + 4] = b"\xff\xff\xff\xff"
        if len(data) < 50:
            break
    return bytes(data)


@pytest.mark.parametrize("files", [100, pytest.param(1000, marks=pytest.mark.long)])
async def test_damaged_files_never_stop_the_worker(darkroom: Darkroom, files: int) -> None:
    chance = random.Random(20260811)
    whole = [noisy(160, 120, media_type) for media_type in (JPEG, PNG, WEBP, HEIC)]
    came_to = {"refused": 0, "broken": 0, "made": 0}
    for number in range(files):
        data = mutated(whole[number % 4], chance)
        try:
            inspect(data)
        except Refusal:
            came_to["refused"] += 1
            continue
        try:
            made = await darkroom.develop(data)
        except ImageBroken:
            came_to["broken"] += 1
        else:
            came_to["made"] += 1
            assert inspect(made.clear).media_type == JPEG
    assert min(came_to.values()) > 5, came_to
    assert most_memory(darkroom.child) < 512
    assert (await darkroom.develop(encoded(picture()))).width == 96
