"""The mail that brings a contractor the link to one job, by a real mail server and the worker."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from reporting import handovers
from reporting.auth import Staff
from reporting.handovers import Handover, NewHandover
from reporting.keys import Keys
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from tests.reporting.test_jobs import many_jobs
from tests.support.mailbox import Mailbox
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import Working, nothing_waits

OFFICE = "office@mere-surfacing.example"


@pytest.fixture
async def boss(street: Street, owner: Connection) -> Staff:
    authority = street.county.authorities["shire"]
    found = Staff(
        id=uuid4(),
        email="jo@shire.example",
        name="Jo Marsh",
        role="supervisor",
        authority_id=authority,
        authority_slug="shire",
        authority_name="Shire County Council",
        wards=(),
        teams=frozenset(),
        areas=frozenset(),
    )
    await owner.execute(
        "insert into staff (id, email, name, role, authority_id, wards)"
        " values (%s, %s, %s, %s, %s, '{}')",
        (found.id, found.email, found.name, found.role, authority),
    )
    return found


async def make(runtime: Runtime, owner: Connection, boss: Staff, **more: Any) -> Handover:
    cursor = await owner.execute("select id from job limit 1")
    (job,) = await cursor.fetchone()
    new = NewHandover(uuid4(), "Mere <b>Surfacing</b>", 14, OFFICE, **more)
    async with runtime.unit() as conn:
        return await handovers.make(
            conn, runtime.router, runtime.keys, boss, UUID(str(job)), new, mails=True
        )


async def test_the_link_comes_by_mail_once(
    street: Street,
    box: Mailbox,
    boss: Staff,
    owner: Connection,
    runtime: Runtime,
    mail_settings: Settings,
    working: Working,
) -> None:
    await many_jobs(street.county, 1)
    made = await make(runtime, owner, boss, message="Mind the <gas> main.")
    async with working(mail_settings):
        await until(lambda: box.mails)
        await until(lambda: nothing_waits(street))
    (mail,) = box.mails
    token = Keys(mail_settings.secret_key.get_secret_value()).handover_token(made.id)
    assert mail.to == OFFICE
    assert f"{mail_settings.public_url}/handover/{token}" in mail.text
    for told in (
        "Pothole",
        "W1 Ward",
        "52.01000, -0.99000",
        made.reference,
        "Mind the <gas> main.",
    ):
        assert told in mail.text
    html = mail.message.get_body(("html",)).get_content()
    assert "Mind the &lt;gas&gt; main." in html
    assert str(mail.message["From"]).startswith("Shire County Council")


async def test_what_was_revoked_before_it_went_is_not_sent(
    street: Street,
    box: Mailbox,
    boss: Staff,
    owner: Connection,
    runtime: Runtime,
    mail_settings: Settings,
    working: Working,
) -> None:
    await many_jobs(street.county, 1)
    made = await make(runtime, owner, boss)
    async with runtime.unit() as conn:
        await handovers.revoke(conn, boss, made.id)
    async with working(mail_settings):
        await until(lambda: nothing_waits(street))
    assert box.tries == []
