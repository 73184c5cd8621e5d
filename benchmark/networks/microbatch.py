"""What must be alike whether a batch goes through the networks as a whole or, for want of memory, in micro-batches."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd


@dataclass(frozen=True)
class MicroBatch:
    """Consecutive samples of a batch.

    Attributes:
        samples: which.
        batch: number of samples of the batch.
    """

    samples: slice
    batch: int

    @property
    def share(self) -> float:
        """Its part of the batch: the weight of its mean in the batch's; 1 where it is the batch."""
        return (self.samples.stop - self.samples.start) / self.batch


_current: ContextVar[MicroBatch | None] = ContextVar("_current", default=None)


def micro_batches(batch: int, size: int | None, device: torch.device) -> Iterator[MicroBatch]:
    """The micro-batches of a batch; while one is worked on, random numbers are those of the whole batch.

    Args:
        batch: number of samples.
        size: samples at a time; None is all of them.
        device: where the networks are.
    """
    size = batch if size is None else size
    random = _random_state(device)
    for first in range(0, batch, size):
        _restore(random, device)
        part = MicroBatch(slice(first, min(first + size, batch)), batch)
        with _within(part):
            yield part


def dropout(values: Tensor, probability: float, *, training: bool) -> Tensor:
    """``F.dropout`` of (N, ...), which zeroes in a micro-batch what it would zero in the whole batch."""
    part = _current.get()
    if part is None or part.share == 1 or not training:
        return F.dropout(values, probability, training)
    scales = F.dropout(values.new_ones(part.batch, *values.shape[1:]), probability)
    return values * scales[part.samples]


def indivisible(networks: Iterable[nn.Module]) -> str | None:
    """Why the gradients of a batch would be others in micro-batches; None where they are the same."""
    for module in (module for network in networks for module in network.modules()):
        if isinstance(module, _BatchNorm):
            return f"{type(module).__name__} standardizes over the whole batch"
        if isinstance(module, _DropoutNd):
            return f"{type(module).__name__} draws for the samples that it is given alone"
    return None


@contextmanager
def _within(part: MicroBatch) -> Iterator[None]:
    before = _current.set(part)
    try:
        yield
    finally:
        _current.reset(before)


def _random_state(device: torch.device) -> tuple[Tensor, Tensor | None]:
    return torch.get_rng_state(), torch.cuda.get_rng_state(device) if device.type == "cuda" else None


def _restore(random: tuple[Tensor, Tensor | None], device: torch.device) -> None:
    torch.set_rng_state(random[0])
    if random[1] is not None:
        torch.cuda.set_rng_state(random[1], device)
