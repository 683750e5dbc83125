"""Two things at once: what must not depend on who is a millisecond earlier.

Where an order matters it is made: one transaction is held open, or waits for a lock, while another
runs to its end.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from geo.kinds import LOCK_ROUTING
from geo.points import Point
from reporting import jobs, outbox, vintages
from reporting.auth import Staff, identify
from reporting.jobs import Wanted
from reporting.runtime import Connection, Runtime
from reporting.verify import verify
from routing import duplicates
from routing.assign import Router
from tests.conftest import Database
from tests.reporting.test_reports import POTHOLE, count, pothole, send
from tests.reporting.test_vintages import MOVED, TODAY, add_ward_rule, fly_tip, load
from tests.support.county import County, inside
from tests.support.people import People, job_of
from tests.support.until import until


@pytest.fixture
def people(county: County) -> People:
    return People(county)


async def rows(conn: Connection, statement: str, *values: Any) -> list[Any]:
    return await (await conn.execute(statement, values)).fetchall()


async def log_is_in_order(owner: Connection) -> None:
    """A job's clock never goes back, and a report stands on it from its own entry on."""
    found = await rows(
        owner,
        "select job_id, seq, recorded_at, changes ->> 'report' from job_update"
        " order by job_id, seq",
    )
    since = {
        str(report): begun
        for report, begun in await rows(owner, "select report_id, since from job_report")
    }
    for before, after in pairwise(found):
        if before[0] == after[0]:
            assert before[2] < after[2], f"update {after[1]} was recorded before {before[1]}"
    for _, _, recorded_at, report in found:
        if report:
            assert since[report] == recorded_at


@asynccontextmanager
async def holding(database: Database, *locks: int) -> AsyncIterator[Connection]:
    """A transaction of somebody else, with these advisory locks."""
    async with await AsyncConnection.connect(database.admin_url) as conn:
        for lock in locks:
            await conn.execute("select pg_advisory_xact_lock(%s)", (lock,))
        yield conn


async def waits_for_a_lock(owner: Connection) -> None:
    async def waiting() -> bool:
        found = await rows(
            owner, "select from pg_locks where locktype = 'advisory' and not granted"
        )
        return bool(found)

    await until(waiting, "somebody waits for the lock")


async def signed_in(conn: Connection, headers: dict[str, str]) -> Staff:
    found = await identify(conn, headers["Authorization"].removeprefix("Bearer "))
    assert isinstance(found, Staff)
    return found


def in_progress() -> Wanted:
    return Wanted(id=uuid4(), base_version=1, made_at=datetime.now(UTC), status="in_progress")


async def listening(people: People, address: str) -> dict[str, str]:
    """A device that hears back."""
    headers = await people.device()
    await people.county.conn.execute(
        "insert into subscription (device_id, channel, address)"
        " select id, 'fcm', %s from device order by created_at desc limit 1",
        (address,),
    )
    return headers


async def told(runtime: Runtime, owner: Connection, address: str) -> list[UUID]:
    """What a phone hears once everything is handed on."""
    ids = [number for (number,) in await rows(owner, "select id from outbox order by id")]
    async with runtime.unit() as conn:
        await outbox.fan_out(conn, ids)
    return [
        update
        for (update,) in await rows(
            owner,
            "select update_id from delivery join subscription on subscription.id = subscription_id"
            " where address = %s order by delivery.id",
            address,
        )
    ]


async def test_who_joins_while_an_update_waits_hears_of_that_update(
    client: httpx.AsyncClient, people: People, runtime: Runtime, owner: Connection
) -> None:
    """The update's transaction began first, and is written second: its clock is the older one."""
    crew = await people.crew()
    phone = await listening(people, "second")
    first = (await send(client, pothole())).json()
    wanted = in_progress()
    async with runtime.unit() as conn:
        principal = await signed_in(conn, crew)
        second = (await send(client, pothole(), **phone)).json()
        assert second["job"] == {**first["job"], "reports": 2, "matched": True}
        await jobs.update(conn, runtime.router, principal, job_of(first), wanted)
    await log_is_in_order(owner)
    assert wanted.id in await told(runtime, owner, "second")
    shown = (await client.get(f"/v1/reports/{second['id']}", headers=phone)).json()
    assert [entry["status"] for entry in shown["timeline"]] == ["received", "in_progress"]


