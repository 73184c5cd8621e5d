"""Free memory, and the errors that mean that memory ran out. Nothing here loads PyTorch."""

import ctypes
import errno
from pathlib import Path
from typing import Literal

import psutil

Whose = Literal["GPU", "machine"]
# PyTorch's allocators, cuBLAS and cuDNN raise RuntimeError with these texts.
_OF_GPU = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
_OF_MACHINE = ("can't allocate memory", "Cannot allocate memory", "not enough memory", "std::bad_alloc")
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def keep_freed_memory() -> None:
    """Makes the GNU C library keep freed memory for the next allocation, instead of returning it to the kernel.

    Training and translation allocate the same large blocks again and again, and the kernel would fill them with zeros
    each time, which costs a fourteenth of a training step at the paper's size, and a fifth of a translated batch.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        for threshold in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            setting(threshold, 2**31 - 1)


def ran_out(error: BaseException) -> Whose | None:
    """Whose memory ran out; None for other errors."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "machine"
    if not isinstance(error, RuntimeError):
        return None
    text = str(error)
    if any(words in text for words in _OF_MACHINE):
        return "machine"
    return "GPU" if any(words in text for words in _OF_GPU) else None


def available(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that this process can still allocate: free memory of the machine, or less if a control group limits it.

    Slurm and containers set such limits. File cache of a group counts as free, since the kernel drops it on demand. See
    cgroups(7); limits of version 1 are not read.
    """
    left = [int(psutil.virtual_memory().available)]
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []  # not Linux
    for path in (line.removeprefix("0::/") for line in lines if line.startswith("0::/")):
        for group in (cgroups / path, *(cgroups / path).parents):
            limit = group / "memory.max"
            if group.is_relative_to(cgroups) and limit.is_file() and (most := limit.read_text().strip()) != "max":
                stated = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
                used = int((group / "memory.current").read_text()) - int(stated["inactive_file"])
                left.append(int(most) - used)
    return max(min(left), 0)
