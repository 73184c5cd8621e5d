"""The science of a run: strict, typed configs read from ``config/``."""

from benchmark.config.benchmark import BenchmarkConfig, DatasetUse, TrainingSettings
from benchmark.config.dataset import DatasetConfig, MRIPreparation, OCTPreparation
from benchmark.config.load import load_dataset

__all__ = [
    "BenchmarkConfig",
    "DatasetConfig",
    "DatasetUse",
    "MRIPreparation",
    "OCTPreparation",
    "TrainingSettings",
    "load_dataset",
]
