import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from PIL import Image

from reporting import photos, sweeping
from reporting.images.likeness import differing
from reporting.images.regions import Region
from reporting.photos import SIZES, Photo
from reporting.runtime import Connection, Runtime
from reporting.web.photo_links import link
from tests.reporting.test_reports import pothole, send
from tests.support.county import County
from tests.support.people import People
from tests.support.pictures import alike, encoded, jpeg_bomb, oriented, picture, quarters
from tests.support.scenes import scene
from tests.support.until import until
from tests.workers.conftest import Working
from workers.darkroom import Darkroom
from workers.gallery import Gallery, NotFilled
from workers.jobs.photos import develop, forget_originals, forget_photos


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
            assert await sweeping.delete_loose(conn, runtime.photos, timedelta(seconds=-60)) == 0
    async with runtime.unit() as conn:
        assert await sweeping.delete_loose(conn, runtime.photos, timedelta(seconds=-60)) == 1
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
        assert await sweeping.delete_orphans(conn, runtime.photos) == 0  # too young to tell
        assert await sweeping.delete_orphans(conn, runtime.photos, timedelta(seconds=-60)) == 2
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


# Faces


@pytest.fixture(scope="session")
def portrait() -> bytes:
    """A street with one face in it."""
    found, _ = scene(Random(1), 900, 700, heights=[120])
    return encoded(found)


async def row_of(worker: Worker, photo: UUID) -> Photo:
    async with worker.runtime.reading() as conn:
        found = await photos.find(conn, photo)
    assert found is not None
    return found


async def keys(worker: Worker) -> set[str]:
    return {key.rpartition("/")[2] async for key, _ in worker.runtime.photos.listing()}


async def test_a_face_is_filled_in_what_others_see(
    client: httpx.AsyncClient, worker: Worker, portrait: bytes
) -> None:
    photo = await put(client, portrait)
    assert await worker.work() == ["ready"]
    found = await row_of(worker, photo)
    assert found.review == "auto_ok"
    (face,) = found.filled
    assert (face.kind, face.by) == ("face", "finder")
    clear = await worker.runtime.photos.get(found.key("clear"))
    for size in SIZES:
        shown = await worker.runtime.photos.get(found.key(size))
        assert spread(shown, face) < 4
        assert spread(clear, face) > 20


async def test_the_facts_are_kept_and_the_likeness(
    client: httpx.AsyncClient, worker: Worker
) -> None:
    photo = await put(client, located())
    await worker.work()
    found = await row_of(worker, photo)
    assert found.taken_at == datetime(2026, 5, 4, 11, 30, 15, tzinfo=UTC)
    assert (found.taken_lat, found.taken_lng) == pytest.approx((51.401, -2.599), abs=1e-3)
    again = await row_of(worker, await put_and_work(client, worker, located(quality=40)))
    assert found.phash is not None
    assert differing(found.phash, again.phash) <= 4


async def put_and_work(client: httpx.AsyncClient, worker: Worker, data: bytes) -> UUID:
    photo = await put(client, data)
    await worker.work()
    return photo


async def test_what_staff_draw_is_filled_and_the_old_copies_go(
    client: httpx.AsyncClient, county: County, worker: Worker, portrait: bytes
) -> None:
    photo = await put_and_work(client, worker, portrait)
    before, stored = await row_of(worker, photo), await keys(worker)
    sky = Region("other", 0.1, 0.05, 0.3, 0.2, "staff")
    by = await staff_id(county)
    async with worker.runtime.unit() as conn:
        after = await photos.review(conn, photo, review="human_ok", regions=[sky], by=by)
    assert (after.state, after.review, after.filled) == ("stored", "human_ok", (sky,))
    for size in SIZES:  # until the worker has come to it
        answer = await client.get(link(worker.runtime.keys, photo, size))
        assert answer.json()["code"] == "photo-pending"
    assert await worker.work() == ["ready"]
    after = await row_of(worker, photo)
    assert (after.review, after.filled) == ("human_ok", (sky,))
    large = await worker.runtime.photos.get(after.key("large"))
    assert spread(large, sky) < 4
    assert spread(large, before.filled[0]) > 20  # they say it is no face
    assert after.made != before.made
    assert {after.phash, after.taken_at} == {before.phash, before.taken_at}
    gone = stored - await keys(worker)
    assert gone == {f"{before.made}-large", f"{before.made}-small"}


async def test_saying_yes_makes_nothing_anew(
    client: httpx.AsyncClient, county: County, worker: Worker, portrait: bytes
) -> None:
    photo = await put_and_work(client, worker, portrait)
    before = await row_of(worker, photo)
    async with worker.runtime.unit() as conn:
        after = await photos.review(conn, photo, review="human_ok", by=await staff_id(county))
    assert (after.state, after.review, after.made) == ("ready", "human_ok", before.made)
    assert await left(worker.owner) == 0


