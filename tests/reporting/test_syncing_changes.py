"""What tablets are told is new: everything once at least, also what was committed late."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import AsyncConnection

from reporting.queries import syncing as queries
from reporting.runtime import Connection
from tests.reporting.test_jobs import fly_tip, many_jobs
from tests.reporting.test_reports import pothole
from tests.reporting.test_syncing import Tablet
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.people import People, job_of, report
from tests.support.plans import MODES, nodes, plan_of, rows_read
from tests.support.scratch import Database


@pytest.fixture
def people(county: County) -> People:
    return People(county)


@pytest.fixture
async def crew(client: httpx.AsyncClient, people: People) -> Tablet:
    return Tablet(client, await people.crew())


@pytest.fixture
async def boss(client: httpx.AsyncClient, people: People) -> Tablet:
    return Tablet(client, await people.staff("supervisor", "shire"))


async def test_a_tablet_gets_what_is_open_and_then_what_is_new(
    client: httpx.AsyncClient, crew: Tablet, boss: Tablet
) -> None:
    one, two = [str(job_of(await report(client, pothole(ward)))) for ward in ("W1", "W2")]
    await report(client, fly_tip("W1"))
    await boss.push(boss.did(UUID(two), status="fixed"))
    jobs, gone = await crew.pull()
    assert (set(jobs), gone) == ({one}, set())
    whole = (await client.get(f"/v1/jobs/{one}", headers=crew.who)).json()
    assert jobs[one] == whole
    assert whole["place"] == {"zones": [], "near_boundary": False}
    assert await crew.pull() == ({}, set())
    await boss.push(boss.did(UUID(one), status="fixed"), boss.did(UUID(two), 2, status="received"))
    three = str(job_of(await report(client, pothole("E1"))))
    jobs, gone = await crew.pull()
    assert {job: item["status"] for job, item in jobs.items()} == {
        one: "fixed",
        two: "received",
        three: "received",
    }
    assert await crew.pull() == ({}, set())


async def test_nothing_new_is_the_same_answer(client: httpx.AsyncClient, crew: Tablet) -> None:
    job = job_of(await report(client, pothole()))
    await crew.pull()
    first = await crew.ask()
    crew.cursor = first.json()["cursor"]
    again = {**crew.who, "If-None-Match": first.headers["etag"]}
    path = "/v1/jobs"
    params = {"updated_since": crew.cursor}
    assert (await client.get(path, params=params, headers=again)).status_code == 304
    await crew.push(crew.did(job, note="x"))
    assert (await client.get(path, params=params, headers=again)).status_code == 200


async def test_a_job_that_goes_to_others_is_gone_here_and_new_there(
    client: httpx.AsyncClient, people: People, crew: Tablet, boss: Tablet
) -> None:
    job = str(job_of(await report(client, pothole())))
    triage = Tablet(client, await people.crew("shire", "shire-triage"))
    d2 = Tablet(client, await people.staff("supervisor", "shire", wards=("D2",)))
    d1 = Tablet(client, await people.staff("supervisor", "shire", wards=("D1",)))
    for tablet in (crew, boss, triage, d1, d2):
        await tablet.pull()
    await boss.push(boss.did(UUID(job), team="shire-triage"))
    assert await crew.pull() == ({}, {job})
    assert [set(part) for part in await triage.pull()] == [{job}, set()]
    assert [set(part) for part in await boss.pull()] == [{job}, set()]
    await d1.pull()
    await boss.push(boss.did(UUID(job), 2, location={"lat": 52.01, "lng": -0.95}))
    await boss.push(boss.did(UUID(job), 3, team="shire-triage"))
    assert await d1.pull() == ({}, {job})
    assert [set(part) for part in await d2.pull()] == [{job}, set()]
    # There and back between two looks is no going.
    await boss.push(boss.did(UUID(job), 4, team="highways"))
    await boss.push(boss.did(UUID(job), 5, team="shire-triage"))
    assert [set(part) for part in await triage.pull()] == [{job}, set()]


async def test_what_is_committed_late_is_not_missed(
    client: httpx.AsyncClient, crew: Tablet, database: Database
) -> None:
    jobs = [job_of(await report(client, pothole(ward))) for ward in ("W1", "W2", "E1")]
    early, late, gone = jobs
    await crew.pull()
    change = "update job set version = version + 1 where id = %s"
    leave = (
        "update job set version = version + 1, team_id ="
        " (select id from team where slug = 'shire-triage') where id = %s"
    )
    async with (
        await AsyncConnection.connect(database.admin_url) as first,
        await AsyncConnection.connect(database.admin_url) as second,
    ):
        await first.execute(change, (late,))  # its number is the lowest
        await first.execute(leave, (gone,))
        await second.execute(change, (early,))
        await second.commit()
        for _ in range(3):  # the first is still running
            found = await crew.pull()
            assert found in ((found[0], set()), ({}, set()))
            assert set(found[0]) <= {str(early)}
        await first.commit()
    found = await crew.pull()
    assert str(late) in found[0]
    assert found[1] == {str(gone)}


@pytest.mark.parametrize(
    "touch",
    [
        "update photo set review = 'hidden'",
        "update photo set state = 'ready', made = 'm'",
        "delete from report_words",
        "update report_words set released_at = now()",
        "update report set answers = '{}'",
        "delete from update_words",
    ],
)
async def test_what_is_shown_otherwise_is_new_too(
    client: httpx.AsyncClient, crew: Tablet, owner: Connection, touch: str
) -> None:
    made = await report(client, pothole(description="By the gate"))
    job = job_of(made)
    await report(client, pothole("W2"))
    await crew.push(crew.did(job, note="Nothing there"))
    await owner.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height, report_id)"
        " values (%s, 'k', '', 1, 'image/jpeg', 1, 1, %s)",
        (uuid4(), made["id"]),
    )
    before = (await client.get(f"/v1/jobs/{job}", headers=crew.who)).json()["version"]
    await crew.pull()
    await owner.execute(f"{touch} where {_of(touch, made['id'], job)}")
    jobs, _ = await crew.pull()
    assert {each: item["version"] for each, item in jobs.items()} == {str(job): before}
    assert await crew.pull() == ({}, set())


def _of(touch: str, report_id: str, job: UUID) -> str:
    """Of this report, or this job."""
    if "update_words" in touch:
        return f"update_id in (select id from job_update where job_id = '{job}')"
    return f"{'id' if 'update report set' in touch else 'report_id'} = '{report_id}'"


async def test_many_come_in_pages_and_each_once(
    client: httpx.AsyncClient, people: People, crew: Tablet
) -> None:
    await many_jobs(people.county, 450)
    first, _ = await crew.pull(limit=70)
    assert len(first) == 450
    await people.county.conn.execute("update job set version = version + 1")
    answer = (await crew.ask(limit=200)).json()
    assert (len(answer["items"]), answer["more"]) == (200, True)
    crew.cursor = answer["cursor"]
    await many_jobs(people.county, 1)  # between two pages: in one of them, or the next time
    jobs, _ = await crew.pull()
    later, _ = await crew.pull()
    seen = {item["id"] for item in answer["items"]} | set(jobs) | set(later)
    assert len(seen) == 451


async def test_a_cursor_of_other_rights_or_of_another_history_begins_again(
    client: httpx.AsyncClient, people: People, crew: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await report(client, pothole())
    await crew.pull()
    other = Tablet(client, await people.crew("shire", "shire-triage"))
    other.cursor = crew.cursor
    for cursor in ("abc", crew.cursor[:-2], crew.cursor + "AA"):
        bent = Tablet(client, crew.who)
        bent.cursor = cursor
        answer = await bent.ask()
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor-too-old")
    assert (await other.ask()).status_code == 410
    assert (await crew.ask()).status_code == 200
    for was, now in (
        ("pg_current_snapshot()", "'3:3:'::pg_snapshot"),  # a database from before
        ("extract(epoch from now())", "extract(epoch from now() + interval '31 days')"),
        ("pg_walfile_name(pg_current_wal_lsn())", "'00000099'"),
    ):
        with monkeypatch.context() as patched:
            queries.look.cache_clear()
            patched.setattr(queries, "NOW", queries.NOW.replace(was, now))
            assert was not in queries.NOW
            assert (await crew.ask()).status_code == 410
        queries.look.cache_clear()
    assert (await crew.ask()).status_code == 200


async def test_too_much_at_once_begins_again(
    people: People, crew: Tablet, monkeypatch: pytest.MonkeyPatch
) -> None:
    await many_jobs(people.county, 30)
    await crew.pull()
    monkeypatch.setattr(queries, "MOST_CHANGES", 20)
    await people.county.conn.execute("update job set version = version + 1")
    assert (await crew.ask()).json()["code"] == "cursor-too-old"


@pytest.mark.parametrize("other", ["status=open", "cursor=x", "team=highways"])
async def test_it_goes_with_no_filter(client: httpx.AsyncClient, crew: Tablet, other: str) -> None:
    answer = await client.get(f"/v1/jobs?updated_since=&{other}", headers=crew.who)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_it_is_compressed_for_who_takes_it(
    client: httpx.AsyncClient, people: People, crew: Tablet
) -> None:
    await many_jobs(people.county, 20)
    answer = await crew.ask()
    assert answer.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in answer.headers["vary"]
    headers = {**crew.who, "Accept-Encoding": "identity"}
    plain = await client.get("/v1/jobs", params={"updated_since": ""}, headers=headers)
    assert "content-encoding" not in plain.headers


# What it costs


async def test_what_is_new_is_found_by_an_index(county: County, owner: Connection) -> None:
    await fill(county, 20_000, 15_000)
    cursor = await owner.execute("select pg_current_snapshot()::text")
    (since,) = await cursor.fetchone()
    await owner.execute("update job set version = 2 where reference = any('{100, 19999, 19991}')")
    await owner.execute("insert into job_touch (job_id) select id from job where reference = '77'")
    teams = [county.teams["shire/highways"], county.teams["shire/shire-triage"]]
    await owner.execute(
        "update job set team_id = case team_id when %s then %s else %s end"
        " where reference = any('{300, 301}')",
        (teams[0], teams[1], teams[0]),
    )
    await owner.execute("analyze")
    lanes: dict[queries.Lane, list[int]] = {
        "team": teams,
        "authority": [county.authorities["shire"]],
    }
    wrong: list[Any] = []
    for lane, ids in lanes.items():
        values = {
            "since": since,
            "lanes": ids,
            "areas": [county.areas["W1"], county.areas["W2"]],
            "after": UUID(int=0),
        }
        statements = {
            "look": queries.look(lane),
            **{f"changed {a}": queries.changed(lane, areas=a, rows=201) for a in (True, False)},
            **{f"gone {a}": queries.gone(lane, areas=a) for a in (True, False)},
        }
        for name, statement in statements.items():
            for mode in MODES:
                plan = await plan_of(owner, mode, statement, values)
                scans = [
                    node
                    for node in nodes(plan)
                    if node.get("Relation Name") in {"job", "job_departure", "job_touch"}
                ]
                read = sum(map(rows_read, scans))
                seq = [n for n in scans if n["Node Type"] == "Seq Scan" and rows_read(n) > 20]
                if seq or read > 100:
                    wrong.append((lane, name, mode, read, [n["Node Type"] for n in scans]))
    assert not wrong, "\n".join(map(str, wrong))
