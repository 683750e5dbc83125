import pytest

from tests.routing.council import Council
from tests.routing.land import Land


@pytest.fixture
async def land(owner):
    """The two-tier county, to lay more on."""
    found = Land(owner)
    await found.build()
    return found


@pytest.fixture
def council(owner, database, tmp_path, monkeypatch):
    """The command line on this test's database."""
    monkeypatch.setenv("KERBLINE_DATABASE_URL", database.url)
    monkeypatch.setenv("COLUMNS", "200")
    return Council(tmp_path)
