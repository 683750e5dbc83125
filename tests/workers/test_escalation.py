"""A supervisor's warnings go out by mail, through a real server, or stay on the console alone."""

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from reporting import escalating, mail_server
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from tests.support import mailbox as server
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.mailbox import Answer, Mailbox
from tests.support.people import People
from tests.support.until import until
from tests.workers.conftest import Working
from workers.jobs.escalation import escalate, warn
from workers.mail import Mailer, Sender
from workers.quota import WARNINGS, Quota

#: What a resident wrote and who they are; none of it is in a mail.
PERSONAL = "Ring Ann Cole on 07700 900123, by the red gate"


@asynccontextmanager
async def context(runtime: Runtime, redis: Redis, box: Mailbox | None) -> Any:
    """What arq gives a job, with a mail server or without."""
    if box is None:
        yield {"runtime": runtime, "mailer": None}
        return
    sender = Sender(mail_server.parse(box.url), "reports@shire.example")
    mailer = Mailer(sender, Quota(redis, runtime.keys))
    yield {"runtime": runtime, "mailer": mailer}
    await mailer.close()


async def waiting(owner: Connection) -> list[int]:
    cursor = await owner.execute(
        "select id from outbox where topic = 'warning' and done_at is null order by id"
    )
    return [number for (number,) in await cursor.fetchall()]


async def outcomes(owner: Connection) -> list[str | None]:
    cursor = await owner.execute("select outcome from warning_mail order by created_at, id")
    return [outcome for (outcome,) in await cursor.fetchall()]


async def late(county: County, many: int) -> None:
    """So many jobs of the county that were due long ago, one with what a resident wrote."""
    await fill(county, many, 0)
    await county.conn.execute(
        "insert into report (id, reference, category, authority_id, answers, tracking_hash,"
        " created_at) select gen_random_uuid(), 'R' || reference, category, authority_id, '{}',"
        " sha256(reference::bytea), now() from job"
    )
    await county.conn.execute(
        "insert into report_words (report_id, description) select id, %s from report", (PERSONAL,)
    )


async def test_one_mail_names_what_is_most_serious_and_links_to_it(
    runtime: Runtime, redis: Redis, county: County, owner: Connection, box: Mailbox
) -> None:
    await People(county).staff("supervisor", "shire")
    await late(county, 23)
    async with context(runtime, redis, box) as ctx:
        await escalate(ctx)
        await warn(ctx, await waiting(owner))
        await escalate(ctx)  # nothing is new
    [mail] = box.mails
    assert mail.message["Subject"] == "23 jobs need your eye: 20 late and 3 more"
    assert mail.message["From"].startswith("Shire County Council")
    cursor = await owner.execute(
        "select id, reference, priority from job order by priority, due_at"
    )
    jobs = await cursor.fetchall()
    (first, reference, _) = jobs[0]
    assert mail.text.startswith("23 jobs need your eye.\n\n")
    assert f"{reference}, P1: late\nPothole, " in mail.text
    assert f"http://testserver/console/jobs/{first}\n" in mail.text
    assert mail.text.count("/console/jobs/") == 20
    assert "And 3 more.\n" in mail.text
    assert "http://testserver/console/warnings" in mail.text
    html = mail.message.get_body(("html",)).get_content()
    assert html.count("/console/jobs/") == 20
    for body in (mail.text, html):
        assert not [word for word in ("Ann", "07700", "gate", "@") if word in body]
    assert await waiting(owner) == []
    assert await outcomes(owner) == ["sent"]


async def test_a_server_that_is_busy_is_asked_again_and_one_that_lost_its_answer_too(
    runtime: Runtime, redis: Redis, county: County, owner: Connection, box: Mailbox
) -> None:
    await People(county).staff("supervisor", "shire")
    await late(county, 1)
    box.next["RCPT"].append(server.BUSY)
    box.next["DATA"].append(server.TAKEN_AND_DROPPED)
    async with context(runtime, redis, box) as ctx:
        await escalate(ctx)
        for _ in range(2):
            await warn(ctx, await waiting(owner))
            assert len(await waiting(owner)) == 1
        assert await outcomes(owner) == [None]
        await warn(ctx, await waiting(owner))
        await warn(ctx, await waiting(owner))
    one, other = box.mails
    assert one.id == other.id  # shown once
    assert await outcomes(owner) == ["sent"]


