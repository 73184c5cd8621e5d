"""Learning rates: constant, then linearly to zero."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def factor(step: int, constant: int, decay: int) -> float:
    """1 for ``constant`` steps; then it falls linearly and would be 0 one step after the last of ``decay``."""
    return min(1.0, max(0.0, 1.0 - (step - constant + 1) / (decay + 1)))


def constant_then_linear(optimizer: Optimizer, constant: int, decay: int) -> LambdaLR:
    """Multiplies all learning rates by `factor`. Call ``step()`` once after each optimizer step."""
    return LambdaLR(optimizer, lambda step: factor(step, constant, decay))
