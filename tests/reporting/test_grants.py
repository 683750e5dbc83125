"""The processes' role can add to the record and cannot take from it."""

import psycopg
import pytest
from psycopg import AsyncConnection

from reporting.commands.schema import APPEND_ONLY, NEVER_DELETED
from reporting.runtime import Connection
from tests.support.scratch import Database


@pytest.mark.parametrize("table", [*APPEND_ONLY, *NEVER_DELETED])
async def test_the_processes_cannot_delete(
    owner: Connection, database: Database, table: str
) -> None:
    async with await AsyncConnection.connect(database.url, autocommit=True) as conn:
        for statement in (f"delete from {table}", f"truncate {table} cascade"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(statement)


@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_nobody_changes_the_log_not_even_its_owner(owner: Connection, table: str) -> None:
    row = await (
        await owner.execute(
            "select column_name from information_schema.columns where table_name = %s"
            " and is_identity = 'NO' limit 1",
            (table,),
        )
    ).fetchone()
    for statement in (
        f"update {table} set {row[0]} = {row[0]}",
        f"delete from {table}",
        f"truncate {table} cascade",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            await owner.execute(statement)


async def test_the_processes_cannot_change_the_schema(
    owner: Connection, database: Database
) -> None:
    async with await AsyncConnection.connect(database.url, autocommit=True) as conn:
        for statement in (
            "alter table job disable trigger all",
            "drop table job",
            "create table spare (id int)",
            "update alembic_version set version_num = '0'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await conn.execute(statement)
