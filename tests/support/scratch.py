"""Migrated databases to throw away: for each test process, and for each bench."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from reporting.commands import schema

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Database:
    """One database, as the role the processes run as and as the cluster's administrator."""

    name: str
    url: str
    admin_url: str


@contextmanager
def scratch(label: str) -> Iterator[Database]:
    """A migrated, empty database of that label and this process, dropped on leaving."""
    server = os.environ.get("KERBLINE_TEST_DATABASE_URL")
    if not server:
        raise RuntimeError("KERBLINE_TEST_DATABASE_URL is not set; run the tests with ./dev test.")
    app_url = os.environ["KERBLINE_DATABASE_URL"]
    template = _template(server, urlsplit(app_url).username or "")
    name = f"kt_{label}_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(
            sql.SQL("create database {} template {} strategy file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        try:
            yield Database(name, with_database(app_url, name), with_database(server, name))
        finally:
            conn.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def with_database(url: str, name: str) -> str:
    """The same server and role, another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _template(server: str, app_role: str) -> str:
    """The name of the migrated template, made if there is none for this state of the schema."""
    name = f"kt_template_{_schema_state()}"
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(1802658115)")  # the other test processes wait here
        if conn.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
            return name
        making = f"{name}_making"
        conn.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(making))
        )
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(making)))
        url = with_database(server, making)
        with psycopg.connect(url, autocommit=True) as fresh:
            fresh.execute("create extension postgis; create extension btree_gist")
        schema.upgrade(url)
        with psycopg.connect(url) as fresh:
            schema.grant(fresh, app_role)
        conn.execute(
            sql.SQL("alter database {} rename to {}").format(
                sql.Identifier(making), sql.Identifier(name)
            )
        )
    return name


def _schema_state() -> str:
    found = hashlib.sha256()
    sources = [*(ROOT / "migrations" / "versions").glob("*.py"), Path(schema.__file__)]
    for path in sorted(sources):
        found.update(path.read_bytes())
    return found.hexdigest()[:12]
