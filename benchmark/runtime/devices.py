"""GPUs handed out so that no two processes of this user train on one, whichever benchmarks they belong to.

Snakemake counts GPUs and names none. So each process takes a lock on one, shows itself that one alone
(``CUDA_VISIBLE_DEVICES``) and keeps the lock; the kernel gives it back however the process ends. What Slurm or the user
made visible already are the only candidates. Names are UUIDs, of whole GPUs or of MIG instances, because a number means
another GPU in every job to which Slurm gives one.
"""

import logging
import os
import re
import stat
import subprocess
import time
from io import TextIOWrapper
from itertools import takewhile
from pathlib import Path

from benchmark.runtime.errors import UserError
from benchmark.runtime.locks import lock

VISIBLE = "CUDA_VISIBLE_DEVICES"
PAUSE = 1.0
"""Seconds between two looks whether a GPU is free."""
_LISTED = re.compile(r"^(?P<indent>\s*).*\(UUID: (?P<uuid>(?:GPU|MIG)-[^)]+)\)$")
_NONE = ("", "-1", "NoDevFiles")
_held: list[TextIOWrapper] = []

logger = logging.getLogger(__name__)


def gpus() -> list[str]:
    """Names of the GPUs that processes here may use, and of MIG instances where a GPU is divided into such.

    Raises:
        UserError: ``CUDA_VISIBLE_DEVICES`` names a GPU that is not there, or ``nvidia-smi`` does not answer.
    """
    visible, installed = os.environ.get(VISIBLE), _installed()
    if visible is None or not installed:
        return [name for names in installed for name in names]
    # CUDA sees nothing from such an entry on.
    entries = takewhile(lambda entry: entry not in _NONE, (entry.strip() for entry in visible.split(",")))
    return list(dict.fromkeys(name for entry in entries for name in _named(entry, installed)))


def take_gpu(folder: Path | None = None) -> str:
    """Waits for a GPU that no other process has, and keeps it until this process ends.

    Must come before PyTorch is loaded.

    Args:
        folder: of the locks; by default one for all benchmarks of this user on this machine.

    Returns:
        The name of the GPU, the only one that is visible from now on.

    Raises:
        UserError: there is none, or the folder of the locks is somebody else's.
    """
    names = gpus()
    if not names:
        raise UserError(
            "GPU",
            f"the job was promised one, and there is none here ({VISIBLE} is {os.environ.get(VISIBLE, 'not set')})",
            "Say gpu: 0 under set-resources in the profile, or run it where there is one",
        )
    folder = folder or _own_folder()
    locks = {name: folder / name.replace("/", ":") for name in names}
    waiting = False
    while not (free := next((name for name in names if _take(locks[name])), None)):
        if not waiting:
            holders = ", ".join(f"{name} (process {path.read_text().strip()})" for name, path in locks.items())
            logger.info("waiting for a GPU; in use are %s", holders)
            waiting = True
        time.sleep(PAUSE)
    os.environ[VISIBLE] = free
    logger.info("on %s", free)
    return free


def taken() -> str | None:
    """Name of the GPU that this process took; None where it took none."""
    return os.environ[VISIBLE] if _held else None


def hide_gpus() -> None:
    """Shows this process no GPU. Must come before PyTorch is loaded."""
    os.environ[VISIBLE] = ""


def _named(entry: str, installed: list[list[str]]) -> list[str]:
    """UUIDs of an entry of ``CUDA_VISIBLE_DEVICES``: a number, or a UUID, which may be cut short."""
    if entry.isdecimal() and int(entry) < len(installed):
        return installed[int(entry)]
    found = [name for names in installed for name in names if name.startswith(entry)]
    if len(found) != 1:
        raise UserError(f"{VISIBLE}={os.environ[VISIBLE]}", f"which GPU is {entry}?", "nvidia-smi -L lists those here")
    return found


def _installed() -> list[list[str]]:
    """For each GPU, in the order of ``nvidia-smi``, its UUID or those of its MIG instances.

    Raises:
        UserError: there are devices of NVIDIA's, and ``nvidia-smi`` does not answer.
    """
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        if not any(Path("/dev").glob("nvidia[0-9]*")):
            return []
        remedy = "It comes with the driver; containers have it where NVIDIA_DRIVER_CAPABILITIES includes utility"
        raise UserError("nvidia-smi -L", f"does not say which GPUs there are ({error})", remedy) from None
    found: list[list[str]] = []
    for line in filter(None, map(_LISTED.match, done.stdout.splitlines())):
        if not line["indent"]:
            found.append([line["uuid"]])
        else:
            found[-1] = [name for name in found[-1] if name.startswith("MIG-")] + [line["uuid"]]
    return found


def _own_folder() -> Path:
    """Below ``/tmp`` and not below ``TMPDIR``, which Slurm makes another one for each job.

    Raises:
        UserError: somebody else made it.
    """
    folder = Path(f"/tmp/harmonize-bench-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(folder, "is not this user's own folder", "Have whoever made it remove it")
    return folder


def _take(path: Path) -> bool:
    file = path.open("a+", encoding="utf-8")
    if not lock(file):
        file.close()
        return False
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    _held.append(file)  # closing it would give the lock back
    return True
