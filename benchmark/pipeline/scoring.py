"""Scores harmonized images: ours, or somebody else's, with the same code."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.cells import cells_of
from benchmark.config.load import load_dataset
from benchmark.methods.base import Method
from benchmark.methods.registry import create as create_method
from benchmark.metrics.base import Metric, SegmentationMetric
from benchmark.metrics.inputs import Need
from benchmark.metrics.registry import create as create_metric
from benchmark.metrics.view import SIDES, CellView, PairView, Side
from benchmark.results import scores
from benchmark.results.artifacts import write_artifacts
from benchmark.results.harmonized import Harmonized, read_harmonized
from benchmark.results.scores import REFERENCES, Score, missing
from benchmark.results.status import Status
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell

NO_SEED = 0
"""Seed of rows that are of no seeded training."""


def score_pair(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> None:
    """Scores every cell of a pair and fold, and the two reference rows.

    Writes ``scores.csv`` and ``artifacts.h5`` of each cell, and ``reference.csv`` of the pair and fold last.

    Raises:
        DataError: slices, splits, truth or harmonized images are missing or damaged.
        ModelError: a judge or a trained method is missing or damaged.
    """
    from benchmark.training.resuming import discard

    domains = (paths.segmentor(config.benchmark, dataset, domain, fold) for domain in pair.split("-"))
    discard(config.benchmark, *domains, paths.autoencoder(config.benchmark, dataset, pair, fold))
    view = PairView(config, load_dataset(dataset), pair, fold)
    metrics = [create_metric(name, options) for name, options in config.metrics.items()]
    for cell in cells_of(config, dataset, pair, fold):
        harmonized = read_harmonized(cell.harmonized)
        if harmonized.status == "ok":
            cell_view = CellView(view, cell, harmonized.images, _loader(cell, config))
            rows = list(score_cell(cell_view, metrics))
            write_artifacts(cell.artifacts, cell_view.artifacts)
        else:
            rows = list(_all_missing(metrics, harmonized))
            write_artifacts(cell.artifacts, {})
        scores.write(cell.scores, scores.table(cell, rows))
    path = paths.pair_root(config.benchmark, dataset, pair, fold) / "reference.csv"
    tables = [_reference_table(view, metrics, name, side) for name, side in zip(REFERENCES, SIDES, strict=True)]
    scores.write(path, pd.concat(tables, ignore_index=True))


def score_external(
    config: BenchmarkConfig, dataset: str, pair: str, fold: int, name: str, harmonized: Harmonized
) -> pd.DataFrame:
    """Scores images that somebody else harmonized.

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
    return scores.table(cell, score_cell(CellView(view, cell, harmonized.images), metrics))


def score_cell(view: CellView, metrics: Sequence[Metric]) -> Iterator[Score]:
    """Rows of every metric; of each quantity that a metric declares there is at least one."""
    for metric in metrics:
        reason = next(filter(None, (view.lacks(need) for need in Need if need in metric.needs)), None)
        reason = reason or metric.not_applicable(view)
        rows = list(metric.compute(view)) if reason is None else _missing(metric, "skipped", reason)
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


def _missing(metric: Metric, status: Status, reason: str) -> list[Score]:
    if status == "ok":
        raise ValueError(f"{metric.name} is missing, so its status cannot be ok")
    return [missing(q.name, status, reason, unit=q.unit) for q in metric.quantities]


def _all_missing(metrics: Iterable[Metric], harmonized: Harmonized) -> Iterator[Score]:
    for metric in metrics:
        yield from _missing(metric, harmonized.status, harmonized.reason)


def _reference_table(view: PairView, metrics: Iterable[Metric], name: str, side: Side) -> pd.DataFrame:
    cell = Cell(view.config.benchmark, view.dataset.name, view.source, view.target, view.fold, name, NO_SEED)
    segmentations = list(view.segmentations(side, side))
    compared = [metric for metric in metrics if isinstance(metric, SegmentationMetric)]
    return scores.table(cell, (row for m in compared for s in segmentations for row in m.compare(s, view.dataset)))


def _loader(cell: Cell, config: BenchmarkConfig) -> Callable[[], Method]:
    def load() -> Method:
        method = create_method(cell.method, config.methods[cell.method])
        if method.has_backward:  # forward, it has translated already
            method.load(cell.model)
        return method

    return load
