"""The trainer: optimizers, one step, precision, schedule, checkpoints, divergence.

It has no notion of domains, generators or discriminators. A method or a judge gives it a `Recipe`: networks, and the
steps in which they learn.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, Self, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Adam

from benchmark.training.batches import Batches
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.device import place
from benchmark.training.loop import Losses, Row, train
from benchmark.training.schedule import constant_then_linear
from benchmark.training.state import TrainingState

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Movable(Protocol):
    """A batch."""

    def to(self, device: torch.device) -> Self:
        """The same batch on a device."""


Batch = TypeVar("Batch", bound=Movable)


class Term(NamedTuple):
    """One summand of an objective."""

    name: str
    weight: float
    value: Tensor
    """Before weighting; a scalar."""


def total(terms: Iterable[Term]) -> Tensor:
    """The weighted sum (Eq. 5)."""
    return torch.stack([term.weight * term.value for term in terms]).sum()


@dataclass(frozen=True)
class Step(Generic[Batch]):
    """One update of some of the networks by Adam.

    Attributes:
        name: of its optimizer, in checkpoints.
        groups: parameter groups with their learning rates, as PyTorch's optimizers take them.
        betas: of Adam.
        losses: what is minimized: from a batch to lists of terms. Each list has a backward pass of its own before the
            next one is asked for; gradients add up.
    """

    name: str
    groups: Sequence[Mapping[str, Any]]
    betas: tuple[float, float]
    losses: Callable[[Batch], Iterable[Sequence[Term]]]


@dataclass(frozen=True)
class Recipe(Generic[Batch]):
    """All that the trainer needs to train something.

    Attributes:
        network: everything that is trained, or that changes in training and has weights or buffers.
        batches: to train on.
        steps: taken one after the other on each batch.
        schedule: number of batches with constant learning rates, then with linearly falling ones.
        start: steps taken instead on the first ``start_batches`` batches; a name in both shares one optimizer.
        start_batches: 0 for none.
        streams: random streams that the steps use, by name.
        kept: tensors kept from step to step, by name; the lists are changed in place.
        verify: called with one more batch after the last step, in evaluation mode; raises Diverged.
    """

    network: nn.Module
    batches: Batches[Batch]
    steps: Sequence[Step[Batch]]
    schedule: tuple[int, int]
    start: Sequence[Step[Batch]] = ()
    start_batches: int = 0
    streams: Mapping[str, np.random.Generator] = field(default_factory=dict)
    kept: Mapping[str, list[Tensor]] = field(default_factory=dict)
    verify: Callable[[Batch], None] | None = None


class Trainer(Generic[Batch]):
    """Trains the networks of a recipe in place."""

    def __init__(self, recipe: Recipe[Batch], fabric: "Fabric") -> None:
        if absent := {step.name for step in recipe.start} - {step.name for step in recipe.steps}:
            raise ValueError(f"steps of the start without an optimizer: {', '.join(sorted(absent))}")
        self._recipe, self._fabric = recipe, fabric
        place(recipe.network, fabric.device).train()
        self.optimizers = {s.name: Adam(list(map(dict, s.groups)), betas=s.betas, fused=True) for s in recipe.steps}
        self._schedules = {n: constant_then_linear(each, *recipe.schedule) for n, each in self.optimizers.items()}
        self._state = TrainingState(
            fabric.device,
            recipe.network,
            self.optimizers,
            self._schedules,
            recipe.batches,
            recipe.streams,
            recipe.kept,
        )

    def run(self, log: Callable[[int, Row], None], checkpoints: Checkpoints | None = None) -> None:
        """Trains for the whole schedule, or for what an earlier process has left of it.

        Args:
            log: called with a step and the mean losses since the row before.
            checkpoints: where to look for one and to leave them.

        Raises:
            Diverged: a loss is not finite, or ``verify`` says so.
            Interrupted: a signal asked for the end; a checkpoint was written.
            ModelError: the checkpoint belongs to another config, code or data.
        """
        train(self._state, sum(self._recipe.schedule), lambda: self.step(self.draw()), log, checkpoints)
        if self._recipe.verify:
            self._recipe.network.eval()
            with torch.inference_mode():
                self._recipe.verify(self.draw())

    def draw(self) -> Batch:
        """The next batch, on the device."""
        return self._recipe.batches.next().to(self._fabric.device)

    def step(self, batch: Batch) -> Losses:
        """One update of each optimizer.

        Returns:
            Every loss before weighting, as scalars without a graph.
        """
        losses: Losses = {}
        # The schedules count batches, also across processes: checkpoints keep them.
        starting = any(each.last_epoch < self._recipe.start_batches for each in self._schedules.values())
        for step in self._recipe.start if starting else self._recipe.steps:
            losses |= self._update(step, batch)
        for schedule in self._schedules.values():
            schedule.step()
        return losses

    def _update(self, step: Step[Batch], batch: Batch) -> Losses:
        optimizer, losses = self.optimizers[step.name], Losses()
        optimizer.zero_grad(set_to_none=True)
        # PyTorch keeps weights that it rounded to bf16 until the outermost autocast ends: one update, one rounding.
        with torch.autocast(self._fabric.device.type, enabled=False):
            with self._fabric.autocast():
                lists = iter(step.losses(batch))
            while (terms := self._next(lists)) is not None:
                self._fabric.backward(total(terms))
                losses |= {term.name: term.value.detach() for term in terms}
        optimizer.step()
        return losses

    def _next(self, lists: Iterator[Sequence[Term]]) -> Sequence[Term] | None:
        """The next list of terms, computed in the training's precision; None after the last."""
        with self._fabric.autocast():
            return next(lists, None)
