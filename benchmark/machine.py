"""What this machine has, found without loading PyTorch."""

import os
import sys
from pathlib import Path


def put_own_python_first() -> None:
    """Makes ``python`` this process's own interpreter in every process that it starts.

    So ``.venv/bin/snakemake`` works where the environment is not activated. An environment that conda activates in such
    a process still comes before it.
    """
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])


def gpus() -> int:
    """Number of NVIDIA GPUs that a job here could use."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))
