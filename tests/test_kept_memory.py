"""What a training frees is kept for what it wants next."""

import subprocess
import sys

import pytest

# Numbers of pages that the kernel hands out anew while a block of 64 MiB is wanted and freed five times.
FAULTS = """
import ctypes, resource, sys
from benchmark.runtime.memory import keep_freed_memory
C = ctypes.CDLL(None)
C.malloc.restype, C.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
SIZE = 2**26
def use():
    block = C.malloc(SIZE)
    ctypes.memset(block, 1, SIZE)
    C.free(block)
if sys.argv[1] == "keep":
    keep_freed_memory()
use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is of GNU's C library")
def test_the_kernel_is_not_asked_again_for_what_was_freed():
    assert faults("leave") > 100
    assert faults("keep") < 10
