"""Asks a confined process, kept warm, and outlives whatever comes of it.

What makes the child crash, swell or burn CPU is ``Spoilt``; the child is thrown away and the next
question gets a new one. That the child cannot be started, or got too little of a busy machine, is
no fault of what was asked: ``ChildAway``, and it waits.
"""

import asyncio
import fcntl
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Timer
from typing import Any, BinaryIO, Final, Self, cast

import msgpack

from workers.confined.inside import LENGTH, OUR_FAULT, READY

#: Wall time for one question.
PATIENCE_S: Final = 15.0
_STARTS_WITHIN_S: Final = 30.0
_ENDS_WITHIN_S: Final = 0.5
#: What a decoder leaks ends with it.
QUESTIONS_OF_ONE_CHILD: Final = 200
_PIPE: Final = 1 << 20
#: Far above the copies of any picture; a child that answers more has been taken over.
_ANSWER_LIMIT: Final = 16_000_000

_ROOT: Final = Path(__file__).resolve().parents[2]


class ChildAway(Exception):
    """The process cannot be started, lacks something of ours, or gets no CPU."""


class Spoilt(Exception):
    """The process ended over it, or did not say what such a process says."""


class _OutOfCpu(Spoilt):
    """It took all it may take."""


class Confined:
    """One child of a module, one question at a time. Use as a context."""

    def __init__(self, module: str, *, cpu_limit_s: int, patience_s: float = PATIENCE_S) -> None:
        self.module = module
        self.patience_s = patience_s
        self.cpu_limit_s = cpu_limit_s
        #: One thread: it is the queue, and the only one to touch the child.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=module)
        self._child: _Child | None = None
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """The child's, if there is one."""
        return self._child.process.pid if self._child else None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.dismiss()
        self._thread.shutdown()

    async def dismiss(self) -> None:
        """End the child. The next question gets another."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._dismiss)

    async def ask(self, question: Any) -> Any:
        """The answer; None for what the child makes no sense of. Raises Spoilt or ChildAway."""
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, self._ask_twice, msgpack.packb(question)
        )

    def _ask_twice(self, question: bytes) -> Any:
        # The kernel may have killed the child for what another process did.
        try:
            return self._ask(question)
        except _OutOfCpu:
            raise
        except Spoilt:
            return self._ask(question)

    def _ask(self, question: bytes) -> Any:
        child = self._running()
        clock = Timer(self.patience_s, child.process.kill)
        clock.start()
        try:
            return child.ask(question)
        except (Spoilt, OSError) as error:
            late = not clock.is_alive()
            child.end(in_s=_ENDS_WITHIN_S)
            if late or child.process.returncode == OUR_FAULT:
                raise ChildAway from error
            if child.process.returncode == -signal.SIGXCPU:
                raise _OutOfCpu from error
            raise Spoilt from error
        finally:
            clock.cancel()

    def _running(self) -> "_Child":
        spent = self._asked >= QUESTIONS_OF_ONE_CHILD
        if self._child and (spent or self._child.process.poll() is not None):
            self._dismiss()
        if self._child is None:
            self._child = _Child(self.module, self.cpu_limit_s)
            self._asked = 0
        self._asked += 1
        return self._child

    def _dismiss(self) -> None:
        if self._child:
            self._child.end()
            self._child = None


class _Child:
    """The process, ready for its first question. Raises ChildAway."""

    def __init__(self, module: str, cpu_limit_s: int) -> None:
        try:
            self.process = subprocess.Popen(  # noqa: S603  our own module and a number
                [sys.executable, "-s", "-m", module, str(cpu_limit_s)],
                cwd=_ROOT,
                env={
                    "PYTHONPATH": str(_ROOT),
                    "LC_ALL": "C.UTF-8",
                    "MALLOC_ARENA_MAX": "1",
                    # Memory that the next picture takes again is kept: else it costs a tenth.
                    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
                    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
                    # One picture at a time, on one core: the others are the API's.
                    "OMP_NUM_THREADS": "1",
                    "OPENBLAS_NUM_THREADS": "1",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: we finish what is in hand
            )
        except OSError as error:
            raise ChildAway from error
        self.writing = cast("BinaryIO", self.process.stdin)
        with suppress(OSError):  # less often to and fro, where so large a pipe is allowed
            fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, _PIPE)
        self.reading = cast("BinaryIO", self.process.stdout)
        clock = Timer(_STARTS_WITHIN_S, self.process.kill)
        clock.start()
        ready = self.reading.read(len(READY)) == READY
        clock.cancel()
        if not ready:
            self.end()
            raise ChildAway

    def ask(self, question: bytes) -> Any:
        """Its answer."""
        self.writing.write(LENGTH.pack(len(question)))
        self.writing.write(question)
        self.writing.flush()
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        if length > _ANSWER_LIMIT:
            raise Spoilt
        try:
            return msgpack.unpackb(self._read(length))
        except ValueError as error:
            raise Spoilt from error

    def _read(self, length: int) -> bytes:
        found = self.reading.read(length)
        if len(found) < length:
            raise Spoilt
        return found

    def end(self, in_s: float = 0) -> None:
        """Whatever it does, it stops now; but what is ending by itself gets to say why."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(in_s)
        self.process.kill()
        for pipe in (self.writing, self.reading):
            with suppress(OSError):  # what could not be written any more
                pipe.close()
        self.process.wait()
