"""Whether a run can write its files, and whether those that are there have usable times, asked before it begins.

Snakemake deletes what a job left before it makes the job's folders, and reports what is in the way with a traceback: a
folder of logs that is not writable would cost trained models. It compares the times of files: what is made of a file
from the future looks older than it, so Snakemake takes the job for failed and deletes its outputs.
"""

import errno
import os
import shlex
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from benchmark.runtime.errors import UserError

MARGIN = 60
"""Seconds that a file may be ahead: the clocks of a network's file system differ."""


def folders_of(patterns: Iterable[str], below: Iterable[Path]) -> list[Path]:
    """The folders that paths with wildcards have in common: of ``logs/x/train/{pair}.log``, ``logs/x/train``.

    Args:
        patterns: of outputs, logs and benchmark files; others than those ``below`` some folders are left out.
    """
    ends = [Path(pattern.partition("{")[0] + "_").parent for pattern in patterns]
    return sorted({end for end in ends if any(end.is_relative_to(folder) for folder in below)})


def refuse_unusable(folders: Iterable[Path], *, writing: bool = False) -> None:
    """Looks at each folder, or where it is not there yet, at the one in which it would be made.

    Args:
        writing: whether that must also admit new files. A dry run works on read-only results.

    Raises:
        OSError: one is no folder, or does not admit files; ``benchmark.cli.errors`` puts it in words.
    """
    for folder in folders:
        last = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
        fault = None
        if not last.is_dir():
            fault = errno.ENOTDIR
        elif writing and not os.access(last, os.W_OK | os.X_OK, effective_ids=True):
            fault = errno.EROFS if read_only(last) else errno.EACCES
        if fault:
            raise OSError(fault, os.strerror(fault), str(last))


def refuse_braces(project: Path) -> None:
    """Refuses a project that lies where Snakemake cannot name the environments of its rules.

    Raises:
        UserError: there are braces in the folder's path.
    """
    if {"{", "}"} & set(str(project)):
        raise UserError(project, "has braces in its path, which Snakemake takes for wildcards", "Rename the folder")


def refuse_future(folders: Iterable[Path]) -> None:
    """Looks for files, at any depth, that were written while the clock was ahead of what it says now.

    Raises:
        UserError: there are some; the message names the one that is furthest ahead.
    """
    there = [folder for folder in folders if folder.exists()]
    when, path = max(_times(there), default=(0.0, Path()))
    if when > time.time() + MARGIN:
        date, places = f"{datetime.fromtimestamp(when):%Y-%m-%d %H:%M}", shlex.join(map(str, there))
        raise UserError(
            path,
            f"is from the future ({date}), so that what is made of it would look outdated",
            "Correct the clock; or, if it is right, give such files the time of now: "
            f"touch now && find {places} -newer now -exec touch -h -r now {{}} + && rm now",
        )


def _times(folders: Iterable[Path]) -> Iterator[tuple[float, Path]]:
    """Files and folders with the times of their last change."""
    for folder in folders:
        for place, _, names in os.walk(folder):
            for path in (Path(place), *(Path(place, name) for name in names)):
                with suppress(FileNotFoundError):  # a temporary file of another process
                    yield path.lstat().st_mtime, path


def read_only(folder: Path) -> bool:
    """Whether the folder is on a read-only disk."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
