import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from reporting import photos
from reporting.photos import SIZES
from reporting.runtime import Connection, Runtime
from reporting.web.photo_links import link
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.pictures import alike, encoded, jpeg_bomb, oriented, picture, quarters
from tests.support.until import until
from tests.workers.conftest import Working
from workers.darkroom import Darkroom
from workers.gallery import Gallery
from workers.jobs.photos import develop, forget_photos


@pytest.fixture
async def darkroom() -> AsyncIterator[Darkroom]:
    async with Darkroom() as found:
        yield found


@pytest.fixture(scope="session")
def gallery() -> Iterator[Gallery]:
    """One for all: it takes a second to come up."""
    found = Gallery(patience_s=120)
    yield found
    asyncio.run(found.child.dismiss())


async def put(client: httpx.AsyncClient, data: bytes, photo: UUID | None = None) -> UUID:
    photo = photo or uuid4()
    assert (await client.put(f"/v1/photos/{photo}", content=data)).status_code == 201
    return photo


@dataclass
class Worker:
    """The worker's hands, without arq."""

    runtime: Runtime
    owner: Connection
    darkroom: Darkroom
    gallery: Any

    async def work(self) -> list[str]:
        """Do what waits; gives the states of all photos."""
        await develop(vars(self), [row[0] for row in await self.rows(WAITING)])
        return [row[0] for row in await self.rows("select state from photo order by uploaded_at")]

    async def rows(self, query: str) -> list[Any]:
        return await (await self.owner.execute(query)).fetchall()


WAITING = "select id from outbox where topic = 'photo' and done_at is null"


@pytest.fixture
def worker(runtime: Runtime, owner: Connection, darkroom: Darkroom, gallery: Gallery) -> Worker:
    return Worker(runtime, owner, darkroom, gallery)


async def left(owner: Connection) -> int:
    cursor = await owner.execute("select count(*) from outbox where done_at is null")
    return (await cursor.fetchone())[0]


async def test_a_picture_becomes_two_upright_copies(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, worker: Worker
) -> None:
    photo = await put(client, oriented(6))
    assert await worker.work() == ["ready"]
    assert await left(owner) == 0
    row = await (await owner.execute("select width, height from photo")).fetchone()
    assert row == (96, 64)
    for size in SIZES:
        answer = await client.get(link(runtime.keys, photo, size))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/jpeg"
        assert answer.headers["cache-control"] == "private, no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert alike(quarters(answer.content))


async def test_doing_it_twice_is_doing_it_once(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, worker: Worker
) -> None:
    await put(client, encoded(picture()))
    await worker.work()
    stored = {key async for key, _ in runtime.photos.listing()}
    await owner.execute("update outbox set done_at = null")
    assert await worker.work() == ["ready"]
    assert {key async for key, _ in runtime.photos.listing()} == stored
    assert await left(owner) == 0


async def test_a_picture_found_broken_is_unreadable_and_the_rest_go_on(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, worker: Worker
) -> None:
    # Well formed, but the tables that its pixels need are not there.
    broken = await put(client, jpeg_bomb(100, 100))
    await put(client, encoded(picture()))
    assert await worker.work() == ["unreadable", "ready"]
    assert await left(owner) == 0
    answer = await client.get(link(runtime.keys, broken, "large"))
    assert answer.status_code == 410
    assert answer.json()["code"] == "photo-unreadable"


async def test_a_picture_the_store_lost_is_unreadable(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, worker: Worker
) -> None:
    await put(client, encoded(picture()))
    async for key, _ in runtime.photos.listing():
        await runtime.photos.delete(key)
    assert await worker.work() == ["unreadable"]


async def test_a_store_that_is_away_makes_the_picture_wait(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection, worker: Worker
) -> None:
    await put(client, encoded(picture()))
    folder = Path(runtime.settings.photo_store)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("a file where the folder was")
    assert await worker.work() == ["stored"]
    row = await (await owner.execute("select last_error, done_at from outbox")).fetchone()
    assert row == ("reporting.photo_store.StoreAway", None)
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)
    assert await worker.work() == ["ready"]


