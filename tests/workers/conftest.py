"""A gateway on a socket, a street of phones, and a worker that the test can stop."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from reporting.settings import Settings
from tests.support.county import County
from tests.support.elsewhere import box, fcm, fcm_gateway, mail_server
from tests.support.fcm import FakeFcm
from tests.support.mailbox import Mailbox
from tests.support.street import Street
from workers import main, pump, relay

#: Fixtures of that file.
__all__ = ["box", "fcm", "fcm_gateway", "mail_server"]

#: As in use, but less patient.
IMPATIENT = main.Policies(
    relay=relay.Policy(lease_s=1.0, first_s=0.05, longest_s=0.2, sweep_s=0.2),
    pump=pump.Policy(lease_s=5.0, first_s=0.05, longest_s=0.2, sweep_s=0.1, database_s=0.05),
    mail=pump.Policy(
        in_flight=2,
        lease_s=5.0,
        first_s=0.05,
        longest_s=0.2,
        give_up_s=main.Policies().mail.give_up_s,
        sweep_s=0.1,
        database_s=0.05,
    ),
)


@pytest.fixture
def fcm_settings(settings: Settings, fcm: FakeFcm, tmp_path: Path) -> Settings:
    """Settings of a process that pushes to the gateway."""
    file = fcm.credentials(tmp_path / "firebase.json")
    return settings.model_copy(update={"firebase_credentials": str(file), "fcm_endpoint": fcm.url})


@pytest.fixture
def mail_settings(fcm_settings: Settings, box: Mailbox) -> Settings:
    """The same, which sends mail too."""
    mail = {"smtp_url": box.url, "mail_from": "reports@shire.example"}
    return fcm_settings.model_copy(update=mail)


@pytest.fixture
def street(county: County) -> Street:
    return Street(county)


async def nothing_waits(street: Street) -> bool:
    """Whether everything that was recorded to be done is done."""
    return await street.outbox_ids() == []


Working = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
def working(fcm_settings: Settings, redis: object) -> Working:
    """``async with working():`` the whole worker runs, and is told to stop at the end."""

    @asynccontextmanager
    async def run(
        settings: Settings = fcm_settings, policies: main.Policies = IMPATIENT
    ) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        task = asyncio.create_task(main.work(settings, stopping, policies))
        try:
            yield
        finally:
            stopping.set()
            await asyncio.wait_for(task, 30)

    return run
