"""The API as a process on a socket: rolled over, half killed, and talked to rudely."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.processes import Api, Machine, api
from tests.support.until import until

JSON = "content-type: application/json\r\n"


@pytest.fixture
async def serving(machine: Machine, county: County) -> AsyncIterator[Api]:
    async with api(machine, KERBLINE_LIMITS="off") as found:
        yield found


async def rudely(to: Api, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """Say it on a connection of its own; status, headers and body of what comes back."""
    url = to.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip()
                for name, _, value in (line.partition(":") for line in lines if line)
            }
            length = int(headers.get("content-length", 0))
            return int(status.split()[1]), headers, await reader.readexactly(length)
    finally:
        writer.close()


def post(headers: str, body: bytes = b"") -> bytes:
    key = f"idempotency-key: {uuid4()}\r\n"
    return f"POST /v1/reports HTTP/1.1\r\nhost: x\r\n{JSON}{key}{headers}\r\n".encode() + body


async def test_a_body_is_refused_before_it_is_sent(serving: Api, county: County) -> None:
    chunk = b"%x\r\n%s\r\n" % (65_536, b"a" * 65_536)
    for name, request in (
        ("20 MB announced", post("content-length: 20000000\r\n", b'{"category"')),
        ("a number without end", post(f"content-length: {'9' * 18}\r\n")),
        ("asks first", post("content-length: 20000000\r\nexpect: 100-continue\r\n")),
        ("in chunks", post("transfer-encoding: chunked\r\n", chunk * 20)),
    ):
        status, headers, body = await rudely(serving, request)
        assert status == 413, (name, body)
        assert headers["content-type"] == "application/problem+json", name
        assert json.loads(body)["code"] == "body-too-large", name


async def test_what_is_no_http_is_refused_and_harms_nobody(serving: Api, county: County) -> None:
    for name, request in (
        ("two lengths", post("content-length: 5\r\ncontent-length: 6\r\n", b"{}")),
        ("length and chunks", post("content-length: 2\r\ntransfer-encoding: chunked\r\n", b"{}")),
        ("a negative length", post("content-length: -5\r\n")),
        ("a length of words", post("content-length: many\r\n")),
        ("a bad chunk", post("transfer-encoding: chunked\r\n", b"zz\r\n{}\r\n")),
        ("no protocol", b"GET /v1/where\r\n\r\n"),
        ("TLS", bytes.fromhex("16030100a5010000a10303") + b"\r\n\r\n"),
        ("NUL in a header", b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n"),
        ("a header of 1 MB", b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: %s\r\n\r\n" % (b"a" * 10**6)),
        ("a path of 1 MB", b"GET /%s HTTP/1.1\r\nhost: x\r\n\r\n" % (b"a" * 10**6)),
        (
            "100,000 headers",
            b"GET /healthz HTTP/1.1\r\nhost: x\r\n%s\r\n" % (b"a: b\r\n" * 100_000),
        ),
    ):
        try:
            status, _, body = await rudely(serving, request)
        except (asyncio.IncompleteReadError, ConnectionError):
            continue  # hung up on: as good an answer
        assert 400 <= status < 500, (name, status, body)
        assert b"Traceback" not in body
    assert (await serving.client.get("/healthz")).status_code == 200
    assert serving.process.starts == 1
    row = await (await county.conn.execute("select count(*) from report")).fetchone()
    assert row[0] == 0


async def test_who_hangs_up_in_the_middle_harms_nobody(serving: Api, county: County) -> None:
    url = serving.client.base_url
    body = json.dumps(pothole()).encode()
    for cut in (0, 1, len(body) // 2, len(body)):
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(post(f"content-length: {len(body)}\r\n", body[:cut]))
        await writer.drain()
        writer.transport.abort()
    assert (await send(serving.client, pothole("E1"))).status_code == 201

    async def settled() -> bool:
        row = await (
            await county.conn.execute(
                "select count(*) from pg_stat_activity where application_name = 'kerbline-api'"
                " and state <> 'idle'"
            )
        ).fetchone()
        return row[0] == 0

    await until(settled, "no request is left hanging", 15)
    log = serving.process.log.read_text()
    assert "unexpected_error" not in log, log[-3000:]


async def test_told_to_stop_it_answers_what_it_took(serving: Api, county: County) -> None:
    """A roll-out: each request is answered, or was never taken; nobody gets a 5xx."""
    answered: list[httpx.Response] = []
    untaken = 0
    stop = False

    async def sender(number: int) -> None:
        nonlocal untaken
        step = 0
        while not stop:
            step += 1
            key = str(uuid4())
            while True:
                try:
                    answer = await send(
                        serving.client, pothole("W1", dx=(number + 1) / 8, dy=step % 19 / 20), key
                    )
                except httpx.TransportError:
                    untaken += 1
                    await asyncio.sleep(0.05)
                    continue
                answered.append(answer)
                break

    senders = [asyncio.create_task(sender(n)) for n in range(6)]
    await until(lambda: len(answered) > 20, "some are answered")
    serving.process.terminate()
    before = len(answered)
    await until(lambda: serving.process.starts == 2, "it stopped, and another began", 25)
    await until(lambda: len(answered) > before + 20, "the next one answers", 25)
    stop = True
    await asyncio.gather(*senders)
    assert {answer.status_code for answer in answered} == {201}
    row = await (await county.conn.execute("select count(*) from report")).fetchone()
    assert row[0] == len(answered)


async def test_one_of_two_processes_is_killed(machine: Machine, county: County) -> None:
    """The other goes on, a new one takes its place, and a key stays one report in both."""
    async with api(machine, workers=2, KERBLINE_LIMITS="off") as serving:
        children = serving.process.children()
        workers = [pid for pid in children if b"spawn_main" in _command(pid)]
        assert len(workers) == 2
        key, body = str(uuid4()), pothole()
        answers = await asyncio.gather(*(send(serving.client, body, key) for _ in range(20)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        os.kill(workers[0], signal.SIGKILL)

        async def persist(number: int) -> int:
            mine = str(uuid4())
            while True:
                try:
                    answer = await send(serving.client, pothole("E1", dx=number / 40), mine)
                    if answer.status_code != 409:
                        return answer.status_code
                except httpx.TransportError:
                    await asyncio.sleep(0.05)

        assert set(await asyncio.gather(*(persist(n) for n in range(30)))) == {201}
        await until(
            lambda: (
                len([p for p in serving.process.children() if b"spawn_main" in _command(p)]) == 2
                and workers[0] not in serving.process.children()
            ),
            "two again",
            25,
        )
        assert serving.process.starts == 1
    row = await (await county.conn.execute("select count(*) from report")).fetchone()
    assert row[0] == 31


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
