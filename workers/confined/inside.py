"""What a confined process does with itself before it is shown anything.

Started with no secret in its environment, it gives up what it does not need before it reads the
first question: memory beyond what a picture takes, files to write, the network, root. It speaks
through its standard input and output, a length and a MessagePack value each way. A question that
takes too much CPU ends the process.
"""

import ctypes
import os
import resource
import sys
import time
from collections.abc import Callable
from struct import Struct
from typing import Any, BinaryIO, Final

import msgpack

#: Before every question and every answer: its length.
LENGTH: Final = Struct(">Q")
READY: Final = b"R"
#: The exit status when something is wrong here, not with what was asked.
OUR_FAULT: Final = 70

_NOBODY: Final = 65534
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000

#: From a question to an answer; None for what it makes no sense of.
Answer = Callable[[Any], Any]


def serve(answer: Answer, *, memory: int, cpu_limit_s: int) -> None:
    """Answer until the input ends, with so much memory mapped. A question may take so much CPU."""
    incoming, outgoing = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    confine(memory)
    outgoing.write(READY)
    outgoing.flush()
    while (question := _next(incoming)) is not None:
        limit_cpu(cpu_limit_s)
        reply = msgpack.packb(_answered(answer, question))
        outgoing.write(LENGTH.pack(len(reply)))
        outgoing.write(reply)
        outgoing.flush()


def confine(memory: int) -> None:
    """Give up rights, once and for all."""
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(limit, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    root = os.geteuid() == 0
    # A network of its own, with nothing in it. Where the kernel refuses, the rest must do.
    libc.unshare(_CLONE_NEWNET | _CLONE_NEWIPC | (0 if root else _CLONE_NEWUSER))
    if root:
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def limit_cpu(seconds: int) -> None:
    """So much more from now on."""
    # The limit is on the life of a process, this one lives for many pictures: it moves along.
    # SIGXCPU is not handled, so the process ends there.
    most = int(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _next(incoming: BinaryIO) -> Any:
    head = incoming.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    return msgpack.unpackb(incoming.read(LENGTH.unpack(head)[0]))


def _answered(answer: Answer, question: Any) -> Any:
    try:
        return answer(question)
    except ImportError:  # ours to mend, and no fault of the picture
        sys.exit(OUR_FAULT)
    except Exception:  # noqa: BLE001  a damaged file may make a decoder raise anything
        return None
