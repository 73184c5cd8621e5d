"""Number of processes that generate subjects side by side."""

import os

from benchmark.runtime.memory import available

# Measured peak of a process in MiB, for the scanner that needs most: docs/phantoms.md.
_PEAK = {
    "ixi": {"tiny": 254, "small": 285, "standard": 285, "full": 1820},
    "msseg": {"tiny": 277, "small": 560, "standard": 560, "full": 3746},
    "retouch": {"tiny": 64, "small": 68, "standard": 68, "full": 482},
}


def process_count(kind: str, size: str) -> int:
    """Processes that the available cores and memory allow, at least one."""
    return max(min(len(os.sched_getaffinity(0)), available() // (_PEAK[kind][size] * 2**20)), 1)
