"""A year in the made-up county, lived through in order: reports come in, crews work the jobs.

What somebody reports again before it is mended joins the job that is open there, as it would; so
the year must be lived forwards. Every step is a verb, told at what time it came.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Final
from uuid import UUID, uuid4

import orjson

from geo.demo import county
from reporting import jobs
from reporting.auth import Staff
from reporting.demo.people import Account
from reporting.demo.sightings import Sighting, sightings
from reporting.demo.work import Begun, Step, plan
from reporting.keys import Keys
from reporting.reports import taking
from reporting.reports.values import Claim, NewReport, Sender
from reporting.runtime import Connection
from routing.assign import Router

SEED: Final = 1900
#: How often the progress is told.
TELL_EVERY: Final = 20

WHOSE = "select authority_id, team_id, version from job where id = %(job)s"


@dataclass(frozen=True, slots=True)
class Lived:
    """What the year came to."""

    reports: int
    jobs: int
    updates: int


async def live_through(
    conn: Connection,
    router: Router,
    keys: Keys,
    accounts: tuple[Account, ...],
    progress: Callable[[str, int, int], None],
) -> Lived:
    """Take in a year of reports up to now, and do the work."""
    [(now,)] = await (await conn.execute("select now()")).fetchall()
    year = _Year(conn, router, keys, accounts, now)
    seen = sightings(county(), year.now, year.rng)
    for one in seen:
        year.expect(one.at, one)
    while year.ahead:
        _, _, what = heapq.heappop(year.ahead)
        if isinstance(what, Sighting):
            await year.receive(what)
            if year.reports % TELL_EVERY == 0 or year.reports == len(seen):
                progress("Living through a year", year.reports, len(seen))
        else:
            await year.work(*what)
    return Lived(year.reports, year.jobs, year.updates)


@dataclass
class _Year:
    conn: Connection
    router: Router
    keys: Keys
    accounts: tuple[Account, ...]
    now: datetime
    rng: Random = field(default_factory=lambda: Random(SEED))
    #: What is going to happen: time, order among equals, and a sighting or a job's step.
    ahead: list[tuple[datetime, int, Sighting | tuple[UUID, Step]]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)
    reports: int = 0
    jobs: int = 0
    updates: int = 0

    def expect(self, at: datetime, what: Sighting | tuple[UUID, Step]) -> None:
        """Look forward to it, unless it is yet to come."""
        if at < self.now:
            heapq.heappush(self.ahead, (at, next(self.order), what))

    async def receive(self, seen: Sighting) -> None:
        """A report comes in; if it makes a job, what becomes of that is decided now."""
        rules = await self.router.current(self.conn)
        answered = await taking.create(
            self.conn,
            router=self.router,
            keys=self.keys,
            public_url="",
            claim=Claim(uuid4(), None, self.keys.body_hash(b"demo")),
            sender=Sender(staff=self._clerk().id if seen.by_phone else None),
            new=NewReport(
                category=seen.category,
                place=seen.place,
                description=seen.description,
                answers=seen.answers,
                contact=seen.contact,
            ),
            category=rules.category(seen.category),
            at=seen.at,
        )
        self.reports += 1
        answer = orjson.loads(answered.body)
        if not answer["job"]["matched"]:
            self.jobs += 1
            begun = Begun(seen.category, seen.at, datetime.fromisoformat(answer["due_at"]))
            for step in plan(begun, self.now, self.rng):
                self.expect(step.at, (UUID(answer["job"]["id"]), step))

    async def work(self, job: UUID, step: Step) -> None:
        """Staff do something to a job, on the version it has by then."""
        [whose] = await (await self.conn.execute(WHOSE, {"job": job})).fetchall()
        authority, team, version = whose
        wanted = jobs.Wanted(
            id=uuid4(),
            base_version=version,
            made_at=step.at - timedelta(minutes=self.rng.choice((0, 0, 0, 1, 4, 14))),
            **step.did,
        )
        who = self._crew(authority, team) if step.by == "crew" else self._supervisor(authority)
        await jobs.update(self.conn, self.router, who, job, wanted, at=step.at)
        self.updates += 1

    def _crew(self, authority: int, team: int) -> Staff:
        """Who works for the team; nobody does for a fallback team, where supervisors decide."""
        everyone = (account.staff for account in self.accounts)
        found = next((one for one in everyone if team in one.teams), None)
        return found or self._supervisor(authority)

    def _supervisor(self, authority: int) -> Staff:
        return next(
            account.staff
            for account in self.accounts
            if account.staff.role == "supervisor" and account.staff.authority_id == authority
        )

    def _clerk(self) -> Staff:
        return next(a.staff for a in self.accounts if a.staff.role == "supervisor")
