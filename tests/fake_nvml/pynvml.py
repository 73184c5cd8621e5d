"""Stands in for NVIDIA's library where its folder is first on the path: the GPUs of the variable FAKE_GPUS.

That is JSON: for each GPU its UUID and those of its MIG instances, or null for a driver that fails. Each has 24 GB.
"""

# ruff: noqa: N801, N802, N818
import json
import os
from types import SimpleNamespace


class NVMLError(Exception):
    pass


class NVMLError_NotFound(NVMLError):
    pass


class NVMLError_NoPermission(NVMLError):
    pass


def nvmlInit():
    if _gpus() is None:
        raise NVMLError("Driver Not Loaded")


def nvmlShutdown():
    pass


def nvmlDeviceGetCount():
    return len(_gpus())


def nvmlDeviceGetHandleByIndex(index):
    if not _gpus()[index]:
        raise NVMLError_NoPermission
    return _gpus()[index]


def nvmlDeviceGetMaxMigDeviceCount(gpu):
    return 7 if len(gpu) > 1 else 0


def nvmlDeviceGetMigDeviceHandleByIndex(gpu, index):
    """Instances have any numbers below the maximum: here odd ones."""
    if index % 2 == 0 or index // 2 + 1 >= len(gpu):
        raise NVMLError_NotFound
    return gpu[index // 2 + 1 :]


def nvmlDeviceGetUUID(device):
    return device[0]


def nvmlDeviceGetHandleByUUID(name):
    return [name]


def nvmlDeviceGetName(device):
    return f"Fake {device[0]}"


def nvmlDeviceGetMemoryInfo(device):
    return SimpleNamespace(total=24e9)


def _gpus():
    return json.loads(os.environ["FAKE_GPUS"])
