"""`serve`, `migrate` and `openapi`: the process, its schema and its contract."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated
from urllib.parse import urlsplit

import psycopg
import typer
import uvicorn
from alembic import command as alembic
from alembic.config import Config
from psycopg import sql

from reporting import logs, metrics, openapi_file
from reporting.commands.base import fail, out, read_settings

ROOT = Path(__file__).resolve().parents[2]

#: Tables that the processes may only add to. A trigger refuses the rest to everyone.
APPEND_ONLY = ("job_update", "assignment", "checkpoint", "checkpoint_head")

#: Rows that nothing may ever take away: the record itself, and what it names without a foreign key.
NEVER_DELETED = (
    "authority",
    "authority_member",
    "vintage",
    "area",
    "area_part",
    "category",
    "team",
    "report",
    "job",
    "job_report",
    "rulebook",
)


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
            http="httptools",
            access_log=False,
            log_config=None,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies or "",
            timeout_graceful_shutdown=20,
        )


def migrate() -> None:
    """Bring the schema to this version, as its owner, and grant the processes their rights."""
    settings = read_settings()
    owner = settings.owner_database_url or settings.database_url
    try:
        with psycopg.connect(owner, autocommit=True) as conn:
            _extensions(conn)
        alembic.upgrade(Config(toml_file=str(ROOT / "pyproject.toml")), "head")
        role = urlsplit(settings.database_url).username
        with psycopg.connect(owner) as conn:
            row = conn.execute("select current_user = %s", (role,)).fetchone()
            if role is None or (row and row[0]):
                out.print("The processes run as the schema's owner: fine for a trial, not for use.")
            else:
                grant(conn, role)
    except psycopg.OperationalError:
        fail("The database does not answer; see KERBLINE_OWNER_DATABASE_URL.")
    out.print("The schema is up to date.")


def _extensions(conn: psycopg.Connection[tuple[object, ...]]) -> None:
    for name in ("postgis", "btree_gist"):
        try:
            conn.execute(sql.SQL("create extension if not exists {}").format(sql.Identifier(name)))
        except psycopg.errors.InsufficientPrivilege:
            fail(f"Ask the database's administrator to run: CREATE EXTENSION {name};")


def grant(conn: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    """Give the processes' role what it needs on the tables there are now, and no more."""
    name = sql.Identifier(role)
    guarded = sql.SQL(", ").join(map(sql.Identifier, APPEND_ONLY))
    kept = sql.SQL(", ").join(map(sql.Identifier, NEVER_DELETED))
    for statement in (
        "grant usage on schema public to {role}",
        "grant select, insert, update, delete on all tables in schema public to {role}",
        "grant usage on all sequences in schema public to {role}",
        "revoke update, delete, truncate on {guarded} from {role}",
        "revoke delete, truncate on {kept} from {role}",
        "revoke insert, update, delete on alembic_version from {role}",
    ):
        conn.execute(sql.SQL(statement).format(role=name, guarded=guarded, kept=kept))


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
