"""Locks of files, which the kernel gives back with the process that held them, however it ended."""

import errno
import fcntl
from typing import IO, Any


def lock(file: IO[Any] | int) -> bool:
    """Takes the lock of an open file, for as long as it stays open.

    Args:
        file: or its descriptor.

    Returns:
        False where another process has it, or another descriptor of this one.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True
