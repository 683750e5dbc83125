"""The made-up county: loaded once by its own command, and then looked at."""

import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import psycopg
import pytest

from geo.demo import county
from reporting import staff
from reporting.demo.sightings import LOCAL, sightings
from reporting.demo.work import EVENING, FRIDAY, MORNING, OUTCOMES, Begun, at_work, plan
from reporting.passwords import Passwords
from reporting.runtime import API_TIMEOUTS, open_runtime
from reporting.settings import Settings
from reporting.status import REACHED_FROM, STATUSES
from tests.support.scratch import ROOT, Database, scratch

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@dataclass
class Loaded:
    """A database with the county in it."""

    database: Database
    folder: Path
    env: dict[str, str]
    output: str

    def run(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "reporting", *arguments],
            cwd=ROOT,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    def rows(self, query: str) -> list[tuple]:
        with psycopg.connect(self.database.admin_url) as conn:
            return conn.execute(query).fetchall()

    def one(self, query: str) -> object:
        [(value,)] = self.rows(query)
        return value


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("instance")
    with scratch("demo") as database:
        env = {
            **os.environ,
            "KERBLINE_DATABASE_URL": database.url,
            "KERBLINE_INSTANCE": str(folder),
            "KERBLINE_ENVIRONMENT": "development",
        }
        found = Loaded(database, folder, env, "")
        done = found.run("demo")
        assert done.returncode == 0, done.stderr
        found.output = done.stdout
        yield found


def test_there_are_jobs_in_every_status_of_every_priority_and_team(loaded):
    assert {status for (status,) in loaded.rows("select distinct status from job")} == STATUSES
    assert {p for (p,) in loaded.rows("select distinct priority from job")} == {1, 2, 3, 4}
    idle = loaded.rows(
        "select team.slug from team where slug not like '%-triage'"
        " and not exists (select from job where job.team_id = team.id)"
    )
    assert idle == []


def test_what_is_seen_by_several_people_is_one_job(loaded):
    assert loaded.one("select max(reports) from job") >= 3
    assert loaded.one("select count(*) from report") > loaded.one("select count(*) from job") > 200


def test_the_chain_of_every_job_is_whole(loaded):
    verified = loaded.run("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_the_past_is_told_in_its_order(loaded):
    assert loaded.one("select max(created_at) < now() from report")
    assert loaded.one("select now() - min(created_at) > '330 days' from report")
    assert loaded.one("select count(*) from job_update where made_at > recorded_at") == 0
    backwards = loaded.one(
        "select count(*) from (select recorded_at, lag(recorded_at) over"
        " (partition by job_id order by seq) as before from job_update) entry"
        " where recorded_at < before"
    )
    assert backwards == 0


def test_supervisors_find_a_few_warnings_and_nobody_is_written_to(loaded):
    told = dict(loaded.rows("select kind, count(*) from escalation group by kind"))
    assert told["overdue"]
    assert sum(told.values()) <= 40
    assert loaded.one("select count(*) from warning_mail") == 0
    assert loaded.one("select count(*) from job_update where changes ? 'triage'") > 200


def test_every_job_lies_in_the_ward_and_zone_it_was_given_for(loaded):
    astray = loaded.one(
        "select count(*) from job join area on area.id = job.ward_area_id"
        " where not st_covers(area.geom, job.place)"
    )
    assert astray == 0
    on_the_road = loaded.rows(
        "select st_covers(area.geom, job.place), count(*) from job join team on team.id = team_id"
        " cross join area where team.slug = 'trunk-road-patrol' and zone_type = 'trunk_road'"
        " group by 1"
    )
    assert [covered for covered, _ in on_the_road] == [True]


async def test_the_log_ins_are_printed_kept_for_their_owner_and_work(loaded):
    file = loaded.folder / "demo-logins.txt"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    lines = file.read_text().splitlines()
    assert all(line in loaded.output for line in lines)
    by_role = {line.split()[0]: line.split()[-2:] for line in lines}
    assert by_role.keys() == {"crew", "supervisor", "admin", "auditor"}
    settings = Settings(database_url=loaded.database.url, pool_size=1)
    async with open_runtime(settings, timeouts=API_TIMEOUTS, application="kt") as runtime:
        for email, password in by_role.values():
            session = await staff.log_in(
                runtime.unit,
                runtime.keys,
                Passwords(),
                email=email,
                password=password,
                address="127.0.0.1",
            )
            assert session.access_token


def test_a_database_with_councils_in_it_is_refused_in_one_line(loaded):
    before = loaded.one("select count(*) from report")
    again = loaded.run("demo")
    assert again.returncode == 1
    assert again.stderr.strip().splitlines() == [
        "There are authorities in this database already; the demo is for an empty one."
    ]
    assert loaded.one("select count(*) from report") == before


def test_production_is_refused(loaded):
    env = {
        "KERBLINE_ENVIRONMENT": "production",
        "KERBLINE_PUBLIC_URL": "https://kerbline.example",
    }
    refused = loaded.run("demo", **env)
    assert refused.returncode == 1
    assert "development only" in refused.stderr


def test_the_same_year_is_seen_each_time():
    first, again = (sightings(county(), NOW, Random(5)) for _ in range(2))
    assert first == again
    assert first != sightings(county(), NOW, Random(6))


def test_reports_come_by_daylight_and_potholes_after_frost():
    seen = sightings(county(), NOW, Random(5))
    firsts = [one for one in seen if one.at.astimezone(LOCAL).month in {12, 1}]
    # Somebody may see the same again some hours later; nearly all see it when the sun is up.
    dark = [one for one in firsts if not 8 <= one.at.astimezone(LOCAL).hour <= 16]
    assert len(dark) < len(firsts) / 4
    months = Counter(one.at.astimezone(LOCAL).month for one in seen if one.category == "pothole")
    assert sum(months[m] for m in (1, 2, 3)) > 1.5 * sum(months[m] for m in (6, 7, 8))


@pytest.mark.parametrize("category", ["pothole", "fly_tipping"])
def test_staff_do_only_what_the_table_of_moves_allows(category):
    rng = Random(3)
    ends = Counter()
    for _ in range(400):
        at = NOW - timedelta(days=rng.uniform(0.1, 365))
        due = at + rng.choice((timedelta(hours=2), timedelta(days=7), timedelta(days=28)))
        status, before = "received", at
        for step in plan(Begun(category, at, due), NOW, rng):
            assert step.at >= before
            assert status in REACHED_FROM[step.did["status"]]
            status, before = step.did["status"], step.at
        ends[status] += 1
    assert ends.keys() == STATUSES
    assert len(OUTCOMES) >= len(STATUSES)


@pytest.mark.parametrize("hours", range(0, 24 * 8, 5))
def test_planned_work_falls_into_working_hours(hours):
    asked = NOW + timedelta(hours=hours)
    found = at_work(asked).astimezone(LOCAL)
    assert found >= asked
    assert found.weekday() <= FRIDAY
    assert MORNING <= found.hour < EVENING
