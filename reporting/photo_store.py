"""Where the bytes of pictures are kept: a folder, or a bucket (S3, GCS, Azure) through obstore.

A key names its content (see ``photos.key_of``), so writing one twice writes the same bytes, and a
reader never sees half of one: what ``put`` returned from is whole and on the disk.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.exceptions import NotFoundError as ObjectNotFound
from obstore.store import ObjectStore, from_url

from reporting.errors import PhotoGone, Unavailable

if TYPE_CHECKING:  # they exist only for the type checker
    from obstore.store import ClientConfig, RetryConfig

SCHEMES = {"s3", "gs", "az"}
#: What is being written, until it is whole. Never a key: keys do not begin with a dot.
_UNFINISHED = ".unfinished-"
#: A bucket that takes longer is as good as none: whoever waits can ask again. Plain http only
#: where the operator's own endpoint says so.
_PATIENCE: "ClientConfig" = {"connect_timeout": "2s", "timeout": "15s", "allow_http": True}
_RETRIES: "RetryConfig" = {"max_retries": 2, "retry_timeout": timedelta(seconds=10)}

#: As S3, Google and Azure say it.
_NO_BUCKET = ("NoSuchBucket", "bucket does not exist", "ContainerNotFound")

Bytes = bytes | bytearray | memoryview


class StoreAway(Unavailable):
    """The photo store did not answer, or could not write; try again in a moment."""


class PhotoStore(Protocol):
    """Whole objects under keys of our own making. Any method may raise StoreAway."""

    async def put(self, key: str, data: Bytes) -> None:
        """Keep the bytes; on return they are there, whole."""

    async def get(self, key: str) -> bytes:
        """The bytes, or PhotoGone."""

    async def delete(self, key: str) -> None:
        """Forget the bytes; nothing there is fine too."""

    async def exists(self, key: str) -> bool:
        """Whether there is something under the key."""

    def listing(self) -> AsyncIterator[tuple[str, datetime]]:
        """Every key, with when it was written (unfinished writes too, as keys to delete)."""


def open_store(place: str) -> PhotoStore:
    """The store at an ``s3://``, ``gs://`` or ``az://`` URL, else the folder of that name."""
    if urlsplit(place).scheme in SCHEMES:
        return Bucket(from_url(place, client_options=_PATIENCE, retry_config=_RETRIES))
    return Folder(Path(place.removeprefix("file://")))


class Folder:
    """A folder on a disk of this machine (or one that all machines mount)."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    async def put(self, key: str, data: Bytes) -> None:
        """Write beside, sync, rename, sync the folder: after a power cut it is whole or absent."""
        with _away():
            await asyncio.to_thread(self._write, self._path(key), data)

    async def get(self, key: str) -> bytes:
        """Read it whole."""
        with _away():
            try:
                return await asyncio.to_thread(self._path(key).read_bytes)
            except FileNotFoundError as error:
                raise PhotoGone from error

    async def delete(self, key: str) -> None:
        """Unlink it, and its folders when they are empty."""
        with _away():
            await asyncio.to_thread(self._unlink, self._path(key))

    async def exists(self, key: str) -> bool:
        """Look, without reading."""
        with _away():
            try:
                await asyncio.to_thread(self._path(key).stat)
            except FileNotFoundError:
                return False
        return True

    async def listing(self) -> AsyncIterator[tuple[str, datetime]]:
        """Walk the folder, one subfolder at a time."""
        for folder in await asyncio.to_thread(_children, self.root):
            for found in await asyncio.to_thread(_files, folder):
                yield found[0].relative_to(self.root).as_posix(), found[1]

    def _path(self, key: str) -> Path:
        path = Path(os.path.normpath(self.root / key))
        if self.root not in path.parents:
            message = "a key stays inside the store"
            raise ValueError(message)
        return path

    def _write(self, path: Path, data: Bytes) -> None:
        folders = [*path.parents[: len(path.relative_to(self.root).parts)]]  # the root is the last
        for folder in reversed(folders):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=path.parent, prefix=_UNFINISHED, delete=False) as file:
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).rename(path)
            except OSError:
                Path(file.name).unlink(missing_ok=True)
                raise
        # The names too: of the file in its folder, and of folders that may be new in theirs.
        for folder in folders:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _unlink(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: another picture's
            for folder in path.parents:
                if folder == self.root:
                    break
                folder.rmdir()


class Bucket:
    """A bucket, by whatever its URL and the environment's credentials open."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    async def put(self, key: str, data: Bytes) -> None:
        """Put it; a bucket shows an object only when it is whole."""
        try:
            with _answering():
                await obstore.put_async(self.store, key, memoryview(data))
        except PhotoGone as error:  # there is no bucket to put it into
            raise StoreAway from error

    async def get(self, key: str) -> bytes:
        """Get it whole."""
        with _answering():
            answer = await obstore.get_async(self.store, key)
            return bytes(await answer.bytes_async())

    async def delete(self, key: str) -> None:
        """Delete it."""
        with suppress(PhotoGone), _answering():
            await obstore.delete_async(self.store, key)

    async def exists(self, key: str) -> bool:
        """Ask for its head."""
        try:
            with _answering():
                await obstore.head_async(self.store, key)
        except PhotoGone:
            return False
        return True

    async def listing(self) -> AsyncIterator[tuple[str, datetime]]:
        """List it, a page at a time."""
        with _answering():
            async for page in obstore.list(self.store):
                for item in page:
                    yield item["path"], item["last_modified"]


@contextmanager
def _away() -> Iterator[None]:
    """Turn what a disk refuses (full, gone, read-only) into StoreAway."""
    try:
        yield
    except OSError as error:
        raise StoreAway from error


@contextmanager
def _answering() -> Iterator[None]:
    """Turn a bucket's refusals into ours."""
    try:
        yield
    except (ObjectNotFound, FileNotFoundError) as error:
        # The bucket itself may be gone, or be misspelt: no picture is lost for that.
        if any(said in str(error) for said in _NO_BUCKET):
            raise StoreAway from error
        raise PhotoGone from error
    except BaseError as error:
        raise StoreAway from error


def _children(root: Path) -> list[Path]:
    return sorted(root.iterdir()) if root.is_dir() else []


def _files(folder: Path) -> list[tuple[Path, datetime]]:
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            with suppress(FileNotFoundError):  # deleted while we look
                found.append((path, datetime.fromtimestamp(path.stat().st_mtime, UTC)))
    return found
