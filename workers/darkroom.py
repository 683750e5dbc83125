"""Makes the copies of pictures in a confined child process (``decoder``), kept warm.

A picture that makes the child crash, swell or burn CPU is ``ImageBroken``; the child is thrown away
and the next picture gets a new one. That the child cannot be started, or got too little of a busy
machine, is no fault of the picture: ``DarkroomAway``, and it waits.
"""

import asyncio
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import BinaryIO, Final, Self, cast

from geo.errors import Refusal
from reporting.errors import ImageBroken
from reporting.images import headers
from reporting.images.derivatives import LARGE_EDGE, Derivatives
from workers.decoder import ANSWER, LENGTH, MADE, OUR_FAULT, READY

#: CPU for one picture: four times what 48 megapixels of HEIC take here.
CPU_LIMIT_S: Final = 8
#: Wall time for one picture.
PATIENCE_S: Final = 15.0
_STARTS_WITHIN_S: Final = 30.0
#: What a decoder leaks ends with it.
PICTURES_OF_ONE_CHILD: Final = 200
#: Far above any JPEG of these sizes; a child that answers more has been taken over.
_ANSWER_LIMIT: Final = 16_000_000

_ROOT: Final = Path(__file__).resolve().parents[1]


class DarkroomAway(Exception):
    """The decoding process cannot be started, lacks something of ours, or gets no CPU."""


class _Died(Exception):
    """The child ended, or did not say what a child says."""


class _OutOfCpu(_Died):
    """The picture took all it may take."""


class Darkroom:
    """One child, one picture at a time. Use as a context."""

    def __init__(self, *, patience_s: float = PATIENCE_S, cpu_limit_s: int = CPU_LIMIT_S) -> None:
        self.patience_s = patience_s
        self.cpu_limit_s = cpu_limit_s
        #: One thread: it is the queue, and the only one to touch the child.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="darkroom")
        self._child: _Child | None = None
        self._made = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._dismiss)
        self._thread.shutdown()

    async def develop(self, picture: bytes) -> Derivatives:
        """The copies. Raises ImageBroken or DarkroomAway."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._develop, picture
        )

    def _develop(self, picture: bytes) -> Derivatives:
        # Twice: the kernel may have killed the child for what another process did.
        for _ in range(2):
            try:
                return self._ask(picture)
            except _OutOfCpu:
                break
            except _Died:
                continue
        raise ImageBroken

    def _ask(self, picture: bytes) -> Derivatives:
        child = self._running()
        clock = Timer(self.patience_s, child.process.kill)
        clock.start()
        try:
            found = child.ask(picture)
        except (_Died, OSError) as error:
            late = not clock.is_alive()
            child.end()
            if late or child.process.returncode == OUR_FAULT:
                raise DarkroomAway from error
            raise _OutOfCpu if child.process.returncode == -signal.SIGXCPU else _Died from error
        finally:
            clock.cancel()
        if found is None:
            raise ImageBroken
        if not _are_copies(found):
            child.end()
            raise ImageBroken
        return found

    def _running(self) -> "_Child":
        spent = self._made >= PICTURES_OF_ONE_CHILD
        if self._child and (spent or self._child.process.poll() is not None):
            self._dismiss()
        if self._child is None:
            self._child = _Child(self.cpu_limit_s)
            self._made = 0
        self._made += 1
        return self._child

    def _dismiss(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


class _Child:
    """The decoder's process, ready for its first picture. Raises DarkroomAway."""

    def __init__(self, cpu_limit_s: int) -> None:
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own module and a number
                [sys.executable, "-s", "-m", "workers.decoder", str(cpu_limit_s)],
                cwd=_ROOT,
                env={"PYTHONPATH": str(_ROOT), "LC_ALL": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: we finish what is in hand
            )
        except OSError as error:
            raise DarkroomAway from error
        self.writing = cast("BinaryIO", self.process.stdin)
        self.reading = cast("BinaryIO", self.process.stdout)
        clock = Timer(_STARTS_WITHIN_S, self.process.kill)
        clock.start()
        ready = self.reading.read(len(READY)) == READY
        clock.cancel()
        if not ready:
            self.end()
            raise DarkroomAway

    def ask(self, picture: bytes) -> Derivatives | None:
        """Its copies, or None for a picture it cannot read."""
        self.writing.write(LENGTH.pack(len(picture)))
        self.writing.write(picture)
        self.writing.flush()
        told, width, height, large, small = ANSWER.unpack(self._read(ANSWER.size))
        if large + small > _ANSWER_LIMIT:
            raise _Died
        found = Derivatives(width, height, self._read(large), self._read(small))
        return found if told == MADE else None

    def _read(self, length: int) -> bytes:
        found = self.reading.read(length)
        if len(found) < length:
            raise _Died
        return found

    def end(self) -> None:
        """Whatever it does, it stops now."""
        self.process.kill()
        for pipe in (self.writing, self.reading):
            with suppress(OSError):  # what could not be written any more
                pipe.close()
        self.process.wait()


def _are_copies(found: Derivatives) -> bool:
    """A child that was taken over does not get to show people what it likes."""
    try:
        made = [headers.inspect(copy) for copy in (found.large, found.small)]
    except Refusal:
        return False
    return all(
        copy.media_type == headers.JPEG and max(copy.width, copy.height) <= LARGE_EDGE
        for copy in made
    )
