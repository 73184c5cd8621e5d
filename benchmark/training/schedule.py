"""Constant, then linearly to zero."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def constant_then_linear(optimizer: Optimizer, constant: int, decay: int) -> LambdaLR:
    """Factor 1 for ``constant`` steps; then it falls linearly and would be 0 one step after the last of ``decay``.

    Call ``step()`` once after each optimiser step.
    """
    return LambdaLR(optimizer, lambda step: min(1.0, max(0.0, 1.0 - (step - constant + 1) / (decay + 1))))
