"""Jobs, reports and phones on the county's streets, straight in SQL, for tests of who hears what.

A phone is a device with a live subscription; its address is its name.
"""

import secrets
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from psycopg.rows import tuple_row

from reporting import chain, events
from reporting.chain import Words
from reporting.keys import token_hash
from reporting.notices import is_public
from reporting.queries import jobs as job_queries
from reporting.queries import outbox as outbox_queries
from reporting.runtime import Connection
from tests.support.county import County


@dataclass
class Street:
    """Writes rows as the verbs would, and remembers what was told to whom."""

    county: County
    versions: dict[UUID, tuple[int, bytes]] = field(default_factory=dict)

    @property
    def conn(self) -> Connection:
        return self.county.conn

    async def one(self, statement: str, *params: Any) -> Any:
        """The first row of a statement."""
        async with self.conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, params)
            return await cursor.fetchone()

    async def all(self, statement: str, *params: Any) -> list[Any]:
        """All rows of a statement."""
        async with self.conn.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, params)
            return await cursor.fetchall()

    async def phone(self, address: str | None, language: str | None = None) -> UUID:
        """A device; without an address it has no subscription."""
        device = uuid4()
        await self.conn.execute(
            "insert into device (id, token_hash, language) values (%s, %s, %s)",
            (device, token_hash(secrets.token_urlsafe()), language),
        )
        if address is not None:
            await self.conn.execute(
                "insert into subscription (device_id, channel, address) values (%s, 'fcm', %s)",
                (device, address),
            )
        return device

    async def reader(self, email: str, language: str | None = "cy") -> UUID:
        """A reporter who asked to be told by e-mail."""
        reporter = uuid4()
        await self.conn.execute(
            "insert into reporter (id, email, language, updates) values (%s, %s, %s, '{email}')",
            (reporter, email, language),
        )
        await self.conn.execute(
            "insert into subscription (reporter_id, channel, address) values (%s, 'email', %s)",
            (reporter, email),
        )
        return reporter

    async def report(
        self, device: UUID | None, job: UUID | None = None, *, reporter: UUID | None = None
    ) -> tuple[UUID, UUID]:
        """A report of this device, on this job or a new one, told as intake tells it."""
        report, fresh = uuid4(), job is None
        job = job or uuid4()
        shire, team = self.county.authorities["shire"], self.county.teams["shire/highways"]
        async with self.conn.transaction():
            (now,) = await self.one("select now()")
            if fresh:
                await self.conn.execute(
                    "insert into job (id, reference, authority_id, team_id, category, place,"
                    " status, priority, due_at, version, chain_head, created_at, updated_at) values"
                    " (%s, %s, %s, %s, 'pothole', st_point(-0.99, 52.01, 4326), 'received', 2,"
                    " '2030-01-04 17:00Z', 0, %s, now(), now())",
                    (job, f"KB-J{secrets.token_hex(4)}", shire, team, chain.GENESIS),
                )
                self.versions[job] = (0, chain.GENESIS)
            await self.conn.execute(
                "insert into report (id, reference, category, place, authority_id, answers,"
                " device_id, reporter_id, tracking_hash, created_at) values (%s, %s, 'pothole',"
                " st_point(-0.99, 52.01, 4326), %s, '{}', %s, %s, %s, now())",
                (
                    report,
                    f"KB-R{secrets.token_hex(4)}",
                    shire,
                    device,
                    reporter,
                    secrets.token_bytes(32),
                ),
            )
            await self.conn.execute(
                "insert into job_report (report_id, job_id, since) values (%s, %s, now())",
                (report, job),
            )
            event: events.Event = events.Attached(report)
            if fresh:
                event = events.Reported(
                    report=report,
                    category="pothole",
                    lat=52.01,
                    lng=-0.99,
                    authority="shire",
                    team="highways",
                    ward="W1",
                    priority=2,
                    due_at=now,
                )
            await self._append(job, event, now)
        return report, job

    async def update(self, job: UUID, *, message: str | None = None, **changes: Any) -> UUID:
        """An update of the job by its crew; gives its id."""
        event: events.Event = events.Changed(changes) if changes else events.Noted()
        async with self.conn.transaction():
            (now,) = await self.one("select now()")
            if "status" in changes:
                reason = "not_found" if changes["status"] == "closed" else None
                await self.conn.execute(
                    "update job set status = %s, closed_reason = %s where id = %s",
                    (changes["status"], reason, job),
                )
            return await self._append(job, event, now, Words(public_message=message))

    async def _append(
        self, job: UUID, event: events.Event, now: Any, words: Words | None = None
    ) -> UUID:
        version, head = self.versions[job]
        entry = events.entry(
            event,
            job_id=job,
            version=version,
            head=head,
            id=uuid4(),
            actor="system",
            made_at=now,
            recorded_at=now,
            words=words,
        )
        await self.conn.execute(job_queries.INSERT_UPDATE, entry.params())
        await self.conn.execute(
            "update job set version = %s, chain_head = %s where id = %s",
            (entry.seq, entry.hash, job),
        )
        has_message = words is not None and words.public_message is not None
        if has_message:
            await self.conn.execute(
                "insert into update_words (update_id, salt, public_message) values (%s, %s, %s)",
                (entry.id, entry.salt, words and words.public_message),
            )
        if is_public(entry.kind, entry.changes, has_message=has_message):
            await self.conn.execute(outbox_queries.RECORD, {"topic": "update", "subject": entry.id})
        self.versions[job] = (entry.seq, entry.hash)
        return entry.id

    async def outbox_ids(self) -> list[int]:
        """Outbox rows that are still to be done."""
        found = await self.all(
            "select id from outbox where done_at is null and dead_at is null order by id"
        )
        return [number for (number,) in found]

    async def ledger(self, address: str) -> list[tuple[UUID, str]]:
        """A phone's deliveries: update and state, in order."""
        return await self.all(
            "select update_id, state from delivery"
            " join subscription on subscription.id = subscription_id"
            " where address = %s order by delivery.id",
            address,
        )
