"""What a cell is made from: its dataset, method, slices and training subjects."""

from dataclasses import dataclass
from functools import cached_property

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.methods.base import FitContext, Method, TaskInfo, TrainingSet
from benchmark.methods.isolation import guarded
from benchmark.methods.registry import create
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell


@dataclass(frozen=True)
class Inputs:
    """A cell and its inputs, each read when it is needed."""

    config: BenchmarkConfig
    cell: Cell

    @cached_property
    def dataset(self) -> DatasetConfig:
        return load_dataset(self.cell.dataset)

    @cached_property
    def method(self) -> Method:
        return guarded(create, self.cell.method, self.config.methods[self.cell.method])

    @cached_property
    def store(self) -> SliceStore:
        return SliceStore(paths.slices(self.cell.dataset))

    @cached_property
    def fold(self) -> Fold:
        return read_fold(paths.splits(self.cell.dataset, self.cell.pair), self.cell.fold)

    @property
    def not_applicable(self) -> str | None:
        """Reason why the method cannot be run on the dataset, or None."""
        card = self.config.cards[self.cell.method]
        if card.needs_truth and not self.dataset.phantom:
            return "no subject was scanned on both scanners, so there is no truth"
        return card.not_applicable.get(self.dataset.label_kind)

    @property
    def trained(self) -> bool:
        """Whether a job of its own trains the cell."""
        return self.config.cards[self.cell.method].kind == "learned" and not self.not_applicable

    @cached_property
    def task(self) -> TaskInfo:
        crops = self.config.datasets[self.cell.dataset].training or self.dataset.training
        return TaskInfo(
            classes=self.dataset.classes,
            class_weights=self.dataset.weights,
            label_kind=self.dataset.label_kind,
            crop=crops.crop,
            batch_size=crops.batch_size,
            slice_shape=self.store.slice_shape,
            spacing=self.store.spacing(self.fold.train_target[0]),
        )

    @property
    def training_set(self) -> TrainingSet:
        source, target = (DomainSlices.of(self.store, s) for s in (self.fold.train_source, self.fold.train_target))
        return TrainingSet(source, target, self.task)

    @property
    def context(self) -> FitContext:
        """How to train, in float32, without a log and checkpoints."""
        cell, training = self.cell, self.config.training
        identity = (cell.dataset, cell.pair, cell.fold, cell.seed)
        return FitContext(
            training.width,
            training.schedule,
            identity,
            initial_std=training.initial_std,
            identity_steps=training.identity_steps,
        )

    def ready_method(self) -> Method:
        """The method, loaded from its training, or fitted here where no job trains it.

        Raises:
            MethodFailed: it cannot be made, loaded or fitted.
            ModelError: the trained method is missing or damaged.
        """
        method = self.method
        if self.trained:
            guarded(method.load, self.cell.model)
        else:
            guarded(method.fit, self.training_set, self.context)
        return method