async def test_who_waits_to_join_hears_of_nothing_before(
    client: httpx.AsyncClient,
    people: People,
    runtime: Runtime,
    owner: Connection,
    database: Database,
) -> None:
    """The report's transaction began before the update, and is written after it."""
    crew = await people.crew()
    phone = await listening(people, "second")
    first = (await send(client, pothole())).json()
    wanted = in_progress()
    async with runtime.reading() as conn:
        rules = await runtime.router.current(conn)
    cell = duplicates.locks(rules.category("pothole"), Point(**inside("W1")))[0]
    async with holding(database, cell) as other:
        sending = asyncio.create_task(send(client, pothole(), **phone))
        await waits_for_a_lock(owner)
        async with runtime.unit() as conn:
            principal = await signed_in(conn, crew)
            await jobs.update(conn, runtime.router, principal, job_of(first), wanted)
        await other.rollback()
    second = (await sending).json()
    assert second["job"]["matched"]
    assert second["status"] == "in_progress"
    await log_is_in_order(owner)
    assert wanted.id not in await told(runtime, owner, "second")
    shown = (await client.get(f"/v1/reports/{second['id']}", headers=phone)).json()
    assert [entry["status"] for entry in shown["timeline"]] == ["in_progress"]


async def test_nobody_joins_a_job_that_was_just_closed(
    client: httpx.AsyncClient, people: People, owner: Connection
) -> None:
    crew = await people.crew()
    for round_ in range(8):
        place = pothole("W1", dx=0.1 + round_ / 12)
        first = (await send(client, place)).json()
        body = {
            "id": str(uuid4()),
            "base_version": 1,
            "made_at": datetime.now(UTC).isoformat(),
            "status": "fixed",
        }
        path = f"/v1/jobs/{first['job']['id']}/updates"
        closed, *joined = await asyncio.gather(
            client.post(path, json=body, headers=crew),
            send(client, place),
            send(client, place),
        )
        assert closed.status_code == 200, closed.text
        assert {answer.status_code for answer in joined} == {201}
        jobs_of_two = {answer.json()["job"]["id"] for answer in joined}
        after = await rows(
            owner,
            "select kind, changes ->> 'status' from job_update where job_id = %s order by seq",
            UUID(first["job"]["id"]),
        )
        last = [status for _, status in after].index("fixed")
        assert all(kind != "attached" for kind, _ in after[last:]), after
        assert len(jobs_of_two - {first["job"]["id"]}) <= 1
    await log_is_in_order(owner)


async def test_a_photo_belongs_to_one_report(
    client: httpx.AsyncClient, people: People, owner: Connection
) -> None:
    crew = await people.crew()
    standing = (await send(client, pothole("E1"))).json()
    for round_ in range(6):
        photo = uuid4()
        await owner.execute(
            "insert into photo (id, object_key, sha256, bytes, media_type, width, height)"
            " values (%s, %s, '', 1, 'image/jpeg', 1, 1)",
            (photo, str(photo)),
        )
        before = await count(owner, "report")
        body = {
            "id": str(uuid4()),
            "base_version": 1,
            "made_at": datetime.now(UTC).isoformat(),
            "photos": [str(photo)],
        }
        path = f"/v1/jobs/{standing['job']['id']}/updates"
        answers = await asyncio.gather(
            *(
                send(client, pothole(dx=0.1 * n + 0.1, dy=0.1 + round_ / 10, photos=[str(photo)]))
                for n in range(4)
            ),
            client.post(path, json=body, headers=crew),
        )
        accepted = [answer for answer in answers if answer.status_code < 300]
        assert len(accepted) == 1, [answer.text for answer in answers]
        assert {a.json()["code"] for a in answers if a not in accepted} == {"photo-unknown"}
        sent = sum(answer.status_code == 201 for answer in answers)
        assert await count(owner, "report") == before + sent
    assert await count(owner, "photo") == 6
    assert (
        await rows(owner, "select from photo where report_id is null and update_id is null") == []
    )


async def test_a_report_waits_for_boundaries_that_change_and_goes_by_the_new_ones(
    client: httpx.AsyncClient, county: County, owner: Connection, database: Database
) -> None:
    assert (await send(client, pothole("W1"))).json()["team"]["slug"] == "highways"
    async with holding(database, LOCK_ROUTING) as other:
        await other.execute(
            "insert into team (authority_id, slug, name) values (%s, 'new-highways', 'New')",
            (county.authorities["shire"],),
        )
        await other.execute(
            "update responsibility set team_id = (select id from team where slug = 'new-highways')"
            " where category = 'pothole'"
        )
        await other.execute("update rulebook set version = version + 1")
        sending = asyncio.create_task(send(client, pothole("E2")))
        await waits_for_a_lock(owner)
        assert not sending.done()
        await other.commit()
    assert (await sending).json()["team"]["slug"] == "new-highways"


