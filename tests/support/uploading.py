"""A phone that sends a photo over a bad line: going on where it was cut, or beginning again."""

import asyncio
import time
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import httpx

#: Between two tries; a real phone waits longer.
PAUSE_S = 0.1


@dataclass
class Sent:
    """How it went."""

    status: int
    seconds: float
    tries: int
    #: Photo bytes handed to the line, again and again.
    offered: int


async def resume(url: str, photo: UUID, data: bytes, *, patience_s: float) -> Sent:
    """Ask how much is there, and send the rest, until all of it is."""
    return await _send(url, photo, data, patience_s, resumes=True)


async def begin_again(url: str, photo: UUID, data: bytes, *, patience_s: float) -> Sent:
    """Send all of it, until it arrives in one piece; status 0 if it never does."""
    return await _send(url, photo, data, patience_s, resumes=False)


async def _send(url: str, photo: UUID, data: bytes, patience_s: float, *, resumes: bool) -> Sent:
    digest = f"sha-256=:{b64encode(sha256(data).digest()).decode()}:"
    path, began, sent = f"{url}/v1/photos/{photo}", time.monotonic(), Sent(0, 0.0, 0, 0)
    while time.monotonic() - began < patience_s and sent.status not in {200, 201}:
        offset = 0
        try:
            async with httpx.AsyncClient(timeout=15) as client:  # each try on a line of its own
                if resumes and sent.tries:
                    there = await client.head(path)
                    offset = int(there.headers.get("upload-offset", 0))
                sent.tries += 1
                sent.offered += len(data) - offset
                headers = {
                    "Upload-Offset": str(offset),
                    "Upload-Length": str(len(data)),
                    "Repr-Digest": digest,
                }
                if not resumes:
                    headers = {"Repr-Digest": digest}
                answer = await client.put(path, content=data[offset:], headers=headers)
                sent.status = answer.status_code
        except httpx.TransportError:
            sent.status = 0
            await asyncio.sleep(PAUSE_S)
    sent.seconds = time.monotonic() - began
    return sent
