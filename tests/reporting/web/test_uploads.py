"""Pictures over lines that are cut: what arrived is kept, and only the rest is sent again."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Literal
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reporting import sweeping, uploads
from reporting.runtime import Connection, Runtime
from reporting.web import arriving
from tests.reporting.test_reports import count
from tests.reporting.web.test_photos import BAD, digest, stored, where
from tests.support.county import County
from tests.support.lines import Line
from tests.support.people import People
from tests.support.pictures import jpeg_bomb, noisy
from tests.support.until import until

PICTURE = noisy(900, 700)
LENGTH = len(PICTURE)
THIRD = LENGTH // 3


@pytest.fixture
def line(app: FastAPI) -> Line:
    return Line(app)


async def head(client: httpx.AsyncClient, photo: UUID, **headers: str) -> tuple[int, str]:
    answer = await client.head(where(photo), headers=headers)
    assert answer.status_code == 200
    assert answer.headers["upload-length"] == str(LENGTH)
    return int(answer.headers["upload-offset"]), answer.headers["upload-complete"]


async def rest(
    client: httpx.AsyncClient, photo: UUID, offset: int, data: bytes | None = None, **more: str
) -> httpx.Response:
    """Send from the offset to the end, as a client that goes on does."""
    headers = {
        "Upload-Offset": str(offset),
        "Upload-Length": str(LENGTH),
        "Repr-Digest": digest(PICTURE),
        **more,
    }
    body = PICTURE[offset:] if data is None else data
    return await client.put(where(photo), content=body, headers=headers)


async def kept(owner: Connection, runtime: Runtime, photo: UUID) -> bytes | None:
    """The picture as it is in the store, if there is a row for it."""
    row = await (
        await owner.execute("select object_key from photo where id = %s", (photo,))
    ).fetchone()
    return row and await runtime.photos.get(f"{row[0]}/original")


async def test_a_cut_line_keeps_what_arrived_and_the_rest_makes_it_whole(
    client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
) -> None:
    photo = uuid4()
    await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
    assert await head(client, photo) == (THIRD, "?0")
    await line.put(photo, [PICTURE[THIRD : 2 * THIRD]], offset=THIRD, length=LENGTH)
    assert await head(client, photo) == (2 * THIRD, "?0")
    assert await count(owner, "photo") == 0
    answer = await rest(client, photo, 2 * THIRD)
    assert answer.status_code == 201
    assert answer.json()["bytes"] == LENGTH
    assert await head(client, photo) == (LENGTH, "?1")
    assert await kept(owner, runtime, photo) == PICTURE
    assert await count(owner, "upload") == 0
    assert len(await stored(runtime)) == 1
    row = await (await owner.execute("select topic, subject from outbox")).fetchone()
    assert row == ("photo", photo)


async def test_also_one_that_never_spoke_of_going_on(
    client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
) -> None:
    """Its Content-Length says how long it is."""
    photo = uuid4()
    await line.put(photo, [PICTURE[:THIRD]], declared=LENGTH)
    assert await head(client, photo) == (THIRD, "?0")
    assert (await client.put(where(photo), content=PICTURE)).status_code == 201
    assert await kept(owner, runtime, photo) == PICTURE
    assert await count(owner, "upload") == 0
    assert len(await stored(runtime)) == 1


async def test_in_parts_on_purpose(client: httpx.AsyncClient, line: Line) -> None:
    photo = uuid4()
    first = await rest(client, photo, 0, PICTURE[:THIRD], **{"Upload-Complete": "?0"})
    assert first.status_code == 202
    assert first.headers["upload-offset"] == str(THIRD)
    assert first.headers["upload-complete"] == "?0"
    again = await rest(client, photo, THIRD, PICTURE[THIRD:-1], **{"Upload-Complete": "?0"})
    assert again.status_code == 202
    assert (await rest(client, photo, LENGTH - 1)).status_code == 201


async def test_a_part_that_ends_in_good_order_but_too_soon(
    client: httpx.AsyncClient, line: Line
) -> None:
    photo = uuid4()

    async def pieces() -> AsyncIterator[bytes]:
        yield PICTURE[:THIRD]

    answer = await client.put(
        where(photo), content=pieces(), headers={"Upload-Length": str(LENGTH)}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "upload-partial")
    assert answer.headers["upload-offset"] == str(THIRD) == str(answer.json()["upload_offset"])
    assert (await rest(client, photo, THIRD)).status_code == 201


@pytest.mark.parametrize("offset", [1, THIRD - 1, THIRD + 1, LENGTH])
async def test_another_offset_is_told_the_right_one(
    client: httpx.AsyncClient, line: Line, offset: int
) -> None:
    photo = uuid4()
    nothing = await rest(client, photo, offset)
    assert (nothing.status_code, nothing.headers["upload-offset"]) == (409, "0")
    await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
    answer = await rest(client, photo, offset)
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-offset-differs")
    assert answer.headers["upload-offset"] == str(THIRD)
    assert answer.json()["upload_offset"] == THIRD
    assert (await rest(client, photo, THIRD)).status_code == 201
    whole = await rest(client, photo, offset, Repr_Digest=digest(b"another"))
    assert whole.status_code == 200  # the dictionary's own Repr-Digest stands: it is whole


async def test_another_length_is_refused_and_told(client: httpx.AsyncClient, line: Line) -> None:
    photo = uuid4()
    await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
    answer = await client.put(
        where(photo),
        content=PICTURE[THIRD:-1],
        headers={"Upload-Offset": str(THIRD), "Upload-Length": str(LENGTH - 1)},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "upload-length-differs")
    assert answer.headers["upload-length"] == str(LENGTH)
    assert await head(client, photo) == (THIRD, "?0")


async def test_more_than_was_announced_is_refused_as_it_comes(
    client: httpx.AsyncClient, line: Line
) -> None:
    photo = uuid4()
    await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)

    async def pieces() -> AsyncIterator[bytes]:
        yield PICTURE[THIRD:]
        yield b"more"
        raise AssertionError("nobody wants to hear more")

    answer = await client.put(
        where(photo),
        content=pieces(),
        headers={"Upload-Offset": str(THIRD), "Upload-Length": str(LENGTH)},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "upload-headers-refused")
    assert (await rest(client, photo, THIRD)).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload-Offset": "1.5"},
        {"Upload-Offset": "9" * 13, "Upload-Length": "9" * 13},
        {"Upload-Offset": "\u0661"},
        {"Upload-Length": ""},
        {"Upload-Complete": "yes"},
        {"Upload-Complete": "?0"},
        {"Upload-Offset": "5", "Upload-Length": "5"},
    ],
)
async def test_headers_that_fit_nothing(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, headers: dict[str, str]
) -> None:
    sent = {name: value.encode() for name, value in headers.items()}
    answer = await client.put(where(uuid4()), content=PICTURE, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "upload-headers-refused")
    assert await stored(runtime) == []
    assert await count(owner, "upload") == 0


async def test_what_will_be_too_long_is_refused_before_a_byte_is_read(
    client: httpx.AsyncClient, line: Line
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        raise AssertionError("nobody wants to hear it")
        yield b""

    for headers in (
        {"Upload-Length": "20000001"},
        {"Upload-Offset": "19999999", "Content-Length": "2"},
    ):
        answer = await client.put(where(uuid4()), content=pieces(), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("data", [BAD["pdf"][0], jpeg_bomb(64250, 64250)])
async def test_what_is_no_picture_is_refused_by_its_first_bytes(
    client: httpx.AsyncClient, runtime: Runtime, data: bytes
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield (data * arriving.TELLING)[: arriving.TELLING]
        raise AssertionError("nobody wants to hear the rest")

    answer = await client.put(
        where(uuid4()), content=pieces(), headers={"Upload-Length": "5000000"}
    )
    assert answer.status_code in {415, 422}
    assert answer.json()["code"] in {"image-refused", "image-too-large"}
    assert await stored(runtime) == []


async def test_a_whole_that_is_not_what_the_digest_says_is_dropped(
    client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
) -> None:
    photo = uuid4()
    await line.put(photo, [b"\xff\xd8\xff" + bytes(THIRD - 3)], length=LENGTH)
    answer = await rest(client, photo, THIRD)
    assert (answer.status_code, answer.json()["code"]) == (422, "digest-differs")
    assert answer.headers["upload-offset"] == "0"
    assert await stored(runtime) == []
    assert await count(owner, "upload") == 0
    assert (await client.head(where(photo))).status_code == 404
    assert (await rest(client, photo, 0)).status_code == 201


async def test_the_last_part_answered_by_nobody(
    client: httpx.AsyncClient, line: Line, owner: Connection, runtime: Runtime
) -> None:
    """All of it is here, and then the process died: nothing is left to send but the question."""
    photo = uuid4()
    await line.put(photo, [PICTURE], length=LENGTH, complete=False)  # its last byte, then silence
    assert await head(client, photo) == (LENGTH, "?0")
    assert (await rest(client, photo, LENGTH, b"")).status_code == 201
    assert await kept(owner, runtime, photo) == PICTURE
    assert (await rest(client, photo, THIRD)).status_code == 200
    assert (await rest(client, photo, LENGTH, b"")).status_code == 200


class TestTakeOver:
    async def test_the_later_goes_on_and_the_earlier_is_told(
        self, client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
    ) -> None:
        """A line that all thought dead wakes up after another has gone on."""
        photo = uuid4()
        await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
        asleep = asyncio.Event()
        late = asyncio.create_task(
            line.put(photo, [b"", asleep, PICTURE[THIRD:-1]], offset=THIRD, length=LENGTH)
        )
        await line.waits(asleep)
        await line.put(photo, [PICTURE[THIRD : 2 * THIRD]], offset=THIRD, length=LENGTH)
        asleep.set()
        answer = await late
        assert answer is None  # it was cut, and what it brought counts for nothing
        assert await head(client, photo) == (2 * THIRD, "?0")
        assert (await rest(client, photo, 2 * THIRD)).status_code == 201
        assert await kept(owner, runtime, photo) == PICTURE
        assert len(await stored(runtime)) == 1

    async def test_while_it_is_sending(
        self,
        client: httpx.AsyncClient,
        line: Line,
        owner: Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(arriving, "STEP", 1)
        monkeypatch.setattr(arriving, "STEP_S", 0.01)
        photo, gone_on = uuid4(), asyncio.Event()
        early = asyncio.create_task(
            line.put(
                photo,
                [PICTURE[:THIRD], 0.1, gone_on, PICTURE[THIRD : 2 * THIRD], 0.1, PICTURE[-9:]],
                length=LENGTH,
                complete=True,
            )
        )
        await line.waits(gone_on)
        assert await head(client, photo) == (THIRD, "?0")
        assert (
            await rest(client, photo, THIRD, PICTURE[THIRD:-5], **{"Upload-Complete": "?0"})
        ).status_code == 202
        gone_on.set()
        answer = await early
        assert answer is not None
        assert (answer.status, answer.json()["code"]) == (409, "upload-taken-over")
        assert await head(client, photo) == (LENGTH - 5, "?0")
        assert (await rest(client, photo, LENGTH - 5)).status_code == 201

    async def test_whole_beside_the_parts(
        self, client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
    ) -> None:
        """Somebody sends it whole while another connection is in the middle of its part."""
        photo, whole = uuid4(), asyncio.Event()
        await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
        late = asyncio.create_task(
            line.put(
                photo, [b"", whole, PICTURE[THIRD:]], offset=THIRD, length=LENGTH, complete=True
            )
        )
        await line.waits(whole)
        assert (await client.put(where(photo), content=PICTURE)).status_code == 201
        whole.set()
        answer = await late
        assert answer is not None
        assert answer.status in {200, 409}  # the parts may be deleted by now
        assert await kept(owner, runtime, photo) == PICTURE
        assert len(await stored(runtime)) == 1


async def test_silence_is_put_away_and_then_given_up(
    client: httpx.AsyncClient, line: Line, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    """A phone in a tunnel: neither end says that the line is dead."""
    monkeypatch.setattr(arriving, "STEP_S", 0.02)
    photo, for_ever = uuid4(), asyncio.Event()
    silent = asyncio.create_task(line.put(photo, [PICTURE[:THIRD], for_ever], length=LENGTH))
    await line.waits(for_ever)

    async def is_put_away() -> bool:
        answer = await client.head(where(photo))
        assert answer.status_code in {404, 200}  # 404 until the first part is put away
        return answer.headers.get("upload-offset") == str(THIRD)

    await until(is_put_away)
    assert not silent.done()
    monkeypatch.setattr(arriving, "SILENCE_S", 0.1)
    answer = await asyncio.wait_for(silent, 30)
    assert answer is not None
    assert (answer.status, answer.json()["upload_offset"]) == (422, THIRD)
    assert arriving._hands.full == 0


async def test_a_picture_that_is_here_at_once_is_never_in_parts(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> None:
        raise AssertionError("a part was put away")

    monkeypatch.setattr(arriving.Body, "keep", refuse)
    assert LENGTH > arriving.STEP
    assert (await rest(client, uuid4(), 0)).status_code == 201
    assert (await client.put(where(uuid4()), content=PICTURE)).status_code == 201


class TestWhose:
    async def test_what_a_device_began_is_its_own(
        self, client: httpx.AsyncClient, line: Line, county: County, owner: Connection
    ) -> None:
        people, photo = People(county), uuid4()
        mine, other = await people.device(), await people.device()
        await line.put(photo, [PICTURE[:THIRD]], length=LENGTH, **mine)
        assert await head(client, photo, **mine) == (THIRD, "?0")
        for foreign in (other, {}, await people.staff("supervisor", "shire")):
            assert (await client.head(where(photo), headers=foreign)).status_code == 404
            answer = await rest(client, photo, THIRD, **foreign)
            absent = await rest(client, uuid4(), THIRD, **foreign)
            assert answer.status_code == 409
            assert answer.content == absent.content
            await line.put(photo, [PICTURE[: THIRD // 2]], length=LENGTH, **foreign)
        assert await head(client, photo, **mine) == (THIRD, "?0")
        assert (await rest(client, photo, THIRD, **mine)).status_code == 201
        for foreign in (other, {}):
            answer = await rest(client, photo, THIRD, **foreign)
            assert (answer.status_code, answer.headers["upload-offset"]) == (409, "0")

    async def test_what_nobody_began_is_theirs_who_know_its_id(
        self, client: httpx.AsyncClient, line: Line, county: County
    ) -> None:
        photo, device = uuid4(), await People(county).device()
        await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
        assert (await rest(client, photo, THIRD, **device)).status_code == 201


class TestForgotten:
    async def test_after_two_days_without_a_byte(
        self, client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
    ) -> None:
        old, young = uuid4(), uuid4()
        for photo in (old, young):
            await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
        for photo, hours in ((old, 49), (young, 47)):
            await owner.execute(
                "update upload set touched_at = now() - make_interval(hours => %s)"
                " where photo_id = %s",
                (hours, photo),
            )
        async with runtime.unit() as conn:
            assert await uploads.expire(conn, runtime.photos) == 1
        assert (await client.head(where(old))).status_code == 404
        assert await head(client, young) == (THIRD, "?0")
        assert [str(young) in key for key in await stored(runtime)] == [True]
        async with runtime.unit() as conn:
            assert await uploads.expire(conn, runtime.photos) == 0

    async def test_the_sweep_takes_no_part_that_a_row_names(
        self, client: httpx.AsyncClient, line: Line, runtime: Runtime, owner: Connection
    ) -> None:
        photo = uuid4()
        await line.put(photo, [PICTURE[:THIRD]], length=LENGTH)
        await runtime.photos.put(uploads.new_part(photo, 5), b"cut off before its row")
        async with runtime.reading() as conn:
            assert await sweeping.delete_orphans(conn, runtime.photos, timedelta(0)) == 1
        assert await head(client, photo) == (THIRD, "?0")
        assert (await rest(client, photo, THIRD)).status_code == 201
        assert sha256(await kept(owner, runtime, photo)).digest() == sha256(PICTURE).digest()


SMALL = noisy(24, 16)


@dataclass(frozen=True)
class Try:
    """One request of a phone that may have lost its memory, on a line that may be cut."""

    #: From where HEAD says, from the beginning, or from anywhere.
    begins: Literal["asked", "start"] | int
    sends: int
    ends: Literal["cut", "announced", "whole"]
    digest: bool
    #: Sent while the one before is still on its way.
    beside: bool


tries = st.lists(
    st.builds(
        Try,
        st.sampled_from(["asked", "asked", "asked", "start"]) | st.integers(0, len(SMALL)),
        st.integers(0, len(SMALL)),
        st.sampled_from(["cut", "cut", "announced", "whole"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tries=tries)
async def test_whatever_is_cut_repeated_or_overtaken_it_is_the_picture_or_nothing(
    client: httpx.AsyncClient,
    line: Line,
    runtime: Runtime,
    owner: Connection,
    tries: list[Try],
) -> None:
    photo, running = uuid4(), list[asyncio.Task[object]]()
    for each in tries:
        if not each.beside:
            await asyncio.gather(*running)
            running = []
            await check(runtime, owner, photo)
        running.append(asyncio.create_task(attempt(client, line, photo, each)))
        await asyncio.sleep(0)
    await asyncio.gather(*running)
    await check(runtime, owner, photo)
    # Then the phone finds a quiet corner.
    answer = await client.head(where(photo))
    offset = int(answer.headers["upload-offset"]) if answer.status_code == 200 else 0
    answer = await attempt(client, line, photo, Try(offset, len(SMALL), "whole", True, False))
    assert answer in {200, 201}
    await check(runtime, owner, photo)
    assert await kept(owner, runtime, photo) == SMALL
    # Nothing lies there that no row names: who came too late leaves parts to be forgotten.
    parts = await (await owner.execute("select unnest(parts) from upload")).fetchall()
    mine = {key for key in await stored(runtime) if str(photo) in key}
    assert len(mine - {part for (part,) in parts}) == 1
    assert arriving._hands.full == 0


async def attempt(client: httpx.AsyncClient, line: Line, photo: UUID, told: Try) -> int:
    """The status of one request; 0 if the line was cut before the answer."""
    offset = told.begins
    if offset == "asked":
        answer = await client.head(where(photo))
        offset = int(answer.headers["upload-offset"]) if answer.status_code == 200 else 0
    elif offset == "start":
        offset = 0
    end = len(SMALL) if told.ends == "whole" else min(offset + told.sends, len(SMALL))
    body = SMALL[offset:end]
    more = {"Repr-Digest": digest(SMALL)} if told.digest else {}
    if told.ends == "announced":
        more["Upload-Complete"] = "?0"
    said = await line.put(
        photo,
        [body[: len(body) // 2], body[len(body) // 2 :]],
        offset=offset,
        length=len(SMALL),
        complete=told.ends != "cut",
        **more,
    )
    return said.status if said else 0


async def check(runtime: Runtime, owner: Connection, photo: UUID) -> None:
    """What is here of it is its beginning, to the byte, and what is whole is the picture."""
    row = await (
        await owner.execute("select parts, received from upload where photo_id = %s", (photo,))
    ).fetchone()
    if row:
        parts = [await runtime.photos.get(part) for part in row[0]]
        assert b"".join(parts) == SMALL[: row[1]]
    assert await kept(owner, runtime, photo) in {None, SMALL}
