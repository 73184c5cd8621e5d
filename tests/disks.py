"""Processes to which permissions and disks are what they are to users, though root runs the tests."""

import ctypes
import os
import shutil
import subprocess

# A file system of its own, which no other process sees; users other than root may have one too.
ALONE = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--user", "--map-root-user"])]
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2  # linux/prctl.h, linux/capability.h


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    trial = [*ALONE, "mount", "-t", "tmpfs", "none", "/mnt"]
    return subprocess.run(trial, capture_output=True, check=False).returncode == 0


def without_override() -> None:
    """Called in a process about to start a program: even root then obeys permissions there."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0
