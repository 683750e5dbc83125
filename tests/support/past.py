"""Jobs of other days: copies of one that was really made, with what differs."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from reporting.runtime import Connection

#: Every column but the reference is of the first unless it is said.
COPY = """
with made as (
  insert into job select (jsonb_populate_record(job, %(job_row)s::jsonb)).* from job
  where id = %(first)s
)
select (select id from report join job_report link on link.report_id = report.id
        where link.job_id = %(first)s and link.until is null limit 1)
"""
COPY_REPORT = """
with made as (
  insert into report select (jsonb_populate_record(report, %(row)s::jsonb)).* from report
  where id = %(first)s
)
insert into job_report (report_id, job_id, since) values (%(id)s, %(job)s, %(at)s)
"""


def instant(text: str) -> datetime:
    """``2026-03-04T12:00`` in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def copy_job(
    conn: Connection,
    first: UUID,
    *,
    made: datetime,
    took: timedelta | None = None,
    closed: str | None = None,
    reports: int = 1,
    due_after: timedelta = timedelta(days=7),
    **row: Any,
) -> UUID:
    """A job like the first, made then; fixed or closed after a time, or open. Its id."""
    job = uuid4()
    status = "received" if took is None else "closed" if closed else "fixed"
    values = {
        "id": str(job),
        "reference": f"KB-{job.hex[:10]}",
        "created_at": made.isoformat(),
        "updated_at": made.isoformat(),
        "due_at": (made + due_after).isoformat(),
        "reports": reports,
        "status": status,
        "closed_reason": closed,
        "closed_at": (made + took).isoformat() if took is not None else None,
        **row,
    }
    cursor = await conn.execute(COPY, {"job_row": json.dumps(values), "first": first})
    (report,) = await cursor.fetchone()
    for number in range(reports):
        id_ = uuid4()
        at = made + timedelta(minutes=number)
        told = {
            "id": str(id_),
            "reference": f"KB-{id_.hex[:10]}",
            "created_at": at.isoformat(),
            "category": row.get("category", "pothole"),
            "device_id": None,
            "reporter_id": None,
            "tracking_hash": f"\\x{id_.hex}",
        }
        await conn.execute(
            COPY_REPORT,
            {"row": json.dumps(told), "first": report, "id": id_, "job": job, "at": at},
        )
    return job
