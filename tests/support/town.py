"""Jobs and reports of a county that come, move and change, straight in SQL, as the verbs do it.

Only what counts is written. Each change raises the version of every job it is about.
"""

import random
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from reporting.runtime import Connection
from reporting.status import CLOSED_REASONS
from tests.support.county import SIDE, SOUTH, WARDS, County

#: A geocoder's fallback; exactly this place.
FALLBACK = (52.0100001, -0.9899999)
CATEGORIES = ("pothole", "fly_tipping", "flooding")
OPEN = ("received", "scheduled", "in_progress", "waiting", "referred")


@dataclass
class Town:
    """Writes at random on whatever connection it is given."""

    county: County
    rng: random.Random
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    jobs: list[UUID] = field(default_factory=list)
    reports: list[UUID] = field(default_factory=list)

    def place(self) -> tuple[float, float] | None:
        draw = self.rng.random()
        if draw < 0.08:
            return None
        if draw < 0.25:
            return FALLBACK
        return (SOUTH + self.rng.random() * SIDE, -1.0 + self.rng.random() * 4 * SIDE)

    def owner(self, category: str, lng: float) -> tuple[str, str]:
        """Authority and team."""
        if category == "pothole":
            return "shire", "shire/highways"
        district = "west" if lng < -0.96 else "east"
        return district, f"{district}/cleansing"

    def dimensions(self, place: tuple[float, float] | None) -> dict[str, Any]:
        category = self.rng.choice(CATEGORIES)
        lng = place[1] if place else -0.99
        authority, team = self.owner(category, lng)
        ward = max((c for c, (_, west) in WARDS.items() if west <= lng), key=lambda c: WARDS[c][1])
        outside = self.rng.random() < 0.1
        return {
            "authority": self.county.authorities[authority],
            "team": self.county.teams[team],
            "category": category,
            "ward": None if outside else self.county.areas[ward],
            "division": None if outside else self.county.areas["D1" if lng < -0.96 else "D2"],
            "lat": place[0] if place else None,
            "lng": place[1] if place else None,
        }

    def moment(self) -> datetime:
        """Some time of the past year and a half; at times around midnight, or just now."""
        back = self.rng.choice([self.rng.uniform(0, 500), self.rng.uniform(0, 3)])
        return self.now - timedelta(days=back)

    async def report(self, conn: Connection, job: UUID | None = None) -> UUID:
        """A report on a job, or on a new one."""
        report, at, place = uuid4(), self.moment(), self.place()
        values = {**self.dimensions(place), "report": report, "at": at}
        if job is None:
            job = uuid4()
            values |= {
                "job": job,
                "reference": secrets.token_hex(8),
                "due": at + timedelta(days=self.rng.uniform(0, 30)),
                "priority": self.rng.randint(1, 4),
            }
            await conn.execute(
                "insert into job (id, reference, authority_id, team_id, category, ward_area_id,"
                " division_area_id, place, status, priority, due_at, version, chain_head,"
                " created_at, updated_at) values (%(job)s, %(reference)s, %(authority)s, %(team)s,"
                " %(category)s, %(ward)s, %(division)s, st_point(%(lng)s, %(lat)s, 4326),"
                " 'received', %(priority)s, %(due)s, 1, '', %(at)s, %(at)s)",
                values,
            )
            self.jobs.append(job)
        else:
            await self.raise_version(conn, job)
        await conn.execute(
            "insert into report (id, reference, category, place, authority_id, answers,"
            " tracking_hash, created_at) values (%(report)s, %(reference)s, %(category)s,"
            " st_point(%(lng)s, %(lat)s, 4326), %(authority)s, '{}', %(hash)s, %(at)s)",
            {**values, "reference": secrets.token_hex(8), "hash": secrets.token_bytes(32)},
        )
        await conn.execute(
            "insert into job_report (report_id, job_id, since) values (%s, %s, clock_timestamp())",
            (report, job),
        )
        self.reports.append(report)
        return job

    async def raise_version(self, conn: Connection, *jobs: UUID) -> None:
        await conn.execute(
            "update job set version = version + 1 where id = any(%s)", (sorted(jobs),)
        )

    async def move(self, conn: Connection, report: UUID, job: UUID) -> None:
        """A report leaves its job for another."""
        cursor = await conn.execute(
            "update job_report set until = clock_timestamp()"
            " where report_id = %s and until is null and job_id <> %s returning job_id",
            (report, job),
        )
        left = await cursor.fetchone()
        if left:
            await conn.execute(
                "insert into job_report (report_id, job_id, since)"
                " values (%s, %s, clock_timestamp())",
                (report, job),
            )
            await self.raise_version(conn, left[0], job)

    async def merge(self, conn: Connection, job: UUID, into: UUID) -> None:
        cursor = await conn.execute(
            "select report_id from job_report where job_id = %s and until is null", (job,)
        )
        for (report,) in await cursor.fetchall():
            await self.move(conn, report, into)
        await conn.execute(
            "update job set version = version + 1, status = 'closed', closed_reason = 'merged',"
            " closed_at = now(), merged_into = %s where id = %s",
            (into, job),
        )

    async def unmerge(self, conn: Connection, job: UUID) -> None:
        await conn.execute(
            "update job set version = version + 1, status = 'received', closed_reason = null,"
            " closed_at = null, merged_into = null where id = %s and merged_into is not null",
            (job,),
        )

    async def status(self, conn: Connection, job: UUID) -> None:
        """Any status, closed at any time."""
        status = self.rng.choice([*OPEN, "fixed", "fixed", "closed"])
        stopped = self.moment() if status in ("waiting", "referred") else None
        await conn.execute(
            "update job set version = version + 1, status = %(status)s,"
            " closed_reason = %(reason)s, clock_stopped_at = %(stopped)s,"
            " closed_at = case when %(done)s then created_at + %(took)s end,"
            " reopened = reopened + %(again)s where id = %(job)s and merged_into is null",
            {
                "status": status,
                "reason": self.rng.choice(CLOSED_REASONS) if status == "closed" else None,
                "stopped": stopped,
                "done": status in ("fixed", "closed"),
                "took": timedelta(seconds=self.rng.choice([0, 30, 5e4, 3e6, 9e7])),
                "again": int(self.rng.random() < 0.2),
                "job": job,
            },
        )

    async def correct(self, conn: Connection, job: UUID) -> None:
        """Another place and category, so maybe another ward, team and authority."""
        values = {**self.dimensions(self.place() or FALLBACK), "job": job}
        await conn.execute(
            "update job set version = version + 1, authority_id = %(authority)s,"
            " team_id = %(team)s, category = %(category)s, ward_area_id = %(ward)s,"
            " division_area_id = %(division)s, place = st_point(%(lng)s, %(lat)s, 4326),"
            " priority = 5 - priority, due_at = due_at + interval '3 days' where id = %(job)s",
            values,
        )

    async def anything(self, conn: Connection) -> None:
        """One change, by chance."""
        draw = self.rng.random()
        if not self.jobs or draw < 0.3:
            await self.report(conn)
        elif draw < 0.45:
            await self.report(conn, self.rng.choice(self.jobs))
        elif draw < 0.55:
            await self.move(conn, self.rng.choice(self.reports), self.rng.choice(self.jobs))
        elif draw < 0.62:
            one, other = (self.rng.choice(self.jobs) for _ in range(2))
            if one != other:
                await self.merge(conn, one, other)
        elif draw < 0.66:
            await self.unmerge(conn, self.rng.choice(self.jobs))
        elif draw < 0.85:
            await self.status(conn, self.rng.choice(self.jobs))
        else:
            await self.correct(conn, self.rng.choice(self.jobs))
