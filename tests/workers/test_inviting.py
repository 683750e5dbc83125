"""The mail that brings an invitation, by a real mail server and the worker."""

from reporting.accounts import inviting, making
from reporting.accounts.inviting import Inviting
from reporting.keys import Keys
from reporting.runtime import Runtime
from reporting.settings import Settings
from tests.support.mailbox import Mailbox
from tests.support.street import Street
from tests.support.until import until
from tests.workers.conftest import Working, nothing_waits


async def test_the_newest_link_comes_by_mail_and_the_older_does_not(
    street: Street,
    box: Mailbox,
    runtime: Runtime,
    mail_settings: Settings,
    working: Working,
) -> None:
    keys = Keys(mail_settings.secret_key.get_secret_value())
    async with runtime.unit() as conn:
        account = await making.add(
            conn,
            runtime.passwords,
            email="al@shire.example",
            password=None,
            role="crew",
            authority="shire",
            teams=("highways",),
            name="Al <b>Mere</b>",
        )
        how = Inviting(keys, is_mailed=True)
        older, newer = [await inviting.invite(conn, how, account, None, "system") for _ in range(2)]
    async with working(mail_settings):
        await until(lambda: box.mails)
        await until(lambda: nothing_waits(street))
    (mail,) = box.mails
    assert mail.to == "al@shire.example"
    assert f"{mail_settings.public_url}/invitation/{newer}" in mail.text
    assert older not in mail.text
    assert "Al &lt;b&gt;Mere" in mail.message.get_body(("html",)).get_content()
    async with runtime.unit() as conn:
        assert (await inviting.invited(conn, newer)).email == "al@shire.example"
