"""What tests have processes do that work side by side; they import it, so it loads nothing heavy."""

import ctypes
import os
import signal
import sys
import time
from pathlib import Path

from benchmark.runtime.parallel import run_parallel


def die(*_: object) -> None:
    """Is killed as by the kernel, when memory runs out."""
    signal.raise_signal(signal.SIGKILL)


def stay(begun: Path, fifo: Path) -> None:
    """Holds the interpreter until somebody writes to the FIFO, as a long call of a C library does; then goes on.

    Ends the process after a minute, so that none is left where nothing else ends it.
    """
    begun.touch()
    ctypes.PyDLL(None).open(str(fifo).encode(), os.O_RDONLY)
    time.sleep(60)
    os._exit(1)


if __name__ == "__main__":
    from benchmark.runtime.locks import lock

    folder = Path(sys.argv[1])
    with (folder / "lock").open("w") as held:
        assert lock(held)
        run_parallel(stay, [(folder / "begun", folder / "fifo")], 1, product="it", remedy="Wait", held=held)
