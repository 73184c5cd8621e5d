"""Where and in which precision networks run."""

from typing import Literal

import torch
from lightning_fabric import Fabric

Precision = Literal["32-true", "bf16-mixed"]


def make_fabric(precision: Precision = "32-true") -> Fabric:
    """One device, a GPU where there is one; deterministic algorithms, so that a seed fixes the result.

    Threads are taken from the environment (``OMP_NUM_THREADS``, which the rules set to their ``threads``).
    """
    torch.use_deterministic_algorithms(True, warn_only=False)
    torch.backends.cudnn.benchmark = False
    return Fabric(accelerator="auto", devices=1, precision=precision)
