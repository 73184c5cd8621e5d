"""What all cells of a pair and fold share: what the judges make of real images, and the reference rows."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy.typing as npt
import pandas as pd

from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.load import load_dataset
from benchmark.metrics.base import Metric
from benchmark.metrics.registry import create
from benchmark.metrics.view import PairView
from benchmark.results import scores
from benchmark.results.real_images import (
    SIDES,
    TRAINING_FEATURES,
    Side,
    features_of,
    segmentations_of,
    write_real_images,
)
from benchmark.results.scores import NO_SEED, REFERENCES
from benchmark.runtime import paths
from benchmark.runtime.paths import Cell


def judge_real_images(config: BenchmarkConfig, dataset: str, pair: str, fold: int) -> None:
    """Writes ``reference.h5`` (``benchmark.results.real_images``) and ``reference.csv`` with its checksum.

    Raises:
        DataError: slices or splits are missing or damaged.
        ModelError: a judge is missing or damaged.
    """
    view = PairView(config, load_dataset(dataset), pair, fold)
    write_real_images(paths.real_images(config.benchmark, dataset, pair, fold), _judged(view))
    metrics = [create(name, options) for name, options in config.metrics.items()]
    tables = [_reference_rows(view, metrics, name, side) for name, side in zip(REFERENCES, SIDES, strict=True)]
    scores.write(paths.reference_rows(config.benchmark, dataset, pair, fold), pd.concat(tables, ignore_index=True))


def _judged(view: PairView) -> Iterator[tuple[str, str, npt.NDArray[Any]]]:
    """Features, then segmentations by both segmentors, of the images of both scanners."""
    from benchmark.judges.features import extract, load_extractor
    from benchmark.judges.segmentor import load_segmentor

    benchmark, dataset, store = view.config.benchmark, view.dataset.name, view.store
    extractor = load_extractor(paths.autoencoder(benchmark, dataset, view.pair, view.fold))
    for side in SIDES:
        for subject in view.subjects(side):
            yield features_of(side), subject, extract(extractor, store.image(subject)).numpy()
    if view.halves_are_of_training:
        for subject in view.split.train_target:
            yield TRAINING_FEATURES, subject, extract(extractor, store.image(subject)).numpy()
    for by, domain in zip(SIDES, view.pair.split("-"), strict=True):
        segmentor = load_segmentor(paths.segmentor(benchmark, dataset, domain, view.fold))
        for side in SIDES:
            for subject in view.subjects(side):
                yield segmentations_of(side, by), subject, segmentor.predict(store.image(subject))


def _reference_rows(view: PairView, metrics: Iterable[Metric], name: str, side: Side) -> pd.DataFrame:
    cell = Cell(view.config.benchmark, view.dataset.name, view.source, view.target, view.fold, name, NO_SEED)
    return scores.table(cell, (row for metric in metrics for row in metric.of_real_images(view, side)))
