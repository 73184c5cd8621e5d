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
    # Filling every new tensor with NaN makes reads of uninitialised memory visible; it costs a tenth of a small
    # training's time and changes no result.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False
    return Fabric(accelerator="auto", devices=1, precision=precision)
