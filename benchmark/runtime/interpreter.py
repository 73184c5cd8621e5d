"""The Python interpreter of processes that this one starts."""

import os
import sys
from pathlib import Path


def put_own_python_first() -> None:
    """Makes ``python`` in child processes this process's interpreter, so that no environment needs to be activated.

    An environment that conda activates in a child process still precedes it.
    """
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
