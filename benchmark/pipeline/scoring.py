"""Scores harmonized images: a cell's, or those of another program, with the same code."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.methods.base import Method
from benchmark.metrics.base import Metric
from benchmark.metrics.inputs import Need
from benchmark.metrics.registry import create as create_metric
from benchmark.metrics.view import CellView, PairView
from benchmark.pipeline.inputs import Inputs
from benchmark.results import scores
from benchmark.results.artifacts import write_artifacts
from benchmark.results.harmonized import Harmonized, read_harmonized
from benchmark.results.scores import NO_SEED, Score, missing
from benchmark.runtime.errors import MethodFailed
from benchmark.runtime.paths import Cell


def score_cell(config: BenchmarkConfig, cell: Cell, failure: str | None = None) -> None:
    """Scores the harmonized images of a cell: writes ``artifacts.h5`` and ``scores.csv`` with its checksum.

    Args:
        failure: why scoring failed in another process because of the method; every number is then missing.

    Raises:
        DataError: slices, splits, truth, harmonized images or the judged real images are missing or damaged.
        ModelError: a judge or the trained method is missing or damaged.
    """
    metrics = [create_metric(name, options) for name, options in config.metrics.items()]
    harmonized = Harmonized({}, "failed", failure) if failure else read_harmonized(cell.harmonized)
    if harmonized.status == "ok":
        pair = PairView(config, load_dataset(cell.dataset), cell.pair, cell.fold)
        view = CellView(pair, cell, harmonized.images, partial(_method, config, cell))
        rows = list(scores_of(view, metrics))
        write_artifacts(cell.artifacts, view.artifacts)
    else:
        rows = [row for metric in metrics for row in _missing(metric, harmonized.status, harmonized.reason)]
        write_artifacts(cell.artifacts, {})
    scores.write(cell.scores, scores.table(cell, rows))


def score_external(
    config: BenchmarkConfig, dataset: str, pair: str, fold: int, name: str, harmonized: Harmonized
) -> pd.DataFrame:
    """Scores images that another program harmonized.

    Args:
        name: what stands in the ``method`` column.
        harmonized: images of exactly the test subjects of the source, of the prepared slices' shapes.

    Returns:
        Tidy table; what needs the method itself, such as its sensitivity, is ``skipped``.

    Raises:
        DataError: subjects or shapes are not those of the test slices.
    """
    view = PairView(config, load_dataset(dataset), pair, fold)
    metrics = [create_metric(metric, options) for metric, options in config.metrics.items()]
    cell = Cell(config.benchmark, dataset, view.source, view.target, fold, name, NO_SEED)
    return scores.table(cell, scores_of(CellView(view, cell, harmonized.images), metrics))


def scores_of(view: CellView, metrics: Sequence[Metric]) -> Iterator[Score]:
    """Rows of every metric; of each quantity that a metric declares there is at least one."""
    for metric in metrics:
        try:
            reason = next(filter(None, (view.lacks(need) for need in Need if need in metric.needs)), None)
            reason = reason or metric.not_applicable(view)
            rows = list(metric.compute(view)) if reason is None else _missing(metric, "skipped", reason)
        except MethodFailed as outcome:
            rows = _missing(metric, "failed", outcome.reason)
        check_declared(metric, rows)
        yield from rows


def check_declared(metric: Metric, rows: Sequence[Score]) -> None:
    """Holds a metric to what it declares.

    Raises:
        ValueError: a quantity that is not declared or has no row, another unit, or a value out of bounds.
    """
    declared = {q.name: q for q in metric.quantities}
    if absent := set(declared) - {row.metric for row in rows}:
        raise ValueError(f"metric {metric.name} gave no row of {', '.join(sorted(absent))}")
    for row in rows:
        if row.metric not in declared or row.unit != declared[row.metric].unit:
            raise ValueError(f"metric {metric.name} does not declare {row.metric} in the unit '{row.unit}'")
        quantity = declared[row.metric]
        if row.status == "ok" and not quantity.admits(row.value):
            raise ValueError(f"{row.metric} of {row.subject} is {row.value}, outside {list(quantity.bounds)}")


def _missing(metric: Metric, status: Literal["failed", "skipped"], reason: str) -> list[Score]:
    return [missing(q.name, status, reason, unit=q.unit) for q in metric.quantities]


def _method(config: BenchmarkConfig, cell: Cell) -> Method:
    inputs = Inputs(config, cell)
    # Forward, it has translated already.
    return inputs.ready_method() if inputs.method.has_backward else inputs.method
