"""How much memory a training asks its scheduler for, where it has no GPU: by what grows with the sizes in its config.

Fitted to the largest resident memory of processes in float32 (AMD EPYC, PyTorch 2.15). What is behind it: maps of the
widest layers, which the backward pass keeps, and weights with their gradients and moments.
"""

from math import prod

SMALLEST = 4000
"""MB that every job with networks gets, so that small ones need no measurement."""
_START = 1000  # MiB of Python, PyTorch and the batches
_MIB = 2.0**20


def training(width: int, crop: tuple[int, int], batch: int) -> int:
    """MB of a method's training; the proposed one's, which needs most.

    Args:
        crop: rows and columns of what it sees.
        batch: crops of each scanner in a step.
    """
    return _megabytes(_START + 0.67 * width**2 + 220 * _map(width, crop, batch))


def autoencoder(width: int, shape: tuple[int, int], batch: int, *, recompute: bool) -> int:
    """MB of the judge of fidelity, whose batch norm needs all of a batch at once.

    Args:
        shape: rows and columns of the crops or slices that it is trained on.
        batch: of both scanners together.
        recompute: whether it keeps only the maps between stages.
    """
    return _megabytes(_START + (10 if recompute else 53) * _map(width, shape, batch))


def _map(width: int, shape: tuple[int, int], batch: int) -> float:
    """MiB of the maps of the first layer, in float32."""
    return 4 * width * prod(shape) * batch / _MIB


def _megabytes(mebibytes: float) -> int:
    """Rounded up to whole hundreds."""
    return max(SMALLEST, 100 * -int(-mebibytes * _MIB // 1e8))
