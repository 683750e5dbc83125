"""The confined process in which pictures are decoded. It may crash; nothing hangs on it.

Started by ``darkroom`` with no secret in its environment, it gives up what it does not need before
it reads the first byte of a picture: memory above a gigabyte, files to write, the network, root.
It speaks through its standard input and output: a length and a picture in, an answer and two JPEGs
out. A picture that takes too much CPU ends the process.
"""

import ctypes
import os
import resource
import sys
import time
from io import BytesIO
from struct import Struct
from typing import BinaryIO, Final

from PIL import ExifTags, Image, ImageCms

from geo.errors import Refusal
from reporting.images.derivatives import Derivatives, derive

MEMORY_LIMIT: Final = 1 << 30
#: Before every picture: its length. After: what came of it, width, height, and two lengths.
LENGTH: Final = Struct(">Q")
ANSWER: Final = Struct(">cIIII")
READY, MADE, BROKEN = b"R", b"M", b"B"
#: The exit status when something is wrong here, not with the picture.
OUR_FAULT: Final = 70

_NOBODY: Final = 65534
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_NEWIPC = 0x10000000, 0x40000000, 0x08000000


def main(cpu_limit_s: int) -> None:
    """Answer until the input ends. A picture may take so much CPU."""
    incoming, outgoing = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    _warm_up()
    _confine()
    outgoing.write(READY)
    outgoing.flush()
    while (picture := _next(incoming)) is not None:
        _limit_cpu(cpu_limit_s)
        _answer(outgoing, picture)


def _warm_up() -> None:
    """Load what decoding needs, while files can still be read."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP"):
        sample = BytesIO()
        Image.new("RGB", (8, 8)).save(sample, kind, exif=exif, icc_profile=profile)
        derive(sample.getvalue())


def _confine() -> None:
    for limit, most in (
        (resource.RLIMIT_AS, MEMORY_LIMIT),
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


def _next(incoming: BinaryIO) -> bytes | None:
    head = incoming.read(LENGTH.size)
    return incoming.read(LENGTH.unpack(head)[0]) if len(head) == LENGTH.size else None


def _limit_cpu(seconds: int) -> None:
    # The limit is on the life of a process, this one lives for many pictures: it moves along.
    # SIGXCPU is not handled, so the process ends there.
    most = int(time.process_time()) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _answer(outgoing: BinaryIO, picture: bytes) -> None:
    made = _made(picture)
    if made is None:
        outgoing.write(ANSWER.pack(BROKEN, 0, 0, 0, 0))
    else:
        outgoing.write(ANSWER.pack(MADE, made.width, made.height, len(made.large), len(made.small)))
        outgoing.write(made.large)
        outgoing.write(made.small)
    outgoing.flush()


def _made(picture: bytes) -> Derivatives | None:
    try:
        return derive(picture)
    except ImportError:  # ours to mend, and no fault of the picture
        sys.exit(OUR_FAULT)
    except (Refusal, MemoryError):
        return None
    except Exception:  # noqa: BLE001  a damaged file may make a decoder raise anything
        return None


if __name__ == "__main__":
    main(int(sys.argv[1]))
