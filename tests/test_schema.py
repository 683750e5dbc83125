"""The schema: one history, and what it makes is what the models declare."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData

import geo.areas
import geo.heat.tables  # noqa: F401
import reporting.tables  # noqa: F401
import routing.tables  # noqa: F401
from geo.base import Base
from reporting.commands.schema import APPEND_ONLY, NEVER_DELETED
from reporting.web.health import SCHEMA
from tests.conftest import Database
from tests.support.scratch import ROOT, scratch

CONFIG = Config(toml_file=str(ROOT / "pyproject.toml"))


@contextmanager
def as_owner(url: str) -> Iterator[None]:
    """The variable that Alembic takes the database from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERBLINE_OWNER_DATABASE_URL", url)
        yield


def test_the_history_has_one_end() -> None:
    scripts = ScriptDirectory.from_config(CONFIG)
    assert len(scripts.get_heads()) == 1
    assert scripts.get_current_head() == SCHEMA, "web/health.py waits for another schema"
    names = [script.revision for script in scripts.walk_revisions()]
    assert sorted(names, reverse=True) == names


def test_the_models_and_the_migrations_agree(database: Database) -> None:
    with as_owner(database.admin_url):
        command.check(CONFIG)  # raises, and says what differs


def test_the_models_declare_every_table(database: Database) -> None:
    metadata: MetaData = Base.metadata
    with psycopg.connect(database.admin_url) as conn:
        there = {
            name
            for (name,) in conn.execute(
                "select tablename from pg_tables where schemaname = 'public'"
            ).fetchall()
        }
    assert there - {"alembic_version", "spatial_ref_sys"} == set(metadata.tables)


def test_the_history_can_be_walked_back_and_forth() -> None:
    """Down to nothing and up again, on a database of its own."""
    with scratch("history") as own, as_owner(own.admin_url):
        command.downgrade(CONFIG, "base")
        with psycopg.connect(own.admin_url) as conn:
            left = conn.execute(
                "select relname from pg_class join pg_namespace n on n.oid = relnamespace"
                " left join pg_depend d on d.objid = pg_class.oid and d.deptype = 'e'"
                " where nspname = 'public' and relkind in ('r', 'S', 'v') and d.objid is null"
            ).fetchall()
            functions = conn.execute(
                "select proname from pg_proc join pg_namespace n on n.oid = pronamespace"
                " left join pg_depend d on d.objid = pg_proc.oid and d.deptype = 'e'"
                " where nspname = 'public' and d.objid is null"
            ).fetchall()
        assert left == [("alembic_version",)]
        assert functions == []
        command.upgrade(CONFIG, "head")
        command.check(CONFIG)


def test_a_second_migrate_changes_nothing(database: Database) -> None:
    dump = "select md5(string_agg(relname || relkind::text, ',' order by oid)) from pg_class"
    with psycopg.connect(database.admin_url, autocommit=True) as conn:
        before = conn.execute(dump).fetchone()
        with as_owner(database.admin_url):
            command.upgrade(CONFIG, "head")
        assert conn.execute(dump).fetchone() == before


def test_what_a_delete_looks_for_is_indexed(database: Database) -> None:
    """Deleting a row must not read through each table that may refer to it."""
    with psycopg.connect(database.admin_url) as conn:
        missing = conn.execute(
            "select confrelid::regclass::text, conname from pg_constraint key"
            " where contype = 'f' and not exists ("
            "   select from pg_index where indrelid = conrelid and indkey[0] = conkey[1])"
        ).fetchall()
    # Accounts are disabled, not deleted.
    assert {name for name, _ in missing} <= {*APPEND_ONLY, *NEVER_DELETED, "staff"}, missing
