"""`dead-letters` from the shell: what was given up, why, and trying it again."""

import asyncio

import pytest
from typer.testing import CliRunner, Result

from reporting.cli import app


@pytest.fixture
def run(owner, settings):
    env = {
        "KERBLINE_DATABASE_URL": settings.database_url,
        "KERBLINE_REDIS_URL": settings.redis_url,
        "KERBLINE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "KERBLINE_ENVIRONMENT": "development",
        "COLUMNS": "200",
    }

    def call(*words: str) -> Result:
        return CliRunner().invoke(app, ["dead-letters", *words], env=env)

    return call


async def test_none(run):
    assert (await asyncio.to_thread(run)).output == "There are no dead letters.\n"


async def test_one_is_shown_and_revived(run, owner):
    await owner.execute(
        "insert into outbox (topic, subject, attempts, dead_at, last_error)"
        " values ('photo', gen_random_uuid(), 8, now(), 'reporting.errors.PhotoGone')"
    )
    shown = await asyncio.to_thread(run)
    assert shown.exit_code == 0
    assert "photo" in shown.output
    assert "PhotoGone" in shown.output
    assert "Revived 1 of the outbox." in (await asyncio.to_thread(run, "--revive")).output
    assert (await asyncio.to_thread(run)).output == "There are no dead letters.\n"
