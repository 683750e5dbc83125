import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import LocalStore, MemoryStore

from reporting import photo_store
from reporting.errors import PhotoGone
from reporting.photo_store import Bucket, Folder, PhotoStore, StoreAway, open_store


def folder(path: Path) -> PhotoStore:
    return open_store(str(path / "new" / "photos"))


def bucket(_: Path) -> PhotoStore:
    return Bucket(MemoryStore())


STORES = [folder, bucket]


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
