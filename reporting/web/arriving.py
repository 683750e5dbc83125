"""One picture's bytes as they come over a line that may be cut at any moment.

They are held once, in memory. What should outlive the request is put away in parts: whatever is
older than half a second on a line that is slow, and the rest when the line is cut.
"""

import asyncio
import re
from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Final
from uuid import UUID

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from reporting import uploads
from reporting.errors import (
    DigestDiffers,
    ImageBroken,
    PhotoGone,
    Unavailable,
    UploadHeadersRefused,
    UploadPartial,
    UploadTakenOver,
)
from reporting.images.headers import inspect
from reporting.runtime import Runtime
from reporting.uploads import Arriving
from reporting.web.body import DIGITS, PHOTO_LIMIT, BodyTooLarge

#: Pictures that this process holds while they arrive, in bytes. Beyond it, uploads wait outside.
IN_HAND_LIMIT: Final = 400_000_000
#: What came is put away when it is so much and so old, in bytes and seconds: a line that dies
#: without a word loses no more. A picture that is here sooner is never put away in parts.
STEP: Final = 262_144
STEP_S: Final = 0.5
#: A line that says nothing for so long is dead; nothing of it is held any longer.
SILENCE_S: Final = 20.0
#: By so many bytes a file has said what it is, whatever that is.
TELLING: Final = 4_096

_SHA256: Final = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):\s*(?:$|[,;])")
_NUMBER: Final = re.compile(rf"[0-9]{{1,{DIGITS}}}")


@dataclass(frozen=True, slots=True)
class Told:
    """What the headers say of the body."""

    #: Where it begins in the picture.
    offset: int
    #: Of the whole picture; None when nobody said.
    length: int | None
    #: The sender knows how to go on, and the picture is worth it.
    resumes: bool
    #: More is to follow in another request.
    more_follows: bool
    sha256: bytes | None


class _Hands:
    """How much of the pictures on their way in this process holds."""

    def __init__(self) -> None:
        self.full = 0

    def take(self, size: int) -> None:
        """Hold so much more. Raises Unavailable when there is too much in hand already."""
        if self.full + size > IN_HAND_LIMIT:
            raise Unavailable
        self.full += size


_hands = _Hands()


class Body:
    """What this request brings, as it comes; put away when it is to outlive the request."""

    def __init__(
        self, runtime: Runtime, photo: UUID, device: UUID | None, told: Told, held: Arriving | None
    ) -> None:
        self.runtime, self.photo, self.device, self.told = runtime, photo, device, told
        self.data = bytearray()
        self.sha256 = sha256()
        #: As it stands in the database under our name; None before anything is put away.
        self.held = held
        #: What was here before this request.
        self.before = held.parts if held else []
        self._in_hand = self._kept = 0
        #: More of it came another way: ours is not needed unless it comes whole.
        self._behind = False

    @property
    def received(self) -> int:
        """How much of the picture there is with this body."""
        return self.told.offset + len(self.data)

    async def read(self, request: Request) -> None:
        """All of it. Raises UploadPartial for a line that was cut, keeping what came over it."""
        try:
            await self._read(request)
        except ClientDisconnect as error:
            with suppress(UploadTakenOver):
                await self.keep()
            raise UploadPartial(upload_offset=self.told.offset + self._kept) from error
        except Unavailable:
            with suppress(UploadTakenOver):
                await self.keep()
            raise

    async def _read(self, request: Request) -> None:
        looked, since = self.told.offset > 0, monotonic()
        async with aclosing(_pieces(request)) as pieces:
            async for piece in pieces:
                self._add(piece)
                if not looked and len(self.data) >= TELLING:
                    looked = True
                    _look(self.data)
                unsaved = len(self.data) - self._kept
                if self.told.resumes and unsaved and monotonic() - since >= STEP_S:
                    if unsaved >= STEP or not piece:
                        await self.keep()
                    since = monotonic()

    def _add(self, piece: bytes) -> None:
        if self.told.length is not None and self.received + len(piece) > self.told.length:
            raise UploadHeadersRefused
        _hands.take(len(piece))
        self._in_hand += len(piece)
        self.data += piece
        if not self.told.offset:
            self.sha256.update(piece)

    async def keep(self) -> None:
        """Put away what came since the last time. Raises UploadTakenOver for a late connection."""
        size, length = len(self.data) - self._kept, self.told.length
        if not size or length is None or self._behind:
            return
        if self.held is None:
            async with self.runtime.unit() as conn:
                self.held = await uploads.take(
                    conn, self.photo, offset=0, length=length, device=self.device
                )
            self._behind = self.held is None
            if self.held is None:
                return
        part = uploads.new_part(self.photo, self.held.received)
        with memoryview(self.data)[self._kept :] as view:
            await self.runtime.photos.put(part, view)
        try:
            async with self.runtime.unit() as conn:
                self.held = await uploads.append(conn, self.held, part, size)
        except UploadTakenOver:
            await self.runtime.photos.delete(part)
            raise
        self._kept += size

    async def join(self) -> None:
        """Put what was here before in front, so that ``data`` is the picture."""
        if not self.told.offset:
            return
        whole = bytearray()
        self._hold(self.told.offset + len(self.data))
        for part in self.before:
            whole += await self.runtime.photos.get(part)
        if len(whole) != self.told.offset:
            raise PhotoGone
        whole += self.data
        self.data = whole
        self.sha256 = await run_in_threadpool(sha256, whole)

    def _hold(self, size: int) -> None:
        _hands.take(size)
        self._in_hand += size

    def let_go(self) -> None:
        """It is in nobody's hands any more."""
        _hands.full -= self._in_hand
        self._in_hand = 0


