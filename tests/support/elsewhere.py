"""Fixtures: a push gateway and a mail server for the process, as new for each test."""

from collections.abc import Iterator

import pytest

from tests.support import fcm as gateway
from tests.support import mailbox
from tests.support.fcm import FakeFcm
from tests.support.mailbox import Mailbox


@pytest.fixture(scope="session")
def fcm_gateway() -> Iterator[FakeFcm]:
    with gateway.running(FakeFcm()) as found:
        yield found


@pytest.fixture
def fcm(fcm_gateway: FakeFcm) -> FakeFcm:
    fcm_gateway.reset()
    return fcm_gateway


@pytest.fixture(scope="session")
def mail_server() -> Iterator[Mailbox]:
    with mailbox.running(Mailbox()) as found:
        yield found


@pytest.fixture
def box(mail_server: Mailbox) -> Mailbox:
    mail_server.reset()
    return mail_server
