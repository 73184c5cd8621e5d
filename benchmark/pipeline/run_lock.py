"""One run of Snakemake at a time in a folder, however the last one ended.

Snakemake's own lock outlives a run that was killed, and then wants ``--unlock``. The kernel releases this one with the
process that held it, so the same command goes on where the killed run stopped. Profiles therefore have ``nolock``.
Jobs that a killed run left in the queue of a cluster hold no lock: Slurm is asked for them.
"""

import os
import subprocess
from pathlib import Path
from typing import IO

from benchmark.runtime.errors import UserError
from benchmark.runtime.locks import hold, holder

LOCK = Path(".snakemake/hbench.lock")
_held: dict[Path, IO[str]] = {}


def hold_run_lock(path: Path = LOCK) -> None:
    """Holds the folder until this process ends, which may ask for it again.

    Raises:
        UserError: another run holds it.
    """
    if path in _held:
        return
    file = hold(path)
    if not file:
        fault = f"is in use by another run (process {holder(path)})"
        raise UserError(Path.cwd(), fault, "Wait until it is done, or stop it, and run again")
    _held[path] = file  # closing it would give the lock back


def refuse_jobs_left() -> None:
    """Looks for jobs in Slurm that an earlier run from this folder submitted.

    Snakemake ends its jobs when it is interrupted, and cannot when it is killed or its connection is cut. They would
    write what the jobs of this run read and write.

    Raises:
        UserError: there are such jobs, queued or running, or Slurm does not answer.
    """
    asked = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%k|%Z"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError("squeue", f"does not say which jobs there are ({done.stderr.strip()})", "Run it again later")
    jobs = (line.split("|", 2) for line in done.stdout.splitlines())
    from_here = ((job, comment) for job, comment, folder in jobs if Path(folder).resolve() == Path.cwd())
    # Snakemake wrote the comment. It may be a job from here itself, which has none.
    left = [job for job, comment in from_here if comment.startswith("rule_")]
    if left:
        raise UserError(
            Path.cwd(),
            f"{len(left)} jobs of an earlier run from here are queued or running in Slurm",
            f"Wait until they are done, or end them, and run again: scancel {' '.join(left)}",
        )
