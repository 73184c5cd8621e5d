"""How many subjects are generated at a time."""

import os

from benchmark.runtime.memory import available

# Peak of a process in MiB, the largest of each kind's scanners, measured: docs/phantoms.md.
_PEAK = {
    "ixi": {"tiny": 254, "small": 285, "full": 1820},
    "msseg": {"tiny": 277, "small": 460, "full": 3746},
    "retouch": {"tiny": 64, "small": 68, "full": 482},
}


def fitting(kind: str, size: str) -> int:
    """Processes that this process's cores and the memory that is left allow, at least one."""
    return max(min(len(os.sched_getaffinity(0)), available() // (_PEAK[kind][size] * 2**20)), 1)
