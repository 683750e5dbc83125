"""How PostgreSQL runs the statements of a request: by an index, whatever the plan.

The tables are as full as a council's after some years. Both plans of a prepared statement are
looked at: the one made for the values, and the generic one that the API asks for.
"""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from reporting.queries import jobs, photos, reports, staff, tracking
from reporting.runtime import Connection
from tests.support.backlog import fill
from tests.support.county import County
from tests.support.plans import MODES, nodes, plan_of, rows_read

JOBS, OPEN_JOBS = 20_000, 12_000
SQUARES = 4_000
#: Tables that grow with use or with the boundaries. ``rulebook`` has one row.
LARGE = {
    "area_part",
    "assignment",
    "idempotency_key",
    "job",
    "job_report",
    "job_update",
    "outbox",
    "photo",
    "report",
    "report_words",
    "reporter",
    "shared_point",
    "update_words",
}
#: What one request may read of them: a few wards, a few jobs around, never a share of the table.
READ = 150

#: Around each job a report, its link, its words, its update, its photo and its stored answer; and
#: thousands of squares that are somebody's area.
GROW = f"""
insert into reporter (id) select id from job;
insert into report (
  id, reference, category, place, authority_id, answers, tracking_hash, created_at, reporter_id
) select gen_random_uuid(), 'R' || reference, category, place, authority_id, '{{}}',
  sha256(reference::bytea), created_at, id from job;
insert into job_report (report_id, job_id, since)
select report.id, job.id, job.created_at from job join report on report.reporter_id = job.id;
insert into report_words (report_id, description) select id, 'words' from report;
insert into job_update (
  job_id, seq, id, kind, actor, made_at, recorded_at, changes, previous_hash, hash
) select id, 1, gen_random_uuid(), 'reported', 'system', now(), now(), '{{}}', '', '' from job;
insert into update_words (update_id, salt) select id, '' from job_update;
insert into assignment (job_id, at, authority_id, team_id, reasons)
select id, now(), authority_id, team_id, '{{}}' from job;
insert into photo (id, object_key, sha256, bytes, media_type, width, height, report_id)
select gen_random_uuid(), 'x', ''::bytea, 1, 'image/jpeg', 1, 1, id from report;
insert into idempotency_key (scope, key, body_hash, status, answer)
select 'createReport:-', gen_random_uuid(), '', 201, '' from job;
insert into outbox (topic, subject, done_at) select 'update', id, now() from job_update;
insert into area_part (area_id, kind, in_force, geom)
select (select min(id) from area), 'zone', '[2020-01-01 00:00Z,)',
  -- 80 by 50 of them, each a twentieth of a degree wide, around and beyond the county.
  st_makeenvelope(-3 + n % 80 * 0.05, 51 + n / 80 * 0.05, -2.96 + n % 80 * 0.05,
    51.04 + n / 80 * 0.05, 4326)
from generate_series(1, {SQUARES}) n;
insert into shared_point (lat, lng, reports)
select 51 + n / 1000.0, -1, 20 from generate_series(1, 2000) n;
"""


@pytest.fixture
async def grown(county: County, owner: Connection) -> Connection:
    await fill(county, JOBS, JOBS - OPEN_JOBS)
    await owner.execute(GROW)
    await owner.execute("vacuum analyze")
    return owner


async def one(conn: Connection, statement: str) -> Any:
    row = await (await conn.execute(statement)).fetchone()
    return row[0]


