"""The past comes in once, as it was, and tells nobody."""

import asyncio
import csv
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from reporting.importing import running, storing
from tests.reporting.importing.conftest import MAP, W2, Office, row
from tests.support.county import County
from tests.support.scratch import ROOT
from tests.support.until import until

LOG = """
select kind, actor, changes, made_at, recorded_at from job_update
join job on job.id = job_id where job.id = %s order by seq
"""

LOCKED = """
select from pg_locks where locktype = 'advisory'
  and database = (select oid from pg_database where datname = current_database())
"""


def rejects(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_become_reports_with_jobs_and_logs_that_hold(office: Office, map_file: Path) -> None:
    dump = office.dump(
        row("1", "2024-05-01 10:00:00", state="done", ended="2024-05-03 12:00:00", ward="W1"),
        row("2", "2024-07-01 10:00:00", kind="rubbish", at=W2, ward="ward W1"),
        row("3", "2024-05-02 09:00:00", state="same", repeats="1"),
        row("4", "2024-06-01 10:00:00", state="void", ended="2024-06-01 10:00:00"),
    )
    said = office.ok("import", dump, "--map", map_file)
    assert "4 rows: 4 taken over as reports on 3 jobs, 0 were before, 0 are not." in said
    assert "1  another ward was written down: the polygon's counts" in said
    assert "1  reports joined the job that another of them made" in said

    jobs = office.rows(
        "select job.*, area.code as ward, team.slug as team from job"
        " join area on area.id = ward_area_id join team on team.id = team_id order by created_at"
    )
    assert [
        (j["status"], j["closed_reason"], j["reports"], j["ward"], j["team"]) for j in jobs
    ] == [
        ("fixed", None, 2, "W1", "highways"),
        ("closed", "invalid", 1, "W1", "highways"),
        ("received", None, 1, "W2", "cleansing"),
    ]
    # Local time in, UTC kept: it was summer.
    log = office.rows(LOG, jobs[0]["id"])
    assert [(entry["kind"], f"{entry['recorded_at']:%d %H:%M}") for entry in log] == [
        ("reported", "01 09:00"),
        ("attached", "02 08:00"),
        ("changed", "03 11:00"),
    ]
    assert log[0]["changes"]["imported"] == {"source": "old-system", "id": "1"}
    assert log[2]["changes"] == {"status": "fixed"}
    assert f"{jobs[0]['closed_at']:%d %H:%M}" == "03 11:00"
    assert office.count("outbox") == office.count("reporter") == office.count("report_words") == 0
    # Nobody is warned that the past is late.
    assert {job["warned_late"] for job in jobs} == {0}
    assert "The log is as it was written." in office.ok("verify")
    assert office.rows("select count(*) as n from checkpoint_head") == [{"n": 3}]
    whose = office.rows("select reasons ->> 'why' as why, at from assignment order by id")
    assert {each["why"] for each in whose} <= {"only", "category"}


def test_a_row_comes_in_once_and_a_change_is_said(office: Office, map_file: Path) -> None:
    first, second = row("1"), row("2", at=W2)
    office.ok("import", office.dump(first, second, first), "--map", map_file)
    assert office.count("report") == 2
    closed = row("2", at=W2, state="done", ended="2024-05-09 10:00:00")
    out = office.desk / "rejects.csv"
    said = office.ok(
        "import", office.dump(first, closed, row("3")), "--map", map_file, "--rejects", out
    )
    assert "3 rows: 1 taken over as reports on 1 jobs, 1 were before, 1 are not." in said
    (left,) = rejects(out)
    assert (left["case"], left["kb_reason"]) == ("2", "changed_since")
    assert {job["status"] for job in office.rows("select status from job")} == {"received"}
    # What the map does not name may change.
    noted = row("1", note="a note")
    assert "1 were before, 0 are not." in office.ok("import", office.dump(noted), "--map", map_file)


REJECTED = [
    (row("", "2024-05-01 10:00:00"), "no_id"),
    (row("r2", ""), "no_time"),
    (row("r3", "yesterday"), "unreadable_time"),
    (row("r4", "2124-05-01 10:00:00"), "in_the_future"),
    (row("r5", kind="Lost dog"), "left_out"),
    (row("r6", kind="Unicorn"), "unknown_category"),
    (row("r7", state="?"), "unknown_status"),
    (row("r8", state="done"), "no_closing_time"),
    (row("r9", state="done", ended="2024-04-30 10:00:00"), "closed_before_created"),
    (row("r10", at=("", "")), "no_place"),
    (row("r11", at=("north", "west")), "not_a_place"),
    (row("r12", at=("0", "0")), "null_island"),
    (row("r13", at=("206000", "451000")), "looks_like_osgb"),
    (row("r14", at=("-0.99", "52.01")), "looks_swapped"),
    (row("r15", at=("40", "3")), "outside_coverage"),
    (row("r16", "2019-12-31 10:00:00"), "before_boundaries"),
    (row("r17")[:-1], "odd_row"),
    (row("r18\0"), "not_text"),
]


def test_what_cannot_be_taken_over_is_in_the_file_with_the_reason(
    office: Office, map_file: Path
) -> None:
    out = office.desk / "rejects.csv"
    dump = office.dump(*(cells for cells, _ in REJECTED), row("good"), name="dump.csv.gz")
    result = office.run("import", dump, "--map", map_file, "--rejects", out)
    assert result.exit_code == 0, result.output
    assert office.count("report") == 1
    found = {each["case"].strip("\0") or "-": each for each in rejects(out)}
    wanted = {cells[0].strip("\0") or "-": reason for cells, reason in REJECTED}
    assert {case: each["kb_reason"] for case, each in found.items() if case != "r17"} == {
        case: reason for case, reason in wanted.items() if case != "r17"
    }
    assert found["r6"]["kb_why"] == "The map does not know this kind. (Unicorn)"
    assert found["r6"]["kind"] == "Unicorn"
    assert "The first boundaries of west are in force from 2020-01-01: 1 rows are older." in (
        result.output
    )


def test_a_dry_run_says_the_same_and_writes_nothing(office: Office, map_file: Path) -> None:
    dump = office.dump(row("1", ward="W1"), row("2", kind="Unicorn"), row("3", kind="Unicorn"))
    said = office.ok("import", dump, "--map", map_file, "--dry-run")
    assert "3 rows: 1 would be taken over as reports on 1 jobs, 0 were before, 2 are not." in said
    assert "The map does not know this kind. Unicorn (2)." in said
    for table in ("report", "job", "imported", "import_source", "checkpoint", "shared_point"):
        assert office.count(table) == 0


def test_rows_are_given_the_wards_of_their_own_day(
    office: Office, map_file: Path, county: County
) -> None:
    with psycopg.connect(office.url, autocommit=True) as conn:
        conn.execute(
            "update vintage set valid = '[2024-01-01,)' where authority_id = %s and kind = 'ward'",
            (county.authorities["west"],),
        )
        conn.execute(
            "update area_part set in_force = '[2024-01-01 00:00Z,)' where area_id = any(%s)",
            ([county.areas["W1"], county.areas["W2"]],),
        )
        conn.execute(
            "with old as (insert into vintage (authority_id, kind, valid, state, source)"
            " values (%s, 'ward', '[2010-01-01,2024-01-01)', 'active', '{}') returning id),"
            " one as (insert into area (vintage_id, authority_id, kind, code, name, geom)"
            " select old.id, %s, 'ward', 'W0', 'Old', st_multi(st_makeenvelope(-1, 52, -0.96,"
            " 52.02, 4326)) from old returning id)"
            " insert into area_part (area_id, kind, in_force, geom)"
            " select id, 'ward', '[2010-01-01 00:00Z,2024-01-01 00:00Z)',"
            " st_makeenvelope(-1, 52, -0.96, 52.02, 4326) from one",
            (county.authorities["west"], county.authorities["west"]),
        )
        conn.execute("update rulebook set version = version + 1")
    rubbish = {"kind": "Rubbish"}
    office.ok(
        "import",
        office.dump(
            row("1", "2015-05-01 10:00:00", **rubbish),
            row("2", "2023-12-31 23:59:59", **rubbish),
            row("3", "2024-01-01 00:00:00", **rubbish),
        ),
        "--map", map_file,
    )  # fmt: skip
    wards = office.rows(
        "select code from report join area on area.id = ward_area_id order by created_at"
    )
    assert [each["code"] for each in wards] == ["W0", "W0", "W1"]


def test_personal_data_comes_only_where_the_map_asks_and_words_go_through_the_screen(
    office: Office, map_file: Path
) -> None:
    dump = office.dump(row("1", note="Ring me on 07700 900123", who="Ada Lovelace"))
    office.ok("import", dump, "--map", map_file)
    assert office.count("report_words") == office.count("reporter") == 0
    more = 'id = "case"\ndescription = "note"\nreporter_name = "who"'
    asked = office.file(
        "more.toml", MAP.replace('id = "case"', more).replace("old-system", "another")
    )
    office.ok("import", dump, "--map", asked)
    (words,) = office.rows("select description, held_for from report_words")
    assert words == {"description": "Ring me on 07700 900123", "held_for": ["phone"]}
    (who,) = office.rows("select name, updates from reporter")
    assert who == {"name": "Ada Lovelace", "updates": []}
    assert office.count("subscription") == 0


def test_words_come_in_as_they_are(office: Office) -> None:
    key, words = 'a\\b"c\té', 'one\ttwo\nthree \\N \\. "four" {five} é'
    asked = office.file(
        "words.toml", MAP.replace('id = "case"', 'id = "case"\ndescription = "note"')
    )
    office.ok("import", office.dump(row(key, note=words), row("2", note="\\N")), "--map", asked)
    found = office.rows("select description from report_words order by description")
    assert {each["description"] for each in found} == {words, "\\N"}
    assert {each["key"] for each in office.rows("select key from imported")} == {key, "2"}
    (said,) = office.rows(
        "select changes -> 'imported' ->> 'id' as id from job_update"
        " where changes -> 'imported' ->> 'id' <> '2'"
    )
    assert said["id"] == key
    assert "The log is as it was written." in office.ok("verify")


def test_teams_that_the_map_names_get_the_job_with_the_reason(office: Office) -> None:
    team = '[team]\ncolumn = "who"\nvalues = { Lorries = "cleansing", Nobody = "gone" }'
    file = office.file("team.toml", MAP + team)
    rows = [row(str(n), kind="Rubbish", who=who) for n, who in enumerate(("Lorries", "Nobody", ""))]
    said = office.ok("import", office.dump(*rows), "--map", file)
    assert "2  west/cleansing" in said
    assert "1  The council that answers for it has no team of that name." in said


def test_a_run_that_is_cut_off_is_finished_by_the_next(
    office: Office, map_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(str(n), f"2024-05-01 10:{n:02}:00") for n in range(40)]
    rows[7] = row("7", "2024-05-01 10:07:00", state="same", repeats="33")
    dump = office.dump(*rows)
    monkeypatch.setattr(running, "CHUNK", 5)
    stored = storing.store
    count = 0

    async def dies(*args: Any) -> None:
        nonlocal count
        number = count = count + 1
        await stored(*args)
        if number == 4:
            raise OSError("the plug was pulled")

    monkeypatch.setattr(storing, "store", dies)
    assert office.run("import", dump, "--map", map_file).exit_code != 0
    assert 0 < office.count("report") < 40
    monkeypatch.setattr(storing, "store", stored)
    office.ok("import", dump, "--map", map_file)
    assert office.count("report") == office.count("imported") == office.count("job_report") == 40
    assert office.count("job") == 39
    assert "The log is as it was written." in office.ok("verify")


@pytest.mark.long
async def test_killed_at_any_moment_it_goes_on_where_it_was(office: Office, map_file: Path) -> None:
    rows = [row(str(n), f"2024-{1 + n % 12:02}-01 10:{n % 60:02}:00") for n in range(40_000)]
    dump = office.dump(*rows)
    words = [sys.executable, "-m", "reporting", "import", str(dump), "--map", str(map_file)]
    env = {**os.environ, **office.env}
    for least, how in ((1, signal.SIGINT), (10_000, signal.SIGKILL), (25_000, signal.SIGKILL)):
        with subprocess.Popen(
            words, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process:
            await until(lambda: office.count("imported") >= least, within_s=120)  # noqa: B023
            process.send_signal(how)
            _, said = process.communicate()
        assert process.returncode != 0
        assert ("run the same again to go on" in said) == (how == signal.SIGINT)
        # The server notices that nobody is there, and lets go of what was locked.
        await until(lambda: not office.rows(LOCKED))
        assert office.count("report") == office.count("imported") >= least
    await asyncio.to_thread(office.ok, "import", dump, "--map", map_file)
    for table in ("report", "imported", "job_report", "job", "assignment", "job_update"):
        assert office.count(table) == 40_000, table
    assert "The log is as it was written." in await asyncio.to_thread(office.ok, "verify")


def test_one_run_at_a_time(office: Office, map_file: Path, county: County) -> None:
    with psycopg.connect(office.url, autocommit=True) as conn:
        conn.execute("select pg_advisory_lock(1802658117, %s)", (county.authorities["west"],))
        result = office.run("import", office.dump(row("1")), "--map", map_file)
    assert result.exit_code == 1
    assert result.stderr.strip() == "Another import for west is running."


async def test_an_imported_report_reads_right_on_its_page(
    office: Office, map_file: Path, client: httpx.AsyncClient
) -> None:
    dump = office.dump(row("1", state="done", ended="2024-05-03 12:00:00"))
    await asyncio.to_thread(office.ok, "import", dump, "--map", map_file)
    (report,) = office.rows("select id, reference from report")
    found = (await client.get(f"/v1/reports/{UUID(str(report['id']))}")).json()
    assert found["status"] == "fixed"
    assert [(each["at"], each["status"]) for each in found["timeline"]] == [
        ("2024-05-01T09:00:00.000000Z", "received"),
        ("2024-05-03T11:00:00.000000Z", "fixed"),
    ]
    assert found["created_at"] == "2024-05-01T09:00:00.000000Z"
