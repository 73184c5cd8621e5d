"""Random slices of a dataset's size, on which jobs are measured before there is an archive."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmark.archives.inventory import Entry
from benchmark.config.dataset import DatasetConfig
from benchmark.data.slices import SubjectSlices, write_slices
from benchmark.data.splits import Fold, write_splits
from benchmark.data.truth import TruthSlices, write_truth
from benchmark.monitoring.plan.dataset_size import DatasetSize, slices_per_subject
from benchmark.runtime import paths
from benchmark.runtime.atomic import write_atomically

EACH = 2
"""Training subjects of each scanner, and as many test subjects."""
_SPACING = (2.0, 1.0, 1.0)


def synthesize(dataset: DatasetConfig, folder: Path) -> DatasetSize:
    """Writes inventory, splits, slices and truth of a dataset below ``folder``, and returns their size."""
    subjects = {f"{domain}{n}": domain for domain in dataset.domains for n in range(2 * EACH)}
    shape = (*dataset.preparation.grid_size[::-1], slices_per_subject(dataset))
    entries = {name: asdict(Entry(domain, shape, _SPACING, True, True, ())) for name, domain in subjects.items()}
    body = {"dataset": dataset.name, "subjects": entries}
    write_atomically(folder / paths.inventory(dataset.name), json.dumps(body))
    folds = {pair: [_fold(pair)] for pair in dataset.pairs}
    for pair, only in folds.items():
        write_splits(folder / paths.splits(dataset.name, pair), dataset, pair, only)
    made = [_subject(dataset, name, domain, seed) for seed, (name, domain) in enumerate(subjects.items())]
    write_slices(folder / paths.slices(dataset.name), made)
    by_name = {subject.subject: subject.image for subject in made}
    truths = [
        TruthSlices(subject, pair.split("-")[1], by_name[subject], by_name[subject])
        for pair, (fold,) in folds.items()
        for subject in fold.test_source
    ]
    write_truth(folder / paths.truth(dataset.name), truths if dataset.phantom else [])
    return DatasetSize(dataset, subjects, slices_per_subject(dataset), folds)


def _fold(pair: str) -> Fold:
    def some(domain: str, first: int) -> tuple[str, ...]:
        return tuple(f"{domain}{n}" for n in range(first, first + EACH))

    source, target = pair.split("-")
    return Fold(some(source, 0), some(target, 0), some(source, EACH), some(target, EACH))


def _subject(dataset: DatasetConfig, name: str, domain: str, seed: int) -> SubjectSlices:
    """A disc of nested label classes with noise."""
    rows, columns = dataset.preparation.grid_size
    row, column = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    radius = np.hypot(row, column) / 0.9
    inside = radius < 1
    labels = np.where(inside, np.ceil((1 - radius) * dataset.classes) - 1, 0).clip(0, dataset.classes - 1)
    random = np.random.default_rng(seed)
    shape = (slices_per_subject(dataset), rows, columns)
    noisy = np.clip(labels / dataset.classes + random.normal(0, 0.1, shape), -0.9, 1)
    image = np.where(inside, noisy, -1)
    return SubjectSlices(
        name,
        domain,
        np.asarray(image, np.float32),
        np.broadcast_to(labels, shape).astype(np.uint8),
        np.broadcast_to(inside, shape).astype(np.uint8),
        _SPACING,
    )
