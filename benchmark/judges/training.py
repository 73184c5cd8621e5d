"""What both judges share: training subjects only, and how the trainer is called."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from torch import nn

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.data.splits import read_fold
from benchmark.results.provenance import Record, recorded_work
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_rows
from benchmark.runtime.errors import Diverged, ModelError
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.description import DESCRIPTION, read_description
from benchmark.training.loop import Row
from benchmark.training.memory import limited_memory
from benchmark.training.resuming import checkpoints_of, note_resumption
from benchmark.training.saved import load_networks, save_networks
from benchmark.training.schedule import factor
from benchmark.training.settings import judge_settings
from benchmark.training.trainer import Recipe, Trainer

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Judge = Literal["autoencoder", "segmentor"]
Network = TypeVar("Network", bound=nn.Module)


@contextmanager
def judge_training(
    judge: Judge, config: BenchmarkConfig, data: DatasetConfig, pair: str, folder: Path, work: Mapping[str, Any]
) -> Iterator[tuple[Record, Checkpoints]]:
    """The provenance of a judge's training, written at the end of the block, and its checkpoints.

    Args:
        judge: which one.
        config: of the benchmark.
        data: of the dataset.
        pair: whose splits say which subjects it is trained on.
        folder: where the judge will lie.
        work: what else distinguishes it from other judges; entries of the provenance.
    """
    settings = judge_settings(config, data, judge)
    unfinished = checkpoints_of(config, folder, data.name, pair, settings, f"benchmark.judges.{judge}:train_{judge}")
    entries = {"judge": judge, "dataset": data.name, **work}
    with unfinished as checkpoints, recorded_work(folder / "run.json", config, data.name, pair, entries) as record:
        with limited_memory(f"the training of {folder}"):
            yield record, checkpoints
        note_resumption(record, checkpoints)


def training_subjects(dataset: DatasetConfig, pair: str, domain: str, fold: int) -> tuple[str, ...]:
    """Training subjects of a domain.

    Raises:
        DataError: the splits are missing or damaged.
    """
    divided = read_fold(paths.splits(dataset.name, pair), fold)
    return divided.train_source if pair.split("-")[0] == domain else divided.train_target


def train_judge(
    judge: Judge,
    recipe: Recipe[Any],
    fabric: "Fabric",
    rate: float,
    architecture: Mapping[str, Any],
    folder: Path,
    checkpoints: Checkpoints,
) -> int:
    """Trains a judge, and writes it and ``history.csv``: step, learning rate and mean losses since the row before.

    Args:
        judge: which one.
        recipe: of one step.
        fabric: of the trainer.
        rate: the learning rate before it falls.
        architecture: arguments of the network's class.
        folder: where the judge will lie.
        checkpoints: where to look for one and to leave them.

    Returns:
        Number of trained parameters.

    Raises:
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: a loss is not finite (no cell can be scored without its judges, so this ends the run), or the
            checkpoint belongs to another config, code or data.
    """
    history: list[Row] = []

    def log(step: int, losses: Row) -> None:
        history.append({"step": step, "learning_rate": rate * factor(step - 1, *recipe.schedule), **losses})

    try:
        Trainer(recipe, fabric).run(log, checkpoints)
    except Diverged as outcome:
        checkpoints.remove()  # they lead there again
        remedy = "Lower its learning rate in the config"
        raise ModelError(folder, f"the judge diverged: {outcome.reason}", remedy) from None
    save_networks(folder, {judge: recipe.network}, {"kind": judge, "architecture": architecture})
    write_rows(folder / "history.csv", list(history[0]), history)
    return sum(p.numel() for p in recipe.network.parameters() if p.requires_grad)


def load_judge(judge: Judge, make: Callable[..., Network], folder: Path) -> Network:
    """What :func:`train_judge` wrote, on the CPU.

    Raises:
        ModelError: missing or damaged.
    """
    description = read_description(folder)
    try:
        network = make(**description["architecture"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ModelError(folder / DESCRIPTION, f"is damaged ({error!r})", "Train the model again") from None
    load_networks(folder, {judge: network})
    return network
