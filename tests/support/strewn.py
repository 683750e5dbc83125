"""Reports and jobs of two authorities strewn over the same ground, straight in SQL, and counted.

The shire's potholes and drains lie over all four wards, the west's fly-tipping over its two, so
every tile that has one has the other. Each job has a report where it is, a third have one more
nearby; half are closed. Made within 60 days, the same for the same seed.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from reporting.counting import folding
from reporting.runtime import Connection, Runtime
from tests.support.county import SIDE, SOUTH, County

SHIRE = {"pothole": "shire/highways", "drain": "shire/shire-triage"}
WEST = {"fly_tipping": "west/cleansing"}


@dataclass(frozen=True)
class Strewn:
    """A report, or a job, as a test counts it."""

    kind: str
    id: UUID
    authority: str
    category: str
    team: str
    ward: str
    division: str
    lat: float
    lng: float
    status: str
    priority: int
    overdue: bool
    at: datetime


INSERT_JOB = """
insert into job (
  id, reference, authority_id, team_id, category, ward_area_id, division_area_id, place, status,
  closed_reason, priority, due_at, version, chain_head, created_at, updated_at, closed_at, reports
) values (
  %(id)s, %(reference)s, %(authority)s, %(team)s, %(category)s, %(ward)s, %(division)s,
  st_point(%(lng)s, %(lat)s, 4326), %(status)s, %(reason)s, %(priority)s, %(due)s, 1, '', %(at)s,
  %(at)s, %(closed)s, %(reports)s
)
"""
INSERT_REPORT = """
with made as (
  insert into report (
    id, reference, category, place, authority_id, ward_area_id, answers, tracking_hash, created_at
  ) values (
    %(id)s, %(reference)s, %(category)s, st_point(%(lng)s, %(lat)s, 4326), %(authority)s, %(ward)s,
    '{}', decode(md5(%(reference)s), 'hex'), %(at)s
  )
)
insert into job_report (report_id, job_id, since) values (%(id)s, %(job)s, %(at)s)
"""


async def strew(county: County, runtime: Runtime, jobs: int = 150, seed: int = 1) -> list[Strewn]:
    """Write so many jobs and their reports, and count them."""
    draw = random.Random(seed)
    now = datetime.now(UTC)
    found: list[Strewn] = []
    job_rows: list[dict[str, Any]] = []
    report_rows: list[dict[str, Any]] = []
    for number in range(jobs):
        authority, teams = draw.choice([("shire", SHIRE), ("west", WEST)])
        category = draw.choice(sorted(teams))
        wide = 4 if authority == "shire" else 2
        at = now - timedelta(minutes=draw.randrange(60 * 24 * 60))
        lng, lat = _place(draw, wide)
        status = draw.choice(["received", "received", "in_progress", "fixed", "fixed", "closed"])
        priority = draw.randint(1, 4)
        due = at + timedelta(days=[1, 5, 20, 50][priority - 1])
        is_open = status not in {"fixed", "closed"}
        column = min(int((lng + 1) / SIDE), 3)
        ward = ["W1", "W2", "E1", "E2"][column]
        division = "D1" if column < 2 else "D2"
        facts = (authority, category, teams[category], ward, division)
        job = Strewn(
            "job",
            UUID(int=draw.getrandbits(128), version=4),
            *facts,
            lat,
            lng,
            status,
            priority,
            is_open and due < now,
            at,
        )
        places = [(lng, lat), *([_place(draw, wide)] if draw.random() < 1 / 3 else [])]
        found.append(job)
        job_rows.append(
            {
                **_row(county, job),
                "reference": f"J{number}",
                "team": county.teams[job.team],
                "division": county.areas[division] if authority == "shire" else None,
                "status": status,
                "reason": "not_found" if status == "closed" else None,
                "priority": priority,
                "due": due,
                "closed": None if is_open else min(at + timedelta(days=2), now),
                "reports": len(places),
            }
        )
        for order, (report_lng, report_lat) in enumerate(places):
            report = Strewn(
                "report",
                UUID(int=draw.getrandbits(128), version=4),
                *facts,
                report_lat,
                report_lng,
                status,
                priority,
                job.overdue,
                at,
            )
            found.append(report)
            report_rows.append(
                {
                    **_row(county, report),
                    "reference": f"R{number}-{order}",
                    "job": job.id,
                }
            )
    await write(county.conn, job_rows, report_rows)
    await count(runtime)
    return found


def _place(draw: random.Random, wide: int) -> tuple[float, float]:
    return (
        round(-1 + draw.random() * wide * SIDE * 0.999, 6),
        round(SOUTH + draw.random() * SIDE * 0.999, 6),
    )


def _row(county: County, it: Strewn) -> dict[str, Any]:
    return {
        "id": it.id,
        "authority": county.authorities[it.authority],
        "category": it.category,
        "ward": county.areas[it.ward],
        "lng": it.lng,
        "lat": it.lat,
        "at": it.at,
    }


async def write(
    conn: Connection, jobs: list[dict[str, Any]], reports: list[dict[str, Any]]
) -> None:
    """The rows of some jobs and reports."""
    async with conn.cursor() as cursor:
        await cursor.executemany(INSERT_JOB, jobs)
        await cursor.executemany(INSERT_REPORT, reports)


async def count(runtime: Runtime) -> None:
    """Let the counts follow."""
    async with runtime.unit() as conn:
        await folding.tick(conn)
