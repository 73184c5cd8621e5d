"""Which errors mean that memory ran out, and whose. Nothing here loads PyTorch."""

import errno
from typing import Literal

Whose = Literal["GPU", "machine"]
# Of PyTorch's allocators, cuBLAS and cuDNN, whose errors are RuntimeErrors with a text.
_OF_GPU = ("out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED")
_OF_MACHINE = ("can't allocate memory", "Cannot allocate memory", "not enough memory", "std::bad_alloc")


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
