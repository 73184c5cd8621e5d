"""The command ``hbench``."""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from benchmark.cli.app import app
from benchmark.runtime.errors import Interrupted, OutOfMemory, UserError
from benchmark.runtime.memory import ran_out

OUT_OF_MEMORY = os.EX_TEMPFAIL
"""Exit code 75: another attempt, elsewhere or later, may succeed."""

_MACHINE_FAULTS = {
    errno.ENOSPC: ("there is no room left on the disk", "Free some space, and run it again: finished files are kept"),
    errno.EDQUOT: ("the disk quota is used up", "Free some space, and run it again: finished files are kept"),
    errno.EFBIG: ("a file is larger than this system allows", "Raise the limit (ulimit -f)"),
    errno.EIO: ("the disk reports an error", "Check the disk"),
    errno.EROFS: ("the disk is read-only", "Work in a folder that can be written to"),
    errno.EACCES: ("access is denied", "Correct the permissions"),
    errno.EPERM: ("the operation is not permitted", "Correct the permissions"),
    errno.EISDIR: ("is a folder where a file belongs", "Move it away and run it again"),
    errno.ENOTDIR: ("is, or lies below, a file where a folder belongs", "Move that file away and run it again"),
    errno.EEXIST: ("is a file where a folder belongs", "Move it away and run it again"),
    errno.ENOTEMPTY: ("is a folder that another process writes to", "End that process and run it again"),
    errno.EBUSY: ("is in use", "End the process that uses it and run it again"),
    errno.ELOOP: ("is a link that leads back to itself", "Remove the link"),
    errno.ENAMETOOLONG: ("is longer than this system allows", "Choose a shorter name"),
    errno.EMFILE: ("this process has too many files open", "Raise the limit (ulimit -n)"),
    errno.ENFILE: ("the system has too many files open", "End other programs and run it again"),
    errno.ESTALE: ("the network file system lost it", "Run it again"),
    errno.ETIMEDOUT: ("the disk or the network does not answer", "Run it again"),
}


def main() -> None:
    """Runs the command line."""
    with reported_errors():
        app()


@contextmanager
def reported_errors() -> Iterator[None]:
    """Ends the process with one message for errors that a user can cause; bugs keep their traceback.

    The exit code is 2, ``OUT_OF_MEMORY`` if memory ran out, and 128 plus the signal's number if a signal stopped a
    training.
    """
    try:
        yield
    except OutOfMemory as error:
        fail(str(error), OUT_OF_MEMORY)
    except UserError as error:
        fail(str(error))
    except Interrupted as event:
        print(event, file=sys.stderr)
        sys.exit(128 + signal.Signals[event.signal])
    except (MemoryError, RuntimeError, OSError) as error:
        if whose := ran_out(error):
            reason = " ".join(str(error).split())[:300] or "an allocation failed"
            remedy = "Give it more (mem_mb of the rule), or use smaller batches"
            fail(f"the {whose}'s memory: is used up ({reason}). {remedy}.", OUT_OF_MEMORY)
        if not isinstance(error, OSError) or error.errno not in _MACHINE_FAULTS:
            raise
        fault, remedy = _MACHINE_FAULTS[error.errno]
        fail(f"{error.filename or 'output'}: {fault}. {remedy}.")


def fail(message: str, code: int = 2) -> NoReturn:
    """Prints the message and ends the process."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
