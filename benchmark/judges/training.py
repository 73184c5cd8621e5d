"""What both judges share: training subjects only, and the loop that minimizes their losses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn

from benchmark import layout
from benchmark.config.dataset import DatasetConfig
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import SliceStore
from benchmark.data.splits import read_fold
from benchmark.errors import ModelError
from benchmark.training.description import DESCRIPTION, read_description
from benchmark.training.schedule import constant_then_linear
from benchmark.whole import write_rows

if TYPE_CHECKING:
    from lightning_fabric import Fabric

HISTORY_ROWS = 200
"""About as many rows as a history has; a row averages the steps since the one before."""

Network = TypeVar("Network", bound=nn.Module)
History = list[dict[str, float]]


@dataclass(frozen=True)
class Plan:
    """How a judge is optimized.

    Attributes:
        betas: of Adam.
        steps: lengths of the constant and of the linear part of the schedule.
    """

    learning_rate: float
    betas: tuple[float, float]
    steps: tuple[int, int]


def training_subjects(dataset: DatasetConfig, pair: str, domain: str, fold: int) -> tuple[str, ...]:
    """Training subjects of a domain.

    Raises:
        DataError: the splits are missing or damaged.
    """
    divided = read_fold(layout.splits(dataset.name, pair), fold)
    return divided.train_source if pair.split("-")[0] == domain else divided.train_target


def training_slices(dataset: DatasetConfig, subjects: tuple[str, ...]) -> DomainSlices:
    """Slices of these subjects and of nobody else, memory-mapped."""
    return DomainSlices.of(SliceStore(layout.slices(dataset.name), dataset), subjects)


def rebuilt(make: Callable[..., Network], folder: Path) -> Network:
    """An untrained network of a saved judge's architecture.

    Raises:
        ModelError: its description is missing or damaged.
    """
    description = read_description(folder)
    try:
        return make(**description["architecture"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(folder / DESCRIPTION, f"is damaged ({error!r})", "Train the model again") from None


def optimize(
    fabric: "Fabric", network: nn.Module, losses: Callable[[nn.Module], Mapping[str, Tensor]], plan: Plan, folder: Path
) -> History:
    """Minimizes the sum of the losses with Adam, in place.

    Args:
        losses: draws a batch and says what the network makes of it; named scalars.
        folder: where the judge will lie; named when it diverges.

    Returns:
        step, learning rate and mean losses since the row before.

    Raises:
        ModelError: a loss is not finite. A judge that diverged judges nobody, so this ends the run.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate, betas=plan.betas, fused=True)
    model, optimizer = fabric.setup(network, optimizer)
    schedule = constant_then_linear(optimizer, *plan.steps)
    total = sum(plan.steps)
    every = max(1, total // HISTORY_ROWS)
    history: History = []
    seen: list[Mapping[str, Tensor]] = []
    model.train()
    for step in range(1, total + 1):
        now = losses(model)
        optimizer.zero_grad(set_to_none=True)
        fabric.backward(torch.stack(list(now.values())).sum())
        optimizer.step()
        rate = float(schedule.get_last_lr()[0])
        schedule.step()
        seen.append({name: loss.detach() for name, loss in now.items()})
        if step % every == 0 or step == total:
            means = {name: float(torch.stack([s[name] for s in seen]).mean()) for name in now}
            _check_finite(folder, step, means)
            history.append({"step": step, "learning_rate": rate, **means})
            seen = []
    return history


def _check_finite(folder: Path, step: int, means: Mapping[str, float]) -> None:
    for name, value in means.items():
        if not torch.isfinite(torch.tensor(value)):
            raise ModelError(
                folder, f"the judge diverged: {name} is {value} at step {step}", "Lower its learning rate in the config"
            )


def count_parameters(network: nn.Module) -> int:
    """Number of trained parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def write_history(path: Path, history: History) -> None:
    """CSV with one row for each entry.

    Raises:
        ValueError: there is none, because the schedule has no steps.
    """
    if not history:
        raise ValueError(f"{path}: a judge that was not trained has no history")
    write_rows(path, list(history[0]), history)
