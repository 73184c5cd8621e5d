"""Reads a benchmark config and checks it against the datasets, methods and metrics there are.

Checking imports every method and metric, and PyTorch with them. So what a run was started with is kept with what its
methods say of themselves, and taken from there for as long as neither configs nor code change: Snakemake reads the
config anew for each job of a cluster.
"""

import hashlib
import sys
from itertools import product
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.archives.readers import check_reader
from benchmark.config.benchmark import BenchmarkConfig, BenchmarkFile
from benchmark.config.dataset import CROP_MULTIPLE, DatasetConfig
from benchmark.config.load import check, load_dataset, read_yaml
from benchmark.runtime import paths
from benchmark.runtime.code_digest import source_fingerprint
from benchmark.runtime.errors import ConfigError
from benchmark.training.settings import settings


def load_benchmark(source: Path | dict[str, Any], origin: str | Path = "config") -> BenchmarkConfig:
    """A benchmark config from its file, or from the mapping that Snakemake has read already.

    Args:
        source: the file, or the mapping.
        origin: what messages call the mapping.

    Checks also what the schema cannot see: that each dataset, pair, fold, method and metric exists, that their
    options are within bounds, and that the networks of each method take the crops of each dataset.

    Raises:
        ConfigError: with every fault of the first kind found.
    """
    content = read_yaml(source) if isinstance(source, Path) else source
    origin = source if isinstance(source, Path) else origin
    file = check(BenchmarkFile, content, origin)
    datasets = {name: load_dataset(name) for name in file.datasets}
    without_ids = (dataset.model_dump(mode="json", exclude={"exclude"}) for dataset in datasets.values())
    parts = settings(file, *without_ids, source_fingerprint(), sys.implementation.cache_tag)
    checked_with = hashlib.sha256(parts.encode()).hexdigest()
    kept = _kept(file.benchmark)
    return kept if kept and kept.checked_with == checked_with else _checked(file, datasets, checked_with, origin)


def _kept(benchmark: str) -> BenchmarkConfig | None:
    """What a run was started with last; None where there is none, or of an earlier version."""
    try:
        return BenchmarkConfig.model_validate_json(paths.resolved(benchmark).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def _checked(
    file: BenchmarkFile, datasets: dict[str, DatasetConfig], checked_with: str, origin: object
) -> BenchmarkConfig:
    from benchmark.methods.registry import card, check_methods
    from benchmark.metrics.registry import check_metrics

    for name, dataset in datasets.items():
        check_reader(dataset.reader)
        use, folds = file.datasets[name], dataset.split.folds
        if others := [pair for pair in use.pairs or () if pair not in dataset.pairs]:
            remedy = f"Its pairs are {', '.join(dataset.pairs)}"
            raise ConfigError(origin, f"dataset {name} has no pair '{others[0]}'", remedy)
        if beyond := [fold for fold in use.folds or () if fold >= folds]:
            raise ConfigError(origin, f"dataset {name} has no fold {beyond[0]}", f"Its folds are 0 to {folds - 1}")
    check_methods(origin, file.methods)
    check_metrics(origin, file.metrics)
    _check_crops(origin, file, datasets)
    if file.proposed not in file.methods:
        fault = f"proposed method '{file.proposed}' is not among its methods"
        raise ConfigError(origin, fault, "Add it, or name another as 'proposed'")
    cards = {name: card(name) for name in file.methods}
    return BenchmarkConfig.model_validate({**dict(file), "cards": cards, "checked_with": checked_with})


def _check_crops(origin: object, file: BenchmarkFile, datasets: dict[str, DatasetConfig]) -> None:
    from benchmark.methods.base import TaskInfo
    from benchmark.methods.registry import create

    for (name, dataset), method in product(datasets.items(), file.methods):
        made, crops = create(method, file.methods[method]), file.datasets[name].training or dataset.training
        if made.not_applicable(dataset.label_kind):
            continue
        grid = dataset.preparation.grid_size
        task = TaskInfo(dataset.classes, dataset.weights, dataset.label_kind, crops.crop, crops.batch_size, grid)
        sides = made.smallest_crop(task)
        if min(crops.crop) < min(sides) or max(crops.crop) < max(sides):
            shorter, longer = (-(-side // CROP_MULTIPLE) * CROP_MULTIPLE for side in sides)
            raise ConfigError(
                origin,
                f"crops of {crops.crop[0]} x {crops.crop[1]} pixels, as of dataset {name}, are too small for the "
                f"networks of method {method}",
                f"Set 'training: crop' of the dataset to {shorter} x {longer} or more, or choose other networks",
            )