async def test_a_decision_in_the_meantime_stands(
    client: httpx.AsyncClient, county: County, worker: Worker, portrait: bytes
) -> None:
    """Staff draw other regions while the worker fills what they said before."""
    photo = await put_and_work(client, worker, portrait)
    by = await staff_id(county)
    first, second = (Region("other", x, 0.1, 0.2, 0.2, "staff") for x in (0.1, 0.6))

    class Slow:
        """A gallery in which it takes so long that somebody decides again."""

        async def fill(self, clear: bytes, regions: Sequence[Region]) -> tuple[bytes, bytes]:
            async with worker.runtime.unit() as conn:
                await photos.review(conn, photo, review="hidden", regions=[second], by=by)
            return await real.fill(clear, regions)

    real, worker.gallery = worker.gallery, Slow()
    async with worker.runtime.unit() as conn:
        await photos.review(conn, photo, review="human_ok", regions=[first], by=by)
    assert await worker.work() == ["stored"]
    worker.gallery = real
    assert await worker.work() == ["ready"]
    found = await row_of(worker, photo)
    assert (found.review, found.filled) == ("hidden", (second,))
    assert len(await keys(worker)) == 4


class Broken:
    """A gallery in which every picture is spoilt."""

    async def find(self, _: bytes) -> None:
        raise NotFilled


async def test_what_is_forgotten_meanwhile_leaves_nothing(
    client: httpx.AsyncClient, runtime: Runtime, county: County, worker: Worker
) -> None:
    mine = await People(county).device()
    photo = await put(client, encoded(picture()))
    await send(client, pothole("W1", photos=[str(photo)]), **mine)

    class Slow:
        async def develop(self, original: bytes) -> Any:
            await client.delete("/v1/me", headers=mine)
            return await darkroom.develop(original)

    darkroom, hands = worker.darkroom, vars(worker) | {"darkroom": Slow()}
    await develop(hands, [row[0] for row in await worker.rows(WAITING)])
    assert [key async for key, _ in runtime.photos.listing()] == []


async def test_what_could_not_be_looked_at_waits_for_staff(
    client: httpx.AsyncClient, county: County, worker: Worker, portrait: bytes
) -> None:
    real, worker.gallery = worker.gallery, Broken()
    photo = await put_and_work(client, worker, portrait)
    found = await row_of(worker, photo)
    assert (found.state, found.review, found.made) == ("ready", "needs_check", None)
    assert await keys(worker) == {"original", "clear"}
    answer = await client.get(link(worker.runtime.keys, photo, "large"))
    assert answer.json()["code"] == "photo-pending"
    worker.gallery = real
    async with worker.runtime.unit() as conn:
        await photos.review(conn, photo, review="human_ok", regions=[], by=await staff_id(county))
    assert await worker.work() == ["ready"]
    assert (await client.get(link(worker.runtime.keys, photo, "large"))).status_code == 200


async def staff_id(county: County) -> UUID:
    await People(county).staff("supervisor", "shire")
    cursor = await county.conn.execute("select id from staff limit 1")
    return (await cursor.fetchone())[0]


# Originals


async def closed(worker: Worker, days: int) -> None:
    await worker.owner.execute(
        "update job set status = 'fixed', closed_at = now() - make_interval(days => %s)", (days,)
    )


async def test_originals_go_ninety_days_after_closing_and_the_copies_stay(
    client: httpx.AsyncClient, county: County, worker: Worker, portrait: bytes
) -> None:
    photo = await put(client, portrait)
    await send(client, pothole(photos=[str(photo)]))
    await worker.work()
    await worker.owner.execute("update photo set uploaded_at = now() - interval '200 days'")
    everything = await keys(worker)

    async def kept(days: int | None) -> set[str]:
        if days is None:  # reopened
            await worker.owner.execute("update job set status = 'received', closed_at = null")
        else:
            await closed(worker, days)
        await forget_originals({"runtime": worker.runtime})
        return await keys(worker)

    assert await kept(None) == everything
    assert await kept(89) == everything
    assert await kept(91) == everything - {"original", "clear"}
    assert (await row_of(worker, photo)).original_gone_at is not None
    await forget_originals({"runtime": worker.runtime})  # and again
    assert (await client.get(link(worker.runtime.keys, photo, "large"))).status_code == 200
    # Staff may still fill more; what was filled stays filled.
    corner = Region("other", 0.0, 0.0, 0.1, 0.1, "staff")
    face = (await row_of(worker, photo)).filled[0]
    async with worker.runtime.unit() as conn:
        await photos.review(
            conn, photo, review="human_ok", regions=[corner], by=await staff_id(county)
        )
    assert await worker.work() == ["ready"]
    large = await worker.runtime.photos.get((await row_of(worker, photo)).key("large"))
    assert spread(large, corner) < 4
    assert spread(large, face) < 4


def spread(data: bytes, region: Region) -> float:
    """How much the pixels of a region differ; inside of it, since JPEG smears its edges."""
    with Image.open(BytesIO(data)) as image:
        inset = 0.15
        area = (
            image.width * (region.x + inset * region.width),
            image.height * (region.y + inset * region.height),
            image.width * (region.x + (1 - inset) * region.width),
            image.height * (region.y + (1 - inset) * region.height),
        )
        return float(np.asarray(image.crop([round(edge) for edge in area])).std(axis=(0, 1)).max())


def located(**options: int) -> bytes:
    exif = Image.Exif()
    details, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    details[0x9003], details[0x9011] = "2026:05:04 12:30:15", "+01:00"
    place[1], place[2], place[3], place[4] = "N", (51.0, 24.0, 3.6), "W", (2.0, 35.0, 56.4)
    found, _ = scene(Random(5), 800, 600, heights=[])
    return encoded(found, exif=exif, **options)
