"""A line to the application that can be cut in the middle of a request, or fall silent."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from fastapi import FastAPI

#: Bytes, seconds of silence, or silence until somebody sets the event.
Piece = bytes | float | asyncio.Event


@dataclass
class Said:
    """An answer, if there was one before the line was cut."""

    status: int = 0
    body: bytes = b""

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Line:
    """Sends by ASGI what a server would hand on; at the end of the pieces the line is cut."""

    app: FastAPI
    _waiting: list[asyncio.Event] = field(default_factory=list)

    async def waits(self, event: asyncio.Event) -> None:
        """Until a request has come to this event."""
        async with asyncio.timeout(5):
            while not any(each is event for each in self._waiting):
                await asyncio.sleep(0.005)

    async def put(
        self,
        photo: UUID,
        pieces: Sequence[Piece],
        *,
        offset: int = 0,
        length: int | None = None,
        declared: int | None = None,
        complete: bool = False,
        **headers: str,
    ) -> Said | None:
        """Send the pieces; then the line is cut, unless ``complete``. None: nobody was told."""
        if length is not None:
            headers |= {"Upload-Offset": str(offset), "Upload-Length": str(length)}
        if declared is not None:
            headers["Content-Length"] = str(declared)
        queue, said, cut = list(pieces), Said(), False

        async def receive() -> dict[str, Any]:
            nonlocal cut
            while queue and not isinstance(queue[0], bytes):
                wait = queue[0]
                if isinstance(wait, asyncio.Event):
                    self._waiting.append(wait)
                    await wait.wait()
                    queue.pop(0)
                else:  # even if nobody has the patience to hear the end of it
                    await asyncio.sleep(queue.pop(0))
            if queue:
                piece = queue.pop(0)
                last = complete and not queue
                return {"type": "http.request", "body": piece, "more_body": not last}
            cut = True
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                said.status = message["status"]
            else:
                said.body += message.get("body", b"")

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "PUT",
            "scheme": "http",
            "path": f"/v1/photos/{photo}",
            "raw_path": f"/v1/photos/{photo}".encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("testserver", 80),
        }
        await self.app(scope, receive, send)
        return None if cut else said
