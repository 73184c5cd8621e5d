"""Whether files can be written where a run will write them, asked before it begins.

Snakemake makes a job's folders only after it deleted what the job left the last time, and tells of what is in the way
with a traceback: a folder of logs that may not be written to would cost trained models.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path


def folders_of(patterns: Iterable[str], below: Iterable[Path]) -> list[Path]:
    """The folders that paths with wildcards have in common: of ``logs/x/train/{pair}.log``, ``logs/x/train``.

    Args:
        patterns: of outputs, logs and benchmark files; others than those ``below`` some folders are left out.
    """
    ends = [Path(pattern.partition("{")[0] + "_").parent for pattern in patterns]
    return sorted({end for end in ends if any(end.is_relative_to(folder) for folder in below)})


def refuse_unusable(folders: Iterable[Path], *, writing: bool = False) -> None:
    """Looks at folders, as far as they are there, and at those in which they lie.

    Args:
        writing: whether the last one that is there must also admit new files: without it, looking at results to which
            nobody may write goes on.

    Raises:
        OSError: one is no folder, leads nowhere, or does not admit files; ``benchmark.cli.told`` says it in words.
    """
    for folder in folders:
        last = [Path(), *_there(folder)][-1]
        if writing and not os.access(last, os.W_OK | os.X_OK, effective_ids=True):
            raise _fault(errno.EROFS if read_only(last) else errno.EACCES, last)


def read_only(folder: Path) -> bool:
    """Whether the folder is on a disk to which nobody can write."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _there(folder: Path) -> Iterator[Path]:
    """The folder and those around it, from outside in, until one is missing."""
    for place in (*reversed(folder.parents), folder):
        try:
            mode = place.stat().st_mode
        except FileNotFoundError:
            if place.is_symlink():  # a folder cannot be made there
                raise _fault(errno.ENOTDIR, place) from None
            return
        if not stat.S_ISDIR(mode):
            raise _fault(errno.ENOTDIR, place)
        yield place


def _fault(number: int, path: Path) -> OSError:
    return OSError(number, os.strerror(number), str(path))
