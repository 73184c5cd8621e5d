"""Files from the future: they were written while the clock was ahead of what it says now.

Snakemake compares the times of files. A job whose input is from the future could only leave outputs that look older
than it, so Snakemake takes the job for failed and deletes them, a training of days too.
"""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

MARGIN = 60
"""Seconds that a file may be ahead: clocks of a network's file system are not all the same."""
STEP = 1000
"""Nanoseconds between the times that files of the future are given; Snakemake's floats tell them apart."""


def bring_back(folders: Sequence[Path]) -> int:
    """Gives files and folders from the future times just before now, in the order that they had.

    Args:
        folders: what lies in them, at any depth; those that do not exist are left out.

    Returns:
        How many there were.
    """
    now = time.time_ns()
    ahead = [(when, path) for when, path in _times(folders) if when > now + MARGIN * 10**9]
    moments = sorted({when for when, _ in ahead})
    times = {when: now - (len(moments) - place) * STEP for place, when in enumerate(moments)}
    for when, path in ahead:
        with suppress(FileNotFoundError):  # a temporary file whose job just ended
            os.utime(path, ns=(times[when], times[when]), follow_symlinks=False)
    return len(ahead)


def watch(folders: Sequence[Path], pause: float = 1.0) -> None:
    """Looks, until this process ends, whether the clock is set back, and then calls :func:`bring_back`.

    Args:
        pause: seconds between two looks.
    """
    threading.Thread(target=_watch, args=(folders, pause), daemon=True).start()


def _watch(folders: Sequence[Path], pause: float) -> None:
    before = _ahead()
    while True:
        time.sleep(pause)
        now = _ahead()
        if now < before - MARGIN:
            bring_back(folders)
        before = now


def _ahead() -> float:
    """Seconds from the clock that counts on evenly to the one that can be set."""
    return time.time() - time.monotonic()


def _times(folders: Sequence[Path]) -> Iterator[tuple[int, Path]]:
    for folder in folders:
        for place, _, names in os.walk(folder):
            for path in (Path(place), *(Path(place, name) for name in names)):
                with suppress(FileNotFoundError):
                    yield path.lstat().st_mtime_ns, path
