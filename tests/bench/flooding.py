"""The flood itself, in a process of its own: an open loop of prepared requests at a stated rate.

``python -m tests.bench.flooding PORT RATE SECONDS CONNECTIONS``: sends what it is told to, whether
or not the answers come, as one address; prints what it offered, how many were answered, and with
what. It writes and counts bytes and parses nothing, to leave the machine to the server.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from uuid import uuid4

ADDRESS = "203.0.113.66"
BODY = json.dumps(
    {
        "category": "pothole",
        "location": {"lat": 52.0105, "lng": -0.9895},
        "answers": {"where": "carriageway", "depth": "over_7cm", "width": "over_60cm"},
        "description": "flood",
    }
).encode()
#: Answers a connection may be behind; beyond that nothing more is sent on it.
BEHIND = 100


def prepared() -> tuple[bytes, bytes]:
    """A request, before and after its key."""
    lines = [
        "POST /v1/reports HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        f"X-Forwarded-For: {ADDRESS}",
        f"Content-Length: {len(BODY)}",
        "Idempotency-Key: ",
    ]
    return "\r\n".join(lines).encode(), b"\r\n\r\n" + BODY


class Flooder(asyncio.Protocol):
    """One connection; counts status lines."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.behind = 0
        self.transport: asyncio.Transport | None = None
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        *heads, last = data.split(b"HTTP/1.1 ")
        self._tail = b"HTTP/1.1 " + last if len(last) < 3 else data[-8:]
        for head in [*heads[1:], last] if heads else []:
            if len(head) >= 3:
                self.counts[head[:3].decode()] += 1
                self.behind -= 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.counts["lost"] += 1
        self.transport = None


async def flood(port: int, rate: float, seconds: float, connections: int) -> dict[str, object]:
    """Send at the rate for so long; what became of it."""
    counts: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    lines = [
        (await loop.create_connection(lambda: Flooder(counts), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    before, after = prepared()
    began, sent, held_back = time.monotonic(), 0, 0
    while (now := time.monotonic() - began) < seconds:
        due = int(rate * now)
        while sent + held_back < due:
            line = lines[(sent + held_back) % connections]
            if line.transport is None or line.behind > BEHIND:
                held_back += 1
                continue
            line.transport.write(before + str(uuid4()).encode() + after)
            line.behind += 1
            sent += 1
        await asyncio.sleep(0.004)
    took = time.monotonic() - began
    await asyncio.sleep(1.0)  # for the last answers
    return {"sent": sent, "held_back": held_back, "seconds": took, "answers": dict(counts)}


if __name__ == "__main__":
    to, wanted, length, lines_open = sys.argv[1:]
    print(json.dumps(asyncio.run(flood(int(to), float(wanted), float(length), int(lines_open)))))
