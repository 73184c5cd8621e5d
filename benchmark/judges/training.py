"""What both judges share: training subjects only, and how the trainer is called."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import nn

from benchmark.config.dataset import DatasetConfig
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import SliceStore
from benchmark.data.splits import read_fold
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_rows
from benchmark.runtime.errors import Diverged, ModelError
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.description import DESCRIPTION, read_description
from benchmark.training.loop import Row
from benchmark.training.schedule import factor
from benchmark.training.trainer import Recipe, Trainer

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Network = TypeVar("Network", bound=nn.Module)
History = list[dict[str, float]]


def training_subjects(dataset: DatasetConfig, pair: str, domain: str, fold: int) -> tuple[str, ...]:
    """Training subjects of a domain.

    Raises:
        DataError: the splits are missing or damaged.
    """
    divided = read_fold(paths.splits(dataset.name, pair), fold)
    return divided.train_source if pair.split("-")[0] == domain else divided.train_target


def training_slices(dataset: DatasetConfig, subjects: tuple[str, ...]) -> DomainSlices:
    """Slices of these subjects alone, read when they are drawn."""
    return DomainSlices.of(SliceStore(paths.slices(dataset.name)), subjects)


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
    recipe: Recipe[Any], fabric: "Fabric", rate: float, folder: Path, checkpoints: Checkpoints | None = None
) -> History:
    """Trains a judge in place.

    Args:
        recipe: of one step.
        rate: the learning rate before it falls.
        folder: where the judge will lie; named if it diverges.
        checkpoints: where to look for one and to leave them.

    Returns:
        Step, learning rate and mean losses since the row before.

    Raises:
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: a loss is not finite (no cell can be scored without its judges, so this ends the run), or the
            checkpoint belongs to another config, code or data.
    """
    history: History = []
    trainer = Trainer(recipe, fabric)

    def log(step: int, losses: Row) -> None:
        history.append({"step": step, "learning_rate": rate * factor(step - 1, *recipe.schedule), **losses})

    try:
        trainer.run(log, checkpoints)
    except Diverged as outcome:
        if checkpoints:
            checkpoints.remove()  # they lead there again
        remedy = "Lower its learning rate in the config"
        raise ModelError(folder, f"the judge diverged: {outcome.reason}", remedy) from None
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
