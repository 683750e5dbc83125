"""`staff add` and `verify` from the shell."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from reporting.cli import app
from reporting.keys import Keys
from reporting.settings import Settings
from tests.support.county import County
from tests.support.scratch import Database

PASSWORD = "a long enough password"
Run = Callable[..., Result]


@pytest.fixture
def run(county: County, settings: Settings) -> Run:
    """A command on the county, as the role the processes run as."""
    env = {
        "KERBLINE_DATABASE_URL": settings.database_url,
        "KERBLINE_REDIS_URL": settings.redis_url,
        "KERBLINE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "KERBLINE_ENVIRONMENT": "development",
        "COLUMNS": "200",
    }

    def call(*words: str, password: str = PASSWORD) -> Result:
        return CliRunner().invoke(app, [*words], env=env, input=f"{password}\n")

    return call


def add(run: Run, *more: str, password: str = PASSWORD) -> Result:
    words = ("staff", "add", "--email", "Ann@shire.example", "--authority", "shire", *more)
    return run(*words, password=password)


def stored(database: Database) -> list[Any]:
    with psycopg.connect(database.admin_url) as conn:
        return conn.execute(
            "select email, role, wards, (select count(*) from staff_team), password_hash from staff"
        ).fetchall()


def test_an_account_is_made_with_its_password_from_standard_input(
    run: Run, database: Database
) -> None:
    made = add(run, "--role", "crew", "--team", "highways")
    assert made.exit_code == 0, made.output
    assert "Added crew ann@shire.example of shire." in made.output
    assert PASSWORD not in made.output
    [(email, role, wards, teams, password_hash)] = stored(database)
    assert (email, role, wards, teams) == ("ann@shire.example", "crew", [], 1)
    assert password_hash.startswith("$argon2id$")


def test_a_supervisor_may_have_wards(run: Run, database: Database) -> None:
    made = add(run, "--role", "supervisor", "--wards", "D1, D2")
    assert made.exit_code == 0, made.output
    assert stored(database)[0][2] == ["D1", "D2"]


def test_accounts_are_listed_disabled_and_enabled_but_for_the_last_admin(run: Run) -> None:
    add(run, "--role", "admin")
    listed = run("staff", "list", "--authority", "shire")
    assert listed.stdout.split() == ["ann@shire.example", "admin", "shire"]
    refused = run("staff", "disable", "ann@shire.example")
    assert refused.exit_code == 1
    assert refused.stderr.strip() == "This is the last admin; make another first."
    words = ("--role", "admin", "--email", "Bo@shire.example")
    assert add(run, *words).exit_code == 0
    assert run("staff", "disable", "Ann@shire.example").exit_code == 0
    assert "disabled" in run("staff", "list").stdout
    assert run("staff", "disable", "bo@shire.example").exit_code == 1
    assert run("staff", "enable", "ann@shire.example").exit_code == 0
    assert "disabled" not in run("staff", "list").stdout
    assert run("staff", "enable", "nobody@shire.example").exit_code == 1


@pytest.mark.parametrize(
    ("more", "password", "sentence"),
    [
        (("--role", "crew"), PASSWORD, "A crew works for a team; name one."),
        (("--role", "supervisor", "--wards", "W1"), PASSWORD, "shire has no ward or division W1."),
        (("--role", "admin"), "short", "A password has 12 to 128 characters."),
        (("--role", "admin"), "", "Give the password on standard input."),
    ],
)
def test_what_cannot_be_ends_in_one_line(
    run: Run, database: Database, more: tuple[str, ...], password: str, sentence: str
) -> None:
    refused = add(run, *more, password=password)
    assert (refused.exit_code, refused.stderr.strip()) == (1, sentence)
    assert stored(database) == []


def test_verify_says_what_it_looked_at(run: Run, settings: Settings) -> None:
    said = run("verify")
    assert said.exit_code == 0, said.output
    assert "0 updates of 0 jobs, 0 checkpoints" in said.stdout
    key = Keys(settings.secret_key.get_secret_value()).checkpoints.public_key()
    assert key.public_bytes_raw().hex() in said.stdout
    assert "The log is as it was written." in said.stdout


def test_verify_names_what_is_wrong_and_fails(run: Run, database: Database) -> None:
    with psycopg.connect(database.admin_url) as conn:
        conn.execute("set session_replication_role = replica")
        conn.execute(
            "insert into job_update values ('0b0e7a40-0000-4000-8000-000000000001', 1,"
            " gen_random_uuid(), 'noted', 'system', now(), now(), '{}', null, '', '')"
        )
    said = run("verify")
    assert said.exit_code == 1
    assert "job 0b0e7a40-0000-4000-8000-000000000001, update 1: this update was edited." in (
        said.stdout
    )
