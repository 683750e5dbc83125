"""The proof of the update log, against somebody who can write every table."""

from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from reporting import chain, events, verify
from reporting.chain import GENESIS, Words
from reporting.keys import Keys
from reporting.queries import jobs as queries
from reporting.runtime import Connection, Runtime
from reporting.tables import Update
from tests.support.county import County

JOBS = [UUID(int=number << 64 | 0x4000_8000 << 32) for number in (1, 2, 3)]


async def add_job(county: County, job: UUID) -> None:
    await county.conn.execute(
        "insert into job (id, reference, authority_id, team_id, category, status, priority, due_at,"
        " version, chain_head, created_at, updated_at)"
        " values (%s, %s, %s, %s, 'pothole', 'in_progress', 3, now(), 0, %s, now(), now())",
        (
            job,
            str(job),
            county.authorities["shire"],
            county.teams["shire/highways"],
            GENESIS,
        ),
    )


async def append(conn: Connection, job: UUID, event: events.Event, note: str | None = None) -> None:
    """An update as the verbs append it."""
    cursor = await conn.execute("select version, chain_head, now() from job where id = %s", (job,))
    version, head, now = await cursor.fetchone()
    entry = events.entry(
        event,
        job_id=job,
        version=version,
        head=head,
        id=uuid4(),
        actor="system",
        made_at=now,
        recorded_at=now,
        words=Words(note=note),
    )
    parts = frozenset({"words"} if note else set())
    await conn.execute(queries.append(parts), entry.params())


@pytest.fixture
async def log(county: County, runtime: Runtime) -> None:
    """Three jobs of five updates, a checkpoint after the third and one at the end."""
    for job in JOBS:
        await add_job(county, job)
    for number in range(5):
        for job in JOBS:
            event = events.Changed({"status": "in_progress", "priority": f"P{number % 4 + 1}"})
            await append(county.conn, job, event, note=f"seen {number}")
        if number in {2, 4}:
            async with runtime.unit() as conn:
                assert await verify.take_checkpoint(conn, runtime.keys) is not None


@pytest.fixture
async def intruder(owner: Connection) -> Connection:
    """Somebody with every right, whom neither trigger nor foreign key stops."""
    await owner.execute("set session_replication_role = replica")
    return owner


async def found(runtime: Runtime) -> verify.Proof:
    async with runtime.reading() as conn:
        return await verify.verify(conn, runtime.keys)


async def test_an_honest_log_holds(runtime: Runtime, log: None) -> None:
    proof = await found(runtime)
    assert proof.holds, proof.findings
    assert (proof.updates, proof.jobs, proof.checkpoints) == (15, 3, 2)


async def test_erased_words_leave_it_whole(runtime: Runtime, log: None, owner: Connection) -> None:
    await owner.execute("delete from update_words")
    assert (await found(runtime)).holds


EDITS = {
    "id": uuid4(),
    "kind": "noted",
    "actor": "staff:00000000-0000-0000-0000-000000000000",
    "made_at": "2020-01-01T00:00:00Z",
    "recorded_at": "2020-01-01T00:00:00Z",
    "changes": Jsonb({"status": "closed", "priority": "P3"}),
    "words_hash": None,
    "previous_hash": b"\x01" * 32,
    "hash": b"\x02" * 32,
}


@pytest.mark.parametrize("column", EDITS)
@pytest.mark.parametrize("seq", [1, 3, 5])
async def test_an_edit_of_any_column_of_any_row_is_found_and_named(
    runtime: Runtime, log: None, intruder: Connection, column: str, seq: int
) -> None:
    await intruder.execute(
        f"update job_update set {column} = %s where job_id = %s and seq = %s",
        (EDITS[column], JOBS[1], seq),
    )
    first = (await found(runtime)).findings[0]
    assert (first.job, first.seq) == (JOBS[1], seq), first


async def test_every_member_of_a_row_is_tried() -> None:
    columns = {"job_id", "seq", *EDITS}
    assert columns == {column.name for column in Update.__table__.columns}


async def test_an_edit_that_mends_its_own_hash_breaks_the_next(
    runtime: Runtime, log: None, intruder: Connection
) -> None:
    await rewrite(intruder, JOBS[1], from_seq=3, to_seq=3)
    first = (await found(runtime)).findings[0]
    assert (first.job, first.seq) == (JOBS[1], 4)


