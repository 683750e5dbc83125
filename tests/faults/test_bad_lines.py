"""Photos over a real socket: a line that is cut again and again, and a process that is killed."""

import asyncio
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from uuid import uuid4

import pytest

from reporting.runtime import Connection
from tests.support.badnet import badnet
from tests.support.county import County
from tests.support.pictures import noisy
from tests.support.processes import Api, Machine, api
from tests.support.until import until
from tests.support.uploading import resume

#: As a phone takes it, and as the browser shrinks it.
ORIGINAL, SHRUNK = noisy(4032, 3200), noisy(1600, 1250)


@pytest.fixture
async def serving(machine: Machine, county: County) -> AsyncIterator[Api]:
    async with api(machine, KERBLINE_LIMITS="off") as found:
        yield found


async def stored(owner: Connection, photo: object) -> bytes | None:
    row = await (await owner.execute("select sha256 from photo where id = %s", (photo,))).fetchone()
    return row and row[0]


async def test_an_original_arrives_over_a_line_that_is_cut_every_700_kb(
    serving: Api, county: County
) -> None:
    assert len(ORIGINAL) > 5_000_000
    photo = uuid4()
    async with badnet(str(serving.client.base_url), rate=8e6, mean=0.7e6) as line:
        sent = await resume(line.url, photo, ORIGINAL, patience_s=60)
        assert line.cuts >= 2
    assert sent.status == 201
    assert await stored(county.conn, photo) == sha256(ORIGINAL).digest()
    # Each cut costs what lay in buffers, no more.
    assert line.carried < 1.7 * len(ORIGINAL) + 200_000


async def test_a_shrunk_one_in_a_few_seconds(serving: Api, county: County) -> None:
    photo, began = uuid4(), time.monotonic()
    async with badnet(str(serving.client.base_url), rate=2e6, mean=0.7e6) as line:
        sent = await resume(line.url, photo, SHRUNK, patience_s=30)
    assert sent.status == 201
    assert time.monotonic() - began < 25
    assert await stored(county.conn, photo) == sha256(SHRUNK).digest()


async def test_a_process_killed_in_the_middle_of_an_upload(serving: Api, county: County) -> None:
    """What came more than a moment before is there when it is back; the rest is sent again."""
    photo, url = uuid4(), serving.client.base_url
    digest = f"sha-256=:{b64encode(sha256(ORIGINAL).digest()).decode()}:"
    headers = {"Upload-Length": str(len(ORIGINAL)), "Repr-Digest": digest}
    half = len(ORIGINAL) // 2
    _, writer = await asyncio.open_connection(url.host, url.port)
    lines = [f"PUT /v1/photos/{photo} HTTP/1.1", "Host: x", f"Content-Length: {len(ORIGINAL)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + ORIGINAL[:half])
    await writer.drain()

    async def some_of_it() -> bool:
        answer = await serving.client.head(f"/v1/photos/{photo}")
        # The row is there, at 0, from when the request began.
        return answer.status_code == 200 and int(answer.headers["upload-offset"]) > 0

    await until(some_of_it)
    serving.process.kill()
    writer.close()
    await serving.ready()
    answer = await serving.client.head(f"/v1/photos/{photo}")
    offset = int(answer.headers["upload-offset"])
    assert 0 < offset <= half
    assert answer.headers["upload-complete"] == "?0"
    sent = await serving.client.put(
        f"/v1/photos/{photo}",
        content=ORIGINAL[offset:],
        headers={**headers, "Upload-Offset": str(offset)},
    )
    assert sent.status_code == 201
    assert await stored(county.conn, photo) == sha256(ORIGINAL).digest()
