"""CPU time as the kernel counts it: what a busy neighbour on the machine cannot falsify."""

import time
from pathlib import Path


def own_s() -> float:
    """CPU seconds of this process, all threads."""
    return time.process_time()


def of_s(pid: int) -> float:
    """CPU seconds of one single-threaded process, such as a PostgreSQL backend.

    schedstat counts nanoseconds; /proc/PID/stat would count hundredths of a second.
    """
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
