"""One run of Snakemake at a time in a folder, however the last one ended.

Snakemake's own lock outlives a run that was killed, and then wants ``--unlock``. The kernel gives this one back with
the process that held it, so the same command goes on where the killed run stopped. Profiles therefore have ``nolock``.
"""

import os
from io import TextIOWrapper
from pathlib import Path

from benchmark.errors import UserError
from benchmark.locks import lock

LOCK = Path(".snakemake/hbench.lock")
_held: list[TextIOWrapper] = []


def be_alone(path: Path = LOCK) -> None:
    """Holds the folder until this process ends.

    Raises:
        UserError: another run holds it.
    """
    path.parent.mkdir(exist_ok=True, parents=True)
    file = path.open("a+", encoding="utf-8")
    if not lock(file):
        file.seek(0)
        other = file.read().strip() or "unknown"
        file.close()
        raise UserError(
            Path.cwd(),
            f"is in use by another run (process {other})",
            "Wait until it is done, or stop it, and run again",
        )
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    _held.append(file)  # closing it would give the lock back
