"""Photos over a line that is cut: going on where it was cut, beside beginning again.

One API process behind a proxy that carries 2 MB/s and cuts each connection after a random 0.7 MB on
average. Then, on a line that holds, what a picture in one request costs when it says that it could
go on (Upload-Length) and when it does not: both should be the same, and neither written in parts.
"""

import argparse
import asyncio
import tempfile
import time
from base64 import b64encode
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import httpx
import psutil
import psycopg

from tests.bench import harness
from tests.support.badnet import badnet
from tests.support.pictures import noisy
from tests.support.scratch import Database, scratch
from tests.support.uploading import Sent, begin_again, resume

RATE, MEAN = 2e6, 0.7e6
WAYS = {"going on": resume, "beginning again": begin_again}


async def over_a_bad_line(url: str, patience_s: float, rounds: int, check: Any) -> None:
    """Print the first table."""
    head = ("MB", "line", "arrived", "seconds", "tries", "cuts", "MB carried")
    print(f"{head[0]:>6}  {head[1]:<18}" + "".join(f"{name:>12}" for name in head[2:]))
    pictures = [noisy(4150, 3250), noisy(1640, 1270)]
    for data in pictures:
        for name, way in WAYS.items():
            found: list[tuple[Sent, int, int, UUID]] = []
            for seed in range(rounds):
                photo = uuid4()
                async with badnet(url, rate=RATE, mean=MEAN, seed=seed) as line:
                    sent = await way(line.url, photo, data, patience_s=patience_s)
                    found.append((sent, line.cuts, line.carried, photo))
            arrived = [each for each in found if each[0].status in {200, 201}]
            assert all(check(photo, data) for *_, photo in arrived)
            middle = [
                median(each[0].seconds for each in found),
                median(each[0].tries for each in found),
                median(each[1] for each in found),
                median(each[2] for each in found) / 1e6,
            ]
            print(
                f"{len(data) / 1e6:>6.2f}  {name:<18}{f'{len(arrived)} of {rounds}':>12}"
                f"{middle[0]:>12.1f}{middle[1]:>12.0f}{middle[2]:>12.0f}{middle[3]:>12.2f}",
                flush=True,
            )


async def over_a_good_line(url: str, server: psutil.Process, count: int, folder: Path) -> None:
    """Print the second."""
    print(f"\n{'in one request, 0.9 MB':<30}{'ms':>8}{'CPU ms':>8}{'parts':>8}")
    data = noisy(1640, 1270)
    digest = f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"
    ways = {
        "no word of going on": {},
        "Upload-Length, Repr-Digest": {"Upload-Length": str(len(data)), "Repr-Digest": digest},
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    used = dict.fromkeys(ways, 0.0)
    left = len([*folder.rglob("part-*")])
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        for n in range(count + 5):  # in turns, so that a busy machine is busy for both
            for name, headers in ways.items():
                before, began = harness.cpu(server), time.perf_counter()
                path = f"/v1/photos/{uuid4()}"
                answer = await client.put(path, content=data, headers=headers)
                assert answer.status_code == 201
                if n >= 5:
                    seconds[name].append(time.perf_counter() - began)
                    used[name] += harness.cpu(server) - before
    parts = len([*folder.rglob("part-*")]) - left
    for name in ways:
        each = median(seconds[name]) * 1000
        print(f"{name:<30}{each:>8.1f}{used[name] / count * 1000:>8.2f}{parts:>8}")


async def measure(database: Database, options: argparse.Namespace) -> None:
    """All of it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        conn = stack.enter_context(psycopg.connect(database.admin_url, autocommit=True))
        environment = harness.settings(database, KERBLINE_PHOTO_STORE=str(folder))
        url, server = stack.enter_context(
            harness.server("-m", "reporting", "serve", environment=environment)
        )

        def check(photo: UUID, data: bytes) -> bool:
            row = conn.execute("select sha256 from photo where id = %s", (photo,)).fetchone()
            return row is not None and bytes(row[0]) == sha256(data).digest()  # type: ignore[arg-type]

        await over_a_bad_line(url, options.patience, options.rounds, check)
        await over_a_good_line(url, server, options.count, folder)


def main(argv: list[str]) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench upload", description=__doc__)
    parser.add_argument("--patience", type=float, default=60, help="seconds until one gives up")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=60, help="pictures in one request")
    options = parser.parse_args(argv)
    with scratch("bench") as database:
        asyncio.run(measure(database, options))