async def test_a_chain_written_anew_is_found_by_the_checkpoint(
    runtime: Runtime, log: None, intruder: Connection
) -> None:
    await rewrite(intruder, JOBS[1], from_seq=2, to_seq=5)
    findings = (await found(runtime)).findings
    assert {(each.job, each.seq) for each in findings} == {(JOBS[1], 3), (JOBS[1], 5)}
    assert all(each.checkpoint for each in findings)


async def rewrite(conn: Connection, job: UUID, *, from_seq: int, to_seq: int) -> None:
    """Change history and hash it as we would."""
    cursor = await conn.execute(
        "select seq, id, kind, actor, made_at, recorded_at, changes, words_hash, previous_hash"
        " from job_update where job_id = %s and seq between %s and %s order by seq",
        (job, from_seq, to_seq),
    )
    head = None
    for seq, name, kind, actor, made, recorded, changes, words, previous in await cursor.fetchall():
        head = head or previous
        forged = {**changes, "priority": "P9"}
        new = chain.link(
            head,
            job_id=job,
            seq=seq,
            id=name,
            kind=kind,
            actor=actor,
            made_at=made,
            recorded_at=recorded,
            changes=forged,
            words_hash=words,
        )
        await conn.execute(
            "update job_update set changes = %s, previous_hash = %s, hash = %s"
            " where job_id = %s and seq = %s",
            (Jsonb(forged), head, new, job, seq),
        )
        head = new
    await conn.execute(
        "update job set chain_head = (select hash from job_update where job_id = job.id"
        " and seq = job.version) where id = %s",
        (job,),
    )


