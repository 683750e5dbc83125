"""Intake's own statements in pgbench: what PostgreSQL does of a report without any of our Python.

The values of a report are made by SQL in a statement of the script's own, which is counted too.
"""

import re
import subprocess
import time
from pathlib import Path

import psycopg

from reporting.queries import reports as queries
from tests.bench import harness
from tests.support.county import SIDE, SOUTH
from tests.support.scratch import Database

#: Parameters that are null in the report that is measured.
NULL = {
    "at",
    "accuracy_m",
    "device",
    "taken_by",
    "observed_at",
    "reporter",
    "place_text",
    "update_words_hash",
}
#: The rest, as SQL.
VALUES = {
    "lat": f"{SOUTH} + random() * {SIDE}",
    "lng": f"-1.0 + random() * {4 * SIDE}",
    "category": "'pothole'",
    "reach_m": "10",
    "photos": "'{}'",
    "held_for": "'{}'",
    "scope": "'createReport:-'",
    "key": "gen_random_uuid()",
    "report": "gen_random_uuid()",
    "update_job": "gen_random_uuid()",
    "update_id": "gen_random_uuid()",
    "update_seq": "1",
    "update_kind": "'reported'",
    "update_actor": "'report:' || gen_random_uuid()",
    "update_made_at": "now()",
    "update_recorded_at": "now()",
    "update_changes": "json_build_object('status', 'received', 'team', repeat('x', 300))",
    "update_previous_hash": "'\\x' || repeat('00', 32)",
    "update_hash": "'\\x' || repeat('01', 32)",
    "tracking_hash": "'\\x' || md5(random()::text) || md5(random()::text)",
    "body_hash": "'\\x' || repeat('02', 32)",
    "answer": "'\\x' || repeat('61', 700)",
    "reference": "'R' || gen_random_uuid()",
    "job_reference": "'J' || gen_random_uuid()",
    "authority": "(select min(id) from authority)",
    "team": "(select min(id) from team)",
    "ward": "(select min(id) from area)",
    "division": "(select max(id) from area)",
    "priority": "2",
    "due_at": "now() + interval '1 day'",
    "zones_m": "150",
    "flags": "'{}'",
    "reasons": "json_build_object('areas', repeat('x', 900))",
    "answers": '\'{"depth": "over_7cm"}\'',
    "description": "repeat('word ', 8)",
}


def script() -> str:
    """BEGIN with the locks, the look, the write, COMMIT."""
    store = queries.store(new_job=True, reporter=False, words=True, photos=False)
    statements = [
        "select " + ", ".join(f"{sql} as {name}" for name, sql in VALUES.items()) + " \\gset",
        "\\set lock random(1, 1000000000)",
        "begin;",
        (
            "select pg_try_advisory_xact_lock(:lock), pg_advisory_xact_lock_shared(1),"
            " pg_advisory_xact_lock(:lock + 1);"
        ),
        f"{' '.join(queries.LOOK.split())};",
        f"{store};",
        "commit;",
    ]
    return "\n".join(re.sub(r"%\((\w+)\)s", _variable, each) for each in statements) + "\n"


def _variable(found: re.Match[str]) -> str:
    return "null" if found[1] in NULL else f":{found[1]}"


def run(
    conn: psycopg.Connection[tuple[object, ...]],
    database: Database,
    clients: int,
    folder: Path,
    seconds: int = 8,
) -> tuple[float, float]:
    """Transactions per second and PostgreSQL's CPU milliseconds for each, over the middle part."""
    file = folder / "intake.pgbench"
    file.write_text(script())
    command = ["pgbench", "-n", "-M", "prepared", "-c", str(clients), "-T", str(seconds)]
    child = subprocess.Popen(
        [*command, "-f", str(file), database.admin_url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    time.sleep(seconds / 4)
    before = _reading(conn, database)
    time.sleep(seconds / 2)
    after = _reading(conn, database)
    _, complaint = child.communicate()
    if child.returncode:
        raise RuntimeError(complaint.decode())
    cpu, done, clock = (b - a for a, b in zip(before, after, strict=True))
    return done / clock, cpu * 1000 / done


def _reading(
    conn: psycopg.Connection[tuple[object, ...]], database: Database
) -> tuple[float, int, float]:
    row = conn.execute("select count(*) from report").fetchone()
    if row is None:
        raise RuntimeError("count(*) gave no row")
    return harness.backends_cpu(conn, database), int(str(row[0])), time.perf_counter()
