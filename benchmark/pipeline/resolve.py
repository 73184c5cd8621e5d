"""Reads a benchmark config and checks it against the datasets, methods and metrics there are.

Apart from ``load.py``, because only commands come through here: code that trains or scores is handed a finished
config and depends neither on every method nor on every metric.
"""

from itertools import product
from pathlib import Path
from typing import Any

from benchmark.archives.readers import check_reader
from benchmark.config.benchmark import BenchmarkConfig
from benchmark.config.dataset import CROP_MULTIPLE
from benchmark.config.load import check, load_dataset, read_yaml
from benchmark.methods.base import TaskInfo
from benchmark.methods.registry import check_methods, create
from benchmark.metrics.registry import check_metrics
from benchmark.runtime.errors import ConfigError


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
    config = check(BenchmarkConfig, content, origin)
    for name, use in config.datasets.items():
        _check_use(origin, name, use.pairs, use.folds)
    check_methods(origin, config.methods)
    check_metrics(origin, config.metrics)
    _check_crops(origin, config)
    if config.proposed not in config.methods:
        raise ConfigError(
            origin,
            f"proposed method '{config.proposed}' is not among its methods",
            "Add it, or name another as 'proposed'",
        )
    return config


def _check_use(origin: object, name: str, pairs: tuple[str, ...] | None, folds: tuple[int, ...] | None) -> None:
    dataset = load_dataset(name)
    check_reader(dataset.reader)
    for pair in pairs or ():
        if pair not in dataset.pairs:
            raise ConfigError(
                origin, f"dataset {name} has no pair '{pair}'", f"Its pairs are {', '.join(dataset.pairs)}"
            )
    for fold in folds or ():
        if fold >= dataset.split.folds:
            raise ConfigError(
                origin, f"dataset {name} has no fold {fold}", f"Its folds are 0 to {dataset.split.folds - 1}"
            )


def _check_crops(origin: object, config: BenchmarkConfig) -> None:
    datasets = {name: load_dataset(name) for name in config.datasets}
    for (name, use), method in product(config.datasets.items(), config.methods):
        dataset = datasets[name]
        made, crops = create(method, config.methods[method]), use.training or dataset.training
        if made.not_applicable(dataset.label_kind):
            continue
        task = TaskInfo(
            dataset.classes,
            dataset.weights,
            dataset.label_kind,
            crops.crop,
            crops.batch_size,
            dataset.preparation.grid_size,
        )
        sides = made.smallest_crop(task)
        if min(crops.crop) < min(sides) or max(crops.crop) < max(sides):
            shorter, longer = (-(-side // CROP_MULTIPLE) * CROP_MULTIPLE for side in sides)
            raise ConfigError(
                origin,
                f"crops of {crops.crop[0]} x {crops.crop[1]} pixels, as of dataset {name}, are too small for the "
                f"networks of method {method}",
                f"Set 'training: crop' of the dataset to {shorter} x {longer} or more, or choose other networks",
            )
