"""By the clock, what nobody went on with is forgotten; and the looks for it stay cheap."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from reporting.queries import confirming, uploads
from reporting.runtime import Connection, Runtime
from tests.reporting.test_reports import count
from tests.reporting.web.test_photos import stored
from tests.reporting.web.test_uploads import LENGTH, PICTURE, THIRD
from tests.support.lines import Line
from tests.support.plans import MODES, nodes, plan_of, rows_read
from workers.jobs.photos import forget_uploads
from workers.main import cron_jobs


async def test_every_hour(app: FastAPI, runtime: Runtime, owner: Connection) -> None:
    assert forget_uploads in {job.coroutine for job in cron_jobs()}
    line = Line(app)
    for _ in range(3):
        await line.put(uuid4(), [PICTURE[:THIRD]], length=LENGTH)
    await owner.execute("update upload set touched_at = now() - interval '49 hours'")
    await line.put(uuid4(), [PICTURE[:THIRD]], length=LENGTH)
    await forget_uploads({"runtime": runtime})
    assert await count(owner, "upload") == 1
    assert len(await stored(runtime)) == 1


FILL = """
insert into upload (photo_id, length, holder, touched_at)
select gen_random_uuid(), 9, gen_random_uuid(), now() - n * interval '1 minute'
from generate_series(1, 20000) n;
insert into unconfirmed (id, scope, key, body_hash, body, expires_at)
select gen_random_uuid(), 'createReport:-', gen_random_uuid(), '', '{}', now()
from generate_series(1, 20000) n;
vacuum analyze upload; vacuum analyze unconfirmed;
"""


@pytest.mark.parametrize("mode", MODES)
async def test_each_statement_reads_little(owner: Connection, mode: str) -> None:
    for statement in FILL.split(";"):
        if statement.strip():
            await owner.execute(statement)
    values: dict[str, Any] = {
        **dict.fromkeys(("photo", "holder", "id", "key"), uuid4()),
        "device": None,
        "offset": 0,
        "length": 9,
        "size": 1,
        "part": "p",
        "limit": 50,
        "older_than_s": 172_800.0,
        "scope": "createReport:-",
    }
    named = [(uploads, name) for name in ("FIND", "TAKE", "APPEND", "DROP", "DROP_HELD", "EXPIRED")]
    named += [(confirming, name) for name in ("FIND", "CLEAR", "ANSWERED")]
    for where, name in named:
        for node in nodes(await plan_of(owner, mode, getattr(where, name), values)):
            if node.get("Relation Name") in {"upload", "unconfirmed"}:
                assert node["Node Type"] != "Seq Scan", (name, node)
                assert rows_read(node) <= 100, (name, node)