TAMPERED: dict[str, tuple[str, UUID | None, int | None]] = {
    "a row removed": (
        "delete from job_update where job_id = '{b}' and seq = 3",
        JOBS[1],
        3,
    ),
    "the first row removed": (
        "delete from job_update where job_id = '{b}' and seq = 1",
        JOBS[1],
        1,
    ),
    "two rows swapped": (
        (
            "update job_update set seq = case seq when 2 then 102 else 103 end"
            " where job_id = '{b}' and seq in (2, 3);"
            "update job_update set seq = case seq when 102 then 3 else 2 end"
            " where job_id = '{b}' and seq in (102, 103)"
        ),
        JOBS[1],
        2,
    ),
    "a row moved to another job": (
        "update job_update set job_id = '{c}', seq = 6 where job_id = '{b}' and seq = 5",
        JOBS[2],
        6,
    ),
    "the last row cut": ("delete from job_update where job_id = '{b}' and seq = 5", JOBS[1], 5),
    "the last rows cut and the job's head set back": (
        (
            "delete from job_update where job_id = '{b}' and seq > 3;"
            "update job set version = 3, checkpointed_version = 3, chain_head = (select hash from"
            " job_update where job_id = '{b}' and seq = 3) where id = '{b}'"
        ),
        JOBS[1],
        5,
    ),
    "a row added at the end": (
        (
            "insert into job_update select job_id, 6, gen_random_uuid(), kind, actor, made_at,"
            " recorded_at, changes, words_hash, hash, hash from job_update"
            " where job_id = '{b}' and seq = 5"
        ),
        JOBS[1],
        6,
    ),
    "all updates of a job removed": ("delete from job_update where job_id = '{b}'", JOBS[1], 5),
    "a whole job removed": (
        "delete from job_update where job_id = '{b}'; delete from job where id = '{b}'",
        JOBS[1],
        3,
    ),
    "a job removed and its log left": ("delete from job where id = '{b}'", JOBS[1], 1),
    "a note edited": (
        (
            "update update_words set note = 'other' where update_id ="
            " (select id from job_update where job_id = '{b}' and seq = 4)"
        ),
        JOBS[1],
        4,
    ),
    "a note moved to another field": (
        (
            "update update_words set public_message = note, note = null where update_id ="
            " (select id from job_update where job_id = '{b}' and seq = 4)"
        ),
        JOBS[1],
        4,
    ),
    "a job's status set behind the log's back": (
        "update job set status = 'fixed' where id = '{b}'",
        JOBS[1],
        5,
    ),
    "a salt edited": (
        (
            "update update_words set salt = 'pepper' where update_id ="
            " (select id from job_update where job_id = '{b}' and seq = 4)"
        ),
        JOBS[1],
        4,
    ),
    "words put where there were none": (
        "insert into update_words (update_id, salt, note) values (gen_random_uuid(), 'x', 'y')",
        None,
        None,
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
async def test_tampering_with_the_log_is_found(
    runtime: Runtime, log: None, intruder: Connection, name: str
) -> None:
    statement, job, seq = TAMPERED[name]
    await intruder.execute(statement.format(b=JOBS[1], c=JOBS[2]))
    findings = (await found(runtime)).findings
    assert (job, seq) in {(each.job, each.seq) for each in findings}, findings


CHECKPOINTS = {
    "the first removed": "delete from checkpoint where id = {first};"
    "delete from checkpoint_head where checkpoint_id = {first}",
    "the last removed": "delete from checkpoint where id = {last};"
    "delete from checkpoint_head where checkpoint_id = {last}",
    "the last removed, its heads left": "delete from checkpoint where id = {last}",
    "its time edited": "update checkpoint set at = at - interval '1 day' where id = {last}",
    "its count edited": "update checkpoint set heads = heads + 1 where id = {last}",
    "its digest edited": "update checkpoint set digest = 'x' where id = {last}",
    "its hash edited": "update checkpoint set hash = 'x' where id = {last}",
    "its signature edited": "update checkpoint set signature = 'x' where id = {last}",
    "a head removed": "delete from checkpoint_head where checkpoint_id = {last} and job_id = '{b}'",
    "a head edited": "update checkpoint_head set seq = 4 where checkpoint_id = {last}"
    " and job_id = '{b}'",
    "all removed": "delete from checkpoint; delete from checkpoint_head",
}


@pytest.mark.parametrize("name", CHECKPOINTS)
async def test_tampering_with_checkpoints_is_found(
    runtime: Runtime, log: None, intruder: Connection, name: str
) -> None:
    row = await (await intruder.execute("select min(id), max(id) from checkpoint")).fetchone()
    await intruder.execute(CHECKPOINTS[name].format(first=row[0], last=row[1], b=JOBS[1]))
    assert not (await found(runtime)).holds


async def test_a_photo_that_was_replaced_is_found_and_one_that_was_erased_is_not(
    runtime: Runtime, log: None, owner: Connection
) -> None:
    photo = uuid4()
    await owner.execute(
        "insert into photo (id, object_key, sha256, bytes, media_type, width, height)"
        " values (%s, 'k', %s, 1, 'image/jpeg', 1, 1)",
        (photo, b"\x07" * 32),
    )
    await append(owner, JOBS[1], events.Noted({str(photo): "07" * 32}))
    assert (await found(runtime)).holds
    await owner.execute("update photo set sha256 = %s", (b"\x08" * 32,))
    [only] = (await found(runtime)).findings
    assert (only.job, only.seq) == (JOBS[1], 6)
    await owner.execute("delete from photo")
    assert (await found(runtime)).holds


async def test_a_checkpoint_of_somebody_else_is_not_ours(runtime: Runtime, log: None) -> None:
    stranger = replace(runtime, keys=Keys("a stranger's key, of more than 32 bytes"))
    proof = await found(stranger)
    assert {each.what for each in proof.findings} == {"this checkpoint is not signed with our key"}


async def test_checkpoints_name_what_changed_since_the_last(
    runtime: Runtime, log: None, owner: Connection
) -> None:
    async with runtime.unit() as conn:
        assert await verify.take_checkpoint(conn, runtime.keys) is None
    await append(owner, JOBS[0], events.Noted())
    async with runtime.unit() as conn:
        number = await verify.take_checkpoint(conn, runtime.keys)
    cursor = await owner.execute(
        "select job_id, seq from checkpoint_head where checkpoint_id = %s", (number,)
    )
    assert await cursor.fetchall() == [(JOBS[0], 6)]
    assert (await found(runtime)).holds


@pytest.mark.parametrize("table", ["job_update", "assignment", "checkpoint", "checkpoint_head"])
@pytest.mark.parametrize("statement", ["update {} set {} = {}", "delete from {}", "truncate {}"])
async def test_the_processes_can_only_add_and_the_owner_is_stopped_too(
    runtime: Runtime, log: None, owner: Connection, table: str, statement: str
) -> None:
    column = "at" if table in {"assignment", "checkpoint"} else "job_id"
    text = statement.format(table, column, column)
    async with runtime.reading() as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await conn.execute(text)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await owner.execute(text + (" cascade" if "truncate" in text else ""))
    assert (await found(runtime)).holds
