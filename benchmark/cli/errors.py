"""How commands end: an error that a user can cause is one message, a bug is a traceback."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from benchmark.runtime.errors import Interrupted, OutOfMemory, UserError
from benchmark.runtime.memory import ran_out
from benchmark.runtime.system_errors import MACHINE_FAULTS

OUT_OF_MEMORY = os.EX_TEMPFAIL
"""Exit code 75: another attempt, elsewhere or later, may succeed."""


@contextmanager
def reported_errors() -> Iterator[None]:
    """Ends the process with one message for errors that a user can cause; bugs keep their traceback.

    Characters that the output's encoding lacks are replaced.

    The exit code is 2, ``OUT_OF_MEMORY`` if memory ran out, and 128 plus the signal's number if a signal stopped a
    training.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
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
        if not isinstance(error, OSError) or error.errno not in MACHINE_FAULTS:
            raise
        fault, remedy = MACHINE_FAULTS[error.errno]
        fail(f"{error.filename or 'output'}: {fault}. {remedy}.")


def fail(message: str, code: int = 2) -> NoReturn:
    """Prints the message and ends the process."""
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
