"""The science of a run: strict, typed configs read from ``config/``."""

from benchmark.config.benchmark import BenchmarkConfig, BenchmarkFile, DatasetUse, MethodCard, TrainingSettings
from benchmark.config.dataset import DatasetConfig, MRIPreparation, OCTPreparation
from benchmark.config.load import load_dataset

__all__ = [
    "BenchmarkConfig",
    "BenchmarkFile",
    "DatasetConfig",
    "DatasetUse",
    "MRIPreparation",
    "MethodCard",
    "OCTPreparation",
    "TrainingSettings",
    "load_dataset",
]
