"""The statements on photos read what they answer, however many photos there are."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from reporting.queries import operations, photos
from reporting.runtime import Connection
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.plans import MODES, nodes, plan_of, rows_read

FILL = """
insert into photo (id, object_key, sha256, bytes, media_type, width, height, state, uploaded_at,
  report_id)
select gen_random_uuid(), n, '', 1, 'image/jpeg', 1, 1, 'ready', now() - n * interval '1 minute',
  case when n > 100 then %(report)s::uuid end
from generate_series(1, 20000) n
"""
DONE = """
insert into outbox (topic, subject, done_at)
select 'photo', gen_random_uuid(), now() from generate_series(1, 20000)
"""


@pytest.fixture
async def grown(client: Any, county: County) -> Connection:
    """Twenty thousand photos, a hundred of them loose; their outbox rows done."""
    made = (await send(client, pothole())).json()
    await county.conn.execute(FILL, {"report": made["id"]})
    await county.conn.execute(DONE)
    for table in ("photo", "outbox", "report", "job_report", "job"):
        await county.conn.execute(f"vacuum analyze {table}")
    return county.conn


def values(photo: UUID) -> dict[str, Any]:
    return {
        "id": photo,
        "ids": [photo, uuid4()],
        "older_than_s": 3600.0,
        "limit": 50,
    }


@pytest.mark.parametrize("mode", MODES)
async def test_each_reads_little(grown: Connection, mode: str) -> None:
    (photo,) = await (await grown.execute("select id from photo limit 1")).fetchone()
    for name in ("FIND", "WITH_JOB", "NAMED", "LOOSE"):
        plan = await plan_of(grown, mode, getattr(photos, name), values(photo))
        for node in nodes(plan):
            if node.get("Relation Name") == "photo":
                assert node["Node Type"] != "Seq Scan", (name, node)
                assert rows_read(node) <= 100, (name, node)


async def test_what_waits_is_counted_without_reading_what_is_done(grown: Connection) -> None:
    plan = await plan_of(grown, MODES[0], operations.WAITING, {})
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "outbox"]
    assert len(scans) == 3
    for node in scans:
        assert node["Node Type"] != "Seq Scan", node
        assert rows_read(node) <= 10
