"""Twenty tablets, offline as it comes: random schedules against the real database.

What holds whatever they do: one outcome for each operation, for ever; what was applied stands in
the log once and its words with it; a field has the value of the last that was applied, and nobody
overwrote what they had not seen; what was refused or clashed is known on its tablet; and when all
have synced, each shows what the server has, late commits included. No second model of the server
is compared with it.
"""

import asyncio
import random
from collections import defaultdict
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as rules
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from reporting.app import create_app
from reporting.settings import Settings
from tests.conftest import EMPTY
from tests.reporting.test_jobs import many_jobs
from tests.reporting.test_syncing import Answer, Tablet, outcomes
from tests.support.county import County
from tests.support.people import Headers, People
from tests.support.scratch import Database

TABLETS, JOBS = 20, 4
TEAMS = ("highways", "shire-triage")
STEPS = 15
#: What changes without anybody having done it.
PASSING = ("overdue",)

tablets = st.integers(0, TABLETS - 1)
places = st.integers(0, JOBS - 1)
#: How late it is sent: at once, a week, too late.
days = st.sampled_from([0, 0, 0, 0, 7, 41])
acts = st.sampled_from(
    [
        {"status": "in_progress"},
        {"status": "fixed"},
        {"status": "closed", "reason": "not_found"},
        {"status": "waiting", "reason": "a van"},
        {"status": "scheduled", "scheduled_for": "2027-03-01T08:00:00Z"},
        {"status": "received"},
        {"worker": "me"},
        {"worker": None},
        {"note": "looked at it"},
        {"status": "closed"},
    ]
)


@dataclass
class Offline(Tablet):
    """A tablet with its own copy of the jobs, its queue, and all the answers it ever got."""

    client: httpx.AsyncClient
    who: Headers
    team: str

    def __post_init__(self) -> None:
        super().__init__(self.client, self.who)
        self.jobs: dict[str, Answer] = {}
        self.queue: list[Answer] = []
        self.sent: list[Answer] = []
        self.answers: dict[str, list[Answer]] = defaultdict(list)

    async def fetch(self) -> None:
        """Take in what is new."""
        jobs, gone = await self.pull()
        for job in gone:
            self.jobs.pop(job, None)
        self.jobs |= jobs

    async def send(self, operations: list[Answer], *, dropped: bool) -> None:
        """Send some; where the answer is dropped the tablet knows nothing of it."""
        if not operations:
            return
        results = await self.push(*operations)
        self.sent += operations
        for result in results:
            World.heard[result["id"]].append(result["outcome"])
            if not dropped:
                self.answers[result["id"]].append(result)
        if not dropped:
            known = self.answers.keys()
            self.queue = [each for each in self.queue if each["id"] not in known]


@dataclass
class World:
    """The server, and everybody who works with it; made once for all schedules."""

    runner: asyncio.Runner
    stack: AsyncExitStack
    url: str
    client: httpx.AsyncClient
    owner: AsyncConnection[Any]
    county: County
    crews: list[tuple[str, Headers]]
    boss: Headers
    #: Every outcome that the server ever said, by operation.
    heard: ClassVar[dict[str, list[str]]] = defaultdict(list)

    @classmethod
    async def open(cls, runner: asyncio.Runner, database: Database, process: Settings) -> "World":
        """Build the county and start the application."""
        stack = AsyncExitStack()
        owner = await stack.enter_async_context(
            await AsyncConnection.connect(database.admin_url, autocommit=True)
        )
        await owner.execute(EMPTY)
        await owner.execute("set session_replication_role = origin")
        county = County(owner)
        await county.build()
        people = People(county)
        teams = [TEAMS[0]] * (TABLETS - 5) + [TEAMS[1]] * 5
        crews = [(team, await people.crew("shire", team)) for team in teams]
        app = create_app(process)
        await stack.enter_async_context(app.router.lifespan_context(app))
        client = await stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver")
        )
        boss = await people.staff("supervisor", "shire")
        return cls(runner, stack, database.admin_url, client, owner, county, crews, boss)


@dataclass
class Late:
    """A transaction that began early and is not over."""

    conn: AsyncConnection[Any]
    jobs: list[UUID] = field(default_factory=list)


