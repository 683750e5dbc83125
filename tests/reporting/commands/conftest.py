"""Commands as an operator types them, on this test's database."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from reporting.cli import app
from reporting.runtime import Connection
from reporting.settings import Settings


@pytest.fixture
def run(owner: Connection, settings: Settings) -> Callable[..., Result]:
    """Runs a command as the role the processes run as.

    A command brings its own event loop: in an async test it needs a thread (asyncio.to_thread).
    """
    env = {
        "KERBLINE_DATABASE_URL": settings.database_url,
        "KERBLINE_REDIS_URL": settings.redis_url,
        "KERBLINE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "KERBLINE_ENVIRONMENT": "development",
        "COLUMNS": "200",
    }

    def call(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words], env=env)

    return call
