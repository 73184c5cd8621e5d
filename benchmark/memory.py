"""Which errors mean that memory ran out, and whose. Nothing here loads PyTorch."""

import ctypes
import errno
from typing import Literal

Whose = Literal["GPU", "machine"]
# Of PyTorch's allocators, cuBLAS and cuDNN, whose errors are RuntimeErrors with a text.
_OF_GPU = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
_OF_MACHINE = ("can't allocate memory", "Cannot allocate memory", "not enough memory", "std::bad_alloc")

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def keep_freed_memory() -> None:
    """Has the C library keep what is freed, for what is wanted next, instead of giving it back to the kernel.

    A training step frees and wants the same large blocks again and again, and each time the kernel would fill them
    with zeros first: a fourteenth of a step's time at the paper's size. C libraries other than GNU's have no such
    setting and are left as they are.
    """
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        for threshold in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            setting(threshold, 2**31 - 1)


def ran_out(error: BaseException) -> Whose | None:
    """Whose memory ran out; None where an error is another."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return "machine"
    if not isinstance(error, RuntimeError):
        return None
    text = str(error)
    if any(words in text for words in _OF_MACHINE):
        return "machine"
    return "GPU" if any(words in text for words in _OF_GPU) else None
