import json
import logging
import traceback
from collections.abc import Iterator
from io import BytesIO
from uuid import UUID, uuid4

import psycopg
import pytest
import structlog

from reporting import logs
from reporting.runtime import Connection

#: Of a person who does not exist. None of it may reach a line.
CANARIES = {
    "email": "ann.canary@example.org",
    "phone": "07700 900123",
    "international": "+44 7700 900-456",
    "landline": "(01865) 496 0999",
    "postcode": "OX1 4QQ",
    "device": "kbd_canarycanarycanarycanary",
    "tracking": "kbt_canarycanarycanarycanary",
    "staff": "kbs_canarycanarycanarycanary",
    "jwt": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnkifQ.x",
    "bearer": "Bearer canarycanary",
    "place": "51.752022, -1.257677",
    "query": "/r/KB-7F3K9Q?t=canarytoken",
    "password": "postgresql://app:canarypassword@127.0.0.1/kerbline",
}


@pytest.fixture
def out() -> Iterator[BytesIO]:
    """What is written while logging is set up as in a process."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = BytesIO()
    logs.configure(stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    logs._access.out = None


def lines(out: BytesIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_says_what_when_and_about_which(out: BytesIO) -> None:
    job, token = uuid4(), logs.request_id.set("feed")
    structlog.get_logger("kerbline").info("job_moved", job=job, seconds=1.5, ids=[1, 2])
    logs.request_id.reset(token)
    (line,) = lines(out)
    assert line.pop("time").endswith("Z")
    assert line == {
        "event": "job_moved",
        "level": "info",
        "job": str(job),
        "seconds": 1.5,
        "ids": [1, 2],
        "request_id": "feed",
    }


@pytest.mark.parametrize("name", CANARIES)
def test_personal_data_in_a_value_is_taken_out(out: BytesIO, name: str) -> None:
    canary = CANARIES[name]
    log, kept = structlog.get_logger(), str(uuid4())
    log.info("one", about=f"said {canary} and {kept}")
    log.info("two", about={"deep": [f"x {canary}", {kept: canary}]})
    log.info(canary)
    logging.getLogger("a.library").warning("it said %s of %s", canary, kept)
    found = out.getvalue().decode()
    secret = canary.replace("postgresql://", "").replace("@127.0.0.1/kerbline", "")
    assert secret.removeprefix("/r/KB-7F3K9Q") not in found
    assert "canary" not in found
    assert found.count(kept) == 3
    assert len(lines(out)) == 4


@pytest.mark.parametrize(
    "key",
    ["email", "reporter_email", "Name", "contact", "lat", "phone_number", "description", "token"],
)
def test_keys_that_hold_personal_data_are_dropped(out: BytesIO, key: str) -> None:
    structlog.get_logger().info("x", **{key: "Ann Canary", "kept": {key: "Ann", "id": 7}})
    (line,) = lines(out)
    assert key not in line
    assert line["kept"] == {"id": 7}


@pytest.mark.parametrize(
    "innocent",
    [
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "00000000-0000-4000-8000-000000000000",
        "KB-7F3K9Q",
        "2026-08-11T09:30:00.123456Z",
        "reporting/photos.py:117 visible",
        "127.0.0.1:15432",
        "psycopg.errors.LockNotAvailable",
        "/v1/photos/{photo}/{size}",
        "12 of 20000 rows in 0.123 s",
    ],
)
def test_ids_times_and_places_in_code_are_left_alone(out: BytesIO, innocent: str) -> None:
    structlog.get_logger().info("x", about=innocent)
    assert lines(out)[0]["about"] == innocent


def test_objects_are_named_and_not_shown(out: BytesIO) -> None:
    class Ann:
        def __repr__(self) -> str:
            return "Ann Canary"

    structlog.get_logger().info("x", about=Ann(), raw=b"canary", id=UUID(int=1))
    (line,) = lines(out)
    assert (line["about"], line["raw"]) == ("<Ann>", "<6 bytes>")
    assert line["id"] == str(UUID(int=1))


async def test_an_exception_is_told_without_its_words(out: BytesIO, owner: Connection) -> None:
    try:
        try:
            await owner.execute("select %s::uuid", ("Ann Canary of 1 Canary Street",))
        except psycopg.Error as error:
            message = "Ann Canary again"
            raise RuntimeError(message) from error
    except RuntimeError:
        structlog.get_logger().exception("failed", job=7)
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert b"Canary" not in out.getvalue()
    for line in lines(out):
        outer, inner = line["errors"]
        assert outer["type"] == "builtins.RuntimeError"
        assert "tests/reporting/test_logs.py" in outer["at"][0]
        assert inner["sqlstate"] == "22P02"


def test_a_traceback_that_comes_as_text_is_told_by_its_places(out: BytesIO) -> None:
    try:
        int("Ann Canary")
    except ValueError:
        said = traceback.format_exc()
    logging.getLogger("uvicorn.error").error(said)
    (line,) = lines(out)
    assert line["event"] == "traceback"
    assert line["at"][0].endswith("in test_a_traceback_that_comes_as_text_is_told_by_its_places")
    assert b"Canary" not in out.getvalue()


async def test_a_broken_constraint_is_named(out: BytesIO, owner: Connection) -> None:
    try:
        await owner.execute("insert into reporter (id) values (null)")
    except psycopg.Error:
        structlog.get_logger().exception("failed")
    assert lines(out)[0]["errors"][0]["sqlstate"] == "23502"


def test_a_request_is_one_line(out: BytesIO) -> None:
    logs.access("GET", "/v1/reports/{id}", 200, 1.234, "abc")
    (line,) = lines(out)
    assert line.pop("time")
    assert line == {
        "event": "request",
        "method": "GET",
        "route": "/v1/reports/{id}",
        "status": 200,
        "ms": 1.23,
        "request_id": "abc",
        "level": "info",
    }
