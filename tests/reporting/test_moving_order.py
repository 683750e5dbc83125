"""Merges, splits, undos and what reporters do, in any order and at once: nothing is lost."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import namedtuple_row

from reporting import verify
from reporting.runtime import Connection, Runtime
from tests.reporting.test_following import _county
from tests.reporting.test_moving import desk, do, people, seen, two_jobs  # noqa: F401 - fixtures
from tests.reporting.test_reports import pothole
from tests.support.county import County
from tests.support.people import People, job_of, report

REPORTS = 4
STEP = st.tuples(
    st.sampled_from(["merge", "unmerge", "split", "fix", "reopen", "not fixed", "withdraw"]),
    st.integers(0, REPORTS - 1),
    st.integers(0, REPORTS - 1),
)
STANDING = """
select report.id, report.withdrawn_at, words.description, job.id as job, job.reports,
  job.merged_into, (select count(*) from job_report where report_id = report.id and until is null)
    as links
from report
join job_report link on link.report_id = report.id and link.until is null
join job on job.id = link.job_id
join report_words words on words.report_id = report.id
where report.id = any(%s::uuid[])
"""


@given(steps=st.lists(STEP, min_size=1, max_size=8))
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_in_any_order_every_report_stands_on_one_job_with_its_words(
    client: httpx.AsyncClient,
    owner: Connection,
    runtime: Runtime,
    steps: list[tuple[str, int, int]],
) -> None:
    county = await _county(owner)
    who = await People(county).staff("supervisor", "shire")
    (row,) = await (await owner.execute("select count(*) from report")).fetchall()
    line = 0.01 + row[0] // REPORTS % 80 / 82
    made = [
        await report(client, pothole(dx=0.1 + n * 0.2, dy=line, description=f"Hole {n}"))
        for n in range(REPORTS)
    ]
    assert len({job_of(each) for each in made}) == REPORTS

    async def job_now(n: int) -> Any:
        cursor = owner.cursor(row_factory=namedtuple_row)
        await cursor.execute(STANDING, ([made[n]["id"]],))
        return await cursor.fetchone()

    for what, n, other in steps:
        path = f"/v1/jobs/{(await job_now(n)).job}"
        headers = {**who, "Idempotency-Key": str(uuid4())}
        match what:
            case "merge":
                body: Any = {"into": str((await job_now(other)).job)}
                answer = await client.post(f"{path}/merge", json=body, headers=headers)
            case "unmerge":
                path = f"/v1/jobs/{job_of(made[n])}/unmerge"
                answer = await client.post(path, headers=headers)
            case "split":
                body = {"reports": [made[n]["id"]]}
                answer = await client.post(f"{path}/split", json=body, headers=headers)
            case "fix" | "reopen":
                version = (await client.get(path, headers=who)).json()["version"]
                body = {
                    "id": str(uuid4()),
                    "base_version": version,
                    "made_at": made[n]["created_at"],
                    "status": "fixed" if what == "fix" else "received",
                }
                answer = await client.post(f"{path}/updates", json=body, headers=who)
            case _:
                own = {
                    "Authorization": f"Bearer {made[n]['tracking_token']}",
                    "Idempotency-Key": str(uuid4()),
                }
                path = f"/v1/reports/{made[n]['id']}"
                if what == "withdraw":
                    answer = await client.post(f"{path}/withdraw", headers=own)
                else:
                    answer = await client.post(
                        f"{path}/feedback", json={"fixed": False}, headers=own
                    )
        assert answer.status_code in {200, 409, 422}, (what, answer.text)

    cursor = owner.cursor(row_factory=namedtuple_row)
    await cursor.execute(STANDING, ([each["id"] for each in made],))
    rows: list[Any] = await cursor.fetchall()
    assert {(str(each.id), each.description) for each in rows} == {
        (each["id"], f"Hole {n}") for n, each in enumerate(made)
    }
    assert all(each.links == 1 and each.merged_into is None for each in rows)
    for job in {each.job for each in rows}:
        standing = [each for each in rows if each.job == job]
        left = sum(each.withdrawn_at is None for each in standing)
        assert {each.reports for each in standing} == {max(left, 1)}
    for each in made:
        told = (await client.get(f"/v1/reports/{each['id']}")).json()
        assert told["timeline"][0]["kind"] == "reported"
        assert told["timeline"][-1]["status"] == told["status"]
        times = [entry["at"] for entry in told["timeline"]]
        assert times == sorted(times)
        # Nobody is told that it is closed, but for one that was taken back.
        closed = [entry for entry in told["timeline"] if entry["status"] == "closed"]
        assert {entry["kind"] for entry in closed} <= {"withdrawn"}
    assert (await verify.verify(owner, runtime.keys)).findings == []


async def test_two_merges_that_cross_make_one_job(
    client: httpx.AsyncClient, county: County, runtime: Runtime
) -> None:
    who = await People(county).staff("supervisor", "shire")
    for _ in range(3):
        one, other = await two_jobs_anew(client)
        pairs = [(job_of(one), job_of(other)), (job_of(other), job_of(one))]
        answers = await asyncio.gather(
            *(
                client.post(
                    f"/v1/jobs/{a}/merge",
                    json={"into": str(b)},
                    headers={**who, "Idempotency-Key": str(uuid4())},
                )
                for a, b in pairs
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        jobs = [await seen(client, job, who) for job, _ in pairs]
        assert sorted(job["report_count"] for job in jobs) == [0, 2]
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


async def test_a_report_that_comes_while_its_job_is_merged_joins_the_one_that_stays(
    client: httpx.AsyncClient, county: County, runtime: Runtime
) -> None:
    who = await People(county).staff("supervisor", "shire")
    for _ in range(4):
        one, other = await two_jobs_anew(client)
        a, b = job_of(one), job_of(other)
        headers = {**who, "Idempotency-Key": str(uuid4())}
        merged, late = await asyncio.gather(
            client.post(f"/v1/jobs/{a}/merge", json={"into": str(b)}, headers=headers),
            report(
                client,
                {
                    "category": "pothole",
                    "location": one["location"],
                    "answers": {"where": "carriageway", "depth": "over_7cm", "width": "30_to_60cm"},
                    "same_as": one["job"]["reference"],
                },
            ),
        )
        assert merged.status_code == 200
        stays = await seen(client, b, who)
        assert {late["id"], one["id"], other["id"]} == {each["id"] for each in stays["reports"]}
    async with runtime.reading() as conn:
        assert (await verify.verify(conn, runtime.keys)).holds


_lines = iter(range(1, 90))


async def two_jobs_anew(client: httpx.AsyncClient) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two jobs on a line of their own."""
    line = next(_lines) / 92
    one = await report(client, pothole(dx=0.2, dy=line))
    other = await report(client, pothole(dx=0.7, dy=line))
    assert job_of(one) != job_of(other)
    return one, other
