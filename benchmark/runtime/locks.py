"""File locks, which the kernel releases when the process that holds them ends, however it ends."""

import errno
import os
from pathlib import Path
from typing import IO, Any

from filelock import lock_descriptor

from benchmark.runtime.errors import UserError

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock(file: IO[Any]) -> bool:
    """Locks an open file until it is closed.

    Returns:
        False if another process, or another open file of this process, holds the lock.

    Raises:
        UserError: the file system does not support locks.
    """
    try:
        return lock_descriptor(file.fileno(), blocking=False)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        remedy = "Work on a file system with locks, or mount this one with them (Lustre: -o flock)"
        raise UserError(file.name, f"this file system has no locks ({error.strerror})", remedy) from None


def hold(path: Path) -> IO[str] | None:
    """Locks a file until it is closed, and writes this process's id into it; None if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    if not lock(file):
        file.close()
        return None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def holder(path: Path) -> str:
    """Id of the process that holds a file."""
    return path.read_text(encoding="utf-8").strip()