async def test_a_category_that_changed_is_asked_by_its_new_questions(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    assert (await send(client, pothole())).status_code == 201
    found = await rows(owner, "select definition from category where code = 'pothole'")
    definition = found[0][0]
    definition["questions"][2]["required"] = True
    await owner.execute(
        "update category set definition = %s where code = 'pothole'", (json.dumps(definition),)
    )
    await county.touch()
    without = {k: v for k, v in POTHOLE.items() if k != "width"}
    refused = await send(client, {**pothole(), "answers": without})
    assert (refused.status_code, refused.json()["code"]) == (422, "answers-refused")
    definition["active"] = False
    await owner.execute(
        "update category set definition = %s, active = false where code = 'pothole'",
        (json.dumps(definition),),
    )
    await county.touch()
    retired = await send(client, pothole())
    assert (retired.status_code, retired.json()["code"]) == (422, "unknown-category")


async def test_the_answer_names_the_team_that_has_the_job(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    """Staff gave the job to another team; whoever joins it is told of that one."""
    await send(client, pothole())
    await owner.execute("update job set team_id = %s", (county.teams["shire/shire-triage"],))
    joined = (await send(client, pothole())).json()
    assert joined["job"]["matched"]
    shown = (await client.get(f"/v1/reports/{joined['id']}")).json()
    for name in ("authority", "team", "ward", "status", "priority", "due_at", "location"):
        assert joined[name] == shown[name], name
    assert joined["team"]["slug"] == "shire-triage"


async def test_a_process_that_never_saw_the_rules_decides_like_any_other(
    county: County, runtime: Runtime
) -> None:
    """Twenty tasks of a fresh process load the rules once, and none decides without them."""
    router = Router()

    async def ask(ward: str) -> str:
        async with runtime.reading() as conn:
            found = await router.assign(
                conn, Point(**inside(ward)), "fly_tipping", datetime.now(UTC)
            )
        return found.authority.slug

    wards = ["W1", "E1"] * 10
    assert await asyncio.gather(*map(ask, wards)) == ["west", "east"] * 10


async def test_boundaries_change_under_a_stream_of_reports(
    client: httpx.AsyncClient, county: County, people: People, runtime: Runtime, owner: Connection
) -> None:
    """Whenever a report came, its job ends with the ward and team of the new boundaries."""
    for ward, team in (("W1", "north"), ("W2", "south")):
        await add_ward_rule(county, "west", ward, team)
    supervisor = await people.staff("supervisor", "west")
    draft = await load(owner, "west", MOVED, TODAY)
    made: list[dict[str, Any]] = []
    over = False

    async def report_all(ward: str, dy: float) -> None:
        for step in range(1, 20):
            # To and fro over what is to be the border at a half.
            dx = (7 * step % 20 + 0.5) / 20
            body = {**fly_tip(ward, dx), "location": inside(ward, dx, dy)}
            key = str(uuid4())
            while (answer := await send(client, body, key)).status_code == 503:
                await asyncio.sleep(0)
            assert answer.status_code == 201, answer.text
            made.append(answer.json())

    async def work() -> None:
        number = 0
        while not over:
            if number < len(made):
                body = {
                    "id": str(uuid4()),
                    "base_version": made[number]["job"]["reports"],
                    "made_at": datetime.now(UTC).isoformat(),
                    "status": "in_progress",
                }
                path = f"/v1/jobs/{made[number]['job']['id']}/updates"
                answer = await client.post(path, json=body, headers=supervisor)
                assert answer.status_code in {200, 409, 422, 503}, answer.text
                number += 1
            await asyncio.sleep(0.01)

    sending = [
        asyncio.create_task(report_all(ward, dy)) for ward in ("W1", "W2") for dy in (0.3, 0.7)
    ]
    working = asyncio.create_task(work())
    await until(lambda: len(made) > 20, "some reports")
    proposal = await vintages.propose(owner, draft.id)
    async with runtime.unit() as conn:
        change = await vintages.activate(conn, proposal, {})
    assert not all(task.done() for task in sending), "the stream ended before the change"
    await asyncio.gather(*sending)
    over = True
    await working
    assert change.moves
    wrong = [
        (str(job), lng, code, team)
        for job, lng, code, team in await rows(
            owner,
            "select job.id, st_x(place), area.code, team.slug from job"
            " join area on area.id = job.ward_area_id join team on team.id = job.team_id",
        )
        if (code, team) != (("W1", "north") if lng < -0.99 else ("W2", "south"))
    ]
    assert not wrong, wrong
    await log_is_in_order(owner)
    async with runtime.reading() as conn:
        assert (await verify(conn, runtime.keys)).holds