async def test_what_nobody_sent_is_forgotten_and_what_was_sent_is_not(
    client: httpx.AsyncClient,
    county: County,
    runtime: Runtime,
    owner: Connection,
    worker: Worker,
) -> None:
    sent = await put(client, encoded(picture()))
    await put(client, encoded(picture(100, 70)))
    young = await put(client, encoded(picture(110, 70)))
    assert (await send(client, pothole(photos=[str(sent)]))).status_code == 201
    await worker.work()
    await owner.execute(
        "update photo set uploaded_at = now() - interval '8 days' where id <> %s", (young,)
    )
    await forget_photos({"runtime": runtime})
    rows = await (await owner.execute("select id from photo")).fetchall()
    assert {row[0] for row in rows} == {sent, young}
    stored = [key async for key, _ in runtime.photos.listing()]
    assert len(stored) == 8  # of each: the original, clear, large and small
    assert {key.split("/")[1] for key in stored} == {str(sent), str(young)}


async def test_a_picture_that_is_being_sent_is_not_forgotten(
    client: httpx.AsyncClient, county: County, runtime: Runtime, owner: Connection
) -> None:
    photo = await put(client, encoded(picture()))
    async with owner.transaction():
        await owner.execute("update photo set report_id = null where id = %s", (photo,))
        async with runtime.unit() as conn:
            assert await photos.delete_loose(conn, runtime.photos, timedelta(seconds=-60)) == 0
    async with runtime.unit() as conn:
        assert await photos.delete_loose(conn, runtime.photos, timedelta(seconds=-60)) == 1
        answer = asyncio.create_task(send(client, pothole(photos=[str(photo)])))
        await until(lambda: waits_for_a_row(owner))
    assert (await answer).json()["code"] == "photo-unknown"


async def waits_for_a_row(owner: Connection) -> bool:
    cursor = await owner.execute(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
        " and datname = current_database()"
    )
    return (await cursor.fetchone())[0] > 0


async def test_what_no_row_names_is_swept_away(
    client: httpx.AsyncClient, runtime: Runtime, owner: Connection
) -> None:
    photo = await put(client, encoded(picture()))
    await runtime.photos.put(f"{photo.hex[-2:]}/{photo}/0123456789abcdef/original", b"second")
    await runtime.photos.put("zz/.unfinished-x1", b"cut off")
    kept = [key async for key, _ in runtime.photos.listing() if "0123456789" not in key][:1]
    async with runtime.reading() as conn:
        assert await photos.delete_orphans(conn, runtime.photos) == 0  # too young to tell
        assert await photos.delete_orphans(conn, runtime.photos, timedelta(seconds=-60)) == 2
    assert [key async for key, _ in runtime.photos.listing()] == kept


async def test_the_reporter_sees_their_picture_and_then_everyone(
    client: httpx.AsyncClient, county: County, working: Working
) -> None:
    """The whole way: sent, reported, made ready by the worker, opened by its link."""
    photo = await put(client, oriented(8))
    made = (await send(client, pothole(photos=[str(photo)]))).json()
    mine = {"Authorization": f"Bearer {made['tracking_token']}"}
    where = f"/v1/reports/{made['id']}"

    async def shown() -> dict[str, Any]:
        return (await client.get(where, headers=mine)).json()["photos"][0]

    async def is_ready() -> bool:
        return (await shown())["state"] == "ready"

    async with working():
        await until(is_ready)
    found = await shown()
    for size in SIZES:
        assert alike(quarters((await client.get(found[size])).content))
    # Nothing was found to fill, and for a pothole that is enough.
    (public,) = (await client.get(where)).json()["photos"]
    assert (public["id"], public["review"]) == (str(photo), "auto_ok")
    answer = await client.get(public["large"])
    assert alike(quarters(answer.content))
    assert answer.headers["cache-control"] == "public, max-age=30"
