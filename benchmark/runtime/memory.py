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

# By the controller in /proc/self/cgroup (empty in version 2): folder of the groups, the files with limit and usage, and
# the key in memory.stat of file cache that was not used recently.
_GROUP_FILES = {
    "": ("", "memory.max", "memory.current", "inactive_file"),
    "memory": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
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
    cgroups(7) and the kernel's documentation of both versions.
    """
    left = [int(psutil.virtual_memory().available)]
    lines = own.read_text(encoding="utf-8").splitlines() if own.is_file() else []  # not Linux
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if controllers not in _GROUP_FILES:
            continue
        folder, limit, used, cache = _GROUP_FILES[controllers]
        group = cgroups / folder / path.lstrip("/")
        for each in (group, *group.parents):
            if each.is_relative_to(cgroups / folder) and (each / limit).is_file():
                left += _left_of_group(each, limit, used, cache)
    return max(min(left), 0)


def _left_of_group(group: Path, limit: str, used: str, cache: str) -> list[int]:
    most = (group / limit).read_text(encoding="utf-8").strip()
    if most == "max":
        return []
    stated = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
    return [int(most) - int((group / used).read_text(encoding="utf-8")) + int(stated[cache])]
