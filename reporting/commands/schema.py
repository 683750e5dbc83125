"""`migrate`: the schema, by its owner, and what the processes may do with it."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from reporting.commands.base import fail, out, read_settings

ROOT = Path(__file__).resolve().parents[2]

#: Tables that the processes may only add to. A trigger refuses the rest to everyone.
APPEND_ONLY = ("job_update", "assignment", "checkpoint", "checkpoint_head", "staff_entry")

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
    "import_source",
    "imported",
    "rulebook",
)


def migrate() -> None:
    """Bring the schema to this version, as its owner, and grant the processes their rights."""
    settings = read_settings()
    owner = settings.owner_database_url or settings.database_url
    try:
        with psycopg.connect(owner, autocommit=True) as conn:
            _extensions(conn)
        upgrade(owner)
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


def upgrade(owner: str) -> None:
    """Run the migrations in a process of their own, which alone loads Alembic and SQLAlchemy."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "KERBLINE_OWNER_DATABASE_URL": owner},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it said nothing"]
        fail(f"The migration failed: {lines[-1]}")


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
