"""One PostgreSQL and one Redis for all these tests, apart from those of the other tests."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from psycopg import AsyncConnection

from tests.conftest import EMPTY
from tests.support.county import County
from tests.support.processes import Machine
from tests.support.processes import machine as started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All on one test process: the machine is made once."""
    for item in items:
        if "tests/faults/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("faults"))


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with started(tmp_path_factory.mktemp("machine")) as found:
        yield found


@pytest.fixture
async def county(machine: Machine) -> AsyncIterator[County]:
    """The county, on an empty database."""
    async with await AsyncConnection[Any].connect(machine.owner_url, autocommit=True) as owner:
        await owner.execute(EMPTY)
        await owner.execute("set session_replication_role = origin")
        found = County(owner)
        await found.build()
        yield found