async def statements(conn: Connection) -> dict[str, tuple[str, dict[str, Any]]]:
    """The statements of requests that send, show or work a report, with values of a real one."""
    job = await one(conn, "select id from job where status = 'received' order by id limit 1")
    report = await one(conn, f"select report_id from job_report where job_id = '{job}'")
    reference = await one(conn, f"select reference from job where id = '{job}'")
    photo = await one(conn, "select id from photo limit 1")
    update = await one(conn, f"select id from job_update where job_id = '{job}'")
    here = {"lat": 52.01, "lng": -0.99}
    common: dict[str, Any] = {
        "at": None,
        "scope": "createReport:-",
        "key": uuid4(),
        "photos": [photo],
        "device": None,
    }
    look = common | here | {"category": "pothole", "reach_m": 10.0, "zones_m": 150.0}
    return {
        "look": (reports.LOOK, look | {"accuracy_m": None}),
        "look with accuracy": (reports.LOOK, look | {"accuracy_m": 20.0, "reach_m": 30.0}),
        # A phone that knows its position to 100 km must not cost a look at every area there is.
        "look without a position": (reports.LOOK, look | {"accuracy_m": 100_000.0}),
        "look of the past": (
            reports.LOOK,
            look | {"at": datetime(2026, 1, 1, tzinfo=UTC), "accuracy_m": None},
        ),
        "look on a shared point": (
            reports.LOOK,
            look | {"accuracy_m": None, "lat": 51.5, "lng": -1.0},
        ),
        "look, in words": (reports.LOOK_WORDS, common),
        "join the first": (
            reports.JOIN_FIRST,
            {"jobs": [job, uuid4()], "authority": await one(conn, "select min(id) from authority")},
        ),
        "join the one named": (
            reports.JOIN_NAMED,
            here | {"reference": reference, "category": "pothole"},
        ),
        "join the one named, in words": (
            reports.JOIN_NAMED,
            {"lat": None, "lng": None, "reference": reference, "category": "pothole"},
        ),
        "nearby": (reports.NEARBY, here | {"category": "pothole", "radius_m": 60.0}),
        "report by id": (tracking.ONE_BY_ID, {"id": report}),
        "report by reference": (tracking.ONE_BY_REFERENCE, {"reference": f"R{reference}"}),
        "timeline": (tracking.TIMELINE, {"report": report}),
        "photos of a report": (tracking.PHOTOS, {"report": report}),
        "tracking token": (staff.REPORT_BY_BEARER, {"token_hash": b"x"}),
        "job": (jobs.ONE, {"job": job}),
        "jobs, locked": (jobs.LOCK, {"jobs": [job]}),
        "reports of a job": (jobs.REPORTS, {"jobs": [job]}),
        "updates of a job": (jobs.UPDATES, {"jobs": [job], "since": 0}),
        "update by id": (jobs.KNOWN_UPDATE, {"id": update}),
        "loose photos": (jobs.LOOSE_PHOTOS, {"photos": [photo]}),
        "assignments": (jobs.ASSIGNMENTS, {"job": job}),
        "photo": (photos.FIND, {"id": photo}),
        "photo and its job": (photos.WITH_JOB, {"id": photo}),
    }


async def test_no_request_reads_a_table_through(grown: Connection) -> None:
    wrong = []
    for name, (statement, values) in (await statements(grown)).items():
        for mode in MODES:
            plan = await plan_of(grown, mode, statement, values)
            scans = [node for node in nodes(plan) if node.get("Relation Name") in LARGE]
            read = sum(rows_read(node) for node in scans)
            through = [node["Relation Name"] for node in scans if node["Node Type"] == "Seq Scan"]
            if through or read > READ or not scans:
                wrong.append(f"{name} ({mode}): reads {read} rows, through {through}")
    assert not wrong, "\n".join(wrong)


async def test_storing_a_report_reads_no_table_through(grown: Connection) -> None:
    """The write finds the photos and the job it changes by their keys. Planned, not run."""
    statement = reports.store(new_job=False, reporter=True, words=True, photos=True)
    wrong = []
    for mode in MODES:
        plan = await plan_of(grown, mode, statement, _values(statement), run=False)
        for node in nodes(plan):
            if node.get("Relation Name") in LARGE and node["Node Type"] == "Seq Scan":
                wrong.append(f"{mode}: {node['Relation Name']}")
    assert not wrong


def _values(statement: str) -> dict[str, Any]:
    """A null for each value: the plan does not depend on them."""

    class Anything(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            return [UUID(int=1)] if name == "photos" else None

    return Anything()
