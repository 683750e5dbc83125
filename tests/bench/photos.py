"""What a 12-megapixel photo costs: the decoder's child, beside Pillow doing the least by hand.

The floor decodes with draft, shrinks and encodes the two copies, and nothing else: no check, no
child, no turning, no hash, no facts. Ours is the whole answer of the child, its pipe included. Both
are CPU of their own process, in one run, turn by turn. The finder comes beside it, and then how
well it finds. CPU because the machine may be doing other things.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path
from random import Random
from statistics import median

import numpy as np
from PIL import Image, ImageFilter

from tests.support.pictures import encoded
from tests.support.scenes import scene, street
from tests.workers.test_finder import FROM, measured_faces, measured_plates
from workers.confined.outside import Confined
from workers.darkroom import Darkroom
from workers.gallery import Gallery

SIZE = (4000, 3000)
MIB = 1 << 20


#: ``floor``, in a process that has loaded nothing else.
ALONE = """
import sys
from io import BytesIO
from PIL import Image
image = Image.open(BytesIO(sys.stdin.buffer.read()))
image.draft("RGB", (1920, 1440))
large = image.resize((1920, 1440), Image.Resampling.BICUBIC, reducing_gap=2.0)
small = large.resize((400, 300), Image.Resampling.BICUBIC, reducing_gap=2.0)
for copy in (large, small):
    copy.save(BytesIO(), "JPEG", quality=82)
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


def main(argv: list[str]) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="bench photos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--streets", type=int, default=8, help="pictures to measure recall on")
    options = parser.parse_args(argv)
    asyncio.run(_measure(options.rounds, options.streets))
    return 0


def photo() -> bytes:
    """Twelve megapixels with the texture of a street, some megabytes, as a phone makes them."""
    image = street(Random(12), *SIZE)
    noise = np.random.default_rng(12).normal(0, 14, (SIZE[1], SIZE[0], 1))
    rough = Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(rough.filter(ImageFilter.GaussianBlur(0.6)), quality=95, exif=exif)


def floor(data: bytes) -> int:
    """The least that makes the two copies."""
    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", (1920, 1440))
        large = image.resize((1920, 1440), Image.Resampling.BICUBIC, reducing_gap=2.0)
    small = large.resize((400, 300), Image.Resampling.BICUBIC, reducing_gap=2.0)
    made = 0
    for copy in (large, small):
        out = BytesIO()
        copy.save(out, "JPEG", quality=82)
        made += len(out.getvalue())
    return made


async def _measure(rounds: int, streets: int) -> None:
    data = photo()
    print(f"a photo of {SIZE[0]} x {SIZE[1]}, {len(data) / MIB:.1f} MiB; medians of {rounds}")
    floors, ours, finds, fills = [], [], [], []
    chance = Random(3)
    empty = encoded(Image.effect_noise((1920, 1440), 40).convert("RGB"), quality=82)
    peopled = encoded(scene(chance, 1920, 1440, heights=[40, 60, 90])[0], quality=82)
    async with Darkroom(patience_s=120) as darkroom, Gallery(patience_s=240) as gallery:
        await darkroom.develop(data)
        await gallery.find(empty)
        floor(data)
        for _ in range(rounds):
            floors.append(_cpu(lambda: floor(data)))
            ours.append(await _cpu_of(darkroom.child, lambda: darkroom.develop(data)))
        for _ in range(max(3, rounds // 5)):
            finds.append(await _cpu_of(gallery.child, lambda: gallery.find(empty)))
            fills.append(await _cpu_of(gallery.child, lambda: gallery.find(peopled)))
        peaks = [_peak(found.child) for found in (darkroom, gallery)]
        base, least = median(floors), _least_memory(data)
        print("CPU of a photo, and the most memory in use, interpreter included:")
        print(f"  Pillow, the least         {1000 * base:6.0f} ms  {least:5.0f} MiB")
        ratio = median(ours) / base
        print(f"  the decoder's child       {1000 * median(ours):6.0f} ms  {peaks[0]:5.0f} MiB")
        print(f"    times Pillow's least    {ratio:6.2f}")
        print(f"  the finder, nothing there {1000 * median(finds):6.0f} ms  {peaks[1]:5.0f} MiB")
        print(f"  the finder, three faces   {1000 * median(fills):6.0f} ms  (looked at twice)")
        faces = await measured_faces(gallery, streets)
        print("\n".join(faces.lines("face")))
        print(f"recall from {FROM} px: {faces.recall(FROM):.3f}")
        print("\n".join((await measured_plates(gallery, streets)).lines("plate")))


def _cpu(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


async def _cpu_of(child: Confined, work: Callable[[], Awaitable[object]]) -> float:
    """The CPU of the child, which has one thread: the kernel counts that in nanoseconds."""
    before = _on_cpu(child)
    await work()
    return _on_cpu(child) - before


def _on_cpu(child: Confined) -> float:
    return int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) / 1e9


def _peak(child: Confined) -> float:
    status = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    (line,) = (line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _least_memory(data: bytes) -> float:
    """Of an interpreter that does only that."""
    alone = subprocess.run(
        [sys.executable, "-c", ALONE], input=data, capture_output=True, check=True
    )
    return int(alone.stdout) / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
