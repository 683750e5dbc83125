"""Rounds: the order of stops by properties, and over HTTP with the solver's real process."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geo.points import METRES_PER_DEGREE, Point
from reporting.rounds import model, solving
from reporting.rounds.asking import Solver
from reporting.runtime import Connection
from tests.reporting.test_reports import FLY_TIPPING, pothole
from tests.support.county import County, inside
from tests.support.people import Headers, People, job_of, report

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)
MIDNIGHT = EIGHT + timedelta(hours=16)
DEPOT = Point(52.0, -1.0)


@st.composite
def works(draw: st.DrawFn, most: int) -> list[model.Work]:
    """Jobs in a town of a few kilometres, some already late, some due within the hour."""
    spots = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=most))
    return [
        model.Work(
            UUID(int=number + 1),
            Point(52.0 + north / 1000, -1.0 + east / 1000),
            draw(st.integers(1, 4)),
            EIGHT + timedelta(minutes=draw(st.integers(-600, 1200))),
        )
        for number, (north, east) in enumerate(spots)
    ]


def ordered(jobs: list[model.Work]) -> tuple[list[model.Stop], list[model.Stop]]:
    """All stops, and those gone to in their order, without the process in between."""
    stops = model.gather(jobs, EIGHT, MIDNIGHT)
    answer = solving.solve(model.question(stops, DEPOT, EIGHT)) if len(stops) > 1 else None
    if answer is None:
        return stops, model.floor(stops, DEPOT, EIGHT)
    assert model.is_order(answer, len(stops))
    return stops, [stops[number - 1] for number in answer]


few = settings(
    max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@given(works(30))
@few
def test_every_job_is_gone_to_once_or_there_is_no_time(jobs: list[model.Work]) -> None:
    stops, order = ordered(jobs)
    went = [job for stop in order for job in stop.jobs]
    assert sorted(went) == sorted(set(went))
    assert {job for stop in stops for job in stop.jobs} == {job.id for job in jobs}
    visits = model.timed(order, DEPOT, EIGHT).visits
    assert all(one.arrive_at < after.arrive_at for one, after in pairwise(visits))
    if visits:
        back = visits[-1].arrive_at + timedelta(seconds=visits[-1].stop.work_s)
        assert back - EIGHT <= timedelta(seconds=model.DAY_S)
    if len(order) < len(stops):
        # What is left out would not have fitted behind the last stop either.
        left = [stop for stop in stops if stop not in order]
        assert all(len(model.fitting([*order, stop], DEPOT)) == len(order) for stop in left)


@given(works(6))
@few
def test_a_due_time_is_missed_only_where_no_order_keeps_them_all(jobs: list[model.Work]) -> None:
    def missed(order: Any) -> bool:
        return any(
            visit.late
            and EIGHT + timedelta(seconds=model.way_s(DEPOT, visit.stop.place)) <= visit.stop.due_at
            for visit in model.timed(order, DEPOT, EIGHT).visits
        )

    stops, order = ordered(jobs)
    if missed(order):
        assert all(missed(other) for other in permutations(stops))


@given(works(12))
@few
def test_the_same_question_gets_the_same_answer(jobs: list[model.Work]) -> None:
    again = list(reversed(jobs))
    assert ordered(jobs) == ordered(again)


def test_the_most_urgent_goes_first_where_nothing_else_tells_them_apart() -> None:
    late = EIGHT - timedelta(hours=1)
    north, south = Point(52.02, -1.0), Point(51.98, -1.0)
    for urgent in (north, south):
        jobs = [
            model.Work(UUID(int=number), place, 1 if place == urgent else 4, late)
            for number, place in enumerate((north, south))
        ]
        _, order = ordered(jobs)
        assert order[0].place == urgent


def test_jobs_thirty_metres_apart_are_one_stop_and_farther_ones_two() -> None:
    def away(metres: float, number: int) -> model.Work:
        place = Point(52.0 + metres / METRES_PER_DEGREE, -1.0)
        return model.Work(UUID(int=number), place, 3, MIDNIGHT)

    stops = model.gather([away(0, 1), away(29.9, 2), away(59, 3)], EIGHT, MIDNIGHT)
    assert [len(stop.jobs) for stop in stops] == [2, 1]
    assert stops[0].work_s == 2 * model.WORK_S


def test_what_there_is_no_time_for_is_the_least_urgent() -> None:
    place = [Point(52.0 + number / 1000, -1.0) for number in range(40)]
    due = [EIGHT + timedelta(hours=2 if number % 2 else 400) for number in range(40)]
    jobs = [model.Work(UUID(int=n), place[n], 3, due[n]) for n in range(40)]
    _, order = ordered(jobs)
    assert 20 < len(order) < 32
    assert {stop.jobs[0].int for stop in order} >= {n for n in range(40) if n % 2}


@pytest.mark.parametrize("module", ["json.tool", "timeit", "no.such.module"])
async def test_a_solver_that_hangs_or_speaks_nonsense_leaves_an_order(module: str) -> None:
    jobs = [model.Work(UUID(int=n), Point(52.0 + n / 1000, -1.0), 3, MIDNIGHT) for n in (3, 1, 2)]
    stops = model.gather(jobs, EIGHT, MIDNIGHT)
    question = model.question(stops, DEPOT, EIGHT)
    order = await Solver(limit_s=0.3, module=module).order(stops, question)
    assert order == model.floor(stops, DEPOT, EIGHT)


@pytest.mark.parametrize("answer", [None, 3, {}, [0], [4], [1, 1], [True], ["1"], [1.0]])
def test_what_is_no_order_is_not_taken_for_one(answer: Any) -> None:
    assert not model.is_order(answer, 3)


# --- over HTTP ----------------------------------------------------------------------------------

START = {"lat": 52.001, "lng": -0.999}


async def some_jobs(client: httpx.AsyncClient, number: int = 3) -> list[str]:
    made = [
        await report(client, {**pothole("W1"), "location": inside("W1", 0.2 * (n + 1), 0.5)})
        for n in range(number)
    ]
    return [str(job_of(each)) for each in made]


def fly_tip() -> dict[str, Any]:
    return {"category": "fly_tipping", "location": inside("W1"), "answers": FLY_TIPPING}


async def ask(client: httpx.AsyncClient, who: Headers, **body: Any) -> httpx.Response:
    body = {"team": "highways", "start": START, **body}
    return await client.post("/v1/rounds", json=body, headers=who)


async def test_a_crew_gets_a_round_of_its_team(client: httpx.AsyncClient, county: County) -> None:
    jobs = await some_jobs(client)
    crew = await People(county).crew()
    answer = await ask(client, crew)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert sorted(job for stop in found["stops"] for job in stop["jobs"]) == sorted(jobs)
    arrivals = [datetime.fromisoformat(stop["arrive_at"]) for stop in found["stops"]]
    assert arrivals == sorted(set(arrivals))
    assert found["left_out"] == []
    assert found["length_m"] > 500
    assert found["team"] == {"slug": "highways", "name": "Highways"}
    assert found["assumed"]["way"] == "straight-line"
    assert answer.headers["cache-control"] == "no-store"


async def test_named_jobs_alone_and_why_others_are_left_out(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    here, done, waits, later, in_words = await some_jobs(client, 5)
    await owner.execute("update job set status = 'fixed', closed_at = now() where id = %s", (done,))
    await owner.execute("update job set status = 'waiting' where id = %s", (waits,))
    await owner.execute(
        "update job set status = 'scheduled', scheduled_for = now() + interval '3 days'"
        " where id = %s",
        (later,),
    )
    await owner.execute("update job set place = null where id = %s", (in_words,))
    foreign = str(job_of(await report(client, fly_tip())))
    absent = str(uuid4())
    crew = await People(county).crew()
    jobs = [here, done, waits, later, in_words, foreign, absent, here]
    found = (await ask(client, crew, jobs=jobs)).json()
    assert [stop["jobs"] for stop in found["stops"]] == [[here]]
    assert {left["job"]: left["why"] for left in found["left_out"]} == {
        done: "done",
        waits: "not-now",
        later: "later",
        in_words: "no-place",
        foreign: "not-here",
        absent: "not-here",
    }
    # Who asks for the day hears only of what they would have to look for.
    found = (await ask(client, crew)).json()
    assert [left["job"] for left in found["left_out"]] == [in_words]


async def test_more_than_a_round_holds(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    [job] = await some_jobs(client, 1)
    columns = (
        "reference, authority_id, team_id, category, ward_area_id, division_area_id, place, status,"
        " priority, due_at, reports, version, chain_head, flags, created_at, updated_at"
    )
    given_columns = columns.replace("reference", "'KB-' || n", 1)
    await owner.execute(
        f"insert into job (id, {columns}) select gen_random_uuid(), {given_columns}"
        " from job, generate_series(1, 70) n where job.id = %s",
        (job,),
    )
    crew = await People(county).crew()
    found = (await ask(client, crew)).json()
    whys = [left["why"] for left in found["left_out"]]
    assert whys.count("too-many") == 11
    gone = [len(stop["jobs"]) for stop in found["stops"]]
    assert sum(gone) + whys.count("no-time") == 60
    # All are at one place, fifteen minutes each, and the day has eight hours.
    assert max(gone) == model.TOGETHER_MOST
    assert 24 <= sum(gone) <= 32


async def test_the_team_must_be_theirs(client: httpx.AsyncClient, county: County) -> None:
    people = People(county)
    whole = await people.staff("supervisor", "shire")
    assert (await ask(client, whole)).status_code == 200
    crew = await people.crew()
    for team in ("shire-triage", "cleansing", "none-such"):
        answers = [
            await ask(client, crew, team=team),
            await client.get(f"/v1/rounds/{team}", headers=crew),
            await client.put(
                f"/v1/rounds/{team}", json={"stops": [], "start": START}, headers=crew
            ),
        ]
        assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_a_ward_supervisor_plans_only_their_own_wards(
    client: httpx.AsyncClient, county: County
) -> None:
    jobs = await some_jobs(client, 2)
    others = await People(county).staff("supervisor", "shire", wards=("D2",))
    found = (await ask(client, others, jobs=jobs)).json()
    assert found["stops"] == []
    assert [left["why"] for left in found["left_out"]] == ["not-here", "not-here"]


async def test_an_own_order_is_kept_for_the_day_and_for_oneself(
    client: httpx.AsyncClient, county: County, owner: Connection
) -> None:
    one, two, three = await some_jobs(client)
    people = People(county)
    crew, colleague = await people.crew(), await people.crew()
    assert (await client.get("/v1/rounds/highways", headers=crew)).status_code == 404
    order = {"stops": [{"jobs": [three]}, {"jobs": [one, two]}], "start": START}
    put = await client.put("/v1/rounds/highways", json=order, headers=crew)
    assert put.status_code == 200, put.text
    got = await client.get("/v1/rounds/highways", headers=crew)
    for answer in (put, got):
        assert [stop["jobs"] for stop in answer.json()["stops"]] == [[three], [one, two]]
    assert (await client.get("/v1/rounds/highways", headers=colleague)).status_code == 404

    await owner.execute("update job set status = 'fixed', closed_at = now() where id = %s", (one,))
    got = await client.get("/v1/rounds/highways", headers=crew)
    assert [stop["jobs"] for stop in got.json()["stops"]] == [[three], [two]]
    assert got.json()["left_out"] == [{"job": one, "why": "done"}]

    again = {**order, "stops": [{"jobs": [two]}]}
    await client.put("/v1/rounds/highways", json=again, headers=crew)
    got = await client.get("/v1/rounds/highways", headers=crew)
    assert [stop["jobs"] for stop in got.json()["stops"]] == [[two]]

    await owner.execute("update work_round set day = day - 8")
    assert (await client.get("/v1/rounds/highways", headers=crew)).status_code == 404
    await client.put("/v1/rounds/highways", json=again, headers=crew)
    cursor = await owner.execute("select count(*) from work_round")
    assert await cursor.fetchone() == (1,)


async def test_what_is_no_round_is_refused(client: httpx.AsyncClient, county: County) -> None:
    crew = await People(county).crew()
    job = str(uuid4())
    far = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    assert (await ask(client, crew, leave_at=far)).status_code == 422
    assert (await ask(client, crew, start={"lat": 0.0, "lng": 0.0})).status_code == 422
    assert (await ask(client, crew, jobs=[job] * 201)).status_code == 422
    for stops in ([{"jobs": [job]}] * 2, [{"jobs": []}], [{"jobs": [str(uuid4())] * 61}]):
        answer = await client.put(
            "/v1/rounds/highways", json={"stops": stops, "start": START}, headers=crew
        )
        assert answer.status_code == 422
