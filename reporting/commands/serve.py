"""`serve` and `openapi`: the process and its contract."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn

from reporting import logs, metrics, openapi_file
from reporting.commands.base import fail, out, read_settings
from reporting.commands.http import Protocol

ROOT = Path(__file__).resolve().parents[2]


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes.", min=1)] = 1,
) -> None:
    """Run the API."""
    settings = read_settings()
    logs.configure()
    with TemporaryDirectory(prefix="kerbline-metrics-") as folder:
        if workers > 1:
            metrics.share(Path(folder))
        uvicorn.run(
            "reporting.process:make",
            factory=True,
            host=host,
            port=port,
            workers=workers,
            loop="uvloop",
            http=Protocol,
            access_log=False,
            log_config=None,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies or "",
            timeout_graceful_shutdown=20,
        )


def openapi(
    *,
    check: Annotated[bool, typer.Option("--check", help="Only compare; write nothing.")] = False,
) -> None:
    """Write openapi/openapi.json from the routes, or say that it differs from them."""
    path = ROOT / "openapi" / "openapi.json"
    document = openapi_file.document()
    if not check:
        path.write_bytes(document)
        out.print(f"Wrote {path.relative_to(ROOT)}.")
    elif not path.exists() or path.read_bytes() != document:
        fail("openapi/openapi.json differs from the routes; run ./dev openapi.")