async def _pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """The body as it comes; an empty piece when for a moment nothing does.

    Raises ClientDisconnect for a line that was cut, and for one that has been silent for too long.
    """
    silent_since = monotonic()
    while True:
        try:
            async with asyncio.timeout(STEP_S):
                message = await request.receive()
        except TimeoutError:
            if monotonic() - silent_since > SILENCE_S:
                raise ClientDisconnect from None
            yield b""
            continue
        silent_since = monotonic()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        yield message.get("body", b"")
        if not message.get("more_body", False):
            return


def tell(
    request: Request,
    digest: str | None,
    offset: str | None,
    length: str | None,
    complete: str | None,
) -> Told:
    """The headers, if they fit each other. Raises BodyTooLarge for what will be."""
    if complete not in {None, "?0", "?1"}:
        raise UploadHeadersRefused
    begins = _number(offset) or 0
    whole, sent = _number(length), _number(request.headers.get("content-length"))
    ends = None if sent is None else begins + sent
    more_follows = complete == "?0"
    if max(whole or 0, ends or 0) > PHOTO_LIMIT:
        raise BodyTooLarge
    if whole is None and more_follows:
        raise UploadHeadersRefused
    if (
        whole is not None
        and ends is not None
        and (ends > whole or (ends < whole and not more_follows))
    ):
        raise UploadHeadersRefused
    return Told(
        offset=begins,
        length=ends if whole is None else whole,
        resumes=whole is not None and whole > STEP,
        more_follows=more_follows,
        sha256=_digest(digest),
    )


def _number(header: str | None) -> int | None:
    if header is None:
        return None
    if not _NUMBER.fullmatch(header):
        raise UploadHeadersRefused
    return int(header)


def _digest(header: str | None) -> bytes | None:
    """What Repr-Digest says of SHA-256. Raises DigestDiffers for what no digest can be."""
    if header is None or "sha-256" not in header:
        return None
    told = _SHA256.search(header)
    if told is None:
        raise DigestDiffers
    return b64decode(told[1])


def _look(data: bytearray) -> None:
    """Refuse what is no picture, or too many pixels, by its first bytes."""
    with suppress(ImageBroken):  # of course: it is not here yet
        inspect(data)
