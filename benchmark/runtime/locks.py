"""Locks of files, which the kernel gives back with the process that held them, however it ended."""

import errno
import fcntl
from typing import IO, Any

from benchmark.runtime.errors import UserError

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


def lock(file: IO[Any]) -> bool:
    """Takes the lock of an open file, for as long as it stays open.

    Returns:
        False where another process has it, or another descriptor of this one.

    Raises:
        UserError: the file system has no locks, as some of clusters' have not.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            remedy = "Work on one that has, or have it mounted with them (Lustre: -o flock)"
            raise UserError(file.name, f"this file system has no locks ({error.strerror})", remedy) from None
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        return False
    return True
