"""What both judges share: training subjects only, and the step that minimizes their losses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from benchmark.config.dataset import DatasetConfig
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import SliceStore
from benchmark.data.splits import read_fold
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_rows
from benchmark.runtime.errors import Diverged, ModelError
from benchmark.training.batches import Batches
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.description import DESCRIPTION, read_description
from benchmark.training.loop import Losses, Parts, Row, train
from benchmark.training.schedule import constant_then_linear

if TYPE_CHECKING:
    from lightning_fabric import Fabric

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
    divided = read_fold(paths.splits(dataset.name, pair), fold)
    return divided.train_source if pair.split("-")[0] == domain else divided.train_target


def training_slices(dataset: DatasetConfig, subjects: tuple[str, ...]) -> DomainSlices:
    """Slices of these subjects and of nobody else, read when they are drawn."""
    return DomainSlices.of(SliceStore(paths.slices(dataset.name), dataset), subjects)


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


@dataclass(frozen=True)
class Judge:
    """A judge about to be trained.

    Attributes:
        fabric: what trains it.
        network: it, trained in place.
        batches: to train on.
        losses: what the network makes of a batch: named scalars, which add up over the mappings that it yields, one for
            each micro-batch.
        folder: where it will lie; named when it diverges.
        checkpoints: where an unfinished training is looked for and left.
    """

    fabric: "Fabric"
    network: nn.Module
    batches: Batches[Any]
    losses: Callable[[nn.Module, Any], Iterable[Mapping[str, Tensor]]]
    folder: Path
    checkpoints: Checkpoints | None = None


def optimize(judge: Judge, plan: Plan) -> History:
    """Minimizes the sum of a judge's losses with Adam, in place.

    Returns:
        step, learning rate and mean losses since the row before.

    Raises:
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: a loss is not finite (a judge that diverged judges nobody, so this ends the run), or the checkpoint
            that is there is of another config, code or data.
    """
    plain = torch.optim.Adam(judge.network.parameters(), lr=plan.learning_rate, betas=plan.betas, fused=True)
    model, optimizer = judge.fabric.setup(judge.network, plain)
    schedule = constant_then_linear(plain, *plan.steps)
    history: History = []

    def step() -> Losses:
        now: Losses = {}
        optimizer.zero_grad(set_to_none=True)
        for part in judge.losses(model, judge.batches.next()):
            judge.fabric.backward(torch.stack(list(part.values())).sum())
            now = {name: now[name] + loss.detach() if name in now else loss.detach() for name, loss in part.items()}
        optimizer.step()
        schedule.step()
        return now

    def log(now: int, row: Row) -> None:
        rate = plan.learning_rate * schedule.lr_lambdas[0](now - 1)
        history.append({"step": now, "learning_rate": rate, **row})

    model.train()
    parts = Parts(judge.fabric.device, {"judge": judge.network}, {"judge": plain}, {"judge": schedule}, judge.batches)
    try:
        train(parts, sum(plan.steps), step, log, judge.checkpoints)
    except Diverged as outcome:
        if judge.checkpoints:
            judge.checkpoints.remove()  # they lead there again
        remedy = "Lower its learning rate in the config"
        raise ModelError(judge.folder, f"the judge diverged: {outcome.reason}", remedy) from None
    return history


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
