"""One cell of a benchmark: a method is trained on a pair and fold, and harmonizes the test subjects of the source."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of
from benchmark.config.dataset import DatasetConfig
from benchmark.config.load import load_dataset
from benchmark.data.sampling import DomainSlices
from benchmark.data.slices import Images, SliceStore
from benchmark.data.splits import Fold, read_fold
from benchmark.methods.base import FitContext, Method, TaskInfo, TrainingSet
from benchmark.methods.registry import create
from benchmark.results.harmonized import Harmonized, write_harmonized
from benchmark.results.provenance import Record, read_provenance, recorded
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_rows
from benchmark.runtime.errors import Diverged, UserError
from benchmark.runtime.paths import Cell
from benchmark.training.description import write_failure
from benchmark.training.settings import training_settings

if TYPE_CHECKING:
    from benchmark.training.checkpoints import Checkpoints

logger = logging.getLogger(__name__)


def train_cell(config: BenchmarkConfig, cell: Cell) -> None:
    """Trains a learned method; leaves model, history and provenance.

    A training that diverged leaves all three as well: the model says why there are no weights, and the provenance
    says that the cell failed. A training that was killed goes on from its last checkpoint, and ends with the same bits.

    Raises:
        DataError: slices or splits are missing or damaged.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the checkpoint that is there is of another config, code or data.
        OutOfMemory: there was not enough memory; the last checkpoint is there.
        UserError: the method is not applicable to the dataset's labels.
    """
    # Loads PyTorch, which harmonizing without networks does without.
    from benchmark.training.memory import limited_memory
    from benchmark.training.resuming import checkpoints_of, note_resumption

    work = _Work(config, cell)
    if work.not_applicable:
        raise UserError(f"{cell.method} on {cell.dataset}", work.not_applicable, "Do not train it; it is skipped")
    settings = training_settings(config, work.dataset, cell.method)
    code = ("benchmark.pipeline.cell:train_cell", f"methods.{cell.method}")
    unfinished = checkpoints_of(config, cell.model, cell.dataset, cell.pair, settings, *code)
    history = _History()
    with unfinished as checkpoints, recorded(cell.run, config, cell) as record:
        name = f"the training of {cell.method} on {cell.dataset}"
        try:
            with limited_memory(name):
                work.fit(record, history, checkpoints)
            work.method.save(cell.model)
        except Diverged as outcome:
            _fail(record, outcome)
            write_failure(cell.model, outcome.reason)
        history.write(cell.history)
        note_resumption(record, checkpoints)


def harmonize_cell(config: BenchmarkConfig, cell: Cell) -> None:
    """Harmonizes the test subjects of the source, as they were scanned or, for an oracle, as they would have been.

    Methods that no rule trains are fitted here first. A cell that failed or is skipped gets a file that says so.

    Raises:
        DataError: slices, splits, truth or the training's provenance are missing or damaged.
        ModelError: the trained method is missing or damaged.
        UserError: the method breaks its contract.
    """
    work = _Work(config, cell)
    outcome = work.load() if work.trained_before else work.fit_in_place()
    images: dict[str, Images] = {}
    with recorded(cell.harmonize_run, config, cell) as record:
        record.status, record.reason = outcome.status, outcome.reason
        if outcome.status == "ok":
            images = {subject: work.translate(subject) for subject in work.fold.test_source}
        record.facts["slices"] = sum(len(image) for image in images.values())
    write_harmonized(cell.harmonized, Harmonized(images, outcome.status, outcome.reason))


def harmonize_trained(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> None:
    """Harmonizes every cell of a pair and fold whose method is trained; see :func:`harmonize_cell`."""
    from benchmark.training.resuming import discard

    for cell in cells_of(config, dataset, pair, fold):
        if config.cards[cell.method].kind == "learned":
            discard(config.benchmark, cell.model)
            harmonize_cell(config, cell)


@dataclass(frozen=True)
class _Work:
    """A cell and all that it is made from, each read when it is needed."""

    config: BenchmarkConfig
    cell: Cell

    @cached_property
    def dataset(self) -> DatasetConfig:
        return load_dataset(self.cell.dataset)

    @cached_property
    def method(self) -> Method:
        return create(self.cell.method, self.config.methods[self.cell.method])

    @cached_property
    def store(self) -> SliceStore:
        return SliceStore(paths.slices(self.cell.dataset), self.dataset)

    @cached_property
    def fold(self) -> Fold:
        return read_fold(paths.splits(self.cell.dataset, self.cell.pair), self.cell.fold)

    @property
    def not_applicable(self) -> str | None:
        if self.method.needs_truth and not self.dataset.phantom:
            return "nobody was scanned on both scanners, so there is no truth"
        return self.method.not_applicable(self.dataset.label_kind)

    @property
    def trained_before(self) -> bool:
        return self.method.kind == "learned" and not self.not_applicable

    def fit(
        self,
        record: Record,
        history: "_History",
        checkpoints: "Checkpoints | None" = None,
    ) -> None:
        record.facts["options"] = self.method.options.model_dump(mode="json")
        context = self._context(history, checkpoints)
        if self.method.kind == "learned":
            from benchmark.training.device import precision_here

            context = replace(context, precision=precision_here(self.config.training.precision))
            record.facts["precision"] = context.precision
            if checkpoints:
                checkpoints.origin = {**checkpoints.origin, "precision": context.precision}
        self.method.fit(self._training_set(), context)
        record.facts["parameters"] = self.method.parameters

    def fit_in_place(self) -> Record:
        """Fits a method that no rule trains, and leaves its provenance where a training would."""
        with recorded(self.cell.run, self.config, self.cell) as record:
            if self.not_applicable:
                record.status, record.reason = "skipped", self.not_applicable
                return record
            try:
                self.fit(record, _History())
            except Diverged as outcome:
                _fail(record, outcome)
        return record

    def load(self) -> Record:
        """Loads what was trained, unless the training failed."""
        run = read_provenance(self.cell.run)
        outcome = Record(run["status"], run["reason"])
        if outcome.status == "ok":
            self.method.load(self.cell.model)
        return outcome

    def translate(self, subject: str) -> Images:
        """A test subject, harmonized.

        Raises:
            UserError: the result is not of the same shape, not finite, or outside [-1, 1].
        """
        images = self._truth(subject) if self.method.needs_truth else self.store.image(subject)
        harmonized = np.asarray(self.method.translate(images))
        if fault := _fault(harmonized, images):
            raise UserError(f"method {self.cell.method}", f"translated {subject} to {fault}", "Correct its translate()")
        return harmonized

    def _truth(self, subject: str) -> Images:
        from benchmark.data.truth import read_truth

        _, noisy = read_truth(paths.truth(self.cell.dataset), subject, self.cell.target)
        return noisy

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
        )

    def _training_set(self) -> TrainingSet:
        source, target = (DomainSlices.of(self.store, s) for s in (self.fold.train_source, self.fold.train_target))
        return TrainingSet(source, target, self.task)

    def _context(self, history: "_History", checkpoints: "Checkpoints | None") -> FitContext:
        cell, training = self.cell, self.config.training
        identity = (cell.dataset, cell.pair, cell.fold, cell.seed)
        return FitContext(
            training.width,
            training.schedule,
            identity,
            initial_std=training.initial_std,
            log=history.add,
            checkpoints=checkpoints,
        )


class _History:
    """Losses over steps, for ``history.csv``."""

    def __init__(self) -> None:
        self._rows: list[dict[str, float]] = []

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        self._rows.append({"step": step, **losses})

    def write(self, path: Path) -> None:
        write_rows(path, list(self._rows[0]) if self._rows else ["step"], self._rows)


def _fail(record: Record, outcome: Diverged) -> None:
    record.status, record.reason = "failed", outcome.reason
    logger.warning("diverged: %s", outcome.reason)


def _fault(harmonized: Images, images: Images) -> str | None:
    """What is wrong with a translation."""
    if harmonized.shape != images.shape:
        return f"the shape {harmonized.shape} instead of {images.shape}"
    if not np.isfinite(harmonized).all():
        return "values that are not finite"
    if harmonized.min() < -1 or harmonized.max() > 1:
        return f"values from {harmonized.min():g} to {harmonized.max():g}, outside [-1, 1]"
    return None
