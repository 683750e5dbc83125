"""An ASGI application on a loopback socket, from a thread of its own."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Any, port: int = 0) -> Iterator[int]:
    """The port it is on. What it serves may block its client's loop and not its own."""
    with socket.create_server(("127.0.0.1", port), backlog=1024) as listening:
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        )
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.force_exit = server.should_exit = True
            thread.join(timeout=10)
