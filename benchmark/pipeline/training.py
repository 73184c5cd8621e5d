"""Trains the method of one cell."""

from collections.abc import Mapping
from dataclasses import replace

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.methods.isolation import guarded
from benchmark.pipeline.inputs import Inputs
from benchmark.results.provenance import Record, recorded
from benchmark.runtime.atomic import write_rows
from benchmark.runtime.errors import MethodFailed, UserError
from benchmark.runtime.paths import Cell
from benchmark.training.checkpoints import Checkpoints
from benchmark.training.description import write_failure
from benchmark.training.device import precision_here
from benchmark.training.memory import limited_memory
from benchmark.training.resuming import checkpoints_of, note_resumption
from benchmark.training.settings import training_settings


def train_cell(config: BenchmarkConfig, cell: Cell, failure: str | None = None) -> None:
    """Trains a learned method; leaves model, history and provenance.

    A training that failed leaves all three as well: the model says why there are no weights, and the provenance that
    the cell failed. A training that was killed goes on from its last checkpoint and ends with the same bits.

    Args:
        failure: why the training failed in another process; nothing is trained then.

    Raises:
        DataError: slices or splits are missing or damaged.
        Interrupted: a signal asked for the end; a checkpoint was written.
        ModelError: the checkpoint that is there is of another config, code or data.
        OutOfMemory: there was not enough memory; the last checkpoint is there.
        UserError: the method is not applicable to the dataset's labels.
    """
    inputs = Inputs(config, cell)
    settings = training_settings(config, inputs.dataset, cell.method)
    code = ("benchmark.pipeline.training:train_cell", f"methods.{cell.method}")
    unfinished = checkpoints_of(config, cell.model, cell.dataset, cell.pair, settings, *code)
    history: list[dict[str, float]] = []
    with unfinished as checkpoints, recorded(cell.run, config, cell) as record:
        try:
            if failure:
                raise MethodFailed(failure)
            with limited_memory(f"the training of {cell.method} on {cell.dataset}"):
                _train(inputs, record, history, checkpoints)
        except MethodFailed as outcome:
            record.failed(outcome)
            write_failure(cell.model, outcome.reason)
        columns = dict.fromkeys(["step", *(name for row in history for name in row)])
        write_rows(cell.history, list(columns), history)
        note_resumption(record, checkpoints)


def _train(inputs: Inputs, record: Record, history: list[dict[str, float]], checkpoints: Checkpoints) -> None:
    method, cell = inputs.method, inputs.cell
    if inputs.not_applicable:
        raise UserError(f"{cell.method} on {cell.dataset}", inputs.not_applicable, "Do not train it; it is skipped")
    precision = precision_here(inputs.config.training.precision)
    record.facts |= {"options": method.options.model_dump(mode="json"), "precision": precision}
    checkpoints.origin = {**checkpoints.origin, "precision": precision}

    def log(step: int, losses: Mapping[str, float]) -> None:
        history.append({"step": step, **losses})

    context = replace(inputs.context, precision=precision, log=log, checkpoints=checkpoints)
    guarded(method.fit, inputs.training_set, context)
    record.facts["parameters"] = guarded(lambda: method.parameters)
    guarded(method.save, cell.model)
    if not cell.model.is_dir():
        raise MethodFailed("save() left no folder")