class Schedules(RuleBasedStateMachine):
    """One schedule."""

    world: ClassVar[World]

    def run(self, doing: Any) -> Any:
        """Wait for it."""
        return self.world.runner.run(doing)

    @initialize(
        seed=st.randoms(use_true_random=False),
        work=st.lists(st.tuples(tablets, places, acts, days), min_size=20, max_size=40),
    )
    def morning(self, seed: random.Random, work: list[tuple[int, int, Answer, int]]) -> None:
        """Some jobs, and every tablet has them."""
        self.random = seed
        self.late: list[Late] = []
        World.heard.clear()
        world = self.world
        self.tablets = [Offline(world.client, who, team) for team, who in world.crews]
        self.boss = Tablet(world.client, world.boss)
        self.run(self._morning())
        self._work(work)

    async def _morning(self) -> None:
        await self.world.owner.execute(
            "set session_replication_role = replica; truncate job, job_update, update_words,"
            " operation, assignment, job_departure, job_touch cascade;"
            " set session_replication_role = origin"
        )
        await many_jobs(self.world.county, JOBS)
        cursor = await self.world.owner.execute("select id from job order by id")
        self.jobs = [job for (job,) in await cursor.fetchall()]
        for tablet in self.tablets:
            await tablet.fetch()

    @rule(work=st.lists(st.tuples(tablets, places, acts, days), min_size=8, max_size=24))
    def work(self, work: list[tuple[int, int, Answer, int]]) -> None:
        """Some do something to jobs that they have, without signal."""
        self._work(work)

    def _work(self, work: list[tuple[int, int, Answer, int]]) -> None:
        for tablet, job, act, late in work:
            one, known = self.tablets[tablet], self.jobs[job]
            shown = one.jobs.get(str(known))
            if shown is not None:
                made_at = (datetime.now(UTC) - timedelta(days=late)).isoformat()
                one.queue.append(one.did(known, shown["version"], made_at=made_at, **act))

    def _busy(self, which: int) -> Offline:
        """One of the tablets that have something to send."""
        busy = [each for each in self.tablets if each.queue] or self.tablets
        return busy[which % len(busy)]

    @rule(which=tablets, dropped=st.booleans(), twice=st.booleans())
    def sends(self, which: int, dropped: bool, twice: bool) -> None:
        """A tablet sends some of what it has, in any order, and some of it again."""
        one = self._busy(which)
        self.run(one.send(self._some(one, twice), dropped=dropped))

    def _some(self, one: Offline, twice: bool) -> list[Answer]:
        queue = [each for each in one.queue if self.random.random() < 0.8]
        again = [each for each in one.sent if twice and self.random.random() < 0.5]
        found = queue + again + ([*queue[:1]] if twice else [])
        self.random.shuffle(found)
        return found

    @rule(one=tablets, other=tablets)
    def send_at_once(self, one: int, other: int) -> None:
        """Two tablets send, and the first sends the same twice at the same time."""
        first, second = self._busy(one), self._busy(other)
        self.run(self._at_once(first, second))

    async def _at_once(self, first: Offline, second: Offline) -> None:
        mine = list(first.queue)
        await asyncio.gather(
            first.send(mine, dropped=False),
            first.send(mine[::-1], dropped=True),
            second.send(list(second.queue) if second is not first else [], dropped=False),
        )

    @rule(tablet=tablets)
    def fetches(self, tablet: int) -> None:
        """A tablet asks what is new."""
        self.run(self.tablets[tablet].fetch())

    @rule(job=places, act=st.sampled_from([*TEAMS, "P1", "P4", "received", "waiting"]))
    def supervises(self, job: int, act: str) -> None:
        """A supervisor gives it to a team, or says how urgent it is, or how it stands."""
        names = {**dict.fromkeys(TEAMS, "team"), "P1": "priority", "P4": "priority"}
        self.run(self._supervises(self.jobs[job], {names.get(act, "status"): act}))

    async def _supervises(self, job: UUID, act: Answer) -> None:
        answer = await self.world.client.get(f"/v1/jobs/{job}", headers=self.world.boss)
        await self.boss.push(self.boss.did(job, answer.json()["version"], **act))

    @rule()
    def begins(self) -> None:
        """Something begins to write a job, and takes its time."""
        if len(self.late) < 3:
            self.late.append(self.run(self._begins()))

    async def _begins(self) -> Late:
        conn = await AsyncConnection.connect(self.world.url)
        before = await self._ids(conn)
        held = County(conn, self.world.county.authorities, self.world.county.teams)
        held.areas = self.world.county.areas
        await many_jobs(held, 1)
        return Late(conn, sorted(await self._ids(conn) - before))

    @staticmethod
    async def _ids(conn: AsyncConnection[Any]) -> set[UUID]:
        return {job for (job,) in await (await conn.execute("select id from job")).fetchall()}

    @rule()
    def ends(self) -> None:
        """The one that began first is committed."""
        if self.late:
            self.run(self._ends(self.late.pop(0)))

    @staticmethod
    async def _ends(late: Late) -> None:
        await late.conn.commit()
        await late.conn.close()

    def teardown(self) -> None:
        """Everybody syncs, and then all of it holds."""
        if hasattr(self, "late"):
            while self.late:
                self.ends()
            self.run(self._evening())

    async def _evening(self) -> None:
        for tablet in self.random.sample(self.tablets, TABLETS):
            await tablet.send(self.random.sample(tablet.queue, len(tablet.queue)), dropped=False)
        for tablet in self.tablets:
            await tablet.fetch()
        await self._one_outcome_each()
        await self._all_agree()
        await self._nobody_overwrote_what_they_had_not_seen()

    async def _all(self, query: str) -> list[Answer]:
        async with self.world.owner.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query)
            return await cursor.fetchall()

    async def _one_outcome_each(self) -> None:
        kept = {str(each["id"]): each for each in await self._all("select * from operation")}
        logged = await self._all(
            "select entry.id, words.note from job_update entry"
            " left join update_words words on words.update_id = entry.id"
        )
        notes = {str(each["id"]): each["note"] for each in logged}
        for tablet in self.tablets:
            for sent in tablet.sent:
                outcome = kept[sent["id"]]["outcome"]
                heard = World.heard[sent["id"]]
                assert heard.count("applied") <= 1
                said = {"applied": {"applied", "already_applied"}}.get(outcome, {outcome})
                assert set(heard) <= said, (outcome, heard)
                assert (sent["id"] in notes) == (outcome == "applied")
                assert outcome != "applied" or notes[sent["id"]] == sent.get("note")
                known = tablet.answers[sent["id"]]  # each has arrived by now
                assert set(outcomes(known)) <= said
                if outcome == "conflict":
                    assert all(each["conflicts"] for each in known)
                if outcome == "refused":
                    assert all(each["problem"]["detail"] for each in known)
        assert not any(tablet.queue for tablet in self.tablets)

    async def _all_agree(self) -> None:
        teams = {number: name.split("/")[1] for name, number in self.world.county.teams.items()}
        rows = await self._all("select id, team_id, status from job")
        for team in TEAMS:
            theirs = {str(row["id"]) for row in rows if teams[row["team_id"]] == team}
            still_open = {
                str(row["id"])
                for row in rows
                if str(row["id"]) in theirs and row["status"] not in {"fixed", "closed"}
            }
            mates = [each for each in self.tablets if each.team == team]
            server = {}
            for job in theirs:
                answer = await self.world.client.get(f"/v1/jobs/{job}", headers=mates[0].who)
                server[job] = self._lasting(answer.json())
            for tablet in mates:
                held = {job: self._lasting(item) for job, item in tablet.jobs.items()}
                assert still_open <= held.keys() <= theirs
                assert all(held[job] == server[job] for job in held)

    @staticmethod
    def _lasting(job: Answer) -> Answer:
        return {name: value for name, value in job.items() if name not in PASSING}

    async def _nobody_overwrote_what_they_had_not_seen(self) -> None:
        kept = {each["id"]: each for each in await self._all("select * from operation")}
        base = {
            UUID(sent["id"]): sent["base_version"]
            for tablet in self.tablets
            for sent in tablet.sent
        }
        jobs = {job["id"]: job for job in await self._all("select * from job")}
        log: dict[UUID, list[Answer]] = defaultdict(list)
        for entry in await self._all("select * from job_update order by job_id, seq"):
            log[entry["job_id"]].append(entry)
        for job, entries in log.items():
            for name in ("status", "worker"):
                sets = [entry for entry in entries if name in entry["changes"]]
                if sets:
                    column = "worker_id" if name == "worker" else name
                    stands = jobs[job][column]
                    assert sets[-1]["changes"][name] == (stands and str(stands))
                for entry in (each for each in sets if each["id"] in base):
                    mine = kept[entry["id"]]
                    for other in sets:
                        if base[entry["id"]] < other["seq"] < entry["seq"]:
                            its = kept.get(other["id"])
                            assert its is not None, "somebody else's was overwritten"
                            assert its["tablet"] == mine["tablet"]
                            assert its["device_seq"] < mine["device_seq"]


def run(database: Database, process: Settings, schedules: int, *, same: bool) -> None:
    """Run so many schedules, the ``same`` ones each time or others."""
    with asyncio.Runner() as runner:
        Schedules.world = runner.run(World.open(runner, database, process))
        try:
            run_state_machine_as_test(  # type: ignore[no-untyped-call]
                Schedules,
                settings=rules(
                    max_examples=schedules,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    derandomize=same,
                    phases=[Phase.generate],  # a schedule takes a second: none to make it shorter
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(Schedules.world.stack.aclose())


@pytest.fixture
def process(settings: Settings) -> Settings:
    """With connections enough for those who send at once."""
    return settings.model_copy(update={"pool_size": 5})


def test_twenty_tablets_lose_nothing(database: Database, process: Settings) -> None:
    run(database, process, 12, same=True)


@pytest.mark.long
def test_a_thousand_schedules_lose_nothing(database: Database, process: Settings) -> None:
    run(database, process, 1_000, same=False)
