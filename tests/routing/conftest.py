import pytest

from tests.routing.land import Land


@pytest.fixture
async def land(owner):
    """The two-tier county, to lay more on."""
    found = Land(owner)
    await found.build()
    return found
