"""uvicorn's HTTP/1.1, with an end to how long the head of a request may be, and to streams.

Its parser keeps a header that never ends in memory, and copies it with each piece that comes: one
connection could keep a process busy. A proxy in front has such a limit; this holds without one.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: Where the scope of a stream keeps what ends it (``web.event_stream``).
ENDS: Final = "kerbline.ends"
#: Request line and headers together. The longest of ours, with a bearer, is below 1 kB.
HEAD_BYTES: Final = 65_536


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes: int | None = 0

    def on_message_begin(self) -> None:
        """Begin to count; it may be in the middle of a piece, which is counted whole."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is over, and what comes now is the body."""
        self._head_bytes = None
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """A piece of a request, of two, or of a half."""
        super().data_received(data)
        if self._head_bytes is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")

    def shutdown(self) -> None:
        """The process is to stop: what only watches is ended, what does something is finished."""
        super().shutdown()
        cycle: Any = self.cycle  # none before the first request
        if cycle is not None and ENDS in cycle.scope:
            cycle.scope[ENDS]()
