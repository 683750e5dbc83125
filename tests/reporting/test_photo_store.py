import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import LocalStore, MemoryStore

from reporting import photo_store, sweeping
from reporting.errors import PhotoGone
from reporting.photo_store import Bucket, Folder, PhotoStore, StoreAway, open_store
from reporting.runtime import Connection, Runtime
from reporting.settings import Settings
from reporting.web.photo_links import link
from tests.support.pictures import alike, oriented, quarters
from workers.darkroom import Darkroom
from workers.gallery import Gallery
from workers.jobs.photos import develop


def folder(path: Path) -> PhotoStore:
    return open_store(str(path / "new" / "photos"))


def bucket(_: Path) -> PhotoStore:
    return Bucket(MemoryStore())


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A server that speaks S3, on a socket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def on_s3(s3: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], PhotoStore]:
    """Opens an ``s3://`` URL there, as an operator does: by the variables of AWS."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-a-secret",
        "AWS_REGION": "eu-west-2",
    }.items():
        monkeypatch.setenv(name, value)

    def opened(url: str) -> PhotoStore:
        name = urlsplit(url).netloc
        place = "<LocationConstraint>eu-west-2</LocationConstraint>"
        answer = httpx.put(
            f"{s3}/{name}",
            content=f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>",
            headers={"Authorization": "AWS4-HMAC-SHA256 Credential=key/20260101/eu-west-2/s3/x"},
        )
        assert answer.status_code == 200, answer.text
        return open_store(url)

    return opened


STORES = [folder, bucket]


async def test_a_bucket_on_a_server(on_s3: Callable[[str], PhotoStore]) -> None:
    """Put, get, replace, list by pages and delete, under a prefix of a bucket."""
    store = on_s3("s3://first/some/prefix")
    assert await keys(store) == []
    large = os.urandom(12_000_000)  # sent in parts
    await store.put("ab/one/original", large)
    await store.put("ab/one/large", memoryview(b"2"))
    assert await store.get("ab/one/original") == large
    await store.put("ab/one/large", b"3")
    assert await store.get("ab/one/large") == b"3"
    assert await store.exists("ab/one/large")
    assert not await store.exists("ab/two/large")
    with pytest.raises(PhotoGone):
        await store.get("ab/two/large")
    await store.delete("ab/two/large")
    # More than one page of S3's.
    await asyncio.gather(*(store.put(f"cd/{number:04}/small", b"x") for number in range(1_100)))
    listed = [item async for item in store.listing()]
    assert len(listed) == 1_102
    assert {key for key, _ in listed} >= {"ab/one/original", "cd/0000/small", "cd/1099/small"}
    assert all(abs(datetime.now(UTC) - at) < timedelta(minutes=10) for _, at in listed)
    await store.delete("ab/one/original")
    with pytest.raises(PhotoGone):
        await store.get("ab/one/original")


async def test_a_bucket_that_is_not_there_is_away(on_s3: Callable[[str], PhotoStore]) -> None:
    on_s3("s3://second")
    store = open_store("s3://nowhere")
    for call in (store.put("a/b/c", b"x"), store.get("a/b/c"), keys(store)):
        with pytest.raises(StoreAway):
            await call


class TestWholeWay:
    """Uploaded, developed and shown, with a bucket for the store."""

    @pytest.fixture
    def settings(self, settings: Settings, on_s3: Callable[[str], PhotoStore]) -> Settings:
        on_s3("s3://photos")
        return settings.model_copy(update={"photo_store": "s3://photos/kerbline"})

    async def test_it(self, client: httpx.AsyncClient, runtime: Runtime, owner: Connection) -> None:
        assert isinstance(runtime.photos, Bucket)
        photo = uuid4()
        answer = await client.put(f"/v1/photos/{photo}", content=oriented(6))
        assert answer.status_code == 201
        (row,) = await (await owner.execute("select id from outbox")).fetchall()
        async with Darkroom(patience_s=60) as darkroom, Gallery(patience_s=120) as gallery:
            await develop({"runtime": runtime, "darkroom": darkroom, "gallery": gallery}, row)
        for size in ("large", "small"):
            answer = await client.get(link(runtime.keys, photo, size))
            assert answer.status_code == 200
            assert alike(quarters(answer.content))
        stored = await keys(runtime.photos)
        assert len(stored) == 4
        async with runtime.unit() as conn:
            assert await sweeping.delete_loose(conn, runtime.photos, timedelta(seconds=-60)) == 1
        assert await keys(runtime.photos) == []


async def keys(store: PhotoStore) -> list[str]:
    return sorted([key async for key, _ in store.listing()])


@pytest.mark.parametrize("make", STORES)
async def test_what_is_put_is_there_until_it_is_deleted(
    make: Callable[[Path], PhotoStore], tmp_path: Path
) -> None:
    store = make(tmp_path)
    assert await keys(store) == []
    await store.put("ab/one/original", bytearray(b"1" * 100_000))
    await store.put("ab/one/large", memoryview(b"2"))
    await store.put("cd/two/original", b"3")
    assert await store.get("ab/one/original") == b"1" * 100_000
    assert await store.get("ab/one/large") == b"2"
    assert await store.exists("cd/two/original")
    assert not await store.exists("cd/two/large")
    assert await keys(store) == ["ab/one/large", "ab/one/original", "cd/two/original"]
    await store.delete("ab/one/original")
    await store.delete("ab/one/original")
    with pytest.raises(PhotoGone):
        await store.get("ab/one/original")
    assert await keys(store) == ["ab/one/large", "cd/two/original"]


@pytest.mark.parametrize("make", STORES)
async def test_writing_again_replaces_it_whole(
    make: Callable[[Path], PhotoStore], tmp_path: Path
) -> None:
    store = make(tmp_path)
    long, short = b"long" * 500_000, b"short"
    await store.put("a/b/c", long)

    async def read() -> set[bytes]:
        return {await store.get("a/b/c") for _ in range(30)}

    async def write() -> None:
        for number in range(10):
            await store.put("a/b/c", short if number % 2 == 0 else long)

    found, _ = await asyncio.gather(read(), write())
    assert found <= {long, short}


async def test_a_key_stays_inside_the_folder(tmp_path: Path) -> None:
    store = folder(tmp_path)
    for key in ("../outside", "a/../../outside", "/etc/passwd", "", "a/.."):
        with pytest.raises(ValueError, match="inside"):
            await store.put(key, b"x")


async def test_a_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await folder(tmp_path).put("ab/one/original", b"x")
    finally:
        os.umask(before)
    path = tmp_path / "new" / "photos" / "ab" / "one" / "original"
    for found in (path, *path.parents[:3]):
        assert found.stat().st_mode & 0o077 == 0, found


async def test_empty_folders_go_with_their_last_object(tmp_path: Path) -> None:
    store = folder(tmp_path)
    await store.put("ab/one/original", b"x")
    await store.put("ab/two/original", b"x")
    await store.delete("ab/one/original")
    assert [path.name for path in (tmp_path / "new" / "photos" / "ab").iterdir()] == ["two"]
    await store.delete("ab/two/original")
    assert list((tmp_path / "new" / "photos").iterdir()) == []


async def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = folder(tmp_path)
    await store.put("ab/one/original", b"before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(photo_store.os, "fsync", full)
    with pytest.raises(StoreAway):
        await store.put("ab/one/original", b"after")
    with pytest.raises(StoreAway):
        await store.put("ab/two/original", b"after")
    assert await keys(store) == ["ab/one/original"]
    assert await store.get("ab/one/original") == b"before"


async def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for store in (Folder(tmp_path / "file"), Bucket(LocalStore(tmp_path / "file"))):
        for call in (store.put("a/b/c", b"x"), store.get("a/b/c"), store.exists("a/b/c")):
            with pytest.raises(StoreAway):
                await call


def test_a_url_opens_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    for url in ("s3://bucket/prefix", "gs://bucket", "az://container/prefix"):
        assert isinstance(open_store(url), Bucket), url
    assert isinstance(open_store("photos"), Folder)
