"""One GPU for each process: no two processes of a user train on the same one, even from different benchmarks.

Snakemake counts GPUs but does not say which one a job gets. So each process locks one, makes it the only visible one
(``CUDA_VISIBLE_DEVICES``), and keeps the lock until it ends. GPUs that Slurm or the user has hidden are no candidates.
GPUs and MIG instances are named by UUID: the numbers start at 0 again in every Slurm job.
"""

import logging
import os
import time
from itertools import takewhile
from pathlib import Path
from typing import IO

from benchmark.runtime.errors import UserError
from benchmark.runtime.locks import hold, holder

VISIBLE = "CUDA_VISIBLE_DEVICES"
PAUSE = 1.0
"""Seconds between two attempts to lock a GPU."""
_NONE = ("", "-1", "NoDevFiles")
_held: list[IO[str]] = []

logger = logging.getLogger(__name__)


def gpus() -> list[str]:
    """UUIDs of the GPUs that this process may use, or of their MIG instances.

    Raises:
        UserError: ``CUDA_VISIBLE_DEVICES`` names a GPU that does not exist, or the driver does not list its GPUs.
    """
    visible, installed = os.environ.get(VISIBLE), _installed()
    if visible is None or not installed:
        return [name for names in installed for name in names]
    # CUDA ignores such an entry and all that follow.
    entries = takewhile(lambda entry: entry not in _NONE, (entry.strip() for entry in visible.split(",")))
    return list(dict.fromkeys(name for entry in entries for name in _named(entry, installed)))


def gpu_model() -> tuple[str, float] | None:
    """Name and memory (GB) of the first GPU that this process may use; None without a GPU.

    Raises:
        UserError: as :func:`gpus`.
    """
    import pynvml

    names = gpus()
    if not names:
        return None
    pynvml.nvmlInit()
    try:
        device = pynvml.nvmlDeviceGetHandleByUUID(names[0])
        return str(pynvml.nvmlDeviceGetName(device)), pynvml.nvmlDeviceGetMemoryInfo(device).total / 1e9
    finally:
        pynvml.nvmlShutdown()


def take_gpu(folder: Path | None = None) -> str:
    """Waits for a free GPU and keeps it until this process ends. Call it before PyTorch is loaded.

    Args:
        folder: of the lock files; by default one for all benchmarks of this user on this machine. It is not in
            ``TMPDIR``, which differs between Slurm jobs.

    Returns:
        The UUID of the GPU, from now on the only visible one.

    Raises:
        UserError: there is no GPU.
    """
    names = gpus()
    if not names:
        raise UserError(
            "GPU",
            f"the job was promised one, and there is none here ({VISIBLE} is {os.environ.get(VISIBLE, 'not set')})",
            "Set gpu: 0 under set-resources in the profile, or run it on a machine with a GPU",
        )
    folder = folder or Path(f"/tmp/harmonize-bench-{os.getuid()}")
    locks = {name: folder / name.replace("/", ":") for name in names}
    waiting = False
    while not (free := next((name for name in names if _take(locks[name])), None)):
        if not waiting:
            holders = ", ".join(f"{name} (process {holder(path)})" for name, path in locks.items())
            logger.info("waiting for a GPU; in use are %s", holders)
            waiting = True
        time.sleep(PAUSE)
    os.environ[VISIBLE] = free
    logger.info("on %s", free)
    return free


def taken() -> str | None:
    """UUID of the GPU that this process holds, if it holds one."""
    return os.environ[VISIBLE] if _held else None


def hide_gpus() -> None:
    """Hides all GPUs from this process. Call it before PyTorch is loaded."""
    os.environ[VISIBLE] = ""


def _named(entry: str, installed: list[list[str]]) -> list[str]:
    """UUIDs of an entry of ``CUDA_VISIBLE_DEVICES``: a number, or a UUID or the beginning of one."""
    if entry.isdecimal() and int(entry) < len(installed):
        return installed[int(entry)]
    found = [name for names in installed for name in names if name.startswith(entry)]
    if len(found) != 1:
        raise UserError(f"{VISIBLE}={os.environ[VISIBLE]}", f"which GPU is {entry}?", "nvidia-smi -L lists those here")
    return found


def _installed() -> list[list[str]]:
    """For each GPU its UUID or, if it is divided, those of its MIG instances.

    Raises:
        UserError: there are NVIDIA devices, but the driver does not list them.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
        try:
            return [names for index in range(pynvml.nvmlDeviceGetCount()) if (names := _uuids(index))]
        finally:
            pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        if not any(Path("/dev").glob("nvidia[0-9]*")):
            return []
        remedy = "See that nvidia-smi -L works; in a container, NVIDIA_DRIVER_CAPABILITIES must include utility"
        raise UserError("NVIDIA's driver", f"does not list the GPUs ({error})", remedy) from None


def _uuids(index: int) -> list[str]:
    import pynvml

    try:
        gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
    except pynvml.NVMLError_NoPermission:  # another job's
        return []
    instances = []
    for number in range(pynvml.nvmlDeviceGetMaxMigDeviceCount(gpu)):
        try:
            instances.append(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(gpu, number))
        except pynvml.NVMLError_NotFound:  # numbers have gaps
            continue
    return [pynvml.nvmlDeviceGetUUID(device) for device in instances or [gpu]]


def _take(path: Path) -> bool:
    if file := hold(path):
        _held.append(file)  # closing it would release the lock
    return file is not None