async def test_what_will_never_arrive_is_settled_and_stands_on_the_console(
    runtime: Runtime, redis: Redis, county: County, owner: Connection, box: Mailbox
) -> None:
    await People(county).staff("supervisor", "shire")
    await late(county, 1)
    box.always["RCPT"] = server.NO_MAILBOX
    async with context(runtime, redis, box) as ctx:
        await escalate(ctx)
        await warn(ctx, await waiting(owner))
    assert (box.mails, await waiting(owner)) == ([], [])
    assert await outcomes(owner) == ["bounced"]


@pytest.mark.parametrize(
    "meanwhile",
    [
        "update job set status = 'fixed', closed_at = now()",
        "update staff set disabled_at = now()",
    ],
)
async def test_nothing_is_sent_of_what_was_done_meanwhile_or_to_who_left(
    runtime: Runtime,
    redis: Redis,
    county: County,
    owner: Connection,
    box: Mailbox,
    meanwhile: str,
) -> None:
    await People(county).staff("supervisor", "shire")
    await late(county, 2)
    async with context(runtime, redis, box) as ctx:
        await escalate(ctx)
        await owner.execute(meanwhile)
        await warn(ctx, await waiting(owner))
    assert (box.mails, await waiting(owner)) == ([], [])


async def test_without_a_server_nothing_waits_for_one(
    runtime: Runtime, redis: Redis, county: County, owner: Connection
) -> None:
    await People(county).staff("supervisor", "shire")
    await late(county, 2)
    async with context(runtime, redis, None) as ctx:
        await escalate(ctx)
    cursor = await owner.execute("select kind, count(*) from escalation group by kind")
    assert await cursor.fetchall() == [("overdue", 2)]
    assert (await waiting(owner), await outcomes(owner)) == ([], [])


async def test_one_mailbox_is_not_flooded(
    runtime: Runtime, redis: Redis, county: County, owner: Connection, box: Mailbox
) -> None:
    """More mails in an hour than there are runs: the others are on the console."""
    await People(county).staff("supervisor", "shire")
    await late(county, 40)
    async with context(runtime, redis, box) as ctx:
        rules = await runtime.router.current(owner)
        for number in range(WARNINGS[0].many + 2):
            await owner.execute(
                "update job set reopened = %s where id = (select id from job order by id limit 1)",
                (number,),
            )
            async with runtime.unit() as conn:
                await escalating.escalate(conn, rules, by_mail=True)
            await warn(ctx, await waiting(owner))
    assert len(box.mails) == WARNINGS[0].many
    assert (await outcomes(owner)).count("too many to one address") == 2
    assert await waiting(owner) == []


async def test_the_whole_worker_brings_it(
    fcm_settings: Settings, runtime: Runtime, county: County, box: Mailbox, working: Working
) -> None:
    """Through the outbox, the relay and arq. The clock is moved, not waited for."""
    await People(county).staff("supervisor", "shire")
    await late(county, 1)
    settings = fcm_settings.model_copy(
        update={"smtp_url": box.url, "mail_from": "reports@shire.example"}
    )
    held = Answer("451 4.7.1 not yet")
    box.next["RCPT"].append(held)
    async with working(settings):
        async with runtime.unit() as conn:
            rules = await runtime.router.current(conn)
            [(now,)] = await (await conn.execute("select now()")).fetchall()
            later = now + timedelta(days=400)
            assert (await escalating.escalate(conn, rules, by_mail=True, now=later))["overdue"] == 1
        await until(lambda: box.mails, "the mail came at the second try")
    assert len(box.tries) == 2
    assert len(box.mails) == 1
